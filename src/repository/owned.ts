// The collections of one entity: each method is one command, sent where the entity is at home.
// Writes ask in the same call whether the entity is there, and give its collections the time that it has.
import { ItemCodec } from "../codec/item.ts";
import { EntityNotFoundError, QueryError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { defineScript } from "../redis/command.ts";
import type { RunOptions } from "../redis/executor.ts";
import type { Collection, CollectionMetadata } from "../schema/collections.ts";
import type { EntityDefinition, WithCollections } from "../schema/entity.ts";
import type { Access } from "./access.ts";
import type { TypeContext } from "./context.ts";
import { callOptions } from "./load.ts";
import type { Note } from "./observe.ts";

/** The collections of an entity of the type D, by name. */
export type OwnedBy<D> =
  D extends WithCollections<infer L> ? { readonly [K in keyof L]: OwnedCollection<L[K]> } : Record<never, never>;

type OwnedCollection<X> =
  X extends Collection<infer K, infer T>
    ? {
        readonly list: OwnedList<T>;
        readonly set: OwnedSet<T>;
        readonly sortedSet: OwnedSortedSet<T>;
        readonly counter: OwnedCounter;
      }[K]
    : never;

/*
 * KEYS: the document, the collection. ARGV: the command, and what follows the key in it.
 * Reply: nothing when there is no such entity; else the command's, in a list.
 */
const ownScript = defineScript(
  "own",
  `#!lua
local dies = redis.call('PEXPIRETIME', KEYS[1])
if dies == -2 then return false end
local reply = redis.pcall(ARGV[1], KEYS[2], unpack(ARGV, 2))
if type(reply) == 'table' and reply.err then return reply end
if dies > 0 then redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', dies)) end
return { reply }`,
);

/** Calls of Lua take some eight thousand arguments. */
const mostAtOnce = 5000;

const codecs = new WeakMap<CollectionMetadata, ItemCodec>();

// Compiled once per type: whose collections are asked for changes with every call.
function codecOf(collection: CollectionMetadata): ItemCodec | undefined {
  if (collection.item === undefined) return undefined;
  const codec = codecs.get(collection) ?? new ItemCodec(collection.item);
  codecs.set(collection, codec);
  return codec;
}

/** One collection of one entity, and how its commands are sent. */
class Holding {
  readonly #access: Access<EntityDefinition>;
  readonly #id: string;
  readonly #collection: CollectionMetadata;
  readonly #position: number;
  readonly #codec: ItemCodec | undefined;

  constructor(access: Access<EntityDefinition>, id: string, collection: CollectionMetadata, position: number) {
    this.#access = access;
    this.#id = id;
    this.#collection = collection;
    this.#position = position;
    this.#codec = codecOf(collection);
  }

  /** Items as text; all of them fit their schema, or nothing is sent. */
  texts(items: readonly unknown[]): string[] {
    if (items.length > mostAtOnce) throw this.problem(`at most ${mostAtOnce} items at once`);
    return items.map((item) => (this.#codec as ItemCodec).write(item, this.#name, this.#id));
  }

  item(text: unknown): never {
    return (this.#codec as ItemCodec).read(String(text), this.#name, this.#id) as never;
  }

  problem(message: string): QueryError {
    return new QueryError(`${this.#name}.${this.#collection.name}: ${message}`, { entity: this.#name });
  }

  get #name(): string {
    return this.#access.definition.metadata.name;
  }

  /** Sends a reading command; of an entity that is not there everything is empty. */
  read(
    operation: string,
    options: CallOptions,
    command: string,
    ...words: readonly (string | number)[]
  ): Promise<unknown> {
    return this.#at(operation, (home, key, _document, note) => {
      const request = { name: command, args: [key, ...words.map(String)] };
      note([request], 1);
      return home.executor.one(request, this.#attempt(operation, false, options));
    });
  }

  /** Sends a writing command, if the entity is there. */
  write(operation: string, command: string, ...words: readonly (string | number)[]): Promise<unknown> {
    return this.#at(operation, async (home, key, document, note) => {
      const call = {
        script: ownScript,
        keys: [document, key],
        args: [command, ...words.map(String)],
        operations: home.layout.operations,
      };
      note([call], 1);
      const reply = await home.executor.one(call, this.#attempt(operation, true, {}));
      if (Array.isArray(reply)) return reply[0] as unknown;
      throw new EntityNotFoundError(
        `${this.#name} ${JSON.stringify(this.#id)} does not exist, so it owns no ${this.#collection.name}`,
        {
          entity: this.#name,
          id: this.#id,
        },
      );
    });
  }

  /** Empties the collection. */
  async clear(): Promise<void> {
    await this.#at("clear", (home, key, _document, note) => {
      const request = { name: "UNLINK", args: [key] };
      note([request], 1);
      return home.executor.one(request, this.#attempt("clear", true, {}));
    });
  }

  #at<T>(
    operation: string,
    work: (home: TypeContext, key: string, document: string, note: Note) => Promise<T>,
  ): Promise<T> {
    return this.#access.at(`${this.#collection.name}.${operation}`, this.#id, (home, encodedId, note) => {
      const { documents, owned } = home.layout;
      return work(home, `${owned[this.#position]}${encodedId}`, documents + encodedId, note);
    });
  }

  #attempt(operation: string, write: boolean, options: CallOptions): RunOptions {
    const name = `${this.#collection.name}.${operation}`;
    return { operation: name, write, entity: this.#name, id: this.#id, ...callOptions(options) };
  }
}

