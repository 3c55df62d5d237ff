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
