// Loading what is not cached: once in this process, once among all processes, and stored only if nothing was invalidated meanwhile.
// Whoever loads holds a lease; others look again in short, uneven pauses until the value is there or the lease is free.
import { ConnectionError, DeadlineError } from "../errors.ts";
import type { CacheEntry, TagVersions } from "./cache-entry.ts";
import type { CacheSettings } from "./cache-options.ts";
import { type CacheStore, type CacheTag, freshToken, type Sight } from "./cache-store.ts";

/** What a loader is told. */
export interface LoadContext {
  /** The key. */
  readonly key: string;
  /** Fires when the loader is given up, or the database closed. */
  readonly signal: AbortSignal;
}

/** Gets a value from where it comes from. */
export type Loader<V> = (context: LoadContext) => V | Promise<V>;

/** What came of a load, and for whom it is good. */
export interface Loaded {
  /** The value's text, of which each caller makes a value of its own; undefined for the value `undefined`. */
  readonly body: string | undefined;
  /** The versions of its tags when it began. */
  readonly versions: TagVersions;
  /** Whether the lease was held all the time: nothing was invalidated, so whoever came meanwhile may have it as well. */
  readonly held: boolean;
}

/** A load on its way. */
export interface Flight {
  readonly loaded: Promise<Loaded>;
  /** Somebody has told of its failure. */
  told: boolean;
}

/** What a loader itself threw, apart from what the server did. */
export class LoadFailure {
  readonly reason: unknown;

  /**
   * @param reason - what it threw.
   */
  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/** What is to be loaded, and how long it lives. */
export interface LoadJob {
  readonly key: string;
  readonly tags: readonly CacheTag[];
  readonly load: Loader<unknown>;
  /** Milliseconds. */
  readonly ttl: number;
  /** The same for `null` and `undefined`, which are not stored when it is undefined. */
  readonly negativeTtl: number | undefined;
}

/** A lease, and what belongs to the entry that is loaded under it. */
export interface Lease {
  readonly token: string;
  readonly versions: TagVersions;
}

/** What loads need of their cache. */
export interface LoadHost {
  readonly settings: CacheSettings;
  readonly store: CacheStore;
  /** The entry, if it is valid and fresh. */
  readonly fresh: (sight: Sight, tags: readonly CacheTag[], key: string) => Promise<CacheEntry | undefined>;
  /** A value's text; undefined for the value `undefined`. */
  readonly encode: (value: unknown, key: string) => string | undefined;
  /** Stores a value under a lease; false when it is not held any more. */
  readonly keep: (job: LoadJob, body: string | undefined, lease: Lease) => Promise<boolean>;
  readonly count: (event: "loads" | "failures" | "waits", key: string) => void;
}

const firstPause = 8;
const longestPause = 150;
/** Leases are held longer when so much of their time is over. */
const renewals = 3;

/** The loads of one cache in this process. */
export class Loads {
  readonly #host: LoadHost;
  readonly #flights = new Map<string, Flight>();

  /**
   * @param host - the cache.
   */
  constructor(host: LoadHost) {
    this.#host = host;
  }

