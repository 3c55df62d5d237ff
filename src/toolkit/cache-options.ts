// What a cache may be told, and what becomes of it: every time in milliseconds, every default filled in.
// What makes no sense is refused when the cache is made.
import { DefinitionError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { type TtlMilliseconds, wishedTime } from "../repository/ttl.ts";

/** How long: seconds, or milliseconds. */
export type CacheTime = number | TtlMilliseconds;

/** What {@link CacheBehaviour.onError} is told beside the error. */
export interface CacheFailure {
  /** The cache, as in `cache movies`. */
  readonly cache: string;
  /** The key concerned, where it is about one. */
  readonly key: string | undefined;
  /** `server`: a request failed and the loader was asked instead; `load`: a loader failed and an old value was given, or nobody waits for it; `store`: a result could not be stored; `bus`: the messages of the in-process layer. */
  readonly during: "server" | "load" | "store" | "bus";
}

/** An in-process layer in front of the server. */
export interface CacheMemoryOptions {
  /** How many values; 1 000 when left out. */
  readonly max?: number;
  /** How many characters in all; 16 million when left out. */
  readonly maxCharacters?: number;
  /** How long a value is given without asking the server: the longest that a lost message can matter; 5 seconds when left out. */
  readonly ttl?: CacheTime;
}

/** How values are cached. */
export interface CacheBehaviour {
  /** How long a value is fresh. */
  readonly ttl: CacheTime;
  /** The same for `null` and `undefined`; as `ttl` when left out, not cached at all when false. */
  readonly negativeTtl?: CacheTime | false;
  /** By how much of itself a time to live is made shorter at random, 0 to 1, so that what was cached together does not end together; 0 when left out. */
  readonly jitter?: number;
  /** How long beyond its time a value is given at once, while it is loaded anew behind the caller's back. */
  readonly stale?: CacheTime;
  /** How long beyond its time a value is kept for when the loader fails or is late. */
  readonly grace?: CacheTime;
  /** Milliseconds after which a call takes the old value, where there is one, and the loader goes on by itself. */
  readonly softTimeout?: number;
  /** Milliseconds after which a loader is given up, and its signal fires; 30 000 when left out. */
  readonly hardTimeout?: number;
  /** How long others wait for a process that died while it was loading; 5 seconds when left out. A living one keeps its place. */
  readonly lock?: CacheTime;
  /** Milliseconds for each request to the server; the database's when left out. */
  readonly deadline?: number;
  /** True asks the loader when the server fails, instead of failing as well. */
  readonly failOpen?: boolean;
  /** Notes for each tag which keys have it, so that `invalidateTags` can delete them at once. */
  readonly tagMembers?: boolean;
  /** Keeps values in this process as well; everybody who uses the cache has to say so. */
  readonly memory?: CacheMemoryOptions | boolean;
  /** Told of what fails behind a caller's back; needed by `failOpen`, `stale`, `grace`, `softTimeout` and `memory`. */
  readonly onError?: (error: unknown, failure: CacheFailure) => void;
}

/** Whoever lets things fail behind a caller's back says where that is told. */
export type CacheTelling =
  | Required<Pick<CacheBehaviour, "onError">>
  | {
      /** Not without `onError`. */
      readonly failOpen?: false;
      /** Not without `onError`. */
      readonly stale?: never;
      /** Not without `onError`. */
      readonly grace?: never;
      /** Not without `onError`. */
      readonly softTimeout?: never;
      /** Not without `onError`. */
      readonly memory?: false;
    };

/** What `get` accepts. */
export interface CacheGetOptions extends CallOptions {
  /** The tags of the value, where they are known: it saves a round trip, and a value without one of them does not count. */
  readonly tags?: readonly string[];
}

/** What `set` accepts. */
export interface CacheSetOptions extends CacheGetOptions {
  /** How long this value is fresh; as the cache says when left out. */
  readonly ttl?: CacheTime;
}

/** What `getOrSet` accepts. */
export interface CacheLoadOptions extends CacheSetOptions {
  /** The same for `null` and `undefined`; false does not cache them. */
  readonly negativeTtl?: CacheTime | false;
}

/** Every time in milliseconds. */
export interface CacheSettings {
  readonly ttl: number;
  /** False where nothing negative is cached; undefined where it is as `ttl`. */
  readonly negativeTtl: number | false | undefined;
  readonly jitter: number;
  readonly stale: number;
  readonly grace: number;
  readonly softTimeout: number | undefined;
  readonly hardTimeout: number;
  readonly lock: number;
  readonly deadline: number | undefined;
  readonly failOpen: boolean;
  readonly tagMembers: boolean;
  readonly memory: { readonly max: number; readonly maxCharacters: number; readonly ttl: number } | undefined;
  readonly onError: CacheBehaviour["onError"];
}

const defaults = { hardTimeout: 30_000, lock: 5000, memory: 1000, characters: 16 * 1024 * 1024, memoryTtl: 5000 };
/** Shorter ones would be lost by a process that is only busy. */
const shortestLock = 100;
const behindBacks = ["failOpen", "stale", "grace", "softTimeout", "memory"] as const;

/**
 * Checks options.
 *
 * @param title - the cache, for errors.
 * @param options - what the user gave.
 * @returns the settings.
 * @throws DefinitionError when one makes no sense, or failures would have nowhere to go.
 */
export function cacheSettings(title: string, options: CacheBehaviour): CacheSettings {
  const refuse = (message: string): DefinitionError => new DefinitionError(`${title}: ${message}`, { entity: title });
  const time = (name: string, value: CacheTime): number => {
    try {
      return cacheTime(title, value);
    } catch (error) {
      throw refuse(`${name}: ${(error as Error).message}`);
    }
  };
  const count = (name: string, value: number): number => {
    if (typeof value === "number" && value >= 1) return value;
    throw refuse(`${name} is a number from 1`);
  };
  const needing = behindBacks.find((name) => options[name] !== undefined && options[name] !== false);
  if (needing !== undefined && typeof options.onError !== "function") {
    throw refuse(`${needing} lets things fail behind a caller's back: give onError, which is told of them`);
  }
  const { jitter = 0, negativeTtl, softTimeout, hardTimeout, memory } = options;
  if (!(jitter >= 0 && jitter <= 1)) throw refuse("jitter is a number from 0 to 1");
  const ttl = time("ttl", options.ttl);
  const lock = options.lock === undefined ? defaults.lock : time("lock", options.lock);
  if (lock < shortestLock) throw refuse(`lock is a time from ${shortestLock} ms`);
  const layer = memory === true ? {} : memory === false ? undefined : memory;
  return Object.freeze({
    ttl,
    negativeTtl: negativeTtl === false || negativeTtl === undefined ? negativeTtl : time("negativeTtl", negativeTtl),
    jitter,
    stale: options.stale === undefined ? 0 : time("stale", options.stale),
    grace: options.grace === undefined ? 0 : time("grace", options.grace),
    softTimeout: softTimeout === undefined ? undefined : count("softTimeout", softTimeout),
    hardTimeout: hardTimeout === undefined ? defaults.hardTimeout : count("hardTimeout", hardTimeout),
    lock,
    deadline: options.deadline === undefined ? undefined : count("deadline", options.deadline),
    failOpen: options.failOpen ?? false,
    tagMembers: options.tagMembers ?? false,
    memory: layer && {
      max: layer.max === undefined ? defaults.memory : count("memory.max", layer.max),
      maxCharacters:
        layer.maxCharacters === undefined ? defaults.characters : count("memory.maxCharacters", layer.maxCharacters),
      ttl: layer.ttl === undefined ? defaults.memoryTtl : time("memory.ttl", layer.ttl),
    },
    onError: options.onError,
  });
}

/**
 * Reads a time.
 *
 * @param title - the cache, for errors.
 * @param time - seconds, or milliseconds.
 * @returns milliseconds.
 * @throws ValidationError when it is not a positive time.
 */
function cacheTime(title: string, time: CacheTime): number {
  // Neither for ever nor until a date.
  const ms = typeof time === "object" ? (time as TtlMilliseconds | null)?.ms : time * 1000;
  return Number(wishedTime({ name: title }, { ms: ms as number })[1]);
}

/** How long an entry lives. */
export interface CacheLife {
  /** Milliseconds until it is stale; undefined when its key ends then. */
  readonly fresh: number | undefined;
  /** Milliseconds until its key ends. */
  readonly life: number;
}

/**
 * The times to live that a call wants.
 *
 * @param title - the cache, for errors.
 * @param settings - of the cache.
 * @param options - of the call.
 * @returns milliseconds for values, and for `null` and `undefined`, which are not stored when that is undefined.
 * @throws ValidationError when one is not a positive time.
 */
export function wishedLives(
  title: string,
  settings: CacheSettings,
  options: Pick<CacheLoadOptions, "ttl" | "negativeTtl">,
): { readonly ttl: number; readonly negativeTtl: number | undefined } {
  const ttl = options.ttl === undefined ? settings.ttl : cacheTime(title, options.ttl);
  const wished =
    options.negativeTtl === undefined || options.negativeTtl === false
      ? (options.negativeTtl ?? settings.negativeTtl)
      : cacheTime(title, options.negativeTtl);
  return { ttl, negativeTtl: wished === false ? undefined : (wished ?? ttl) };
}

/**
 * How long an entry is to live.
 *
 * @param settings - of the cache.
 * @param ttl - milliseconds; undefined for what is not stored.
 * @param timed - whether entries say themselves until when they are fresh.
 * @returns its times; undefined when it is not stored.
 */
export function lifeOf(
  { jitter, stale, grace }: CacheSettings,
  ttl: number | undefined,
  timed: boolean,
): CacheLife | undefined {
  if (ttl === undefined) return undefined;
  const fresh = Math.max(1, Math.round(ttl * (1 - jitter * Math.random())));
  return { fresh: timed ? fresh : undefined, life: fresh + Math.max(stale, grace) };
}
