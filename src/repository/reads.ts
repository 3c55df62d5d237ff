// Reads of one type, by id, by unique value and by query: every method is one call into a file beside this one.
// What is related to what they find comes along where it is asked for.
import { EntityNotFoundError } from "../errors.ts";
import { undeleted } from "../query/deleted.ts";
import type { Filter } from "../query/filter.ts";
import { type CallOptions, Query, type QueryRunner } from "../query/query.ts";
import type { SelectablePaths, Selected } from "../query/select.ts";
import type { Loaded, OnlyRelations, With } from "../query/with.ts";
import type { EntityDefinition, EntityOf, GivenOf, IndexesOf, UniqueOf } from "../schema/entity.ts";
import type { Relations } from "../schema/relations.ts";
import type { Access } from "./access.ts";
import { queryRunner } from "./find.ts";
import { findUnique } from "./find-unique.ts";
import { type FindOptions, loadMany, loadOne, type ReadOptions } from "./load.ts";
import { Loader } from "./loader.ts";
import type { QueryOf } from "./options.ts";
import { hasField, type HasFieldOptions, isStored, selectionOf, type SelectOptions } from "./partial.ts";
import { oneRelated, type RelatedRead, readRelated, relatingRunner } from "./relating.ts";

type Row = Record<string, unknown>;

/** What a read brings along: `with`, an object of relations. */
export interface WithOptions<W> {
  /** Names of relations; `true`, or what is wanted of the related entities. */
  readonly with: W;
}

/** The whole entity, or the fields at some paths. */
type Chosen<D extends EntityDefinition, P extends string> = [P] extends [never]
  ? EntityOf<D>
  : Selected<EntityOf<D>, P>;

/** Reads of the entities of one type; what every repository has. */
export class EntityReads<D extends EntityDefinition, out A = Relations> {
  readonly #access: Access<D>;
  readonly #runner: QueryRunner<Row>;

  /**
   * Made with the repository.
   *
   * @internal
   * @param access - the way to the type.
   */
  constructor(access: Access<D>) {
    this.#access = access;
    const resolve = (): ReturnType<Access<D>["resolve"]> => access.resolve();
    this.#runner = relatingRunner(queryRunner(resolve), resolve);
  }

  /**
   * The key under which an entity is stored.
   *
   * @param id - the entity's id.
   * @returns the document's key, such as `{user}:42`.
   * @throws ValidationError when the id is not acceptable.
   */
  key(id: string): string {
    return this.#access.key(id);
  }

