// A cache: values that come from somewhere else, kept for a while, and loaded once however many ask.
// A hit is one command; what was invalidated is never given to whoever asks afterwards, also when it was being loaded just then.
import { DeadlineError, DefinitionError, isRemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import type { AnySchema, JsonSchema, ValueInputOf, ValueOf } from "../schema/zod.ts";
import { type Flight, type Lease, type Loaded, LoadFailure, type Loader, type LoadJob, Loads } from "./cache-load.ts";
import { entryText, jsonCodec, type TagVersions } from "./cache-entry.ts";
import { memoryMessage } from "./cache-memory.ts";
import {
  type CacheBehaviour,
  type CacheGetOptions,
  type CacheLife,
  type CacheLoadOptions,
  type CacheSetOptions,
  type CacheSettings,
  type CacheTelling,
  cacheSettings,
  lifeOf,
  wishedLives,
} from "./cache-options.ts";
import { matching } from "./cache-pattern.ts";
import { CacheReading, type CacheStats, type Seen } from "./cache-reading.ts";
import { CacheStore, type CacheTag, freshToken } from "./cache-store.ts";
import { waitFor } from "./cache-waiting.ts";
import { type CachedFunction, type WrapOptions, wrapped } from "./cache-wrap.ts";
import { Piece, type ValueCodec } from "./piece.ts";

/** What `cache` accepts beside the name; what lets things fail behind a caller's back needs `onError`. */
export type CacheOptions<S extends AnySchema = JsonSchema> = CacheBehaviour & CacheTelling & CacheSchema<S>;

/** What the values of a cache are. */
export interface CacheSchema<S extends AnySchema> {
  /** Checked when values are stored and when they are read; anything that JSON can hold when left out. */
  readonly schema?: S;
}

/** What `namespace` accepts; what is left out is as in the cache it comes from. */
export interface NamespaceOptions<S extends AnySchema> extends Partial<CacheBehaviour>, CacheSchema<S> {}

/** Where values are read from and written to. */
export interface WriteThroughSource<S extends AnySchema> {
  /** Reads a value. */
  readonly read: (key: string) => ValueInputOf<S> | Promise<ValueInputOf<S>>;
  /** Writes a value. */
  readonly write: (key: string, value: ValueInputOf<S>) => unknown;
}

/** Values that are read and written through a cache. */
export interface WriteThrough<S extends AnySchema> {
  /** Gives the cached value, or reads it. */
  readonly get: (key: string, options?: CacheLoadOptions) => Promise<ValueOf<S>>;
  /** Writes a value where it belongs, and then to the cache. */
  readonly set: (key: string, value: ValueInputOf<S>, options?: CacheSetOptions) => Promise<void>;
}

/** How often a call tries to get what others load, before it loads for itself alone. */
const tries = 3;

/** How long a call may take. */
interface Patience {
  /** By this process's steady clock. */
  readonly ends: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Values of a schema, cached under keys. */
export class Cache<S extends AnySchema = JsonSchema> {
  readonly #db: Attachable;
  readonly #name: string;
  readonly #schema: S | undefined;
  readonly #behaviour: CacheBehaviour;
  readonly #settings: CacheSettings;
  readonly #piece: Piece;
  readonly #store: CacheStore;
  readonly #codec: ValueCodec;
  readonly #reading: CacheReading;
  readonly #loads: Loads;
  /** Tags that every entry has. */
  readonly #implied: readonly CacheTag[];
  readonly #refreshing = new Set<string>();
  readonly #wrapped = new Map<string, unknown>();

  /**
   * Made by {@link cache}.
   *
   * @internal
   * @param db - the database.
   * @param name - the cache's name.
   * @param options - how values are cached.
   * @param implied - names of versions that all entries go by, with their keys made from the piece's own.
   */
  constructor(
    db: Attachable,
    name: string,
    { schema, ...behaviour }: CacheBehaviour & CacheSchema<S>,
    implied: (piece: Piece) => readonly CacheTag[] = () => [],
  ) {
    const piece = new Piece(db, "cache", name);
    const settings = cacheSettings(piece.title, behaviour);
    this.#db = db;
    this.#name = name;
    this.#schema = schema;
    this.#behaviour = behaviour;
    this.#settings = settings;
    this.#piece = piece;
    this.#implied = implied(piece);
    this.#codec = schema === undefined ? jsonCodec(piece) : piece.codec(schema, "the value", "field");
    this.#store = new CacheStore(piece, settings.deadline, settings.memory !== undefined);
    this.#reading = new CacheReading(this.#store, this.#codec, settings);
    this.#loads = new Loads({
      settings,
      store: this.#store,
      fresh: (sight, tags, key) => this.#reading.fresh(sight, tags, key),
      encode: (value, key) => this.#encode(value, key),
      keep: (job, body, lease) => this.#keep(job, body, lease),
      count: (event, key) => this.#reading.count(event, key),
    });
  }

  /**
   * Gives a cached value, or loads it: once in this process and once among all processes, however many ask.
   * A hit is one command (GET; MGET with tags). A miss is three round trips more (SET and GET, EVALSHA) around the loader.
   *
   * @param key - 1 to 512 bytes of text.
   * @param load - gets the value; its signal fires when it is given up.
   * @param options - time to live, tags, deadline in milliseconds for all of it, and signal.
   * @returns the value.
   * @throws whatever the loader throws, when there is no old value to give.
   * @throws DeadlineError when the deadline passed, the signal fired, or the loader took too long.
   * @throws ValidationError when the key, a tag or the loaded value is refused; nothing was stored.
   */
  async getOrSet(key: string, load: Loader<ValueInputOf<S>>, options: CacheLoadOptions = {}): Promise<ValueOf<S>> {
    const tags = this.#tagsOf(options.tags);
    const ends = options.deadline === undefined ? undefined : performance.now() + options.deadline;
    let seen: Seen | undefined;
    try {
      // The shortest way for what most hits are: an entry that lives as long as its key.
      if (tags.length === 0 && !this.#reading.timed) {
        const text = await this.#store.get(key, options);
        seen = text === null ? nothing : this.#reading.simple(key, text);
      }
      seen ??= await this.#reading.read(key, tags, options);
    } catch (error) {
      const job = this.#job(key, tags, load, options);
      if (!isRemoraError(error, "CORRUPT_ENTITY")) return this.#opened(error, job, { ends, signal: options.signal });
      // A key of another type, which will be overwritten.
      this.#reading.count("corrupt", key);
      return this.#missed(nothing, job, { ends, signal: options.signal });
    }
    if (seen.state === "fresh") {
      this.#reading.count("hits", key);
      return seen.value as ValueOf<S>;
    }
    return this.#missed(seen, this.#job(key, tags, load, options), { ends, signal: options.signal });
  }

  /**
   * Reads what is cached. One round trip (GET; MGET with tags), one more when the value has tags that are not given.
   *
   * @param key - its key.
   * @param options - tags, deadline in milliseconds, and signal.
   * @returns the value; undefined when there is none that is fresh.
   */
  async get(key: string, options: CacheGetOptions = {}): Promise<ValueOf<S> | undefined> {
    const seen = await this.#reading.read(key, this.#tagsOf(options.tags), options);
    this.#reading.count(seen.state === "fresh" ? "hits" : "misses", key);
    return seen.state === "fresh" ? (seen.value as ValueOf<S>) : undefined;
  }

  /**
   * Stores a value; what is being loaded under its key meanwhile is not stored. One round trip (EVALSHA); one more with tags.
   *
   * @param key - 1 to 512 bytes of text.
   * @param value - the value.
   * @param options - time to live, tags, deadline in milliseconds, and signal.
   * @throws ValidationError when key, tags, value or time are refused; nothing was changed.
   */
  async set(key: string, value: ValueInputOf<S>, options: CacheSetOptions = {}): Promise<void> {
    const job = this.#job(key, this.#tagsOf(options.tags), () => value, options);
    const body = this.#encode(value, key);
    const life = this.#lifeOf(body, job);
    if (life === undefined) {
      await this.delete(key, options);
      return;
    }
    const versions = await this.#versionsFor(job, life.life, options);
    const message = memoryMessage("k", key);
    const stored = { ...life, token: undefined, text: entryText(body, versions), tags: job.tags, message };
    await this.#store.store(key, stored, this.#settings.tagMembers, options);
    this.#reading.memory?.take(message);
  }

  /**
   * Deletes values; what is being loaded under their keys meanwhile is not stored. One round trip (EVALSHA each, in one write).
   *
   * @param keys - one key, or several.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many were there.
   */
  async delete(keys: string | readonly string[], options: CallOptions = {}): Promise<number> {
    return this.#drop("delete", typeof keys === "string" ? [keys] : keys, options);
  }

  /**
   * Makes a function whose results are cached under its name and its arguments.
   *
   * @typeParam F - the function.
   * @param work - the function; arguments are compared by their values, the order of properties makes no difference.
   * @param options - its name, key and tags where they are not to be made of the arguments, and times to live.
   * @returns a function of the same arguments; its `keyOf` tells the key of a call, for `delete`.
   * @throws DefinitionError when it has no name, or another function of this cache has the same.
   *
   * @example
   * ```ts
   * import { connect } from "remora";
   * import { cache } from "remora/toolkit";
   *
   * const db = await connect("redis://localhost:6379", { namespace: "app" });
   * const pages = cache(db, "page", { ttl: 60 });
   * const square = pages.wrap((n: number) => n * n, { name: "square" });
   * await square(5); // 25, computed
   * await square(5); // 25, from the cache
   * await pages.delete(square.keyOf(5));
   * await db.close();
   * ```
   */
  wrap<F extends (...args: never[]) => ValueInputOf<S> | Promise<ValueInputOf<S>>>(
    work: F,
    options: WrapOptions<Parameters<F>> = {},
  ): CachedFunction<Parameters<F>, ValueOf<S>> {
    const { name = work.name } = options;
    if (name === "") throw this.#refused("a wrapped function needs a name: { name: … }");
    const known = this.#wrapped.get(name);
    if (known !== undefined && known !== work) {
      throw this.#refused(
        `another function is wrapped as ${JSON.stringify(name)}, whose results would be mistaken for its own`,
      );
    }
    this.#wrapped.set(name, work);
    return wrapped(this, `${this.#piece.title} ${name}`, name, work, options);
  }

  /**
   * Reads and writes values through this cache: a write goes to the source first, and to the cache when it is done. While it is
   * going on, and whenever two of one key meet, nothing is cached that one of them did not write last.
   *
   * @param source - reads and writes the values where they belong.
   * @returns `get` and `set`; `set` is two round trips (EVALSHA) around the write.
   */
  writeThrough({ read, write }: WriteThroughSource<S>): WriteThrough<S> {
    return {
      get: (key, options) => this.getOrSet(key, () => read(key), options),
      set: (key, value, options = {}) => this.#writeThrough(key, value, write, options),
    };
  }

  /**
   * Makes every value invalid that has one of some tags; what is being loaded meanwhile as well. One round trip (EVALSHA each,
   * in one write), however many values there are.
   *
   * @param tags - the tags.
   * @param options - `deleteNow` also deletes the values at once, in slices, instead of leaving that to their times to live; deadline
   *   in milliseconds, and signal.
   * @returns how many tags had values, or how many values were deleted.
   * @throws ValidationError when a tag is refused, or values are to be deleted and the cache has no `tagMembers`.
   */
  async invalidateTags(
    tags: readonly string[],
    options: CallOptions & { readonly deleteNow?: boolean } = {},
  ): Promise<number> {
    if (options.deleteNow === true && !this.#settings.tagMembers) {
      throw this.#piece.invalid("which values have a tag is noted only with tagMembers: true");
    }
    const given = tags.map((name) => this.#store.tag(name));
    const known = await this.#store.forget(given, (name) => memoryMessage("t", name), options);
    for (const name of tags) this.#reading.memory?.take(memoryMessage("t", name));
    return options.deleteNow === true ? this.#store.deleteMembers(given, options) : known;
  }

  /**
   * Deletes the values whose keys fit a pattern, and lets nothing be stored that is being loaded under such. Goes over all keys of the
   * database by SCAN, a page at a time, which is slow where there are many: tags are quicker.
   *
   * @param pattern - `*` is any text, `?` any character, and a backslash takes the meaning from what follows.
   * @param options - deadline in milliseconds of each request, and signal.
   * @returns how many were deleted.
   */
  async invalidatePattern(pattern: string, options: CallOptions = {}): Promise<number> {
    if (typeof pattern !== "string" || pattern === "")
      throw this.#piece.invalid("a pattern is a text of at least one character");
    const { beginning, fits } = matching(pattern);
    let deleted = 0;
    for await (const page of this.#store.keys(beginning)) {
      if (options.signal?.aborted === true) {
        throw new DeadlineError(`${this.#piece.title}.invalidatePattern: the signal fired; some values were deleted`, {
          entity: this.#piece.title,
        });
      }
      const found = page.filter(fits);
      if (found.length > 0) deleted += await this.#drop("invalidatePattern", [...new Set(found)], options);
    }
    return deleted;
  }

  /**
   * Deletes every value, as `invalidatePattern("*")`.
   *
   * @param options - deadline in milliseconds of each request, and signal.
   * @returns how many were deleted.
   */
  clear(options: CallOptions = {}): Promise<number> {
    return this.invalidatePattern("*", options);
  }

  /**
   * A part of this cache: the cache that is called as this one, a dot, and the name. All its values can be made invalid at once.
   *
   * @param name - letters, digits, `_`, `-` and `.`.
   * @returns the part.
   * @throws DefinitionError when the name is refused.
   */
  namespace(name: string): CacheNamespace<S>;
  /**
   * A part of this cache, in which something is other than in it.
   *
   * @param name - letters, digits, `_`, `-` and `.`.
   * @param options - whatever is to be other than in this cache.
   * @returns the part.
   * @throws DefinitionError when the name or an option is refused.
   */
  namespace<T extends AnySchema = S>(name: string, options: NamespaceOptions<T>): CacheNamespace<T>;
  namespace<T extends AnySchema>(name: string, options: NamespaceOptions<T> = {}): CacheNamespace<T> {
    const schema = options.schema ?? (this.#schema as unknown as T | undefined);
    const all = { ...this.#behaviour, ...options, ...(schema === undefined ? {} : { schema }) };
    return new CacheNamespace(this.#db, `${this.#name}.${name}`, all);
  }

  /**
   * What this cache did in this process so far.
   *
   * @returns how often each thing happened.
   */
  stats(): CacheStats {
    return this.#reading.stats;
  }

  /**
   * Waits for what goes on behind the backs of callers.
   *
   * @throws what `onError` threw meanwhile.
   */
  settled(): Promise<void> {
    return this.#reading.settled();
  }

  /**
   * Forgets versions that every entry goes by.
   *
   * @internal
   * @param options - deadline and signal.
   */
  protected async forgetImplied(options: CallOptions): Promise<void> {
    await this.#store.forget(this.#implied, () => memoryMessage("a"), options);
    this.#reading.memory?.take(memoryMessage("a"));
  }

  async #missed(first: Seen, job: LoadJob, patience: Patience): Promise<ValueOf<S>> {
    const { key, tags } = job;
    let seen = first;
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      if (seen.state === "stale") {
        this.#reading.count("stale", key);
        this.#refresh(job);
      }
      if (seen.state === "fresh" || seen.state === "stale") return seen.value as ValueOf<S>;
      if (attempt === 1) this.#reading.count("misses", key);
      const flying = this.#loads.flying(key);
      const flight = flying ?? this.#loads.begin(key, (end) => this.#loads.lead(job, end));
      try {
        // oxlint-disable-next-line no-await-in-loop -- again only when it was invalidated meanwhile
        const loaded = await this.#waitFor(flight, job, seen, patience);
        if (loaded === undefined) return seen.value as ValueOf<S>;
        // What others began to load before may have been invalidated before this call.
        const good = flying === undefined || (loaded.held && sameVersions(tags, loaded.versions, seen.versions));
        if (good) return this.#reading.decode(loaded.body, key) as ValueOf<S>;
        const left = leftOf(patience);
        const limits = { signal: patience.signal, ...(left === undefined ? {} : { deadline: Math.max(1, left) }) };
        // oxlint-disable-next-line no-await-in-loop
        seen = await this.#reading.read(key, tags, limits as CallOptions);
      } catch (error) {
        if (!(error instanceof LoadFailure)) return this.#opened(error, job, patience);
        if (seen.state !== "graced") throw error.reason;
        if (!flight.told) this.#reading.report(error.reason, key, "load");
        flight.told = true;
        this.#reading.count("graced", key);
        return seen.value as ValueOf<S>;
      }
    }
    return seen.state === "fresh" ? (seen.value as ValueOf<S>) : this.#alone(job, patience, false);
  }

  // Undefined when the old value is to be taken instead.
  async #waitFor(flight: Flight, job: LoadJob, seen: Seen, patience: Patience): Promise<Loaded | undefined> {
    const { softTimeout } = this.#settings;
    const left = leftOf(patience);
    const soft =
      seen.state === "graced" && softTimeout !== undefined && softTimeout < (left ?? Number.POSITIVE_INFINITY);
    const waited = await waitFor(flight.loaded, soft ? softTimeout : left, patience.signal);
    if (waited.kind === "done") return waited.value;
    if (!soft || waited.kind === "aborted") throw this.#late(job.key, waited.kind);
    this.#reading.count("graced", job.key);
    if (!flight.told) this.#reading.behindBacks(flight.loaded, job.key);
    flight.told = true;
    return undefined;
  }

  // The server failed: asks the loader, where the cache is to be open then.
  #opened(error: unknown, job: LoadJob, patience: Patience): Promise<ValueOf<S>> {
    const gone =
      isRemoraError(error, "CONNECTION") || isRemoraError(error, "DEADLINE") || isRemoraError(error, "OUTCOME_UNKNOWN");
    const over = patience.signal?.aborted === true || (leftOf(patience) ?? 1) <= 0;
    if (!gone || over || !this.#settings.failOpen) throw error;
    this.#reading.report(error, job.key, "server");
    return this.#alone(job, patience, true);
  }

  // Loads without the server: together with others where nobody can know what was invalidated, else for this call only.
  async #alone(job: LoadJob, patience: Patience, together: boolean): Promise<ValueOf<S>> {
    const { key } = job;
    const load = async (end: AbortController): Promise<Loaded> => {
      const body = await this.#loads.run(job, end);
      return { body, versions: new Map(), held: false };
    };
    // No key holds a NUL.
    const place = `\u0000${key}`;
    const loaded = together
      ? (this.#loads.flying(place) ?? this.#loads.begin(place, load)).loaded
      : this.#loads.ending(load);
    try {
      const waited = await waitFor(loaded, leftOf(patience), patience.signal);
      if (waited.kind === "done") return this.#reading.decode(waited.value.body, key) as ValueOf<S>;
      throw this.#late(key, waited.kind);
    } catch (error) {
      throw error instanceof LoadFailure ? error.reason : error;
    }
  }

  #refresh(job: LoadJob): void {
    const { key } = job;
    if (this.#refreshing.has(key)) return;
    this.#refreshing.add(key);
    const work = this.#loads.ending((end) => this.#loads.refresh(job, end));
    this.#reading.behindBacks(
      work.finally(() => this.#refreshing.delete(key)),
      key,
    );
  }

  async #keep(job: LoadJob, body: string | undefined, { token, versions }: Lease): Promise<boolean> {
    const { key, tags } = job;
    const life = this.#lifeOf(body, job);
    try {
      if (life === undefined) {
        // Whether the lease was held tells whether others may have the value as well.
        const held = await this.#store.renew(key, token, this.#settings.lock);
        await this.#store.release(key, token);
        return held;
      }
      const stored = { ...life, token, text: entryText(body, versions), tags, message: "" };
      const held = await this.#store.store(key, stored, this.#settings.tagMembers);
      if (!held) this.#reading.count("outdated", key);
      return held;
    } catch (error) {
      if (!this.#settings.failOpen) throw error;
      this.#reading.report(error, key, "store");
      return false;
    }
  }

  async #writeThrough(
    key: string,
    value: ValueInputOf<S>,
    write: WriteThroughSource<S>["write"],
    options: CacheSetOptions,
  ): Promise<void> {
    const token = freshToken();
    const { lock } = this.#settings;
    const message = memoryMessage("k", key);
    const job = this.#job(key, this.#tagsOf(options.tags), () => value, options);
    const body = this.#encode(value, key);
    const life = this.#lifeOf(body, job);
    // As they are before the write: what is invalidated from then on is not valid when it is read.
    const versions = await this.#versionsFor(job, (life?.life ?? 0) + this.#settings.hardTimeout, options);
    await this.#store.begin(key, token, lock, message, options);
    this.#reading.memory?.take(message);
    await this.#loads.ending(async () => {
      const renewing = setInterval(() => {
        // Whether it fails here shows when the value is stored.
        void this.#store.renew(key, token, lock).catch(() => undefined);
      }, lock / 3);
      try {
        await write(key, value);
      } catch (error) {
        await this.#store.release(key, token).catch(() => undefined);
        throw error;
      } finally {
        clearInterval(renewing);
      }
    });
    if (life === undefined) {
      await this.delete(key, options);
      return;
    }
    const text = entryText(body, versions);
    await this.#store.store(
      key,
      { ...life, token, text, tags: job.tags, orDelete: true, message },
      this.#settings.tagMembers,
      options,
    );
    this.#reading.memory?.take(message);
  }

  async #versionsFor({ key, tags }: LoadJob, life: number, options: CallOptions): Promise<TagVersions> {
    if (tags.length === 0) return new Map();
    const { versions } = await this.#store.look(key, tags, options);
    return this.#store.versions(key, tags, versions, life);
  }

  async #drop(operation: string, keys: readonly string[], options: CallOptions): Promise<number> {
    const dropped = await this.#store.drop(operation, keys, (key) => memoryMessage("k", key), options);
    for (const key of keys) this.#reading.memory?.take(memoryMessage("k", key));
    return dropped;
  }

  #job(key: string, tags: readonly CacheTag[], load: Loader<unknown>, options: CacheLoadOptions): LoadJob {
    return { key, tags, load, ...wishedLives(this.#piece.title, this.#settings, options) };
  }

  #lifeOf(body: string | undefined, job: LoadJob): CacheLife | undefined {
    // A text may read null as well.
    const negative = body === undefined || (body === "null" && this.#reading.decode(body, job.key) === null);
    return lifeOf(this.#settings, negative ? job.negativeTtl : job.ttl, this.#reading.timed);
  }

  #encode(value: unknown, key: string): string | undefined {
    return value === undefined && this.#codec.optional ? undefined : this.#codec.write(value, key);
  }

  #tagsOf(names: readonly string[] | undefined): readonly CacheTag[] {
    if (names === undefined || names.length === 0) return this.#implied;
    return [...this.#implied, ...Array.from(new Set(names), (name) => this.#store.tag(name))];
  }

  #late(key: string, how: "late" | "aborted"): DeadlineError {
    const { title } = this.#piece;
    const why = how === "late" ? "the deadline passed" : "the signal fired";
    return new DeadlineError(`${title} ${JSON.stringify(key)}: ${why} before the value was there`, {
      entity: title,
      id: key,
    });
  }

  #refused(message: string): DefinitionError {
    const { title } = this.#piece;
    return new DefinitionError(`${title}: ${message}`, { entity: title });
  }
}

