// The collections of one entity: each method is one command, sent where the entity is at home.
// Writes ask in the same call whether the entity is there, and give its collections the time that it has.
import { ItemCodec } from "../codec/item.ts";
import { EntityNotFoundError, QueryError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { RunOptions } from "../redis/executor.ts";
import type { Collection, CollectionMetadata } from "../schema/collections.ts";
import type { EntityDefinition, WithCollections } from "../schema/entity.ts";
import type { Access } from "./access.ts";
import type { TypeContext } from "./context.ts";
import { callOptions } from "./load.ts";
import { Holding, scriptsAround, type Work } from "./holding.ts";
import type { Note } from "./observe.ts";
import { TypedCounter } from "./typed-counter.ts";
import { TypedList } from "./typed-list.ts";
import { TypedSet } from "./typed-set.ts";
import { TypedSortedSet } from "./typed-sorted-set.ts";

/** The collections of an entity of the type D, by name. */
export type OwnedBy<D> =
  D extends WithCollections<infer L> ? { readonly [K in keyof L]: OwnedCollection<L[K]> } : Record<never, never>;

type OwnedCollection<X> =
  X extends Collection<infer K, infer T>
    ? {
        readonly list: TypedList<T>;
        readonly set: TypedSet<T>;
        readonly sortedSet: TypedSortedSet<T>;
        readonly counter: TypedCounter;
      }[K]
    : never;

/*
 * KEYS: the document, the collection. ARGV: what the work takes.
 * Reply: nothing when there is no such entity; else the work's, in a list.
 */
const ownCall = scriptsAround(
  "own",
  (work) => `#!lua
${work}
local dies = redis.call('PEXPIRETIME', KEYS[1])
if dies == -2 then return false end
local reply = work(KEYS[2], ARGV)
if type(reply) == 'table' and reply.err then return reply end
if dies > 0 then redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', dies)) end
return { reply }`,
);

const codecs = new WeakMap<CollectionMetadata, ItemCodec>();

// Compiled once per type: whose collections are asked for changes with every call.
function codecOf(collection: CollectionMetadata): ItemCodec | undefined {
  if (collection.item === undefined) return undefined;
  const codec = codecs.get(collection) ?? new ItemCodec(collection.item);
  codecs.set(collection, codec);
  return codec;
}

/** One collection of one entity, and how its commands are sent. */
class OwnedHolding extends Holding {
  readonly #access: Access<EntityDefinition>;
  readonly #id: string;
  readonly #collection: CollectionMetadata;
  readonly #position: number;
  readonly #codec: ItemCodec | undefined;

  constructor(access: Access<EntityDefinition>, id: string, collection: CollectionMetadata, position: number) {
    super();
    this.#access = access;
    this.#id = id;
    this.#collection = collection;
    this.#position = position;
    this.#codec = codecOf(collection);
  }

  protected encode(item: unknown): string {
    return (this.#codec as ItemCodec).write(item, this.#name, this.#id);
  }

  protected decode(text: string): unknown {
    return (this.#codec as ItemCodec).read(text, this.#name, this.#id);
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
  write(operation: string, command: string | Work, ...words: readonly (string | number)[]): Promise<unknown> {
    return this.#at(operation, async (home, key, document, note) => {
      const call = {
        ...ownCall(command, words),
        keys: [document, key],
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
    const holding = new OwnedHolding(access as unknown as Access<EntityDefinition>, id, collection, position);
    return [collection.name, ownedAs(collection.kind, holding)];
  });
  return Object.freeze(Object.fromEntries(entries)) as OwnedBy<D>;
}

function ownedAs(kind: CollectionMetadata["kind"], holding: Holding): object {
  switch (kind) {
    case "list":
      return new TypedList(holding);
    case "set":
      return new TypedSet(holding);
    case "sortedSet":
      return new TypedSortedSet(holding);
    case "counter":
      return new TypedCounter(holding);
  }
}
