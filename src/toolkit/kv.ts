// Typed values under keys of their own: one string each, checked by a schema when written and when read.
// Every method is one round trip; keys of different slots of a cluster are asked for in one write.
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import type { Request } from "../redis/command.ts";
import type { Ttl } from "../repository/ttl.ts";
import type { AnySchema, ValueInputOf, ValueOf } from "../schema/zod.ts";
import { KeyCommands } from "./key-commands.ts";
import { partNaming } from "./keyed.ts";
import { Piece, type ValueCodec } from "./piece.ts";

/** What `kv` accepts beside name and schema. */
export interface KvOptions {
  /** How long values live when the call does not say: seconds, milliseconds, until a date; for ever when left out. */
  readonly ttl?: Ttl;
}

/** What `set` accepts. */
export interface KvSetOptions extends CallOptions {
  /** How long it lives: seconds, milliseconds, until a date, or for ever (null); as the whole of them when left out. */
  readonly ttl?: Ttl;
  /** True keeps the time that a present value has left. */
  readonly keepTtl?: boolean;
  /** `missing` writes only a new key, `present` only one that is there. */
  readonly when?: "missing" | "present";
}

/** What `get` accepts. */
export interface KvGetOptions extends CallOptions {
  /** A time to live that the value gets by being read; null for ever. */
  readonly ttl?: Ttl;
}

/** Typed values, each under a key. */
export class Kv<S extends AnySchema> extends KeyCommands {
  readonly #piece: Piece;
  readonly #codec: ValueCodec;
  readonly #ttl: Ttl;