  /**
   * The load of a key that is on its way in this process.
   *
   * @param key - the key.
   * @returns the load, if there is one.
   */
  flying(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /**
   * Begins a load that others in this process may wait for.
   *
   * @param key - the key.
   * @param work - does it, given what ends it early.
   * @returns the load.
   */
  begin(key: string, work: (end: AbortController) => Promise<Loaded>): Flight {
    const flight: Flight = { loaded: this.ending(work), told: false };
    this.#flights.set(key, flight);
    const forget = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    flight.loaded.then(forget, forget);
    return flight;
  }

  /**
   * Loads under a lease, for which it waits, unless the value appears meanwhile.
   *
   * @param job - what to load.
   * @param end - ends it early.
   * @returns what came of it.
   * @throws LoadFailure with what the loader threw, or with a DeadlineError when others load longer than a loader may.
   * @throws RemoraError when the server fails.
   */
  async lead(job: LoadJob, end: AbortController): Promise<Loaded> {
    const { key, tags } = job;
    const { settings, store, fresh, count } = this.#host;
    const token = freshToken();
    const started = performance.now();
    let pause = firstPause;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- asked again until the value or the lease is there
      const { taken, ...sight } = await store.acquire(key, token, settings.lock, tags);
      // oxlint-disable-next-line no-await-in-loop
      const found = await fresh(sight, tags, key);
      if (found !== undefined) {
        // oxlint-disable-next-line no-await-in-loop
        if (taken) await store.release(key, token);
        return { body: found.isUndefined ? undefined : found.body, versions: knownOf(sight.versions), held: true };
      }
      if (taken) return this.#leased(job, { token, known: sight.versions, end });
      if (pause === firstPause) count("waits", key);
      if (performance.now() - started > settings.hardTimeout)
        throw new LoadFailure(this.#late(key, "others have been loading it"));
      // oxlint-disable-next-line no-await-in-loop
      await pausing(pause * (0.5 + Math.random()), end.signal);
      if (end.signal.aborted) throw closedError(store.piece.title);
      pause = Math.min(longestPause, pause * 1.5);
    }
  }

  /**
   * Loads anew if nobody else does.
   *
   * @param job - what to load.
   * @param end - ends it early.
   */
  async refresh(job: LoadJob, end: AbortController): Promise<void> {
    const { key, tags } = job;
    const { settings, store, fresh } = this.#host;
    const token = freshToken();
    const { taken, ...sight } = await store.acquire(key, token, settings.lock, tags);
    if (!taken) return;
    if ((await fresh(sight, tags, key)) === undefined) {
      await this.#leased(job, { token, known: sight.versions, end });
    } else await store.release(key, token);
  }

  /**
   * Runs something that ends with the database.
   *
   * @param work - takes what ends it early.
   * @returns what it returns.
   */
  async ending<T>(work: (end: AbortController) => Promise<T>): Promise<T> {
    const end = new AbortController();
    const forget = this.#host.store.piece.attachment.onClose(() => end.abort());
    try {
      return await work(end);
    } finally {
      forget();
    }
  }

  /**
   * Runs a loader for as long as it may take.
   *
   * @param job - what to load.
   * @param end - ends it early.
   * @returns its value's text; undefined for the value `undefined`.
   * @throws LoadFailure with what it threw, with a DeadlineError, or with a ValidationError when its value does not fit the schema.
   */
  async run({ key, load }: LoadJob, end: AbortController): Promise<string | undefined> {
    const { settings, store, count, encode } = this.#host;
    count("loads", key);
    let timer: NodeJS.Timeout | undefined;
    let closed: (() => void) | undefined;
    try {
      const value = await Promise.race([
        (async () => load({ key, signal: end.signal }))(),
        new Promise<never>((_resolve, reject) => {
          timer = setTimeout(() => {
            reject(this.#late(key, "its loader has been running"));
            end.abort();
          }, settings.hardTimeout);
          closed = () => reject(closedError(store.piece.title));
          end.signal.addEventListener("abort", closed);
        }),
      ]);
      return encode(value, key);
    } catch (error) {
      count("failures", key);
      throw new LoadFailure(error);
    } finally {
      clearTimeout(timer);
      if (closed !== undefined) end.signal.removeEventListener("abort", closed);
    }
  }

  async #leased(
    job: LoadJob,
    { token, known, end }: { readonly token: string; readonly known: Sight["versions"]; readonly end: AbortController },
  ): Promise<Loaded> {
    const { key, tags, ttl } = job;
    const { settings, store, keep } = this.#host;
    // Whether it fails here shows when the value is stored.
    const renewing = setInterval(() => {
      void store.renew(key, token, settings.lock).catch(() => undefined);
    }, settings.lock / renewals);
    try {
      const life = settings.hardTimeout + ttl + Math.max(settings.stale, settings.grace);
      // The versions are those of a moment before the loader begins: what is invalidated from then on is not valid when it is read.
      const versions = await store.versions(key, tags, known, life);
      const body = await this.run(job, end);
      clearInterval(renewing);
      return { body, versions, held: await keep(job, body, { token, versions }) };
    } catch (error) {
      // Others need not wait for what will not come; a lease that cannot be given back ends by itself.
      await store.release(key, token).catch(() => undefined);
      throw error;
    } finally {
      clearInterval(renewing);
    }
  }

  #late(key: string, what: string): DeadlineError {
    const { settings, store } = this.#host;
    const { title } = store.piece;
    return new DeadlineError(
      `${title} ${JSON.stringify(key)}: ${what} for more than ${settings.hardTimeout} ms; nothing was stored`,
      { entity: title, id: key },
    );
  }
}

function knownOf(versions: Sight["versions"]): TagVersions {
  const known = new Map<string, string>();
  for (const [name, version] of versions) if (version !== undefined) known.set(name, version);
  return known;
}

function closedError(title: string): ConnectionError {
  return new ConnectionError(`${title}: the connection was closed`, { entity: title });
}

function pausing(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    signal.addEventListener("abort", wake);
  });
}
