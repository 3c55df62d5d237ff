// Hashes, each under a key of its own: fields of an object that are read, written and counted one by one.
// Any of them may be missing. What is always whole, and is looked for by its fields, is an entity.
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { readMap } from "../redis/replies.ts";
import type { Work } from "../repository/holding.ts";
import { isIntegerField, type ValueInputOf, type ValueOf, type ZodObject } from "../schema/zod.ts";
import { holdings, Keyed, type KeyedOptions, type KeyHolding } from "./keyed.ts";
import { Piece, type ValueCodec } from "./piece.ts";

/** The fields that hold plain numbers. */
export type CountedFields<T> = {
  [K in keyof T & string]-?: [Exclude<T[K], undefined>] extends [number] ? K : never;
}[keyof T & string];

/** What `set` of a hash accepts. */
export interface HashSetOptions {
  /** `missing` writes only a new hash, `present` only one that is there. */
  readonly when?: "missing" | "present";
}

/** Looking whether it is there and writing are one call: a hash that just expired does not come back as a part of itself. */
const setting: Work = Object.freeze({
  name: "fields",
  lua: `
  local wanted = table.remove(words)
  if wanted ~= '' and redis.call('EXISTS', key) ~= tonumber(wanted) then return 0 end
  redis.call('HSET', key, unpack(words))
  return 1`,
});

interface HashSchema {
  readonly codecs: ReadonlyMap<string, ValueCodec>;
  /** Those that hold whole numbers only. */
  readonly whole: ReadonlySet<string>;
}

/** One hash. */
export class TypedHash<T extends object, I extends object = T> {
  readonly #holding: KeyHolding;
  readonly #schema: HashSchema;

  /**
   * Made by {@link hash}.
   *
   * @internal
   * @param holding - sends its commands.
   * @param schema - what its fields are.
   */
  constructor(holding: KeyHolding, schema: HashSchema) {
    this.#holding = holding;
    this.#schema = schema;
  }

