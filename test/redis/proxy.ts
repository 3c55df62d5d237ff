// A TCP proxy between client and server that sees every command, and can hold or cut the line.
// It counts round trips by holding replies until the client has nothing more to say.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** How long a client must be silent before its replies are let through, in milliseconds. */
const silence = 40;

/** A running proxy. */
export interface Proxy {
  readonly url: string;
  /** The commands seen so far, as lists of words. */
  readonly commands: string[][];
  /** Round trips so far: how often the client spoke after it had been answered. */
  readonly trips: () => number;
  /** Forgets what was counted. */
  readonly reset: () => void;
  /** From now on a command of this name cuts the line, after it was passed on but before its reply. */
  readonly cutAfter: (name: string) => void;
  readonly close: () => Promise<void>;
}

/** Starts a proxy before a server. */
export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const commands: string[][] = [];
  let trips = 0;
  let cut: string | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let speaking = false;
    let held: Buffer[] = [];
    let pending: Buffer = Buffer.alloc(0);
    let quiet: NodeJS.Timeout | undefined;
    let severed = false;
    const release = (): void => {
      if (held.length === 0) return;
      speaking = false;
      for (const chunk of held) client.write(chunk);
      held = [];
    };
    const wait = (): void => {
      clearTimeout(quiet);
      quiet = setTimeout(release, silence);
    };
    client.on("data", (chunk: Buffer) => {
      if (!speaking) trips += 1;
      speaking = true;
      wait();
      const parsed = parseCommands(Buffer.concat([pending, chunk]));
      pending = parsed.rest;
      commands.push(...parsed.commands);
      upstream.write(chunk);
      severed ||= cut !== undefined && parsed.commands.some(([name]) => name === cut);
    });
    upstream.on("data", (chunk: Buffer) => {
      if (severed) {
        client.destroy();
        return;
      }
      held.push(chunk);
      wait();
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        clearTimeout(quiet);
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    commands,
    trips: () => trips,
    reset: () => {
      trips = 0;
      commands.length = 0;
    },
    cutAfter: (name) => {
      cut = name;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Complete commands at the beginning of a buffer, and what is left of it. */
export function parseCommands(buffer: Buffer): { commands: string[][]; rest: Buffer } {
  const commands: string[][] = [];
  let start = 0;
  for (;;) {
    const found = parseOne(buffer, start);
    if (found === undefined) return { commands, rest: buffer.subarray(start) };
    commands.push(found.words);
    start = found.end;
  }
}

function parseOne(buffer: Buffer, start: number): { words: string[]; end: number } | undefined {
  const header = line(buffer, start);
  if (header === undefined) return undefined;
  const words: string[] = [];
  let at = header.end;
  for (let word = 0; word < Number(header.text.slice(1)); word += 1) {
    const size = line(buffer, at);
    if (size === undefined) return undefined;
    const end = size.end + Number(size.text.slice(1));
    if (end + 2 > buffer.length) return undefined;
    words.push(buffer.toString("utf8", size.end, end));
    at = end + 2;
  }
  return { words, end: at };
}

function line(buffer: Buffer, start: number): { text: string; end: number } | undefined {
  const end = buffer.indexOf("\r\n", start);
  return end < 0 ? undefined : { text: buffer.toString("utf8", start, end), end: end + 2 };
}
