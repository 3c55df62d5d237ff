// How a repository's methods reach their type: its context is resolved by the first call, and kept.
// Each call is observed, and one about a single entity goes to the partition that the entity is at home in.
import type { DocumentCodec } from "../codec/document.ts";
import { readOnlyError } from "../redis/read-only.ts";
import type { EntityDefinition } from "../schema/entity.ts";
import { encodeId, type Keyspace } from "../schema/key.ts";
import { partitionOf } from "../schema/partitions.ts";
import { type Connection, resolveContext, type TypeContext } from "./context.ts";
import { type Note, observe } from "./observe.ts";
import { homeOf } from "./partitions.ts";
import { onlyReads } from "./read-only.ts";

type Reading = Pick<TypeContext, "validation" | "readOnly">;

/** The way to one entity type. */
export class Access<D extends EntityDefinition> {
  readonly definition: D;
  readonly #connection: Connection;
  readonly #keys: readonly Keyspace[];
  readonly #codec: DocumentCodec;
  readonly #reading: Reading;
  #context: TypeContext | undefined;
  #resolving: Promise<TypeContext> | undefined;

  /**
   * @param definition - the entity type.
   * @param connection - the database's connection.
   * @param keys - the key prefixes of each of the type's partitions.
   * @param codec - the type's codec.
   * @param reading - what the schema has to say of what is read, and whether anything is written.
   */
  constructor(
    definition: D,
    connection: Connection,
    keys: readonly Keyspace[],
    codec: DocumentCodec,
    reading: Reading,
  ) {
    this.definition = definition;
    this.#connection = connection;
    this.#keys = keys;
    this.#codec = codec;
    this.#reading = reading;
  }

  /**
   * An id as it stands in keys.
   *
   * @param id - the id.
   * @returns its encoded form.
   * @throws ValidationError when the id is not acceptable.
   */
  encode(id: string): string {
    return encodeId(id, this.definition.name);
  }

  /**
   * The key under which an entity is stored.
   *
   * @param id - the entity's id.
   * @returns the document's key.
   * @throws ValidationError when the id is not acceptable.
   */
  key(id: string): string {
    const encodedId = this.encode(id);
    return (this.#keys[partitionOf(encodedId, this.#keys.length)] as Keyspace).documents + encodedId;
  }

  /**
   * Does something about one entity, in its partition.
   *
   * @param operation - its name.
   * @param id - the entity's id.
   * @param work - the operation.
   * @returns what the operation returns.
   */
  at<T>(
    operation: string,
    id: string,
    work: (home: TypeContext, encodedId: string, note: Note) => Promise<T>,
  ): Promise<T> {
    return this.observed(operation, (context, note) => {
      const encodedId = this.encode(id);
      return work(homeOf(context, encodedId), encodedId, note);
    });
  }

  /**
   * Does something about the type.
   *
   * @param operation - its name.
   * @param work - the operation.
   * @returns what the operation returns.
   */
  observed<T>(operation: string, work: (context: TypeContext, note: Note) => Promise<T>): Promise<T> {
    if (this.#reading.readOnly && !onlyReads(operation)) {
      return Promise.reject(readOnlyError(this.definition.name, operation));
    }
    const observed = (context: TypeContext): Promise<T> =>
      observe(context.metadata, operation, undefined, (note) => work(context, note));
    return this.#context === undefined ? this.resolve().then(observed) : observed(this.#context);
  }

  /**
   * What operations on the type work with.
   *
   * @returns the context. One round trip the first time.
   */
  async resolve(): Promise<TypeContext> {
    if (this.#context !== undefined) return this.#context;
    this.#resolving ??= resolveContext(
      this.#connection,
      this.definition.metadata,
      this.#keys,
      this.#codec,
      this.#reading,
    );
    try {
      this.#context = await this.#resolving;
      return this.#context;
    } finally {
      // A failure is asked about again by the next call.
      this.#resolving = undefined;
    }
  }
}