/** A list of one entity. */
export class OwnedList<T> {
  readonly #holding: Holding;

  /** @internal */
  constructor(holding: Holding) {
    this.#holding = holding;
  }

  /**
   * Adds items at the end. One round trip (EVALSHA of RPUSH).
   *
   * @param items - up to 5000 of them.
   * @returns how many there are then.
   * @throws ValidationError when one of them does not fit its schema; none is added.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async push(...items: readonly T[]): Promise<number> {
    if (items.length === 0) return this.length();
    return Number(await this.#holding.write("push", "RPUSH", ...this.#holding.texts(items)));
  }

  /**
   * Adds items at the beginning, the first of them first of all. One round trip (EVALSHA of LPUSH).
   *
   * @param items - up to 5000 of them.
   * @returns how many there are then.
   * @throws ValidationError when one of them does not fit its schema; none is added.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async unshift(...items: readonly T[]): Promise<number> {
    if (items.length === 0) return this.length();
    return Number(await this.#holding.write("unshift", "LPUSH", ...this.#holding.texts(items).reverse()));
  }

  /**
   * Takes the last item away. One round trip (EVALSHA of RPOP).
   *
   * @returns the item, or null when there is none.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async pop(): Promise<T | null> {
    const text = await this.#holding.write("pop", "RPOP");
    return typeof text === "string" ? this.#holding.item(text) : null;
  }

  /**
   * Takes the first item away. One round trip (EVALSHA of LPOP).
   *
   * @returns the item, or null when there is none.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async shift(): Promise<T | null> {
    const text = await this.#holding.write("shift", "LPOP");
    return typeof text === "string" ? this.#holding.item(text) : null;
  }

  /**
   * Reads items by their places. One round trip (LRANGE).
   *
   * @param from - place of the first, from 0; negative ones count from the end.
   * @param to - place of the last; -1, the end, when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns the items.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async range(from = 0, to = -1, options: CallOptions = {}): Promise<T[]> {
    const places = [whole(this.#holding, from), whole(this.#holding, to)];
    const texts = (await this.#holding.read("range", options, "LRANGE", ...places)) as readonly string[];
    return texts.map((text) => this.#holding.item(text));
  }

  /**
   * Counts the items. One round trip (LLEN).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async length(options: CallOptions = {}): Promise<number> {
    return Number(await this.#holding.read("length", options, "LLEN"));
  }

  /**
   * Takes every item away that is like this one. One round trip (EVALSHA of LREM).
   *
   * @param item - the item.
   * @returns how many there were.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async remove(item: T): Promise<number> {
    const [text = ""] = this.#holding.texts([item]);
    return Number(await this.#holding.write("remove", "LREM", 0, text));
  }

  /**
   * Keeps some items, and takes the others away. One round trip (EVALSHA of LTRIM).
   *
   * @param from - place of the first to keep, from 0; negative ones count from the end.
   * @param to - place of the last to keep.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async trim(from: number, to: number): Promise<void> {
    await this.#holding.write("trim", "LTRIM", whole(this.#holding, from), whole(this.#holding, to));
  }

  /** Takes every item away. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }
}

/** A set of one entity. */
export class OwnedSet<T> {
  readonly #holding: Holding;

