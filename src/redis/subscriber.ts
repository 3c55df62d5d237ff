// A connection that listens to channels, made on demand and closed with its owner.
// The driver subscribes again after it reconnected; what was published in between is lost, and that is told.
import { ConnectionError } from "../errors.ts";
import { duplicateOf, isCluster, type RedisClient } from "./client.ts";
import { proofOf, toRemoraError } from "./failures.ts";

/** How long to wait before asking again after the connection failed, in milliseconds. */
const pause = 100;

/** What is listened to: a channel, all channels that fit a pattern, or a channel of one slot of a cluster. */
export type SubscriptionKind = "channel" | "pattern" | "shard";

/** Who listens. */
export interface SubscriptionListener {
  /** Takes a message and the channel it came over. */
  readonly message: (message: string, channel: string) => void;
  /** Takes what `message` threw; it must not throw itself. */
  readonly failed: (error: unknown) => void;
  /** Told when messages may have been missed: the connection was lost, and again once it listens anew. */
  readonly gap?: (listening: boolean) => void;
}

interface Subscription {
  readonly kind: SubscriptionKind;
  readonly name: string;
  readonly listeners: Set<SubscriptionListener>;
  /** Settles when the server has begun to tell. */
  readonly begun: Promise<void>;
}

/** The driver's own methods, which know channels from keys on a cluster. */
const verbs = {
  channel: ["subscribe", "unsubscribe"],
  pattern: ["psubscribe", "punsubscribe"],
  shard: ["ssubscribe", "sunsubscribe"],
} as const;
type Verb = (typeof verbs)[SubscriptionKind][number];

/** Listens to channels over a connection of its own. */
export class Subscriber {
  readonly #client: RedisClient;
  readonly #subscriptions = new Map<string, Subscription>();
  #closed = false;

  /**
   * @param client - the client whose server is meant.
   */
  constructor(client: RedisClient) {
    const own = isCluster(client) ? { shardedSubscribers: true } : { maxRetriesPerRequest: null };
    this.#client = duplicateOf(client, { lazyConnect: false, enableOfflineQueue: true, ...own });
    // What is wrong with the connection shows in the commands themselves, and as a gap.
    this.#client.on("error", () => undefined);
    this.#client.on("message", (channel: string, message: string) => this.#tell("channel", channel, channel, message));
    this.#client.on("smessage", (channel: string, message: string) => this.#tell("shard", channel, channel, message));
    this.#client.on("pmessage", (pattern: string, channel: string, message: string) =>
      this.#tell("pattern", pattern, channel, message),
    );
    this.#client.on("close", () => this.#gap(false));
    this.#client.on("ready", () => void this.#again());
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Listens. One round trip (SUBSCRIBE, PSUBSCRIBE or SSUBSCRIBE), none when somebody listens to the same already.
   *
   * @param kind - what `name` is: a channel, a pattern, or a channel of one slot.
   * @param name - the channel or pattern.
   * @param listener - who listens.
   * @returns stops listening; settles when the server has been told.
   * @throws ConnectionError when it was closed.
   * @throws CapabilityError when the user may not listen to it.
   */
  async subscribe(kind: SubscriptionKind, name: string, listener: SubscriptionListener): Promise<() => Promise<void>> {
    const key = `${kind} ${name}`;
    let subscription = this.#subscriptions.get(key);
    if (subscription === undefined) {
      subscription = { kind, name, listeners: new Set(), begun: this.#send(verbs[kind][0], name) };
      this.#subscriptions.set(key, subscription);
    }
    const { listeners, begun } = subscription;
    listeners.add(listener);
    try {
      await begun;
    } catch (error) {
      if (this.#subscriptions.get(key) === subscription) this.#subscriptions.delete(key);
      throw error;
    }
    return async () => {
      if (!listeners.delete(listener) || listeners.size > 0 || this.#closed) return;
      if (this.#subscriptions.get(key) !== subscription) return;
      this.#subscriptions.delete(key);
      await this.#send(verbs[kind][1], name);
    };
  }

  /** Closes the connection; nobody is told anything any more. */
  close(): void {
    this.#closed = true;
    this.#subscriptions.clear();
    this.#client.disconnect();
  }

  #tell(kind: SubscriptionKind, name: string, channel: string, message: string): void {
    for (const listener of this.#subscriptions.get(`${kind} ${name}`)?.listeners ?? []) {
      try {
        listener.message(message, channel);
      } catch (error) {
        listener.failed(error);
      }
    }
  }

  // The driver subscribes again by itself, behind which a question of our own is answered.
  async #again(): Promise<void> {
    const known = [...this.#subscriptions.values()];
    try {
      await Promise.all(known.map(({ kind, name }) => this.#send(verbs[kind][0], name)));
      if (known.length > 0) this.#gap(true);
    } catch {
      // The connection was lost again, which the next gap tells.
    }
  }

  #gap(listening: boolean): void {
    if (this.#closed) return;
    for (const { listeners } of this.#subscriptions.values()) {
      for (const listener of listeners) listener.gap?.(listening);
    }
  }

  async #send(verb: Verb, name: string): Promise<void> {
    for (;;) {
      if (this.#closed) throw new ConnectionError(`${verb}: the connection was closed`);
      try {
        // oxlint-disable-next-line no-await-in-loop -- each try waits for the server
        await (this.#client as unknown as Record<Verb, (name: string) => Promise<unknown>>)[verb](name);
        return;
      } catch (error) {
        const { name: kind } = error as Error;
        if (kind === "ReplyError" && proofOf(error as Error) !== "retry") {
          throw toRemoraError(error as Error, { operation: verb, write: false });
        }
        // oxlint-disable-next-line no-await-in-loop
        if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}