  /**
   * Reads fields. One round trip (HMGET; HGETALL for all of them).
   *
   * @param fields - their names; all when left out.
   * @returns those that are there; an empty object when there is no such hash.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async get<K extends keyof T & string = keyof T & string>(...fields: readonly K[]): Promise<Partial<Pick<T, K>>> {
    const codecs = this.#codecs(fields);
    const found: Record<string, unknown> = {};
    if (fields.length === 0) {
      const all = readMap(await this.#holding.read("get", {}, "HGETALL"));
      for (const [field, codec] of this.#schema.codecs) {
        if (Object.hasOwn(all, field)) found[field] = codec.read(String(all[field]), this.#holding.part);
      }
      return found as Partial<Pick<T, K>>;
    }
    const texts = (await this.#holding.read("get", {}, "HMGET", ...fields)) as (string | null)[];
    for (const [at, text] of texts.entries()) {
      if (text !== null) found[fields[at] as string] = (codecs[at] as ValueCodec).read(text, this.#holding.part);
    }
    return found as Partial<Pick<T, K>>;
  }

  /**
   * Writes fields, and leaves the others. One round trip (HSET; EVALSHA of it with `when`, or a time to live).
   *
   * @param values - the fields; what is undefined is left out.
   * @param options - whether only if the hash is missing or present.
   * @returns true when they were written; false when `when` did not hold.
   * @throws ValidationError when one of them does not fit its schema; nothing was changed.
   */
  async set(values: Partial<I>, options: HashSetOptions = {}): Promise<boolean> {
    const given = Object.entries(values).filter(([, value]) => value !== undefined);
    if (given.length === 0) throw this.#holding.problem("there is no field to set");
    const codecs = this.#codecs(given.map(([field]) => field));
    const words = given.flatMap(([field, value], at) => [
      field,
      (codecs[at] as ValueCodec).write(value, this.#holding.part),
    ]);
    const { when } = options;
    if (when === undefined) {
      await this.#holding.write("set", "HSET", ...words);
      return true;
    }
    return Number(await this.#holding.write("set", setting, ...words, when === "present" ? "1" : "0")) === 1;
  }

  /**
   * Adds to a field that holds a number, which is 0 when it is missing. One round trip (HINCRBY; HINCRBYFLOAT with fractions).
   * The server adds: what else the schema says of the number is checked when it is read.
   *
   * @param field - its name.
   * @param by - what to add: a whole number where the schema wants one; 1 when left out.
   * @returns what it is then.
   */
  async increment(field: CountedFields<T>, by = 1): Promise<number> {
    const [codec] = this.#codecs([field]);
    if (codec?.counts !== true) throw this.#holding.problem(`${field} is no plain number`);
    return this.#schema.whole.has(field)
      ? Number(await this.#holding.write("increment", "HINCRBY", field, this.#holding.whole(by)))
      : Number(await this.#holding.write("increment", "HINCRBYFLOAT", field, this.#holding.finite(by)));
  }

  /**
   * Tells whether a field is there. One round trip (HEXISTS).
   *
   * @param field - its name.
   * @returns true when it is.
   */
  async has(field: keyof T & string): Promise<boolean> {
    this.#codecs([field]);
    return (await this.#holding.read("has", {}, "HEXISTS", field)) === 1;
  }

  /**
   * Takes fields away. One round trip (HDEL).
   *
   * @param fields - their names.
   * @returns how many were there.
   */
  async delete(...fields: readonly (keyof T & string)[]): Promise<number> {
    this.#codecs(fields);
    return fields.length === 0 ? 0 : Number(await this.#holding.write("delete", "HDEL", ...fields));
  }

  /**
   * The names of the fields that are there. One round trip (HKEYS).
   *
   * @returns the names; those that the schema does not know are left out.
   */
  async fields(): Promise<(keyof T & string)[]> {
    const names = (await this.#holding.read("fields", {}, "HKEYS")) as string[];
    return names.filter((name) => this.#schema.codecs.has(name)) as (keyof T & string)[];
  }

  /** Takes every field away. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }

  #codecs(fields: readonly string[]): ValueCodec[] {
    return fields.map((field) => {
      const codec = this.#schema.codecs.get(field);
      if (codec === undefined) throw this.#holding.problem(`the schema has no field ${JSON.stringify(field)}`);
      return codec;
    });
  }
}

/**
 * Hashes, each under a key of its own, with the fields of an object.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param schema - the object; each of its properties may be missing in a hash.
 * @param options - how long they live, from the last write on unless `sliding` is `none`.
 * @returns the hash of each key, by `of(key)`; nothing is sent yet.
 * @throws DefinitionError when the name is refused, or a property cannot be stored.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { hash } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const profiles = hash(db, "profile", z.object({ name: z.string(), logins: z.int(), last: z.date() }));
 * await profiles.of("ada").set({ name: "Ada", last: new Date() });
 * await profiles.of("ada").increment("logins"); // 1
 * await profiles.of("ada").get("name", "logins"); // { name: "Ada", logins: 1 }
 * await db.close();
 * ```
 */
export function hash<S extends ZodObject>(
  db: Attachable,
  name: string,
  schema: S,
  options: KeyedOptions = {},
): Keyed<TypedHash<ValueOf<S> & object, ValueInputOf<S> & object>> {
  const piece = new Piece(db, "hash", name);
  const properties = Object.entries(schema._zod.def.shape);
  const codecs = new Map(
    properties.map(([field, inner]) => [field, piece.codec(inner, `the field ${field}`, "field")]),
  );
  const held = holdings(piece, undefined, { sliding: "write", ...options });
  const whole = new Set(properties.flatMap(([field]) => (isIntegerField(schema, field) ? [field] : [])));
  const fields = { codecs, whole };
  return new Keyed(piece, (key, call: CallOptions) => new TypedHash(held(key, call), fields));
}
