// Every way the mapper can be run: server, storage, engine and driver, as one describe block each.
// What a server cannot do is left out; a server that should be there and is not shows as skipped, with the reason.
import { Redis as Redis5 } from "ioredis5";
import { afterEach, describe, inject } from "vitest";

import { connect, type Database, type EntityDefinition, type Relations, type Repository } from "remora";
import type { EngineName } from "../../src/engines/layout.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { type AvailableLeg, freshNamespace } from "../setup/legs.ts";

/** How the connection is given: as a client of the older driver, or by URL for the newer one. */
type Driver = "ioredis5" | "ioredis6";

/** One way to run the mapper. */
interface Combination {
  readonly name: string;
  readonly leg: AvailableLeg;
  readonly storage: Storage;
  readonly engine: EngineName;
  readonly driver: Driver;
}

/** A repository in a namespace of its own, and a way past the mapper. */
export interface Opened<D extends EntityDefinition> {
  readonly repository: Repository<D>;
  readonly db: Database;
  readonly namespace: string;
  readonly raw: Raw;
}

/** Sends a command past the mapper. */
export type Raw = (command: string, ...args: (string | number)[]) => Promise<unknown>;

/** What a test block works with. */
export interface Bench extends Combination {
  /** Opens a repository for an entity type, with its indexes made; closed and tidied up after the test. */
  readonly open: <D extends EntityDefinition>(
    define: (storage: Storage) => D,
    options?: OpenOptions,
  ) => Promise<Opened<D>>;
}

/** What a test may want otherwise. */
interface OpenOptions {
  readonly namespace?: string;
  readonly deadline?: number;
  readonly largeDocument?: number;
  readonly maxDocument?: number;
  readonly relations?: readonly Relations[];
  /** Whether to make the indexes; true when left out. */
  readonly synced?: boolean;
}

/** The command that reads one document. */
export const readNames: Readonly<Record<Storage, string>> = { hash: "HMGET", json: "JSON.GET", string: "GET" };

/** A storage's place in the matrix: text in a string has the codec of JSON documents, so one way to run it is enough. */
function isUseful({ storage, engine, driver }: Omit<Combination, "name">): boolean {
  return storage !== "string" || (engine === "scan" && driver === "ioredis6");
}

/** Which combinations a block is about. */
export type Choice = (combination: Combination) => boolean;

const drivers: readonly Driver[] = ["ioredis5", "ioredis6"];

/** Declares the same tests once per combination. */
export function describeMatrix(name: string, tests: (bench: Bench) => void, choice: Choice = () => true): void {
  for (const leg of inject("servers")) {
    if ("skipped" in leg) {
      // The title says why.
      describe.skip(`${name}, ${leg.name}: ${leg.skipped.split("\n")[0]}`, () => undefined);
      continue;
    }
    for (const combination of combinationsOf(leg).filter(choice)) {
      describe(`${name}, ${combination.name}`, () => tests({ ...combination, open: opener(combination) }));
    }
  }
}

/** What can be run on one server. */
function combinationsOf(leg: AvailableLeg): Combination[] {
  const storages: readonly Storage[] = leg.json ? ["hash", "json", "string"] : ["hash", "string"];
  const engines: readonly EngineName[] = leg.search ? ["scan", "search", "memory"] : ["scan", "memory"];
  return storages.flatMap((storage) =>
    engines.flatMap((engine) =>
      drivers
        .map((driver) => ({ leg, storage, engine, driver }))
        .filter(isUseful)
        .map((combination) => ({ ...combination, name: [leg.name, storage, engine, combination.driver].join(" ") })),
    ),
  );
}

