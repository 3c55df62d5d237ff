// Values kept in this process, in front of the server: few, for a short time, and only while messages of others arrive.
// Texts are kept, not values, so that no caller sees what another one did to its own.
import type { Subscriber } from "../redis/subscriber.ts";
import type { CacheEntry } from "./cache-entry.ts";
import type { CacheSettings } from "./cache-options.ts";

interface Kept {
  readonly entry: CacheEntry;
  /** By this process's steady clock. */
  readonly until: number;
}

/** What others are told, by kind: entries changed, tags were invalidated, or anything may have changed. */
type Kind = "k" | "t" | "a";

/**
 * A message of the in-process layers.
 *
 * @param kind - `k` for a key, `t` for a tag, `a` for everything.
 * @param name - the key or tag.
 * @returns the message.
 */
export function memoryMessage(kind: Kind, name = ""): string {
  return kind + name;
}

/** The in-process layer of one cache. */
export class CacheMemory {
  /** The one that was used last comes last. */
  readonly #kept = new Map<string, Kept>();
  readonly #settings: NonNullable<CacheSettings["memory"]>;
  readonly #open: () => Subscriber;
  readonly #channel: string;
  readonly #failed: (error: unknown) => void;
  #characters = 0;
  /** Raised by whatever makes something invalid: what was read before may not be kept after. */
  #epoch = 0;
  #listening = false;
  #starting: Promise<void> | undefined;

  /**
   * @param settings - how much is kept, and how long.
   * @param open - opens the connection that listens.
   * @param channel - over which others tell.
   * @param failed - told of what goes wrong with that.
   */
  constructor(
    settings: NonNullable<CacheSettings["memory"]>,
    open: () => Subscriber,
    channel: string,
    failed: (error: unknown) => void,
  ) {
    this.#settings = settings;
    this.#open = open;
    this.#channel = channel;
    this.#failed = failed;
  }

  /** How many values are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** Changes whenever something became invalid; whoever reads to keep notes it before. */
  get epoch(): number {
    return this.#epoch;
  }

  /**
   * Listens to others, if it does not yet. One round trip (SUBSCRIBE) the first time.
   *
   * @returns when it does, or has failed to.
   */
  start(): Promise<void> {
    this.#starting ??= this.#listen();
    return this.#starting;
  }

  /**
   * Gives what is kept.
   *
   * @param key - its key.
   * @returns the entry; undefined when there is none, or messages of others do not arrive.
   */
  get(key: string): CacheEntry | undefined {
    if (!this.#listening) return undefined;
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    if (kept.until <= performance.now()) {
      this.#characters -= kept.entry.body.length;
      return undefined;
    }
    this.#kept.set(key, kept);
    return kept.entry;
  }

  /**
   * Keeps an entry.
   *
   * @param key - its key.
   * @param entry - as it was read.
   * @param epoch - as it was before the reading.
   */
  put(key: string, entry: CacheEntry, epoch: number): void {
    const { max, maxCharacters, ttl } = this.#settings;
    if (!this.#listening || epoch !== this.#epoch || entry.body.length > maxCharacters) return;
    this.#forget(key);
    this.#kept.set(key, { entry, until: performance.now() + ttl });
    this.#characters += entry.body.length;
    for (const [oldest] of this.#kept) {
      if (this.#kept.size <= max && this.#characters <= maxCharacters) break;
      this.#forget(oldest);
    }
  }

  /**
   * Takes a message, of others or of this process itself.
   *
   * @param message - made by {@link memoryMessage}; any other makes everything invalid.
   */
  take(message: string): void {
    this.#epoch += 1;
    const name = message.slice(1);
    if (message.startsWith("k")) this.#forget(name);
    else if (message.startsWith("t")) {
      for (const [key, { entry }] of this.#kept) if (entry.tags.has(name)) this.#forget(key);
    } else this.#clear();
  }

  async #listen(): Promise<void> {
    try {
      await this.#open().subscribe("channel", this.#channel, {
        message: (message) => this.take(message),
        failed: this.#failed,
        gap: (listening) => {
          this.#clear();
          this.#listening = listening;
        },
      });
      this.#clear();
      this.#listening = true;
    } catch (error) {
      this.#failed(error);
    }
  }

  #clear(): void {
    this.#epoch += 1;
    this.#kept.clear();
    this.#characters = 0;
  }

  #forget(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#characters -= kept.entry.body.length;
  }
}
