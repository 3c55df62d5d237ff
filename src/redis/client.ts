// The part of an ioredis client that this library uses, as a structure.
// ioredis 5, ioredis 6 and iovalkey all fit it, while their classes do not fit one another.

/** A batch of commands that is sent in one write. */
export interface RedisPipeline {
  /** Adds a command. */
  call(command: string, ...args: (string | number | Buffer)[]): unknown;
  /** Sends the batch; every element has its own error. */
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** An ioredis-like client. */
export interface RedisClient {
  /** `ready` when commands can be sent. */
  readonly status: string;
  /** The options it was made with. */
  readonly options: object;
  /** Sends one command. */
  call(command: string, ...args: (string | number | Buffer)[]): Promise<unknown>;
  /** Starts a batch. */
  pipeline(): RedisPipeline;
  /** Makes another client of the same options, with some overridden. */
  duplicate(override?: object): unknown;
  /** Connects, when made with `lazyConnect`. */
  connect(): Promise<void>;
  /** Closes the connection; with true, opens it again. */
  disconnect(reconnect?: boolean): void;
  /** Listens to an event. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** Stops listening. */
  off(event: string, listener: (...args: never[]) => void): unknown;
}

/**
 * Tells whether a value is an ioredis-like client.
 *
 * @param value - anything.
 * @returns true when it has the methods used here.
 */
export function isRedisClient(value: unknown): value is RedisClient {
  if (typeof value !== "object" || value === null) return false;
  const client = value as Partial<Record<keyof RedisClient, unknown>>;
  return (
    typeof client.duplicate === "function" && typeof client.call === "function" && typeof client.pipeline === "function"
  );
}

/**
 * Tells whether a client speaks to the nodes of a cluster.
 *
 * @param client - any client.
 * @returns true when it does.
 */
export function isCluster(client: RedisClient): boolean {
  return typeof (client as { nodes?: unknown }).nodes === "function";
}

/**
 * The servers that a client speaks to: every primary of a cluster, else the one.
 *
 * @param client - a connected client.
 * @returns clients of one server each.
 */
export function primaries(client: RedisClient): readonly RedisClient[] {
  return isCluster(client)
    ? (client as RedisClient & { nodes(role: "master"): RedisClient[] }).nodes("master")
    : [client];
}

/**
 * Makes another client of the same servers.
 *
 * @param client - the client.
 * @param override - options that are other ones; of a cluster, those of the cluster.
 * @returns the other client.
 */
export function duplicateOf(client: RedisClient, override: object): RedisClient {
  if (!isCluster(client)) return client.duplicate(override) as RedisClient;
  // Startup nodes come first here; none of one's own means those of the client.
  const duplicate = client.duplicate.bind(client) as (nodes: readonly unknown[], options: object) => unknown;
  return duplicate([], override) as RedisClient;
}
