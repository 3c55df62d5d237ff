// The benchmark's machinery: private servers, one client of each kind per server, fresh namespaces, and cleaning up.
// Every client has the options that the mapper gives its own, so that only the work differs.
import { Redis } from "ioredis";
import { Client as RedisOm } from "redis-om";
import { connect, type Database, type DatabaseOptions } from "remora";
import { startServer } from "remora/testing";

/** Which server: with search and JSON, or plain. */
export type ServerKind = "search" | "plain";

/** A private server with its clients. */
export interface BenchServer {
  readonly url: string;
  readonly version: string;
  /** The hand-written contestant's client. */
  readonly raw: Redis;
  /** Microseconds of the server's main thread so far. */
  readonly cpu: () => Promise<number>;
}

/** What the mapper gives its own client; hand-written code gets the same. */
const clientOptions = {
  protocol: 2,
  enableAutoPipelining: false,
  enableOfflineQueue: false,
  enableReadyCheck: false,
  maxRetriesPerRequest: 0,
  lazyConnect: true,
} as const;

const unlinkedAtOnce = 500;
const pollInterval = 20;

/** Holds everything a benchmark run opened, and closes it. */
export class Rig {
  readonly #servers = new Map<string, Promise<BenchServer>>();
  readonly #clients: (() => unknown)[] = [];
  readonly #stops: (() => Promise<void>)[] = [];
  readonly #log: (line: string) => void;
  #namespaces = 0;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /**
   * A server of one kind.
   *
   * @param kind - what it must be able to do.
   * @param name - contestants of server-bound cases have one each, since a second store slows a first one down.
   */
  server(kind: ServerKind, name = "shared"): Promise<BenchServer> {
    const key = `${kind} ${name}`;
    const known = this.#servers.get(key) ?? this.#start(kind);
    this.#servers.set(key, known);
    return known;
  }

  /** A mapper on a server, in a namespace of its own. */
  async remora(server: BenchServer, namespace: string, options: DatabaseOptions = {}): Promise<Database> {
    const database = await connect(server.url, { namespace, ...options });
    this.#clients.push(() => database.close());
    return database;
  }

  /** redis-om on a server. */
  async redisOm(server: BenchServer): Promise<RedisOm> {
    const client = await new RedisOm().open(server.url);
    this.#clients.push(() => client.close());
    return client;
  }

  /** What a contestant's keys begin with; all are of one length. */
  namespace(): string {
    this.#namespaces += 1;
    return `n${String(this.#namespaces).padStart(4, "0")}`;
  }

  /** Versions of the servers started so far. */
  async versions(): Promise<Record<string, string>> {
    const started = await Promise.all([...this.#servers].map(async ([key, server]) => ({ key, server: await server })));
    return Object.fromEntries(
      started.map(({ key, server }) => [key.startsWith("search") ? "Redis with search" : "Redis", server.version]),
    );
  }

  /** Ends every client, then every server. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((close) => close()));
    await Promise.all(this.#stops.splice(0).map((stop) => stop()));
  }

  async #start(kind: ServerKind): Promise<BenchServer> {
    // A flavour of its own, so that no server of the environment is taken.
    const options = kind === "search" ? ({ needs: "search" } as const) : ({ needs: "plain", modules: false } as const);
    const server = await startServer({ flavour: "stack74", ...options, log: this.#log });
    const [raw, admin] = [new Redis(server.url, clientOptions), new Redis(server.url, clientOptions)];
    await Promise.all([raw.connect(), admin.connect()]);
    this.#clients.push(
      () => raw.disconnect(),
      () => admin.disconnect(),
    );
    this.#stops.push(server.stop);
    return { url: server.url, version: server.version, raw, cpu: () => serverTime(admin) };
  }
}

async function serverTime(admin: Redis): Promise<number> {
  const info = await admin.info("cpu");
  const seconds = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1] ?? 0);
  return (seconds("used_cpu_user_main_thread") + seconds("used_cpu_sys_main_thread")) * 1e6;
}

/**
 * Deletes everything of a namespace but what a type notes about itself.
 *
 * @param redis - a client.
 * @param namespace - what the keys begin with.
 */
export async function wipe(redis: Redis, namespace: string): Promise<void> {
  let cursor = "0";
  const keys: string[] = [];
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page needs the cursor of the one before
    const [next, found] = await redis.scan(cursor, "MATCH", `${namespace}:*`, "COUNT", 5000);
    cursor = next;
    keys.push(...found.filter((key) => !key.endsWith("$m")));
  } while (cursor !== "0");
  for (let at = 0; at < keys.length; at += unlinkedAtOnce) {
    // oxlint-disable-next-line no-await-in-loop -- the next run begins on a quiet server
    await redis.unlink(...keys.slice(at, at + unlinkedAtOnce));
  }
}

/**
 * Waits until a search index holds everything.
 *
 * @param redis - a client.
 * @param index - its name.
 */
export async function indexed(redis: Redis, index: string): Promise<void> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- polling
    const info = (await redis.call("FT.INFO", index)) as unknown[];
    if (Number(info[info.indexOf("indexing") + 1]) === 0) return;
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => {
      setTimeout(resolve, pollInterval);
    });
  }
}