  /**
   * Made by {@link kv}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param schema - what the values are.
   * @param options - how long they live.
   */
  constructor(piece: Piece, schema: S, options: KvOptions) {
    super(piece, partNaming(piece));
    this.#piece = piece;
    this.#codec = piece.codec(schema);
    this.#ttl = options.ttl ?? null;
    piece.ttlWords(this.#ttl);
  }

  /**
   * Reads a value. One round trip (GET; GETEX with `ttl`).
   *
   * @param key - its key: 1 to 512 bytes of text.
   * @param options - a new time to live, deadline in milliseconds, and signal.
   * @returns the value; undefined when there is none.
   * @throws CorruptEntityError when it does not fit the schema.
   */
  async get(key: string, options: KvGetOptions = {}): Promise<ValueOf<S> | undefined> {
    const { ttl } = options;
    const reply = await this.#piece.one({ operation: "get", write: ttl !== undefined, id: key, ...options }, () => {
      const name = this.#piece.key(key);
      if (ttl === undefined) return { name: "GET", args: [name] };
      const words = ttl === null ? ["PERSIST"] : this.#piece.ttlWords(ttl);
      return { name: "GETEX", args: [name, ...words] };
    });
    return this.#read(reply, key);
  }

  /**
   * Reads several values. One round trip (GET each, in one write).
   *
   * @param keys - their keys.
   * @param options - deadline in milliseconds, and signal.
   * @returns the values in order; undefined where there is none.
   * @throws CorruptEntityError when one of them does not fit the schema.
   */
  async getMany(keys: readonly string[], options: CallOptions = {}): Promise<(ValueOf<S> | undefined)[]> {
    const replies = await this.#piece.many({ operation: "getMany", write: false, ...options }, () =>
      keys.map((key) => ({ name: "GET", args: [this.#piece.key(key)] })),
    );
    return replies.map((reply, at) => this.#read(reply, keys[at] as string));
  }

  /**
   * Writes a value, with its time to live in the same command. One round trip (SET).
   *
   * @param key - its key: 1 to 512 bytes of text.
   * @param value - the value.
   * @param options - time to live, whether only if missing or present, deadline in milliseconds, and signal.
   * @returns true when it was written; false when `when` did not hold.
   * @throws ValidationError when key, value or time are refused; nothing was changed.
   */
  async set(key: string, value: ValueInputOf<S>, options: KvSetOptions = {}): Promise<boolean> {
    const call = { operation: "set", write: true, id: key, ...options };
    return (await this.#piece.one(call, () => this.#setting(key, value, options))) !== null;
  }

  /**
   * Writes a value and reads the one that was there. One round trip (SET with GET).
   *
   * @param key - its key: 1 to 512 bytes of text.
   * @param value - the value.
   * @param options - time to live, whether only if missing or present, deadline in milliseconds, and signal.
   * @returns the value before; undefined when there was none.
   * @throws ValidationError when key, value or time are refused; nothing was changed.
   * @throws CorruptEntityError when what was there does not fit the schema; the new value was written.
   */
  async getSet(key: string, value: ValueInputOf<S>, options: KvSetOptions = {}): Promise<ValueOf<S> | undefined> {
    const call = { operation: "getSet", write: true, id: key, ...options };
    return this.#read(await this.#piece.one(call, () => this.#setting(key, value, options, ["GET"])), key);
  }

  /**
   * Writes several values; all of them fit the schema, or nothing is sent. One round trip (SET each, in one write).
   *
   * @param entries - keys and values: pairs, or an object.
   * @param options - time to live, whether only if missing or present, deadline in milliseconds, and signal.
   * @returns for each in order whether it was written.
   * @throws ValidationError when a key, a value or the time is refused; nothing was changed.
   */
  async setMany(
    entries: Iterable<readonly [key: string, value: ValueInputOf<S>]> | Readonly<Record<string, ValueInputOf<S>>>,
    options: KvSetOptions = {},
  ): Promise<boolean[]> {
    const pairs = Symbol.iterator in entries ? [...entries] : Object.entries(entries);
    const replies = await this.#piece.many({ operation: "setMany", write: true, ...options }, () =>
      pairs.map(([key, value]) => this.#setting(key, value as ValueInputOf<S>, options)),
    );
    return replies.map((reply) => reply !== null);
  }

  /**
   * Reads a value and deletes it, so that only one caller gets it. One round trip (GETDEL).
   *
   * @param key - its key.
   * @param options - deadline in milliseconds, and signal.
   * @returns the value; undefined when there is none.
   * @throws CorruptEntityError when it does not fit the schema; it was deleted.
   */
  async take(key: string, options: CallOptions = {}): Promise<ValueOf<S> | undefined> {
    const call = { operation: "take", write: true, id: key, ...options };
    return this.#read(await this.#piece.one(call, () => ({ name: "GETDEL", args: [this.#piece.key(key)] })), key);
  }

  #setting(key: string, value: ValueInputOf<S>, options: KvSetOptions, more: readonly string[] = []): Request {
    const { keepTtl = false, ttl, when } = options;
    if (keepTtl && ttl !== undefined) throw this.#piece.invalid("give either ttl or keepTtl", key);
    const time = keepTtl ? ["KEEPTTL"] : this.#piece.ttlWords(ttl === undefined ? this.#ttl : ttl);
    const condition = when === undefined ? [] : [when === "missing" ? "NX" : "XX"];
    return { name: "SET", args: [this.#piece.key(key), this.#codec.write(value, key), ...condition, ...more, ...time] };
  }

  #read(reply: unknown, key: string): ValueOf<S> | undefined {
    return typeof reply === "string" ? (this.#codec.read(reply, key) as ValueOf<S>) : undefined;
  }
}

/**
 * Typed values, each under a key of its own.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param schema - what they are: anything that a field of an entity may be, or null.
 * @param options - how long they live when a call does not say.
 * @returns reads and writes; nothing is sent yet.
 * @throws DefinitionError when the name is refused, or values of the schema cannot be stored.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { kv } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const drafts = kv(db, "draft", z.object({ title: z.string(), at: z.date() }), { ttl: 3600 });
 * await drafts.set("ada", { title: "Notes", at: new Date() }, { when: "missing" });
 * await drafts.get("ada"); // { title: "Notes", at: … }
 * await db.close();
 * ```
 */
export function kv<S extends AnySchema>(db: Attachable, name: string, schema: S, options: KvOptions = {}): Kv<S> {
  return new Kv(new Piece(db, "kv", name), schema, options);
}
