// A configuration that all processes share: one object, checked by a schema, with a version that each change raises.
// Each process keeps what it read for a moment, and asks again when that is over.
import { isRemoraError, VersionConflictError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { defineScript } from "../redis/command.ts";
import type { AnySchema, ValueInputOf, ValueOf } from "../schema/zod.ts";
import { Piece, type ValueCodec } from "./piece.ts";

/** What `liveConfig` accepts. */
export interface LiveConfigOptions<I> {
  /** What it is as long as nobody set it: version 0. */
  readonly initial: I;
  /** For how many seconds a process goes by what it read; 5 when left out. */
  readonly refresh?: number;
  /** How many versions are kept, the present one among them: 1 to 1000; 10 when left out. */
  readonly keep?: number;
}

/** What `set` accepts. */
export interface ConfigSetOptions extends CallOptions {
  /** The version that is to be replaced; whatever there is when left out. */
  readonly version?: number;
}

/** What `change` accepts. */
export interface ConfigChangeOptions extends CallOptions {
  /** How often to begin anew when somebody else was faster; 10 when left out. */
  readonly retries?: number;
}

/** A configuration, and which one it is. */
export interface ConfigVersion<T> {
  /** 0 for the initial one, then 1 more for each change. */
  readonly version: number;
  /** When it was set, by the server's clock; undefined for the initial one. */
  readonly at: Date | undefined;
  /** What it is. */
  readonly value: T;
}

/*
 * KEYS: the versions, the newest first, each as its number, its time and its text with blanks between.
 * ARGV: the version expected or nothing, the text, how many are kept. Reply: whether it was set, and the newest.
 */
const setScript = defineScript(
  "set config",
  `#!lua
local newest = redis.call('LINDEX', KEYS[1], 0) or ''
local version = tonumber(string.match(newest, '^%d+') or '0')
if ARGV[1] ~= '' and tonumber(ARGV[1]) ~= version then return { 0, newest } end
local time = redis.call('TIME')
local entry = string.format('%.0f %.0f ', version + 1, time[1] * 1000 + math.floor(time[2] / 1000)) .. ARGV[2]
redis.call('LPUSH', KEYS[1], entry)
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[3]) - 1)
return { 1, entry }`,
);

/** A configuration that processes share. */
export class LiveConfig<T, I = T> {
  readonly #piece: Piece;
  readonly #codec: ValueCodec;
  readonly #initial: string;
  readonly #refresh: number;
  readonly #keep: number;
  #known: { readonly until: number; readonly found: ConfigVersion<T> } | undefined;
  #reading: Promise<ConfigVersion<T>> | undefined;

  /**
   * Made by {@link liveConfig}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param codec - writes and reads it.
   * @param options - the initial one, how long it is gone by, and how many versions are kept.
   */
  constructor(piece: Piece, codec: ValueCodec, options: LiveConfigOptions<I>) {
    const { initial, refresh = 5, keep = 10 } = options;
    if (!Number.isInteger(keep) || keep < 1 || keep > 1000)
      throw piece.invalid("keep is a whole number from 1 to 1000");
    this.#piece = piece;
    this.#codec = codec;
    this.#initial = codec.write(initial, "initial");
    this.#refresh = Number(piece.lifetime(refresh).milliseconds);
    this.#keep = keep;
  }

  /**
   * The configuration as this process knows it. No round trip, or one (LINDEX) when what it read is too old; callers that come
   * meanwhile share it.
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns its value.
   * @throws CorruptEntityError when what is stored does not fit the schema.
   */
  async get(options: CallOptions = {}): Promise<T> {
    if (this.#known !== undefined && performance.now() < this.#known.until) return this.#known.found.value;
    // Who brought limits of his own does not share those of others.
    if (options.deadline !== undefined || options.signal !== undefined) return (await this.read(options)).value;
    this.#reading ??= this.read().finally(() => {
      this.#reading = undefined;
    });
    return (await this.#reading).value;
  }

  /**
   * The configuration as it is now. One round trip (LINDEX).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns its value and version.
   * @throws CorruptEntityError when what is stored does not fit the schema.
   */
  async read(options: CallOptions = {}): Promise<ConfigVersion<T>> {
    const call = { operation: "read", write: false, ...options };
    const reply = await this.#piece.one(call, () => ({ name: "LINDEX", args: [this.#key, "0"] }));
    return this.#learn(this.#parse(typeof reply === "string" ? reply : ""));
  }

  /**
   * Sets the configuration. One round trip (EVALSHA).
   *
   * @param value - the new one.
   * @param options - which version it replaces, deadline in milliseconds, and signal.
   * @returns the new version.
   * @throws ValidationError when it does not fit the schema; nothing was changed.
   * @throws VersionConflictError when another version is there; nothing was changed.
   */
  async set(value: I, options: ConfigSetOptions = {}): Promise<ConfigVersion<T>> {
    const { version, ...rest } = options;
    const reply = await this.#piece.one({ operation: "set", write: true, ...rest }, () => {
      if (version !== undefined && (!Number.isSafeInteger(version) || version < 0)) {
        throw this.#piece.invalid("a version is a whole number that is not negative");
      }
      const text = this.#codec.write(value, "new");
      return { script: setScript, keys: [this.#key], args: [String(version ?? ""), text, String(this.#keep)] };
    });
    const [done, entry] = reply as [number, string];
    if (done === 1) return this.#learn(this.#parse(entry));
    const actual = Number.parseInt(entry, 10) || 0;
    throw new VersionConflictError(
      `${this.#piece.title}: version ${actual} is there, not ${version}; read it, and set it anew`,
      { entity: this.#piece.title, expected: version ?? null, actual },
    );
  }

  /**
   * Changes the configuration by a function of what it is. Two round trips (LINDEX, EVALSHA), and again when somebody was faster.
   *
   * @param change - makes the new one; called once more for each time somebody was faster.
   * @param options - how often to begin anew, deadline in milliseconds of each round trip, and signal.
   * @returns the new version.
   * @throws ValidationError when the new one does not fit the schema; nothing was changed.
   * @throws VersionConflictError when somebody was faster every time; nothing was changed.
   */
  async change(change: (value: T) => I | Promise<I>, options: ConfigChangeOptions = {}): Promise<ConfigVersion<T>> {
    const { retries = 10, ...call } = options;
    for (let left = retries; ; left -= 1) {
      // oxlint-disable-next-line no-await-in-loop -- each try begins with what the one before it lost to
      const { value, version } = await this.read(call);
      // oxlint-disable-next-line no-await-in-loop
      const wanted = await change(value);
      try {
        // oxlint-disable-next-line no-await-in-loop
        return await this.set(wanted, { ...call, version });
      } catch (error) {
        if (!isRemoraError(error, "VERSION_CONFLICT") || left <= 0) throw error;
      }
    }
  }

  /**
   * The versions that are kept. One round trip (LRANGE).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns the newest first; empty when it was never set.
   * @throws CorruptEntityError when one of them does not fit the schema.
   */
  async history(options: CallOptions = {}): Promise<ConfigVersion<T>[]> {
    const call = { operation: "history", write: false, ...options };
    const reply = await this.#piece.one(call, () => ({ name: "LRANGE", args: [this.#key, "0", "-1"] }));
    return (reply as string[]).map((entry) => this.#parse(entry));
  }

  /**
   * Follows the configuration: what it is, then each other version that is there when the server is asked again.
   * One round trip per `refresh` (LINDEX). Versions that came and went between are left out.
   *
   * @param options - deadline in milliseconds of each round trip, and a signal that ends it.
   * @returns an iterator of versions; it ends with the signal, or when the database is closed.
   * @throws RemoraError when the server cannot be asked, or what is stored does not fit the schema.
   */
  async *watch(options: CallOptions = {}): AsyncGenerator<ConfigVersion<T>, void, undefined> {
    const closed = new AbortController();
    const forget = this.#piece.attachment.onClose(() => closed.abort());
    const ends = AbortSignal.any([closed.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    const { deadline } = options;
    const call = deadline === undefined ? {} : { deadline };
    let last: number | undefined;
    try {
      while (!ends.aborted) {
        // oxlint-disable-next-line no-await-in-loop -- one look after the other
        const found = await this.read(call);
        if (found.version !== last) yield found;
        last = found.version;
        // oxlint-disable-next-line no-await-in-loop
        await pause(this.#refresh, ends);
      }
    } catch (error) {
      if (!ends.aborted) throw error;
    } finally {
      forget();
    }
  }

  get #key(): string {
    return this.#piece.tagged();
  }

  #learn(found: ConfigVersion<T>): ConfigVersion<T> {
    // An answer that was overtaken by a newer one does not take its place.
    if (
      this.#known === undefined ||
      found.version >= this.#known.found.version ||
      this.#known.until < performance.now()
    ) {
      this.#known = { until: performance.now() + this.#refresh, found };
    }
    return found;
  }

  #parse(entry: string): ConfigVersion<T> {
    const [, version = "0", at, text = this.#initial] = /^(\d+) (\d+) ([^]*)$/.exec(entry) ?? [];
    const value = this.#codec.read(text, `version ${version}`) as T;
    return { version: Number(version), at: at === undefined ? undefined : new Date(Number(at)), value };
  }
}

/** Waits, or until a signal fires; keeps no process alive. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    timer.unref();
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}

/**
 * A configuration that processes share and that may change while they run.
 *
 * @param db - the database.
 * @param name - what to call it: the middle part of its key.
 * @param schema - what it is: anything that a field of an entity may be, or null.
 * @param options - the initial one, for how long a process goes by what it read, and how many versions are kept.
 * @returns reads and changes it; nothing is sent yet.
 * @throws DefinitionError when the name is refused, or such values cannot be stored.
 * @throws ValidationError when an option is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { liveConfig } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const limits = liveConfig(db, "limits", z.object({ perMinute: z.int().positive(), open: z.boolean() }), {
 *   initial: { perMinute: 60, open: true },
 * });
 * (await limits.get()).perMinute; // 60
 * await limits.change((now) => ({ ...now, perMinute: now.perMinute * 2 }));
 * await db.close();
 * ```
 */
export function liveConfig<S extends AnySchema>(
  db: Attachable,
  name: string,
  schema: S,
  options: LiveConfigOptions<ValueInputOf<S>>,
): LiveConfig<ValueOf<S>, ValueInputOf<S>> {
  const piece = new Piece(db, "config", name);
  return new LiveConfig(piece, piece.codec(schema, "the configuration"), options);
}
