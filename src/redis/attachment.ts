// What a database lends to pieces that stand beside repositories: the way to its server, and a place to be closed with it.
// Reached by a symbol, so that it is no part of what users of a database see.
import type { BlockingConnection } from "./blocking.ts";
import type { Capabilities } from "./capabilities.ts";
import type { RedisClient } from "./client.ts";
import type { Executor } from "./executor.ts";
import type { ServerClock } from "./server-clock.ts";
import type { Subscriber } from "./subscriber.ts";

/** What a database lends. */
export interface Attachment {
  readonly executor: Executor;
  readonly client: RedisClient;
  readonly capabilities: Capabilities;
  readonly clock: ServerClock;
  /** Put in front of every key; empty for none. */
  readonly namespace: string;
  /** Opens a connection for commands that wait; throws ConnectionError once the database was closed. */
  readonly openBlocking: () => BlockingConnection;
  /** The connection that listens to channels, opened by whoever is first to ask; throws ConnectionError once the database was closed. */
  readonly openSubscriber: () => Subscriber;
  /**
   * Has something closed together with the database.
   *
   * @param close - called once; what it returns is waited for.
   * @returns forgets it again, for what was closed before.
   */
  readonly onClose: (close: () => void | Promise<void>) => () => void;
}

/** Under what a database lends. Copies of the package in one process agree on it. */
export const attach: unique symbol = Symbol.for("remora.attach") as never;

/** A database, as the pieces of the toolkit take it: what `connect()` gave. */
export interface Attachable {
  /**
   * Lends the way to its server.
   *
   * @internal
   */
  readonly [attach]: () => Attachment;
}