/** A part of a cache, whose values can all be made invalid at once. */
export class CacheNamespace<S extends AnySchema = JsonSchema> extends Cache<S> {
  /**
   * Made by `namespace`.
   *
   * @internal
   * @param db - the database.
   * @param name - its whole name.
   * @param options - how values are cached.
   */
  constructor(db: Attachable, name: string, options: CacheBehaviour & CacheSchema<S>) {
    super(db, name, options, (piece) => [{ name: "", key: `${piece.tagged()}:n` }]);
  }

  /**
   * Makes every value of it invalid, as a new version in front of all keys would. One round trip (EVALSHA).
   *
   * @param options - deadline in milliseconds, and signal.
   */
  bump(options: CallOptions = {}): Promise<void> {
    return this.forgetImplied(options);
  }
}

const nothing: Seen = { state: "none", value: undefined, versions: new Map() };

function leftOf({ ends }: Patience): number | undefined {
  return ends === undefined ? undefined : ends - performance.now();
}

function sameVersions(tags: readonly CacheTag[], one: ReadonlyMap<string, string>, other: Seen["versions"]): boolean {
  return tags.every(({ name }) => one.get(name) !== undefined && one.get(name) === other.get(name));
}

/**
 * A cache of values that come from somewhere else.
 *
 * @param db - the database.
 * @param name - what to call it: the middle part of its keys.
 * @param options - what the values are, how long they are fresh, and what happens beyond that.
 * @returns the cache; nothing is sent yet.
 * @throws DefinitionError when the name or an option is refused, or values of the schema cannot be stored.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { cache } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const users = cache(db, "user", { schema: z.object({ name: z.string() }), ttl: 300, jitter: 0.1 });
 * await users.getOrSet("42", () => ({ name: "Ada" }), { tags: ["team:7"] }); // { name: "Ada" }, loaded
 * await users.getOrSet("42", () => ({ name: "Ada" }), { tags: ["team:7"] }); // from the cache, one command
 * await users.invalidateTags(["team:7"]);
 * await db.close();
 * ```
 */
export function cache<S extends AnySchema = JsonSchema>(
  db: Attachable,
  name: string,
  options: CacheOptions<S>,
): Cache<S> {
  return new Cache(db, name, options);
}
