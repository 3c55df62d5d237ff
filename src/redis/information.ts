// What a server tells of itself: INFO, read into numbers and words, one report per primary.
// Asked for when somebody wants to know; nothing in the library depends on it.
import { primaries, type RedisClient } from "./client.ts";
import type { Executor, RunOptions } from "./executor.ts";

/** A database of a server, as INFO counts it. */
export interface KeyspaceInfo {
  /** Its number. */
  readonly db: number;
  /** Keys in it. */
  readonly keys: number;
  /** How many of them expire. */
  readonly expires: number;
}

/** What one server tells of itself. */
export interface ServerInfo {
  /** Address and port, as this process reaches it; empty for a Unix socket. */
  readonly address: string;
  /** `redis` or `valkey`. */
  readonly server: string;
  /** Its version; for Valkey its own. */
  readonly version: string;
  /** `standalone`, `sentinel` or `cluster`. */
  readonly mode: string;
  /** `master` or `slave`, in the server's words. */
  readonly role: string;
  /** Seconds since it started. */
  readonly uptimeSeconds: number;
  /** Memory. */
  readonly memory: {
    /** Bytes in use. */
    readonly used: number;
    /** The most that was in use. */
    readonly peak: number;
    /** The limit; 0 for none. */
    readonly max: number;
    /** What is evicted at the limit, such as `noeviction`. */
    readonly policy: string;
    /** Memory the system gave, for each byte in use. */
    readonly fragmentation: number;
  };
  /** Persistence. */
  readonly persistence: {
    /** It is loading its data. */
    readonly loading: boolean;
    /** When a snapshot was last written, or the server started. */
    readonly lastSave: Date;
    /** The last snapshot was written. */
    readonly lastSaveOk: boolean;
    /** Writes since then. */
    readonly changesSinceSave: number;
    /** Every write is appended to a file. */
    readonly appendOnly: boolean;
    /** The last append was written. */
    readonly appendOnlyOk: boolean;
  };
  /** Connections. */
  readonly clients: {
    /** How many there are. */
    readonly connected: number;
    /** How many wait in a blocking command. */
    readonly blocked: number;
    /** How many there may be; 0 when the server does not tell. */
    readonly max: number;
  };
  /** Counters since the start. */
  readonly stats: {
    /** Commands per second just now. */
    readonly commandsPerSecond: number;
    /** Look-ups that found their key. */
    readonly hits: number;
    /** Look-ups that did not. */
    readonly misses: number;
    /** Keys that expired. */
    readonly expired: number;
    /** Keys thrown away for lack of memory. */
    readonly evicted: number;
  };
  /** Replication. */
  readonly replication: {
    /** Replicas that are connected. */
    readonly replicas: number;
    /** Bytes that the slowest of them is behind; 0 without replicas. */
    readonly lagBytes: number;
    /** Of a replica: it is connected to its primary. Of a primary always true. */
    readonly linked: boolean;
  };
  /** Databases that have keys. */
  readonly keyspaces: readonly KeyspaceInfo[];
  /** Every line, as the server wrote it. */
  readonly lines: Readonly<Record<string, string>>;
}

/**
 * Asks servers about themselves. One round trip to each (INFO).
 *
 * @param executor - asks; its deadlines hold.
 * @param client - a connected client; of a cluster, every primary is asked.
 * @param options - deadline in milliseconds, and signal.
 * @returns what each says.
 * @throws RemoraError of the class that fits the failure.
 */
export function serverInfos(
  executor: Executor,
  client: RedisClient,
  options: Pick<RunOptions, "deadline" | "signal">,
): Promise<readonly ServerInfo[]> {
  const run = { operation: "info", write: false, ...options };
  return Promise.all(
    primaries(client).map(async (node) =>
      readInfo(String(await executor.onNode(node, { name: "INFO", args: [] }, run)), addressOf(node)),
    ),
  );
}

/**
 * Where a server is.
 *
 * @param node - a client of one server.
 * @returns address and port; empty for a Unix socket, or without a connection.
 */
export function addressOf(node: RedisClient): string {
  // Sentinels decide where a client goes, so its options do not tell.
  const { stream } = node as { stream?: { remoteAddress?: string; remotePort?: number } };
  return stream?.remoteAddress === undefined ? "" : `${stream.remoteAddress}:${stream.remotePort}`;
}

/**
 * Reads the reply of INFO.
 *
 * @param text - the reply.
 * @param address - whose it is.
 * @returns what it says.
 */
export function readInfo(text: string, address: string): ServerInfo {
  const lines: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of text.split(/\r?\n/)) {
    const at = line.indexOf(":");
    if (at > 0 && !line.startsWith("#")) lines[line.slice(0, at)] = line.slice(at + 1);
  }
  const word = (name: string): string => lines[name] ?? "";
  const number = (name: string): number => Number(lines[name] ?? 0);
  const offset = number("master_repl_offset");
  const replicas = number("connected_slaves");
  const behind = Array.from({ length: replicas }, (_, at) => {
    const [, reached] = /offset=(\d+)/.exec(word(`slave${at}`)) ?? [];
    return reached === undefined ? 0 : offset - Number(reached);
  });
  return {
    address,
    server: lines["valkey_version"] === undefined ? "redis" : "valkey",
    version: lines["valkey_version"] ?? word("redis_version"),
    mode: lines["redis_mode"] ?? word("server_mode"),
    role: word("role"),
    uptimeSeconds: number("uptime_in_seconds"),
    memory: {
      used: number("used_memory"),
      peak: number("used_memory_peak"),
      max: number("maxmemory"),
      policy: word("maxmemory_policy"),
      fragmentation: number("mem_fragmentation_ratio"),
    },
    persistence: {
      loading: word("loading") === "1",
      lastSave: new Date(number("rdb_last_save_time") * 1000),
      lastSaveOk: word("rdb_last_bgsave_status") === "ok",
      changesSinceSave: number("rdb_changes_since_last_save"),
      appendOnly: word("aof_enabled") === "1",
      appendOnlyOk: word("aof_last_write_status") === "ok",
    },
    clients: {
      connected: number("connected_clients"),
      blocked: number("blocked_clients"),
      max: number("maxclients"),
    },
    stats: {
      commandsPerSecond: number("instantaneous_ops_per_sec"),
      hits: number("keyspace_hits"),
      misses: number("keyspace_misses"),
      expired: number("expired_keys"),
      evicted: number("evicted_keys"),
    },
    replication: {
      replicas,
      lagBytes: Math.max(0, ...behind),
      linked: word("role") !== "slave" || word("master_link_status") === "up",
    },
    keyspaces: Object.entries(lines).flatMap(([name, value]) => {
      const [, db] = /^db(\d+)$/.exec(name) ?? [];
      const [, keys, expires] = /^keys=(\d+),expires=(\d+)/.exec(value) ?? [];
      return db === undefined ? [] : [{ db: Number(db), keys: Number(keys), expires: Number(expires) }];
    }),
    lines,
  };
}