  /** @internal */
  constructor(holding: Holding) {
    this.#holding = holding;
  }

  /**
   * Adds members. One round trip (EVALSHA of SADD).
   *
   * @param members - up to 5000 of them.
   * @returns how many were not in it before.
   * @throws ValidationError when one of them does not fit its schema; none is added.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async add(...members: readonly T[]): Promise<number> {
    if (members.length === 0) return 0;
    return Number(await this.#holding.write("add", "SADD", ...this.#holding.texts(members)));
  }

  /**
   * Takes members away. One round trip (EVALSHA of SREM).
   *
   * @param members - up to 5000 of them.
   * @returns how many were in it.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async remove(...members: readonly T[]): Promise<number> {
    if (members.length === 0) return 0;
    return Number(await this.#holding.write("remove", "SREM", ...this.#holding.texts(members)));
  }

  /**
   * Tells whether a member is in it. One round trip (SISMEMBER).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns true when it is.
   */
  async has(member: T, options: CallOptions = {}): Promise<boolean> {
    const [text = ""] = this.#holding.texts([member]);
    return (await this.#holding.read("has", options, "SISMEMBER", text)) === 1;
  }

  /**
   * Reads every member, in no order. One round trip (SMEMBERS), which takes the longer the more there are.
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns the members.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async members(options: CallOptions = {}): Promise<T[]> {
    const texts = (await this.#holding.read("members", options, "SMEMBERS")) as Iterable<string>;
    return Array.from(texts, (text) => this.#holding.item(text));
  }

  /**
   * Counts the members. One round trip (SCARD).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async size(options: CallOptions = {}): Promise<number> {
    return Number(await this.#holding.read("size", options, "SCARD"));
  }

  /** Takes every member away. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }
}

/** A member of a sorted set, and its score. */
export interface Scored<T> {
  /** The member. */
  readonly member: T;
  /** Its score. */
  readonly score: number;
}

/** A sorted set of one entity. */
export class OwnedSortedSet<T> {
  readonly #holding: Holding;

  /** @internal */
  constructor(holding: Holding) {
    this.#holding = holding;
  }

  /**
   * Gives a member its score. One round trip (EVALSHA of ZADD).
   *
   * @param member - the member, new or not.
   * @param score - a finite number.
   * @returns true when it is new.
   * @throws ValidationError when it does not fit its schema.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async set(member: T, score: number): Promise<boolean> {
    const [text = ""] = this.#holding.texts([member]);
    return Number(await this.#holding.write("set", "ZADD", finite(this.#holding, score), text)) === 1;
  }

  /**
   * Adds to a member's score, which is 0 for a new one. One round trip (EVALSHA of ZINCRBY).
   *
   * @param member - the member.
   * @param by - a finite number.
   * @returns the new score.
   * @throws ValidationError when the member does not fit its schema.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async increment(member: T, by: number): Promise<number> {
    const [text = ""] = this.#holding.texts([member]);
    return Number(await this.#holding.write("increment", "ZINCRBY", finite(this.#holding, by), text));
  }

  /**
   * Takes members away. One round trip (EVALSHA of ZREM).
   *
   * @param members - up to 5000 of them.
   * @returns how many were in it.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async remove(...members: readonly T[]): Promise<number> {
    if (members.length === 0) return 0;
    return Number(await this.#holding.write("remove", "ZREM", ...this.#holding.texts(members)));
  }

  /**
   * Reads a member's score. One round trip (ZSCORE).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns the score, or null when it is not in it.
   */
  async score(member: T, options: CallOptions = {}): Promise<number | null> {
    const [text = ""] = this.#holding.texts([member]);
    const score = await this.#holding.read("score", options, "ZSCORE", text);
    return score === null ? null : Number(score);
  }

  /**
   * Reads members by their places, those with the lowest scores first. One round trip (ZRANGE).
   *
   * @param from - place of the first, from 0; negative ones count from the end.
   * @param to - place of the last; -1, the end, when left out.
   * @param options - `reverse` for those with the highest scores first; deadline in milliseconds, and signal.
   * @returns the members and their scores.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async range(from = 0, to = -1, options: CallOptions & { readonly reverse?: boolean } = {}): Promise<Scored<T>[]> {
    const { reverse = false, ...call } = options;
    const places = [whole(this.#holding, from), whole(this.#holding, to)];
    const more = reverse ? ["REV", "WITHSCORES"] : ["WITHSCORES"];
    const reply = (await this.#holding.read("range", call, "ZRANGE", ...places, ...more)) as unknown[];
    const pairs = reply.flat() as (string | number)[];
    return pairs.flatMap((text, at) =>
      at % 2 === 0 ? [{ member: this.#holding.item(text) as T, score: Number(pairs[at + 1]) }] : [],
    );
  }

  /**
   * Counts the members. One round trip (ZCARD).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async size(options: CallOptions = {}): Promise<number> {
    return Number(await this.#holding.read("size", options, "ZCARD"));
  }

  /** Takes every member away. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }
}

/** A counter of one entity. */
export class OwnedCounter {
  readonly #holding: Holding;

  /** @internal */
  constructor(holding: Holding) {
    this.#holding = holding;
  }

  /**
   * Counts. One round trip (EVALSHA of INCRBY).
   *
   * @param by - a whole number; 1 when left out.
   * @returns the new count.
   * @throws EntityNotFoundError when there is no such entity.
   */
  async increment(by = 1): Promise<number> {
    return Number(await this.#holding.write("increment", "INCRBY", whole(this.#holding, by)));
  }

  /**
   * Reads the count. One round trip (GET).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns the count; 0 when nothing was counted yet, or there is no such entity.
   */
  async get(options: CallOptions = {}): Promise<number> {
    return Number((await this.#holding.read("get", options, "GET")) ?? 0);
  }

  /** Begins at 0 again. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }
}

function whole(holding: Holding, value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw holding.problem(`takes a whole number, not ${String(value)}`);
}

function finite(holding: Holding, value: number): number {
  if (Number.isFinite(value)) return value;
  throw holding.problem(`takes a finite number, not ${String(value)}`);
}

/**
 * The collections of one entity.
 *
 * @param access - the way to its type.
 * @param id - the entity's id.
 * @returns a collection per name.
 */
export function ownedBy<D extends EntityDefinition>(access: Access<D>, id: string): OwnedBy<D> {
  const { collections } = access.definition.metadata;
  const entries = collections.map((collection, position) => {
    const holding = new Holding(access as unknown as Access<EntityDefinition>, id, collection, position);
    return [collection.name, ownedAs(collection.kind, holding)];
  });
  return Object.freeze(Object.fromEntries(entries)) as OwnedBy<D>;
}

function ownedAs(kind: CollectionMetadata["kind"], holding: Holding): object {
  switch (kind) {
    case "list":
      return new OwnedList(holding);
    case "set":
      return new OwnedSet(holding);
    case "sortedSet":
      return new OwnedSortedSet(holding);
    case "counter":
      return new OwnedCounter(holding);
  }
}
