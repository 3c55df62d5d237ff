// A TCP proxy that cuts the line after so many bytes of a request, or before the reply.
// What came before it was armed, such as a login, passes as it is.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A running proxy. */
export interface Cutter {
  readonly url: string;
  /** Cuts the line once so many more bytes have gone to the server, and passes no byte beyond them. */
  readonly cutRequestAfter: (bytes: number) => void;
  /** Cuts the line when the server answers next, before a byte of it is passed on. */
  readonly cutReply: () => void;
  /** Lets everything pass again; gives how many bytes went to the server since it was armed. */
  readonly disarm: () => number;
  readonly close: () => Promise<void>;
}

/** Starts a proxy before a server. */
export async function startCutter(target: string): Promise<Cutter> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let [left, passed, armed, reply] = [Number.POSITIVE_INFINITY, 0, false, false];
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    client.on("data", (chunk: Buffer) => {
      if (!armed) {
        upstream.write(chunk);
        return;
      }
      const part = chunk.subarray(0, left);
      left -= part.length;
      passed += part.length;
      if (part.length > 0) upstream.write(part);
      if (left > 0) return;
      // Once: the next connection passes. What was passed on must have arrived before the line breaks.
      armed = false;
      upstream.end();
      client.destroy();
    });
    upstream.on("data", (chunk: Buffer) => {
      if (reply) {
        reply = false;
        client.destroy();
      } else if (!client.destroyed) client.write(chunk);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutRequestAfter(bytes) {
      [left, passed, armed] = [bytes, 0, true];
    },
    cutReply() {
      reply = true;
    },
    disarm() {
      [left, armed, reply] = [Number.POSITIVE_INFINITY, false, false];
      return passed;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
