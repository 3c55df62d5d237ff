// Asking a server what it is: replies in pieces, refusals, logins; against a socket that plays the server.
import { createServer, type AddressInfo, type Server } from "node:net";

import { afterEach, describe, expect, it } from "vitest";

import { ConnectionError } from "../../src/errors.ts";
import { ask, flavourOf, probe, type ServerFacts } from "../../src/testing/probe.ts";

let listener: Server | undefined;

afterEach(() => {
  listener?.close();
});

/** A server that answers the first bytes it gets with the given pieces, one write each. */
async function play(pieces: readonly string[], heard: string[] = []): Promise<string> {
  listener = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (chunk) => {
      heard.push(chunk.toString());
      for (const piece of pieces) socket.write(piece);
      if (pieces.length === 0) socket.end();
    });
  });
  await new Promise<void>((resolve) => listener?.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

describe("ask", () => {
  it("reads every kind of reply", async () => {
    const at = await play(["+OK\r\n:42\r\n$-1\r\n", bulk("ü\r\nx"), "-ERR no\r\n", "*2\r\n+a\r\n*0\r\n"]);
    const replies = await ask(`redis://${at}`, [["A"], ["B"], ["C"], ["D"], ["E"], ["F"]]);
    expect(replies).toEqual(["OK", 42, null, "ü\r\nx", { error: "ERR no" }, ["a", []]]);
  });

  it("waits for the rest of a reply that comes in pieces", async () => {
    const at = await play(["*2\r", "\n$5\r\nhe", "llo\r", "\n:7\r\n"]);
    expect(await ask(`redis://${at}`, [["A"]])).toEqual([["hello", 7]]);
  });

  it("logs in first, and keeps that reply to itself", async () => {
    const heard: string[] = [];
    const at = await play(["+OK\r\n+PONG\r\n"], heard);
    expect(await ask(`redis://me:p%40ss@${at}`, [["PING"]])).toEqual(["PONG"]);
    expect(heard.join("")).toBe("*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$4\r\np@ss\r\n*1\r\n$4\r\nPING\r\n");
  });

  it("fails when the other side hangs up", async () => {
    const at = await play([]);
    await expect(ask(`redis://:secret@${at}`, [["PING"]])).rejects.toThrow(ConnectionError);
    await expect(ask(`redis://:secret@${at}`, [["PING"]])).rejects.not.toThrow("secret");
  });
});

describe("probe", () => {
  it("tells Valkey from the Redis it claims to be", async () => {
    const info = "# Server\r\nredis_version:7.2.4\r\nvalkey_version:9.1.2\r\nprocess_id:17\r\n";
    const at = await play(["+PONG\r\n", bulk(info), "-ERR unknown command\r\n", "$-1\r\n"]);
    expect(await probe(`redis://${at}`)).toEqual({
      product: "valkey",
      version: "9.1.2",
      pid: 17,
      search: false,
      json: true,
    });
  });

  it("does without INFO where it is forbidden", async () => {
    const at = await play(["+PONG\r\n", "-NOPERM no\r\n", "*0\r\n", "-ERR unknown command\r\n"]);
    expect(await probe(`redis://${at}`)).toEqual({
      product: "redis",
      version: "unknown",
      pid: undefined,
      search: true,
      json: false,
    });
  });

  it("fails when the server wants a login", async () => {
    const at = await play(["-NOAUTH Authentication required.\r\n".repeat(4)]);
    await expect(probe(`redis://${at}`)).rejects.toThrow("refuses us: NOAUTH");
  });
});

describe("flavourOf", () => {
  it.each([
    ["redis", "7.0.15", "redis70"],
    ["redis", "7.4.1", "stack74"],
    ["redis", "8.2.3", "redis82"],
    ["valkey", "9.1.2", "valkey91"],
    ["valkey", "7.2.5", "other"],
    ["redis", "unknown", "other"],
  ] as const)("takes %s %s for %s", (product, version, flavour) => {
    const facts: ServerFacts = { product, version, pid: undefined, search: false, json: false };
    expect(flavourOf(facts)).toBe(flavour);
  });
});
