// Lists, sets, sorted sets and counters, each under a key of its own, with items that a schema checks.
// What can be done with them is what can be done with collections that entities own.
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import { isCluster } from "../redis/client.ts";
import type { Holding, Work } from "../repository/holding.ts";
import { TypedCounter } from "../repository/typed-counter.ts";
import { TypedList } from "../repository/typed-list.ts";
import { TypedSet } from "../repository/typed-set.ts";
import { TypedSortedSet } from "../repository/typed-sorted-set.ts";
import type { AnySchema, ValueInputOf, ValueOf } from "../schema/zod.ts";
import { holdings, Keyed, type KeyedOptions } from "./keyed.ts";
import { Piece } from "./piece.ts";

/**
 * Lists, each under a key of its own.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param schema - what the items are: anything that a field of an entity may be, but never absent.
 * @param options - how long they live, from the last write on unless `sliding` is `none`.
 * @returns the list of each key, by `of(key)`; nothing is sent yet.
 * @throws DefinitionError when the name is refused, or such items cannot be stored.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { list } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const steps = list(db, "step", z.object({ do: z.string(), done: z.boolean() }));
 * await steps.of("ada").push({ do: "read", done: true }, { do: "write", done: false });
 * await steps.of("ada").at(-1); // { do: "write", done: false }
 * await db.close();
 * ```
 */
export function list<S extends AnySchema>(
  db: Attachable,
  name: string,
  schema: S,
  options: KeyedOptions = {},
): Keyed<TypedList<ValueOf<S>, ValueInputOf<S>>> {
  const piece = new Piece(db, "list", name);
  const held = holdings(piece, piece.codec(schema, "an item", "item"), { sliding: "write", ...options });
  return new Keyed(piece, (key, call) => new TypedList(held(key, call)));
}

/** What `cappedList` accepts. */
export interface CappedListOptions extends KeyedOptions {
  /** How many of the newest items are kept: 1 to 100 000. */
  readonly keep: number;
}

/** What is pushed and what is too much are one call. */
const capping: Work = Object.freeze({
  name: "capped",
  lua: `
  local last = table.remove(words)
  redis.call('LPUSH', key, unpack(words))
  redis.call('LTRIM', key, 0, last)
  return redis.call('LLEN', key)`,
});

/** A list of the newest items. */
export class CappedList<T, I = T> {
  readonly #holding: Holding;
  readonly #list: TypedList<T, I>;
  readonly #keep: number;

  /**
   * Made by {@link cappedList}.
   *
   * @internal
   * @param holding - sends its commands.
   * @param keep - how many are kept.
   */
  constructor(holding: Holding, keep: number) {
    this.#holding = holding;
    this.#list = new TypedList(holding);
    this.#keep = keep;
  }

