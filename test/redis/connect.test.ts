// Connecting: what is refused, by which error, and that no password gets out with it.
// A server that is down, a wrong login, a server that is too old or lacks what was demanded.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, type ConnectionTarget, defineEntity, isRemoraError } from "remora";
import type { TestServer } from "remora/testing";
import { everythingIn, expectFailure } from "../behaviour/failures.ts";
import { tidy } from "../behaviour/matrix.ts";
import { freshNamespace, legs } from "../setup/legs.ts";
import { ownServer } from "./own-server.ts";
import { parseCommands } from "./proxy.ts";

const secret = "s3cr3t-marker-pa55";

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

// Answers HELLO and PING as an old server would; nothing else is asked before it is refused.
async function oldServer(version: string, name = "redis"): Promise<{ port: number; close: () => void }> {
  const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
  const hello = `*8\r\n${bulk("server")}${bulk(name)}${bulk("version")}${bulk(version)}${bulk("mode")}${bulk("standalone")}${bulk("modules")}*0\r\n`;
  const server = createServer((socket) => {
    let pending: Buffer = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      const { commands, rest } = parseCommands(Buffer.concat([pending, chunk]));
      pending = rest;
      const answer = ([word]: string[]): string =>
        word?.toUpperCase() === "HELLO"
          ? hello
          : word?.toUpperCase() === "PING"
            ? "+PONG\r\n"
            : "-ERR unknown command\r\n";
      socket.write(commands.map(answer).join(""));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

describe("connecting", () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await ownServer();
    const admin = new Redis(server.url);
    await admin.call("ACL", "SETUSER", "ada", "on", `>${secret}`, "~*", "&*", "+@all");
    await admin.call("ACL", "SETUSER", "default", "on", "nopass", "~*", "&*", "+@all");
    admin.disconnect();
  });
  afterAll(() => server.stop());

  const withLogin = (user: string, password: string): string =>
    server.url.replace("redis://", `redis://${user}:${password}@`);

  test("to nobody fails at once", async () => {
    const port = await closedPort();
    for (const target of [`redis://ada:${secret}@127.0.0.1:${port}`, { host: "127.0.0.1", port, password: secret }]) {
      const error = await expectFailure(connect(target), "CONNECTION");
      expect(error.message).toContain("cannot be reached");
      expect(everythingIn(error)).not.toContain(secret);
    }
  });

  test("to a server that says nothing ends with an error", async () => {
    const mute = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
    await once(mute, "listening");
    const { port } = mute.address() as AddressInfo;
    await expectFailure(connect({ host: "127.0.0.1", port, connectTimeout: 300 }), "CONNECTION");
    mute.close();
  });

  test("with a wrong password is refused without telling it", async () => {
    for (const target of [withLogin("ada", `wrong-${secret}`), withLogin("nobody", secret)]) {
      const error = await expectFailure(connect(target), "CONNECTION");
      expect(error.message).toContain("login");
      expect(everythingIn(error)).not.toContain(secret);
    }
    const client = new Redis5(withLogin("ada", `wrong-${secret}`), { lazyConnect: true });
    const error = await expectFailure(connect(client as never), "CONNECTION");
    expect(everythingIn(error)).not.toContain(secret);
  });

  test("with the right password works, by URL, options and client", async () => {
    const { hostname, port } = new URL(server.url);
    const client = new Redis5(withLogin("ada", secret), { lazyConnect: true });
    const targets: ConnectionTarget[] = [
      withLogin("ada", secret),
      { host: hostname, port: Number(port), username: "ada", password: secret },
      client as never,
    ];
    for (const target of targets) {
      const db = await connect(target);
      expect(await db.redis.call("ACL", "WHOAMI")).toBe("ada");
      await db.close();
    }
  });

  test("a client that was given stays as it was", async () => {
    const client = new Redis5(server.url);
    const db = await connect(client as never);
    await db.close();
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
  });

  test("search that was demanded and is not there is refused", async () => {
    const error = await expectFailure(connect(server.url, { engine: "search" }), "CAPABILITY");
    expect(error.message).toContain("search");
  });

  test.each([
    ["6.2.14", "redis"],
    ["7.1.9", "valkey"],
    ["5.0.0", "redis"],
  ])("version %s of %s is refused", async (version, name) => {
    const old = await oldServer(version, name);
    const error = await expectFailure(connect({ host: "127.0.0.1", port: old.port }), "CAPABILITY");
    expect(error.message).toContain(version);
    old.close();
  });

  test.each([
    ["7.0.0", "redis"],
    ["7.2.0", "valkey"],
    ["10.1.0", "redis"],
  ])("version %s of %s is taken", async (version, name) => {
    const old = await oldServer(version, name);
    const db = await connect({ host: "127.0.0.1", port: old.port });
    expect(db.capabilities).toMatchObject({ server: name, version, search: false, json: false });
    await db.close();
    old.close();
  });

  test("a client with a keyPrefix is refused", async () => {
    const options = { keyPrefix: "app:", lazyConnect: true };
    for (const client of [new Redis(server.url, options), new Redis5(server.url, options)]) {
      const error = await expectFailure(connect(client as never), "CONNECTION");
      expect(error.message).toContain("keyPrefix");
      client.disconnect();
    }
  });

  test("TLS that checks nothing is refused unless allowed by name", async () => {
    const error = await expectFailure(
      connect({ host: "127.0.0.1", port: 1, tls: { rejectUnauthorized: false } }),
      "CONNECTION",
    );
    expect(error.message).toContain("rejectUnauthorized");
  });

  test.each(["a:b", "{a}", "a b", "a*"])("the namespace %s is refused", async (namespace) => {
    await expectFailure(connect(server.url, { namespace }), "DEFINITION");
  });

  test("search in another database than 0 is refused, and not chosen", async () => {
    const leg = legs({ search: true })[0];
    if (leg === undefined) return;
    expect((await expectFailure(connect(`${leg.url}/1`, { engine: "search" }), "CAPABILITY")).message).toContain(
      "database 0",
    );
    const namespace = freshNamespace();
    const db = await connect(`${leg.url}/1`, { namespace });
    const Item = defineEntity({ name: "item", schema: z.object({ id: z.string() }) });
    const items = db.repository(Item);
    await items.insert({ id: "a" });
    expect((await items.indexes.status()).engine).toBe("scan");
    expect(await items.count()).toBe(1);
    await tidy((command, ...args) => db.redis.call(command, ...args), namespace, false);
    await db.close();
  });

  test("JSON documents on a server without the module are refused", async () => {
    const db = await connect(server.url);
    const Document = defineEntity({ name: "document", storage: "json", schema: z.object({ id: z.string() }) });
    try {
      db.repository(Document);
      expect.unreachable();
    } catch (error) {
      expect(isRemoraError(error, "UNSUPPORTED_STORAGE")).toBe(true);
      expect((error as Error).message).toContain("use storage string (the same documents as text) or hash");
    }
    await db.close();
  });
});