  /**
   * Reads one entity. One round trip (HMGET or JSON.GET; EVALSHA where `ttl.sliding` is `read`, which prolongs its time).
   *
   * @param id - its id.
   * @param options - deadline, signal, `prolong: false` for a read that leaves the time alone, and `withDeleted`.
   * @returns the entity, or null when there is none.
   * @throws CorruptEntityError when the document does not fit the schema.
   * @throws CapabilityError when the read has to prolong, and the user may not write.
   */
  findById(id: string, options?: FindOptions): Promise<EntityOf<D> | null>;
  /**
   * Reads some fields of one entity, and nothing else of it but the properties they lie in. One round trip (HMGET or
   * JSON.GET; EVALSHA where `ttl.sliding` is `read`: there JSON documents are sent whole).
   *
   * @param id - its id.
   * @param options - `select`, dotted paths; deadline in milliseconds, signal, `prolong` and `withDeleted`.
   * @returns the fields, or null when there is no such entity.
   * @throws QueryError when the schema has no such field.
   * @throws CorruptEntityError when what is read does not fit the schema.
   */
  findById<P extends SelectablePaths<EntityOf<D>>>(
    id: string,
    options: FindOptions & SelectOptions<P>,
  ): Promise<Selected<EntityOf<D>, P> | null>;
  /**
   * Reads one entity, or some fields of it, and what is related to it. One round trip more per relation and level.
   *
   * @param id - its id.
   * @param options - `with`, an object of relations; `select`, deadline in milliseconds of each round trip, signal, `prolong`
   *   and `withDeleted`.
   * @returns the entity with a property per relation, or null when there is no such entity.
   * @throws ResultTooLargeError when more than 10,000 entities are related.
   * @throws CorruptEntityError when what is read does not fit the schema.
   */
  findById<const W extends With<A, D["name"]>, P extends SelectablePaths<EntityOf<D>> = never>(
    id: string,
    options: FindOptions & Partial<SelectOptions<P>> & WithOptions<W & OnlyRelations<A, D["name"], W>>,
  ): Promise<Loaded<Chosen<D, P>, A, D["name"], W> | null>;
  findById(id: string, options: FindOptions & RelatedRead = {}): Promise<never> {
    return this.#access.at("findById", id, (context, encodedId, note) => {
      const read = (select: RelatedRead["select"]): Promise<Row | null> =>
        loadOne(context, encodedId, options, note, selectionOf(context, select));
      return options.with === undefined ? read(options.select) : oneRelated(context, options, read);
    }) as Promise<never>;
  }

  /**
   * Tells whether a field of an entity has a value. One round trip (HMGET or JSON.TYPE).
   *
   * @param id - its id.
   * @param path - dotted path of the field.
   * @param options - deadline in milliseconds, signal, and `withDeleted`.
   * @returns true when it is stored and not null; what a default would make of it does not count.
   * @throws QueryError when the schema has no such field.
   * @throws CorruptEntityError when the key holds something else than a document of the type.
   */
  hasField<P extends SelectablePaths<EntityOf<D>>>(
    id: string,
    path: P,
    options: HasFieldOptions = {},
  ): Promise<boolean> {
    return this.#access.at("hasField", id, (context, encodedId, note) =>
      hasField(context, encodedId, path, options, note),
    );
  }

  /**
   * Reads one entity that must be there. One round trip, as {@link Repository.findById}.
   *
   * @param id - its id.
   * @param options - deadline, signal, `prolong: false` for a read that leaves the time alone, and `withDeleted`.
   * @returns the entity.
   * @throws EntityNotFoundError when there is none.
   * @throws CorruptEntityError when the document does not fit the schema.
   */
  findByIdOrThrow(id: string, options?: FindOptions): Promise<EntityOf<D>>;
  /**
   * Reads one entity that must be there, and what is related to it. One round trip more per relation and level.
   *
   * @param id - its id.
   * @param options - `with`, an object of relations; deadline in milliseconds of each round trip, signal, `prolong` and
   *   `withDeleted`.
   * @returns the entity with a property per relation.
   * @throws EntityNotFoundError when there is none.
   * @throws CorruptEntityError when what is read does not fit the schema.
   */
  findByIdOrThrow<const W extends With<A, D["name"]>>(
    id: string,
    options: FindOptions & WithOptions<W & OnlyRelations<A, D["name"], W>>,
  ): Promise<Loaded<EntityOf<D>, A, D["name"], W>>;
  async findByIdOrThrow(id: string, options: FindOptions & Partial<WithOptions<unknown>> = {}): Promise<never> {
    const entity = await this.findById(id, options as FindOptions);
    if (entity !== null) return entity as never;
    const { name } = this.#access.definition;
    throw new EntityNotFoundError(`${name} ${JSON.stringify(id)} does not exist`, { entity: name, id });
  }

  /**
   * Reads many entities in batches of 200 (HMGET pipeline or JSON.MGET; EVALSHA where reads prolong).
   *
   * @param ids - their ids, in any number.
   * @param options - deadline, signal, `onCorrupt` for documents that do not fit the schema, `prolong` and `withDeleted`.
   * @returns one entity per id in the same order, null where there is none.
   * @throws CorruptEntityError holding the good rows, unless `onCorrupt` is given.
   */
  findByIds(ids: readonly string[], options?: ReadOptions & FindOptions): Promise<(EntityOf<D> | null)[]>;
  /**
   * Reads some fields of many entities in batches of 200 (HMGET or JSON.GET pipeline; EVALSHA where reads prolong).
   *
   * @param ids - their ids, in any number.
   * @param options - `select`, dotted paths; deadline in milliseconds, signal, `onCorrupt`, `prolong` and `withDeleted`.
   * @returns the fields of one entity per id in the same order, null where there is none.
   * @throws QueryError when the schema has no such field.
   * @throws CorruptEntityError holding the good rows, unless `onCorrupt` is given.
   */
  findByIds<P extends SelectablePaths<EntityOf<D>>>(
    ids: readonly string[],
    options: ReadOptions & FindOptions & SelectOptions<P>,
  ): Promise<(Selected<EntityOf<D>, P> | null)[]>;
  /**
   * Reads many entities in batches of 200, or some fields of them, and what is related to them: a round trip more per relation
   * and level.
   *
   * @param ids - their ids, in any number.
   * @param options - `with`, an object of relations; `select`, deadline in milliseconds of each round trip, signal, `onCorrupt`,
   *   `prolong` and `withDeleted`.
   * @returns one entity per id in the same order, with a property per relation; null where there is none.
   * @throws ResultTooLargeError when more than 10,000 entities are related.
   * @throws CorruptEntityError unless `onCorrupt` is given.
   */
  findByIds<const W extends With<A, D["name"]>, P extends SelectablePaths<EntityOf<D>> = never>(
    ids: readonly string[],
    options: ReadOptions & FindOptions & Partial<SelectOptions<P>> & WithOptions<W & OnlyRelations<A, D["name"], W>>,
  ): Promise<(Loaded<Chosen<D, P>, A, D["name"], W> | null)[]>;
  findByIds(ids: readonly string[], options: ReadOptions & FindOptions & RelatedRead = {}): Promise<never> {
    return this.#access.observed("findByIds", (context, note) => {
      const encodedIds = ids.map((id) => this.#access.encode(id));
      return readRelated(context, options, (select) =>
        loadMany(context, encodedIds, options, note, selectionOf(context, select)),
      );
    }) as Promise<never>;
  }

  /**
   * Finds the entity that has a unique value. One round trip (EVALSHA_RO; EVALSHA where reads prolong).
   *
   * @param where - the fields of one unique constraint, and their values.
   * @param options - deadline, signal, `prolong: false` for a read that leaves the time alone, and `withDeleted`.
   * @returns the entity, or null when nobody has the value.
   * @throws QueryError when the fields are not those of a constraint, or a value is of another type.
   * @throws CorruptEntityError when the document does not fit the schema.
   */
  findUnique(where: UniqueOf<D>, options?: FindOptions): Promise<EntityOf<D> | null>;
  /**
   * Finds the entity that has a unique value, and what is related to it. One round trip more per relation and level.
   *
   * @param where - the fields of one unique constraint, and their values.
   * @param options - `with`, an object of relations; deadline in milliseconds of each round trip, signal, `prolong` and
   *   `withDeleted`.
   * @returns the entity with a property per relation, or null when nobody has the value.
   * @throws QueryError when the fields are not those of a constraint, or a value is of another type.
   * @throws CorruptEntityError when what is read does not fit the schema.
   */
  findUnique<const W extends With<A, D["name"]>>(
    where: UniqueOf<D>,
    options: FindOptions & WithOptions<W & OnlyRelations<A, D["name"], W>>,
  ): Promise<Loaded<EntityOf<D>, A, D["name"], W> | null>;
  findUnique(where: UniqueOf<D>, options: FindOptions & Partial<WithOptions<unknown>> = {}): Promise<never> {
    return this.#access.observed("findUnique", (context, note) => {
      const read = (): Promise<Row | null> => findUnique(context, where, options, note);
      return options.with === undefined ? read() : oneRelated(context, options, read);
    }) as Promise<never>;
  }

  /**
   * Tells whether an entity is stored, and not deleted softly. One round trip (EXISTS; with `softDelete` HMGET or JSON.GET).
   *
   * @param id - its id.
   * @param options - deadline and signal.
   * @returns true when it is.
   */
  exists(id: string, options: CallOptions = {}): Promise<boolean> {
    return this.#access.at("exists", id, (context, encodedId, note) => isStored(context, encodedId, options, note));
  }

  /**
   * How many entities of the type are stored. One round trip.
   *
   * @param options - deadline and signal.
   * @returns the exact number of live entities.
   */
  count(options: CallOptions = {}): Promise<number> {
    const { metadata } = this.#access.definition;
    return this.#runner.count(
      { metadata, where: undeleted(metadata), orderBy: [], limit: undefined, offset: 0 },
      options,
    );
  }

  /**
   * Makes a reader for places that do not know of each other, such as resolvers: its reads by id of one tick become one
   * `findByIds`.
   *
   * @param options - what `findByIds` takes; deadline and signal hold for each batch.
   * @returns the reader.
   */
  loader(options: FindOptions = {}): Loader<EntityOf<D>> {
    return new Loader(
      (ids, onCorrupt) => this.findByIds(ids, { ...options, onCorrupt }),
      (id) => this.#access.encode(id),
    );
  }

  /**
   * Starts a query.
   *
   * @returns a query that matches everything until conditions are added.
   */
  query(): QueryOf<D, A>;
  /**
   * Starts a query with the conditions of a filter object.
   *
   * @param filter - fields with operands or operators, AND, OR, NOT.
   * @returns the query, to which more can be added.
   * @throws QueryError naming the field, for whatever in the object is not understood.
   */
  query(filter: Filter<EntityOf<D>, IndexesOf<D>>): QueryOf<D, A>;
  query(...filters: Filter<EntityOf<D>, IndexesOf<D>>[]): QueryOf<D, A> {
    const runner = this.#runner as unknown as QueryRunner<EntityOf<D>>;
    const query = Query.over<EntityOf<D>, IndexesOf<D>, GivenOf<D>, A, D["name"]>(
      this.#access.definition.metadata,
      runner,
    );
    // A filter that is undefined was meant to be one: it is refused, rather than finding everything.
    return filters.length === 0 ? query : query.where(filters[0] as Filter<EntityOf<D>, IndexesOf<D>>);
  }
}