  /**
   * Adds items, the last of them the newest, and takes away what is too much. One round trip (EVALSHA of LPUSH and LTRIM).
   *
   * @param items - up to 5000 of them.
   * @returns how many are kept then.
   * @throws ValidationError when one of them does not fit its schema; none is added.
   */
  async push(...items: readonly I[]): Promise<number> {
    if (items.length === 0) return this.length();
    return Number(await this.#holding.write("push", capping, ...this.#holding.texts(items), this.#keep - 1));
  }

  /**
   * Reads the newest items, the newest of all first. One round trip (LRANGE).
   *
   * @param count - how many at most; all when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns the items.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async newest(count: number = this.#keep, options: CallOptions = {}): Promise<T[]> {
    return this.#holding.count(count) === 0 ? [] : this.#list.range(0, count - 1, options);
  }

  /**
   * Counts the items. One round trip (LLEN).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  length(options: CallOptions = {}): Promise<number> {
    return this.#list.length(options);
  }

  /**
   * Takes every item away that is like this one. One round trip (LREM).
   *
   * @param item - the item.
   * @returns how many there were.
   */
  remove(item: I): Promise<number> {
    return this.#list.remove(item);
  }

  /** Takes every item away. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#list.clear();
  }
}

/**
 * Lists of the newest items, each under a key of its own: a history, or what was seen last.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param schema - what the items are: anything that a field of an entity may be, but never absent.
 * @param options - how many items each keeps, and how long they live.
 * @returns the list of each key, by `of(key)`; nothing is sent yet.
 * @throws DefinitionError when the name is refused, or such items cannot be stored.
 * @throws ValidationError when `keep` or the time is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { cappedList } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const seen = cappedList(db, "seen", z.string(), { keep: 100, ttl: 30 * 86_400 });
 * await seen.of("ada").push("/one", "/two");
 * await seen.of("ada").newest(10); // ["/two", "/one"]
 * await db.close();
 * ```
 */
export function cappedList<S extends AnySchema>(
  db: Attachable,
  name: string,
  schema: S,
  options: CappedListOptions,
): Keyed<CappedList<ValueOf<S>, ValueInputOf<S>>> {
  const piece = new Piece(db, "capped", name);
  const { keep } = options;
  if (!Number.isInteger(keep) || keep < 1 || keep > 100_000)
    throw piece.invalid("keep is a whole number from 1 to 100 000");
  const held = holdings(piece, piece.codec(schema, "an item", "item"), { sliding: "write", ...options });
  return new Keyed(piece, (key, call) => new CappedList(held(key, call), keep));
}

/** Sets, each under a key. */
export class KeyedSets<T, I = T> extends Keyed<TypedSet<T, I>> {
  readonly #piece: Piece;
  readonly #read: (text: string, key: string) => unknown;

  /**
   * Made by {@link set}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param read - reads a member.
   * @param make - makes the set of a key.
   */
  constructor(
    piece: Piece,
    read: (text: string, key: string) => unknown,
    make: (key: string, options: CallOptions) => TypedSet<T, I>,
  ) {
    super(piece, make);
    this.#piece = piece;
    this.#read = read;
  }

  /**
   * Members that are in every one of several sets. One round trip (SINTER; on a cluster SMEMBERS each, compared here).
   *
   * @param keys - the sets.
   * @param options - deadline in milliseconds, and signal.
   * @returns the members, in no order.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  common(keys: readonly string[], options: CallOptions = {}): Promise<T[]> {
    return this.#combined("common", "SINTER", keys, options, (found, more) => found.filter((text) => more.has(text)));
  }

  /**
   * Members that are in any of several sets. One round trip (SUNION; on a cluster SMEMBERS each, put together here).
   *
   * @param keys - the sets.
   * @param options - deadline in milliseconds, and signal.
   * @returns the members, in no order.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  union(keys: readonly string[], options: CallOptions = {}): Promise<T[]> {
    return this.#combined("union", "SUNION", keys, options, (found, more) => [...new Set([...found, ...more])]);
  }

  /**
   * Members that are in a set and in none of others. One round trip (SDIFF; on a cluster SMEMBERS each, compared here).
   *
   * @param key - the set.
   * @param others - the others.
   * @param options - deadline in milliseconds, and signal.
   * @returns the members, in no order.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  difference(key: string, others: readonly string[], options: CallOptions = {}): Promise<T[]> {
    return this.#combined("difference", "SDIFF", [key, ...others], options, (found, more) =>
      found.filter((text) => !more.has(text)),
    );
  }

  async #combined(
    operation: string,
    command: string,
    keys: readonly string[],
    options: CallOptions,
    combine: (found: readonly string[], more: ReadonlySet<string>) => string[],
  ): Promise<T[]> {
    const [first, ...rest] = keys;
    if (first === undefined) throw this.#piece.invalid("name at least one set");
    const call = { operation, write: false, ...options };
    let texts: string[];
    // The sets of a cluster lie in different slots, which no command may touch together.
    if (isCluster(this.#piece.attachment.client)) {
      const replies = await this.#piece.many(call, () =>
        [first, ...rest].map((key) => ({ name: "SMEMBERS", args: [this.#piece.key(key)] })),
      );
      const [found = [], ...others] = replies.map((reply) => Array.from(reply as Iterable<string>));
      texts = others.reduce((before, more) => combine(before, new Set(more)), found);
    } else {
      const reply = await this.#piece.one(call, () => ({
        name: command,
        args: keys.map((key) => this.#piece.key(key)),
      }));
      texts = Array.from(reply as Iterable<string>);
    }
    return texts.map((text) => this.#read(text, first) as T);
  }
}

/**
 * Sets, each under a key of its own, which can be compared with one another.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param schema - what the members are: strings, numbers, booleans, bigints or dates.
 * @param options - how long they live, from the last write on unless `sliding` is `none`.
 * @returns the set of each key, by `of(key)`; nothing is sent yet.
 * @throws DefinitionError when the name is refused, or the members are no single values.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { set } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const interests = set(db, "interests", z.string());
 * await interests.of("ada").add("chess", "engines");
 * await interests.of("bob").add("chess");
 * await interests.common(["ada", "bob"]); // ["chess"]
 * await db.close();
 * ```
 */
export function set<S extends AnySchema>(
  db: Attachable,
  name: string,
  schema: S,
  options: KeyedOptions = {},
): KeyedSets<ValueOf<S>, ValueInputOf<S>> {
  const piece = new Piece(db, "set", name);
  const codec = piece.codec(schema, "a member", "member");
  const held = holdings(piece, codec, { sliding: "write", ...options });
  return new KeyedSets(piece, codec.read, (key, call) => new TypedSet(held(key, call)));
}

/**
 * Sorted sets, each under a key of its own: members in the order of their scores. For ranks of people there are leaderboards.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param schema - what the members are: strings, numbers, booleans, bigints or dates.
 * @param options - how long they live, from the last write on unless `sliding` is `none`.
 * @returns the sorted set of each key, by `of(key)`; nothing is sent yet.
 * @throws DefinitionError when the name is refused, or the members are no single values.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { sortedSet } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const prices = sortedSet(db, "price", z.string());
 * await prices.of("fruit").set("apple", 1.5);
 * await prices.of("fruit").byScore({ max: 2 }); // [{ member: "apple", score: 1.5 }]
 * await db.close();
 * ```
 */
export function sortedSet<S extends AnySchema>(
  db: Attachable,
  name: string,
  schema: S,
  options: KeyedOptions = {},
): Keyed<TypedSortedSet<ValueOf<S>, ValueInputOf<S>>> {
  const piece = new Piece(db, "sorted", name);
  const held = holdings(piece, piece.codec(schema, "a member", "member"), { sliding: "write", ...options });
  return new Keyed(piece, (key, call) => new TypedSortedSet(held(key, call)));
}

/** What `counter` accepts. */
export interface CounterOptions extends KeyedOptions {
  /** True counts numbers with fractions as well; the server adds them. */
  readonly fractions?: boolean;
}

/**
 * Counters, each under a key of its own.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param options - whether they count fractions, and how long they live, from the first count on unless `sliding` is `write`.
 * @returns the counter of each key, by `of(key)`; nothing is sent yet.
 * @throws DefinitionError when the name is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { counter } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const failures = counter(db, "failures", { ttl: 3600 });
 * await failures.of("ada").increment(); // 1, and gone an hour from now
 * await failures.of("ada").reset(); // what it was: 1
 * await db.close();
 * ```
 */
export function counter(db: Attachable, name: string, options: CounterOptions = {}): Keyed<TypedCounter> {
  const piece = new Piece(db, "counter", name);
  const held = holdings(piece, undefined, options);
  return new Keyed(piece, (key, call) => new TypedCounter(held(key, call), options.fractions));
}
