// Asks a running server what it is, over a bare socket: this room needs no client to know that a server is ready.
// A dozen lines of RESP: commands go out as arrays of strings, replies come back as plain values.
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import { ConnectionError } from "../errors.ts";
import type { Flavour } from "./artefacts.ts";

/** A reply of the server; errors are values here, since an unknown command is an answer too. */
export type Reply = string | number | null | readonly Reply[] | { readonly error: string };

/** What a server says about itself. */
export interface ServerFacts {
  readonly product: "redis" | "valkey";
  readonly version: string;
  readonly pid: number | undefined;
  /** FT.* answers. */
  readonly search: boolean;
  /** JSON.* answers. */
  readonly json: boolean;
}

const ANSWER_MS = 5000;
const POLL_MS = 10;

/** Sends commands over one new connection and returns their replies in order. */
export function ask(url: string, commands: readonly (readonly string[])[]): Promise<readonly Reply[]> {
  const target = new URL(url);
  const login = loginOf(target);
  const sent = login === undefined ? commands : [login, ...commands];
  return new Promise((resolve, reject) => {
    const socket = open(target);
    const replies: Reply[] = [];
    let unread = Buffer.alloc(0);
    const fail = (cause: Error): void => {
      socket.destroy();
      reject(new ConnectionError(`${target.host} does not answer: ${cause.message}`, { cause }));
    };
    socket.setTimeout(ANSWER_MS, () => fail(new ConnectionError(`nothing for ${ANSWER_MS} ms`)));
    socket.once("error", fail);
    socket.once("close", () => fail(new ConnectionError("it closed the connection")));
    socket.on("data", (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk]);
      for (let next = parse(unread, 0); next !== undefined; next = parse(unread, 0)) {
        replies.push(next.reply);
        unread = unread.subarray(next.end);
      }
      if (replies.length < sent.length) return;
      socket.destroy();
      resolve(login === undefined ? replies : replies.slice(1));
    });
    socket.write(sent.map(encode).join(""));
  });
}

/** Learns version and abilities of a server; throws ConnectionError when it cannot be reached or refuses us. */
export async function probe(url: string): Promise<ServerFacts> {
  const [pong, info, search, json] = await ask(url, [
    ["PING"],
    ["INFO", "server"],
    ["FT._LIST"],
    ["JSON.GET", "remora:probe"],
  ]);
  if (pong !== "PONG") throw new ConnectionError(`${new URL(url).host} refuses us: ${errorOf(pong)}`);
  const text = typeof info === "string" ? info : "";
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(text)?.[1];
  const pid = Number(field("process_id"));
  return {
    product: field("valkey_version") === undefined ? "redis" : "valkey",
    version: field("valkey_version") ?? field("redis_version") ?? "unknown",
    pid: Number.isInteger(pid) && pid > 0 ? pid : undefined,
    search: errorOf(search) === undefined,
    json: errorOf(json) === undefined,
  };
}

/** Polls until the server answers PING; gives up when `gone` does or after the given milliseconds. */
export async function waitUntilReady(url: string, gone: () => boolean, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (!gone() && Date.now() < deadline) {
    // Polling is one question after the other by nature.
    // oxlint-disable-next-line no-await-in-loop
    const [pong] = await ask(url, [["PING"]]).catch(() => []);
    if (pong === "PONG") return true;
    // oxlint-disable-next-line no-await-in-loop
    await delay(POLL_MS);
  }
  return false;
}

/** The flavour that a server's own words amount to. */
export function flavourOf(facts: ServerFacts): Flavour | "other" {
  const line = `${facts.product} ${facts.version.split(".").slice(0, 2).join(".")}`;
  switch (line) {
    case "redis 7.0":
      return "redis70";
    case "redis 7.4":
      return "stack74";
    case "redis 8.2":
      return "redis82";
    case "valkey 9.1":
      return "valkey91";
    default:
      return "other";
  }
}

function open(target: URL): Socket {
  const host = target.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1";
  const port = Number(target.port || 6379);
  if (target.protocol !== "rediss:") return connectPlain({ host, port });
  // A server name must be a name: TLS forbids an address there.
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}) });
}

function loginOf(target: URL): readonly string[] | undefined {
  if (target.password === "") return undefined;
  const password = decodeURIComponent(target.password);
  return target.username === "" ? ["AUTH", password] : ["AUTH", decodeURIComponent(target.username), password];
}

function encode(command: readonly string[]): string {
  const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
  return `*${command.length}\r\n${parts.join("")}`;
}

function errorOf(reply: Reply | undefined): string | undefined {
  if (reply === undefined) return "no answer";
  return typeof reply === "object" && reply !== null && "error" in reply ? reply.error : undefined;
}

/** Reads one reply at a position, or undefined while it is incomplete. */
function parse(bytes: Buffer, at: number): { readonly reply: Reply; readonly end: number } | undefined {
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd === -1) return undefined;
  const line = bytes.toString("utf8", at + 1, lineEnd);
  const start = lineEnd + 2;
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case "-":
      return { reply: { error: line }, end: start };
    case ":":
      return { reply: Number(line), end: start };
    case "$": {
      const length = Number(line);
      if (length === -1) return { reply: null, end: start };
      if (bytes.length < start + length + 2) return undefined;
      return { reply: bytes.toString("utf8", start, start + length), end: start + length + 2 };
    }
    case "*": {
      const items: Reply[] = [];
      let end = start;
      for (let i = 0; i < Number(line); i += 1) {
        const item = parse(bytes, end);
        if (item === undefined) return undefined;
        items.push(item.reply);
        end = item.end;
      }
      return { reply: items, end };
    }
    default:
      return { reply: line, end: start };
  }
}
