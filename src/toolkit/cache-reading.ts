// What a cache makes of what it finds: valid or not by its tags, fresh or not by the server's clock, or no value at all.
// And what it does: counted for `stats()`, and told on a diagnostics channel.
import { isRemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { type CacheEventKind, hasCacheListeners, publishCacheEvent } from "../redis/diagnostics.ts";
import { type CacheEntry, readEntry } from "./cache-entry.ts";
import { LoadFailure } from "./cache-load.ts";
import { CacheMemory } from "./cache-memory.ts";
import type { CacheFailure, CacheSettings } from "./cache-options.ts";
import type { CacheStore, CacheTag, Sight } from "./cache-store.ts";
import type { ValueCodec } from "./piece.ts";

/** How often each thing happened. */
export type CacheStats = Readonly<Record<CacheEventKind, number>>;

/** What was found under a key, and the versions that were read with it. */
export interface Seen {
  /** `fresh`, beyond its time but allowed for now (`stale`), only for want of better (`graced`), or nothing. */
  readonly state: "fresh" | "stale" | "graced" | "none";
  /** Undefined where there is none. */
  readonly value: unknown;
  readonly versions: Sight["versions"];
}

const noVersions: Sight["versions"] = new Map();

/** Reads the entries of one cache. */
export class CacheReading {
  readonly settings: CacheSettings;
  readonly memory: CacheMemory | undefined;
  readonly #store: CacheStore;
  readonly #codec: ValueCodec;
  readonly #title: string;
  /** Whether entries say themselves until when they are fresh. */
  readonly timed: boolean;
  readonly #behind = new Set<Promise<void>>();
  /** What `onError` threw while nobody waited. */
  readonly #faults: unknown[] = [];
  readonly #counts: Record<CacheEventKind, number> = {
    hits: 0,
    memoryHits: 0,
    misses: 0,
    stale: 0,
    graced: 0,
    loads: 0,
    failures: 0,
    waits: 0,
    corrupt: 0,
    outdated: 0,
    errors: 0,
  };

  /**
   * @param store - where the entries are.
   * @param codec - reads their values.
   * @param settings - of the cache.
   */
  constructor(store: CacheStore, codec: ValueCodec, settings: CacheSettings) {
    this.#store = store;
    this.#codec = codec;
    this.#title = store.piece.title;
    this.settings = settings;
    const { memory, stale, grace } = settings;
    this.timed = stale > 0 || grace > 0 || memory !== undefined;
    if (memory !== undefined) {
      const { openSubscriber } = store.piece.attachment;
      const failed = (error: unknown): void => this.#tell(error, undefined, "bus");
      this.memory = new CacheMemory(memory, openSubscriber, store.channel, failed);
    }
  }

  /**
   * Reads a key. One round trip, none from this process's own layer; another one when the entry has tags that the call does not name.
   *
   * @param key - the key.
   * @param tags - the tags that it must have.
   * @param options - deadline and signal.
   * @returns what was found.
   */
  async read(key: string, tags: readonly CacheTag[], options: CallOptions): Promise<Seen> {
    const { memory } = this;
    let epoch = 0;
    if (this.timed) {
      if (memory !== undefined) {
        void memory.start();
        const kept = memory.get(key);
        if (kept !== undefined && tags.every(({ name }) => kept.tags.has(name))) {
          const seen = this.#judge(key, kept, noVersions);
          if (seen.state === "fresh") {
            this.count("memoryHits", key);
            return seen;
          }
        }
        epoch = memory.epoch;
      }
      await this.#store.piece.attachment.clock.start();
    }
    const sight = await this.#look(key, tags, options);
    const entry = sight.text === undefined ? undefined : await this.#valid(key, sight, tags, options);
    if (entry === undefined) return { state: "none", value: undefined, versions: sight.versions };
    const seen = this.#judge(key, entry, sight.versions);
    if (seen.state === "fresh") memory?.put(key, entry, epoch);
    return seen;
  }

  /**
   * What an entry is worth that goes by no tags and no clock.
   *
   * @param key - its key.
   * @param text - as it was read.
   * @returns what was found; undefined when more has to be asked.
   */
  simple(key: string, text: unknown): Seen | undefined {
    const entry = typeof text === "string" ? readEntry(text) : undefined;
    if (entry === undefined || entry.tags.size > 0 || entry.freshUntil !== undefined) return undefined;
    return this.#judge(key, entry, noVersions);
  }

  /**
   * The entry of what was read, if it is fresh and valid.
   *
   * @param sight - what was read.
   * @param tags - the tags that it must have.
   * @param key - its key.
   * @returns the entry; undefined when it is none.
   */
  async fresh(sight: Sight, tags: readonly CacheTag[], key: string): Promise<CacheEntry | undefined> {
    const entry = sight.text === undefined ? undefined : await this.#valid(key, sight, tags, {});
    return entry !== undefined && this.#judge(key, entry, sight.versions).state === "fresh" ? entry : undefined;
  }

  /**
   * The value of a text that was stored or is going to be.
   *
   * @param body - the text; undefined for the value `undefined`.
   * @param key - its key.
   * @returns the value.
   */
  decode(body: string | undefined, key: string): unknown {
    return body === undefined ? undefined : this.#codec.read(body, key);
  }

  /**
   * Counts an event, and tells of it.
   *
   * @param event - what happened.
   * @param key - the key concerned.
   */
  count(event: CacheEventKind, key: string | undefined): void {
    this.#counts[event] += 1;
    if (hasCacheListeners()) publishCacheEvent({ cache: this.#title, event, key });
  }

  /**
   * Tells of an error that no caller gets.
   *
   * @param error - the error.
   * @param key - the key concerned.
   * @param during - what was being done.
   */
  report(error: unknown, key: string | undefined, during: CacheFailure["during"]): void {
    if (during !== "load") this.count("errors", key);
    this.settings.onError?.(error, { cache: this.#title, key, during });
  }

  /**
   * Watches work that nobody waits for.
   *
   * @param work - the work; its failure is told.
   * @param key - the key concerned.
   */
  behindBacks(work: Promise<unknown>, key: string): void {
    const done = work
      .then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof LoadFailure) this.#tell(error.reason, key, "load");
          else this.#tell(error, key, "server");
        },
      )
      .finally(() => this.#behind.delete(done));
    this.#behind.add(done);
  }

  /**
   * Waits for it.
   *
   * @throws what `onError` threw meanwhile.
   */
  async settled(): Promise<void> {
    await Promise.all(this.#behind);
    const [fault] = this.#faults.splice(0);
    if (fault !== undefined) throw fault;
  }

  /** How often each thing happened. */
  get stats(): CacheStats {
    return { ...this.#counts };
  }

  // What `onError` throws here must not end the process.
  #tell(error: unknown, key: string | undefined, during: CacheFailure["during"]): void {
    try {
      this.report(error, key, during);
    } catch (fault) {
      this.#faults.push(fault);
    }
  }

  // Whatever else stands under the key is as good as nothing, and will be overwritten.
  async #look(key: string, tags: readonly CacheTag[], options: CallOptions): Promise<Sight> {
    try {
      return await this.#store.look(key, tags, options);
    } catch (error) {
      if (!isRemoraError(error, "CORRUPT_ENTITY")) throw error;
      this.count("corrupt", key);
      return { text: undefined, versions: noVersions };
    }
  }

  async #valid(
    key: string,
    sight: Sight,
    tags: readonly CacheTag[],
    options: CallOptions,
  ): Promise<CacheEntry | undefined> {
    const entry = readEntry(sight.text as string);
    if (entry === undefined) {
      this.count("corrupt", key);
      return undefined;
    }
    if (entry.tags.size > tags.length) {
      const others = [...entry.tags.keys()].filter((name) => !sight.versions.has(name));
      // A name that none of the user's can have: the entry is of a namespace, or of somebody else.
      if (others.includes("")) return undefined;
      const more = await this.#look(
        key,
        others.map((name) => this.#store.tag(name)),
        options,
      );
      if (others.some((name) => entry.tags.get(name) !== more.versions.get(name))) return undefined;
    }
    for (const { name } of tags) {
      const version = entry.tags.get(name);
      if (version === undefined || version !== sight.versions.get(name)) return undefined;
    }
    return entry;
  }

  #judge(key: string, entry: CacheEntry, versions: Sight["versions"]): Seen {
    const state = this.#stateOf(entry);
    if (entry.isUndefined && !this.#codec.optional) {
      this.count("corrupt", key);
      return { state: "none", value: undefined, versions };
    }
    try {
      return { state, value: this.decode(entry.isUndefined ? undefined : entry.body, key), versions };
    } catch (error) {
      if (!isRemoraError(error, "CORRUPT_ENTITY")) throw error;
      this.count("corrupt", key);
      return { state: "none", value: undefined, versions };
    }
  }

  #stateOf({ freshUntil }: CacheEntry): "fresh" | "stale" | "graced" {
    if (freshUntil === undefined) return "fresh";
    const late = this.#store.piece.attachment.clock.now().getTime() - freshUntil;
    return late < 0 ? "fresh" : late < this.settings.stale ? "stale" : "graced";
  }
}
