// Connections: from a URL, options or a client to one client of the data profile.
// The only file that makes ioredis clients; every promise of the library rests on these options.
import { Cluster, Redis } from "ioredis";
import { ConnectionError } from "../errors.ts";
import { duplicateOf, isCluster, isRedisClient, type RedisClient } from "./client.ts";
import { withoutArguments } from "./failures.ts";

/** Where a Sentinel listens. */
export interface SentinelAddress {
  /** Host name. */
  readonly host?: string;
  /** Port; 26379 when left out. */
  readonly port?: number;
}

/** A node of a cluster. */
export interface ClusterNode {
  /** Host name. */
  readonly host: string;
  /** Port. */
  readonly port: number;
}

/** What a client is made from, beside what ioredis itself takes. */
export interface ConnectionOptions {
  /** A `redis:` or `rediss:` URL; the other options win over what it says. */
  readonly url?: string;
  /** Host name; `localhost` when left out. */
  readonly host?: string;
  /** Port; 6379 when left out. */
  readonly port?: number;
  /** Path of a Unix socket, instead of host and port. */
  readonly path?: string;
  /** ACL user. */
  readonly username?: string;
  /** Password. */
  readonly password?: string;
  /** Database number; search indexes exist in database 0 only. */
  readonly db?: number;
  /** TLS options, as for `tls.connect`. */
  readonly tls?: object;
  /** Accepts `tls.rejectUnauthorized: false`, which lets anyone read along. */
  readonly allowInsecureTls?: boolean;
  /** Sentinel addresses. */
  readonly sentinels?: readonly SentinelAddress[];
  /** Name of the Sentinel group. */
  readonly name?: string;
  /** Whom Sentinels are asked for: `master` (default), or `slave` for a connection that only reads, from a replica. */
  readonly role?: "master" | "slave";
  /** ACL user of the Sentinels themselves. */
  readonly sentinelUsername?: string;
  /** Password of the Sentinels themselves. */
  readonly sentinelPassword?: string;
  /** Some nodes of a cluster, which tell of the others; user name, password and TLS hold for all. */
  readonly cluster?: readonly ClusterNode[];
  /** Milliseconds to establish a connection; 10 000 when left out. */
  readonly connectTimeout?: number;
  /** Milliseconds between TCP keep-alive probes; 30 000 when left out. */
  readonly keepAlive?: number;
  /** Milliseconds after which the driver itself gives up on a command; off when left out, since deadlines do it. */
  readonly commandTimeout?: number;
  /** Name of the connection, as CLIENT LIST shows it. */
  readonly connectionName?: string;
}

/** What a connection is made from. */
export type ConnectionTarget = string | ConnectionOptions | RedisClient;

/** What the promises of the library rest on, whatever the user's options say. */
const dataProfile = {
  // A command whose reply is lost must not be sent twice by the driver.
  maxRetriesPerRequest: 0,
  // A command that waits unsent must be ours to withdraw.
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  // One shape of replies for ioredis 5 and 6.
  protocol: 2,
  failoverDetector: true,
  // INFO may be forbidden; a server that is loading says so itself.
  enableReadyCheck: false,
  lazyConnect: true,
  // A primary that was demoted answers READONLY: find the new one.
  reconnectOnError: (error: Error): boolean => error.message.startsWith("READONLY"),
};

const defaultConnectTimeout = 10_000;
const defaultKeepAlive = 30_000;

/**
 * Opens a connection of the data profile.
 *
 * @param target - URL, options, or a client to take the options from.
 * @returns a connected client of our own.
 * @throws ConnectionError when the server cannot be reached, refuses the login, or the options break a promise.
 */
export async function openConnection(target: ConnectionTarget): Promise<RedisClient> {
  const client = makeClient(target);
  let lastError: Error | undefined;
  // Without a listener the driver writes errors to the console.
  client.on("error", (error: Error) => {
    lastError = error;
  });
  try {
    await greet(client);
    return client;
  } catch (error) {
    client.disconnect();
    throw connectionError(lastError ?? (error as Error));
  }
}

// A server may take the connection and never say a word.
async function greet(client: RedisClient): Promise<void> {
  const { connectTimeout = defaultConnectTimeout } = client.options as { connectTimeout?: number };
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${connectTimeout} ms`)), connectTimeout);
  });
  try {
    await Promise.race([client.connect().then(() => client.call("PING")), silence]);
  } finally {
    clearTimeout(timer);
  }
}

function makeClient(target: ConnectionTarget): RedisClient {
  if (isRedisClient(target)) {
    refuseUnsafe(target.options);
    if (!isCluster(target)) return duplicateOf(target, dataProfile);
    const { redisOptions = {} } = target.options as { redisOptions?: object };
    refuseUnsafe(redisOptions);
    return duplicateOf(target, clusterProfile(redisOptions));
  }
  const { url, allowInsecureTls: _allow, cluster, ...options } = typeof target === "string" ? { url: target } : target;
  refuseUnsafe(typeof target === "string" ? {} : target);
  const merged = { connectTimeout: defaultConnectTimeout, keepAlive: defaultKeepAlive, ...options, ...dataProfile };
  if (cluster !== undefined) {
    return new Cluster([...cluster], clusterProfile(merged)) as unknown as RedisClient;
  }
  return (url === undefined ? new Redis(merged as object) : new Redis(url, merged as object)) as unknown as RedisClient;
}

// The same promises for every node. A node that moved or failed is found again by the driver, within the deadline.
function clusterProfile(redisOptions: object): object {
  return {
    redisOptions: { ...redisOptions, ...dataProfile },
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    enableReadyCheck: true,
    lazyConnect: true,
    scaleReads: "master",
  };
}

function refuseUnsafe(options: { keyPrefix?: unknown; tls?: unknown; allowInsecureTls?: unknown }): void {
  if (typeof options.keyPrefix === "string" && options.keyPrefix !== "") {
    throw new ConnectionError(
      "the client has a keyPrefix, which drivers do not apply to every command; use connect's namespace instead",
    );
  }
  const tls = options.tls as { rejectUnauthorized?: unknown } | undefined;
  if (tls?.rejectUnauthorized === false && options.allowInsecureTls !== true) {
    throw new ConnectionError(
      "tls.rejectUnauthorized is false, so anyone could pose as the server; give the right CA, or set allowInsecureTls",
    );
  }
}

function connectionError(error: Error): ConnectionError {
  const refused = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password)/i.test(error.message);
  const what = refused
    ? "the server refuses the login; check user name and password"
    : `the server cannot be reached: ${withoutArguments(error).message}`;
  return new ConnectionError(what, { cause: withoutArguments(error) });
}

/** Asks the server now and then whether it is there, and reconnects when it does not answer. */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;

  /**
   * @param client - the client to watch.
   * @param milliseconds - between two questions; also how long an answer may take.
   */
  constructor(client: RedisClient, milliseconds: number) {
    let asked = false;
    this.#timer = setInterval(() => {
      if (client.status !== "ready") return;
      if (asked) {
        // A half-open connection looks ready for ever: drop it.
        asked = false;
        client.disconnect(true);
        return;
      }
      asked = true;
      client.call("PING").then(
        () => {
          asked = false;
        },
        () => {
          asked = false;
        },
      );
    }, milliseconds);
    this.#timer.unref();
  }

  /** Stops asking. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