function opener({ leg, storage, engine, driver }: Combination): Bench["open"] {
  const endings: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(endings.splice(0).map((end) => end()));
  });
  return async (define, { namespace = freshNamespace(), synced = true, ...options } = {}) => {
    const client = driver === "ioredis5" ? new Redis5(leg.url, { lazyConnect: true }) : undefined;
    const db = await connect((client as never) ?? leg.url, { namespace, engine, ...options });
    const send: Raw = (command, ...args) => db.redis.call(command, ...args);
    const raw = storage === "string" ? onText(send) : send;
    endings.push(async () => {
      await tidy(raw, namespace, leg.search);
      await db.close();
    });
    const repository = db.repository(define(storage));
    if (synced) await repository.indexes.sync();
    return { repository, db, namespace, raw };
  };
}

/** Takes the commands of JSON documents, and does with text in a string what they would. */
function onText(send: Raw): Raw {
  return async (command, ...args) => {
    const [key = "", path = "$", value = ""] = args.map(String);
    if (!command.startsWith("JSON.")) return send(command, ...args);
    if (command === "JSON.SET" && path === "$") return send("SET", key, value, "KEEPTTL");
    const text = await send("GET", key);
    if (command === "JSON.GET" && args.length === 1) return text;
    const names = [...path.matchAll(/\.(\w+)|\["([^\]]*)"\]/g)].map(([, plain, quoted]) => plain ?? quoted ?? "");
    const last = names.pop() ?? "";
    const document = JSON.parse(String(text)) as Record<string, unknown>;
    const holder = names.reduce((inner, name) => inner[name] as Record<string, unknown>, document);
    if (command === "JSON.GET") return JSON.stringify(last in holder ? [holder[last]] : []);
    if (command === "JSON.DEL") delete holder[last];
    // The value goes in as it is written, since that is what a test is about.
    else Object.defineProperty(holder, last, { value: "the value", enumerable: true });
    return send(
      "SET",
      key,
      JSON.stringify(document).replace('"the value"', () => value),
      "KEEPTTL",
    );
  };
}

/** Removes every key and search index of a namespace. */
export async function tidy(raw: Raw, namespace: string, search: boolean): Promise<void> {
  if (search) {
    const indexes = ((await raw("FT._LIST")) as string[]).filter((name) => name.startsWith(`${namespace}:`));
    // Several connections to one namespace tidy up at once.
    await Promise.all(indexes.map((name) => raw("FT.DROPINDEX", name).catch(() => undefined)));
  }
  const keys = await keysOf(raw, namespace);
  // A call takes so many arguments, and no more.
  for (let at = 0; at < keys.length; at += 10_000) {
    // eslint-disable-next-line no-await-in-loop -- one after another
    await raw("UNLINK", ...keys.slice(at, at + 10_000));
  }
}

/** Every key of a namespace. */
export async function keysOf(raw: Raw, namespace: string): Promise<string[]> {
  return ((await raw("KEYS", `${namespace}:*`)) as string[]).sort();
}

/** The whole content of a namespace, each value in the server's own serialised form, with its time of death. */
export async function dump(raw: Raw, namespace: string): Promise<Record<string, unknown>> {
  const keys = await keysOf(raw, namespace);
  const entries = await Promise.all(
    keys.map(async (key) => [key, await content(raw, key), await raw("PEXPIRETIME", key)]),
  );
  return Object.fromEntries(entries.map(([key, value, time]) => [key, [value, time]]));
}

async function content(raw: Raw, key: string): Promise<unknown> {
  switch (await raw("TYPE", key)) {
    case "hash": {
      const flat = (await raw("HGETALL", key)) as string[];
      return Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]]] : [])));
    }
    case "set":
      return ((await raw("SMEMBERS", key)) as string[]).sort();
    case "zset":
      return raw("ZRANGE", key, 0, -1, "WITHSCORES");
    case "string":
      return raw("GET", key);
    case "list":
      return raw("LRANGE", key, 0, -1);
    case "stream":
      return raw("XRANGE", key, "-", "+");
    case "vectorset": {
      const members = ((await raw("VRANDMEMBER", key, Number(await raw("VCARD", key)))) as string[]).sort();
      return Promise.all(
        members.map(async (member) => [member, ((await raw("VEMB", key, member)) as unknown[]).map(Number)]),
      );
    }
    default:
      return raw("JSON.GET", key);
  }
}
