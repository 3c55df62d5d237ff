// The typed chain: every step gives a new query, and nothing is sent before a terminal is called.
// Only indexed fields, their own operators and operands of their type compile.
import type { ReadValidation } from "../codec/document.ts";
import type { PatchFor } from "../codec/patch/operators.ts";
import { QueryError } from "../errors.ts";
import type { Highlighted, HighlightOptions, TextPaths } from "./highlight.ts";
import type { GeoPoint, IndexedPaths, SortablePaths } from "../schema/paths.ts";
import {
  Aggregation,
  type AggregationRunner,
  type Facet,
  type FacetOptions,
  type Facets,
  type GroupPaths,
} from "./aggregate.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { Relations } from "../schema/relations.ts";
import { includingDeleted, undeleted } from "./deleted.ts";
import { type Condition, type ConditionBuilder, conditionBuilder, isCondition, nodeOf } from "./conditions.ts";
import type { DistanceOptions, GeoPaths, Measured, PointPaths } from "./distance.ts";
import { type Filter, filterConditions } from "./filter.ts";
import { both, type Condition as ConditionNode, type Direction, type Operand, type QueryNode } from "./node.ts";
import type { ServerProfile } from "./profile.ts";
import { rawNode } from "./raw.ts";
import { relationsIn } from "./related.ts";
import { type Searchable, searchCondition } from "./search.ts";
import type { SelectablePaths, Selected } from "./select.ts";
import { type Near, type NearestNode, nearestNode, type NearestTo, type VectorPaths } from "./vector.ts";
import { AnyOperators, type FieldOperators } from "./where.ts";
import type { Loaded, OnlyRelations, With } from "./with.ts";

/** What every call that waits accepts. */
export interface CallOptions {
  /** Gives up after so many milliseconds; the connection's default when left out. */
  readonly deadline?: number;
  /** Gives up when it fires. */
  readonly signal?: AbortSignal;
}

/** One page of a result. */
export interface Page<T> {
  /** The entities of the page, in order. */
  readonly items: T[];
  /** How many entities match in all. */
  readonly total: number;
}

/** One page of a result, and where the next one begins. */
export interface KeysetPage<T> {
  /** The entities of the page, in order. */
  readonly items: T[];
  /** What to pass as `after` for the next page; null when this was the last one. */
  readonly cursor: string | null;
}

/** What `keyset` accepts. */
export interface KeysetOptions extends ReadCallOptions {
  /** The cursor of the page before; the first page without one. */
  readonly after?: string | null | undefined;
}

/** What `stream` accepts. */
export interface StreamOptions extends ReadCallOptions {
  /** Entities per round trip, from 1 to 1,000; 200 when left out. */
  readonly batchSize?: number;
}

/** What changes by query accept. */
export interface BatchOptions extends CallOptions {
  /** Entities per batch, from 1 to 1,000; 50 when left out. */
  readonly batchSize?: number;
}

/** What reads accept. */
export interface ReadCallOptions extends CallOptions {
  /** What the schema has to say of what is read; what the repository was told when left out, `strict` where it was not. */
  readonly validate?: ReadValidation;
}

/** What a change by query did. */
export interface QueryChanges {
  /** How many entities were found: those changed, and the conflicts. */
  readonly matched: number;
  /** How many were changed. */
  readonly changed: number;
  /** How many were left alone, because others changed or deleted them after they had been found. */
  readonly conflicts: number;
}

/** What `explain` accepts. */
export interface ExplainOptions extends CallOptions {
  /**
   * Run the query, and tell what it cost; on the search engine each of its searches is then run once more under
   * FT.PROFILE, in one more round trip, for what the server itself tells of it.
   */
  readonly analyze?: boolean;
}

/** A condition, and how many entities its index says it holds for; rows for `console.table`. */
export interface ConditionEstimate {
  /** How deep it stands in the tree of conditions, from 0. */
  readonly depth: number;
  /** The condition in words. */
  readonly condition: string;
  /** How many entities, or a few more; null where no index tells. */
  readonly estimate: number | null;
}

/** One round trip of a query that was run. */
export interface ActualCall {
  /** The command, or the first of several. */
  readonly command: string;
  /** How long it took, as seen from here. */
  readonly milliseconds: number;
  /** What the search server tells of each FT.SEARCH and FT.AGGREGATE among the commands. */
  readonly profiles?: readonly ServerProfile[];
}

/** What a query that was run cost. */
export interface ActualCost {
  /** How many entities came. */
  readonly rows: number;
  /** How long it took, as seen from here. */
  readonly milliseconds: number;
  /** How many times the server was waited for. */
  readonly roundTrips: number;
  /** Each time. */
  readonly calls: readonly ActualCall[];
  /** Why a search server told nothing of its own, in its words; left out where it did, or where nothing was searched. */
  readonly unprofiled?: string;
}

/** How a query would be answered. */
export interface Explanation {
  /** The engine that answers. */
  readonly engine: string;
  /** The query in words. */
  readonly query: string;
  /** How many entities the type has. */
  readonly entities: number;
  /** The tree of conditions, parents before their children. */
  readonly conditions: readonly ConditionEstimate[];
  /** The plan, one line per step. */
  readonly plan: readonly string[];
  /** The commands of the first round trip, as they would be sent. */
  readonly commands: readonly (readonly string[])[];
  /** Round trips: exact where it is known beforehand, otherwise the least. */
  readonly roundTrips: number;
  /** What happened, when the query was analyzed. */
  readonly actual?: ActualCost;
  /** All of it as text of several lines. */
  readonly text: string;
}

/** Answers queries; given to the chain by the repository. */
export interface QueryRunner<O> extends AggregationRunner {
  all(query: QueryNode, options: ReadCallOptions): Promise<O[]>;
  first(query: QueryNode, options: ReadCallOptions): Promise<O | null>;
  firstOrThrow(query: QueryNode, options: ReadCallOptions): Promise<O>;
  one(query: QueryNode, options: ReadCallOptions): Promise<O | null>;
  page(query: QueryNode, options: ReadCallOptions): Promise<Page<O>>;
  keyset(query: QueryNode, options: KeysetOptions): Promise<KeysetPage<O>>;
  stream(query: QueryNode, options: StreamOptions): AsyncGenerator<O, void, undefined>;
  count(query: QueryNode, options: CallOptions): Promise<number>;
  ids(query: QueryNode, options: CallOptions): Promise<string[]>;
  delete(query: QueryNode, options: BatchOptions): Promise<QueryChanges>;
  purge(query: QueryNode, options: BatchOptions): Promise<QueryChanges>;
  update(query: QueryNode, patch: unknown, options: BatchOptions): Promise<QueryChanges>;
  nearest(query: QueryNode, node: NearestNode, options: CallOptions): Promise<O[]>;
  facets(query: QueryNode, paths: readonly string[], options: FacetOptions): Promise<Record<string, Facet<unknown>[]>>;
  explain(query: QueryNode, options: ExplainOptions): Promise<Explanation>;
  explainNearest(query: QueryNode, node: NearestNode, options: ExplainOptions): Promise<Explanation>;
}

/**
 * A query over one entity type; made by `repository.query()`.
 *
 * `O` is the entity, `I` its indexes, `R` what the query gives: the entity, or the part that `select` names, and what `with`
 * brings along; `G` are the properties that the mapper keeps, `A` the relations of the database, and `N` the type's name.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { connect, defineEntity, range } from "remora";
 *
 * const Movie = defineEntity({
 *   name: "movie",
 *   schema: z.object({ id: z.string(), year: z.int() }),
 *   index: { year: range() },
 * });
 * const db = await connect("redis://localhost:6379");
 * const movies = db.repository(Movie);
 * await movies.indexes.sync();
 * await movies.query().where("year").gte(1960).orderBy("year").limit(10).all();
 * await db.close();
 * ```
 */
export class Query<O, I, R = O, G extends string = never, out A = Relations, N = string> {
  readonly #node: QueryNode;
  readonly #runner: QueryRunner<R>;

  private constructor(node: QueryNode, runner: QueryRunner<R>) {
    this.#node = node;
    this.#runner = runner;
  }

  /**
   * Starts a query; called by the repository.
   *
   * @internal
   * @param metadata - the entity type.
   * @param runner - answers it.
   * @returns a query that matches everything.
   */
  static over<O, I, G extends string, A = Relations, N = string>(
    metadata: EntityMetadata,
    runner: QueryRunner<O>,
  ): Query<O, I, O, G, A, N> {
    return new Query({ metadata, where: undeleted(metadata), orderBy: [], limit: undefined, offset: 0 }, runner);
  }

  #with(change: Partial<QueryNode>): Query<O, I, R, G, A, N> {
    return new Query<O, I, R, G, A, N>(Object.freeze({ ...this.#node, ...change }), this.#runner);
  }

  #and(condition: ConditionNode): Query<O, I, R, G, A, N> {
    return this.#with({ where: both(this.#node.where, condition) });
  }

  /**
   * Finds deleted entities as well, of a type with `softDelete`.
   *
   * @returns the query.
   * @throws QueryError when the definition has no `softDelete`.
   */
  withDeleted(): Query<O, I, R, G, A, N> {
    return this.#with({ where: includingDeleted(this.#node) });
  }

  /**
   * Names a field to compare; repeated calls are joined by AND.
   *
   * @param path - an indexed field.
   * @returns the field's operators, each of which gives the query.
   */
  where<P extends IndexedPaths<I>>(path: P): FieldOperators<O, I, P, Query<O, I, R, G, A, N>>;
  /**
   * Adds a condition built by a callback: the place for OR, NOT and nesting.
   *
   * @param build - receives the builder, returns a condition.
   * @returns the query.
   */
  where(build: (field: ConditionBuilder<O, I>) => Condition<O, I>): Query<O, I, R, G, A, N>;
  /**
   * Adds a condition made beforehand, by `conditions()`.
   *
   * @param condition - a condition on this entity type.
   * @returns the query.
   */
  where(condition: Condition<O, I>): Query<O, I, R, G, A, N>;
  /**
   * Adds the conditions of a filter object, as if each of its properties were a `where` of its own.
   *
   * @param filter - fields with operands or operators, AND, OR, NOT.
   * @returns the query.
   * @throws QueryError naming the field, for whatever in the object is not understood.
   */
  where(filter: Filter<O, I>): Query<O, I, R, G, A, N>;
  where(argument: unknown): unknown {
    const { metadata } = this.#node;
    if (typeof argument === "string") return new AnyOperators(argument, (condition) => this.#and(condition));
    if (typeof argument === "function") {
      const condition: unknown = argument(conditionBuilder(metadata));
      return this.#and(nodeOf(condition, metadata, "the callback of where() must return a condition"));
    }
    if (isCondition(argument)) return this.#and(nodeOf(argument, metadata, "where() takes a condition"));
    return this.#with({ where: filterConditions(argument, metadata).reduce(both, this.#node.where) });
  }

  /**
   * Names a field whose condition must not hold.
   *
   * @param path - an indexed field.
   * @returns the field's operators; the query then has the complement of the condition.
   */
  whereNot<P extends IndexedPaths<I>>(path: P): FieldOperators<O, I, P, Query<O, I, R, G, A, N>> {
    const operators = new AnyOperators(path, (item) => this.#and(Object.freeze({ type: "not", item })));
    return operators as unknown as FieldOperators<O, I, P, Query<O, I, R, G, A, N>>;
  }

  /**
   * Adds the condition that every word of a text is in some `text()` field, different words in any of them.
   *
   * @param text - any text; without a word in it, some text field must have a value.
   * @returns the query.
   */
  search(text: Searchable<I>): Query<O, I, R, G, A, N> {
    return this.#and(searchCondition(text, this.#node.metadata));
  }

  /**
   * Adds a condition in the search server's own language, for what the operators do not say; on other engines refused by
   * name. Fields are written `@path`, or `@path#text` where one has several indexes. Values between the texts travel as
   * parameters, written as the index of the field before them holds them.
   *
   * @param texts - the template's texts.
   * @param values - strings, numbers, booleans, bigints and dates.
   * @returns the query.
   */
  whereRaw(texts: TemplateStringsArray, ...values: readonly Operand[]): Query<O, I, R, G, A, N> {
    const { metadata, raw = [] } = this.#node;
    return this.#with({ raw: Object.freeze([...raw, rawNode(metadata.name, texts, values)]) });
  }

  /**
   * Lets the query look at every entity where no index narrows its conditions, such as `ne` alone. The scan engine refuses that
   * once it has looked at 10,000 without an end; other engines answer as without it.
   *
   * @returns the query.
   */
  allowFullScan(): Query<O, I, R, G, A, N> {
    return this.#with({ fullScan: true });
  }

  /**
   * Changes the query only if a value is truthy, so that a chain need not be broken up.
   *
   * @param condition - the value.
   * @param change - receives the query and the value, returns the query to go on with.
   * @returns that query, or this one.
   */
  when<V>(
    condition: V,
    change: (
      query: Query<O, I, R, G, A, N>,
      value: Exclude<NonNullable<V>, false | 0 | 0n | "">,
    ) => Query<O, I, R, G, A, N>,
  ): Query<O, I, R, G, A, N> {
    if (!condition) return this;
    const query: unknown = change(this, condition as Exclude<NonNullable<V>, false | 0 | 0n | "">);
    if (typeof query === "object" && query !== null && #node in query) return query;
    const { name } = this.#node.metadata;
    throw new QueryError(`${name}: the callback of when() must return a query`, { entity: name });
  }

  /**
   * Orders the result; ties are broken by id, absent values come last in both directions.
   *
   * @param path - a sortable field.
   * @param direction - `asc` (default) or `desc`.
   * @returns the query.
   */
  orderBy(path: SortablePaths<I>, direction: Direction = "asc"): Query<O, I, R, G, A, N> {
    return this.#with({ orderBy: Object.freeze([...this.#node.orderBy, Object.freeze({ path, direction })]) });
  }

  /**
   * Orders by the distance from a place, exact by the stored points: nearest first, ties by id, what has no point last. With
   * a limit, circles around the place are tried first, from 500 m on: one more round trip each.
   *
   * @param path - a field with `geo()`.
   * @param from - the place.
   * @param direction - `asc` (default), or `desc` for the farthest first.
   * @returns the query; it takes no `orderBy` beside, and has no `keyset`, `stream` or `delete`.
   */
  orderByDistance(path: GeoPaths<I>, from: GeoPoint, direction: Direction = "asc"): Query<O, I, R, G, A, N> {
    return this.#with({ near: Object.freeze({ path, from, direction }) });
  }

  /**
   * Orders by how well the texts fit the words of `match`, `matchPrefix`, `phrase`, `fuzzy` and `search`, the best first,
   * ties by id: rare words, words that come often and short texts count for more, and the weight of `text()`. The same on
   * every engine: the texts of all that match are read and rated here, and how rare a word is takes a round trip more.
   *
   * @returns the query; it takes no `orderBy` beside, and has no `keyset`, `stream` or `delete`.
   */
  orderByRelevance(..._none: [TextPaths<I>] extends [never] ? [never] : []): Query<O, I, R, G, A, N> {
    return this.#with({ relevance: true });
  }

  /**
   * Gives everything that is found its texts with the sought words marked, as `highlights` by field.
   *
   * @param paths - fields with `text()`.
   * @param options - `open` and `close`, `<mark>` and `</mark>` when left out; `escape: false` leaves the text as it is.
   * @returns the query, whose entities have `highlights`; null where there is no text.
   */
  highlight<P extends TextPaths<I>>(
    paths: readonly [P, ...P[]],
    options: HighlightOptions = {},
  ): Query<O, I, Highlighted<R, P>, G, A, N> {
    const { open = "<mark>", close = "</mark>", escape = true } = options;
    const query: unknown = this.#with({ highlight: Object.freeze({ paths: [...paths], open, close, escape }) });
    return query as Query<O, I, Highlighted<R, P>, G, A, N>;
  }

  /**
   * Gives everything that is found its distance from a place.
   *
   * @param path - a field that is a point, indexed or not.
   * @param from - the place.
   * @param options - `unit`, and the property's name, `as`.
   * @returns the query, whose entities have a property `distance`, or of another name; null where there is no point.
   */
  withDistance<const M extends string = "distance">(
    path: PointPaths<O>,
    from: GeoPoint,
    options: DistanceOptions<M> = {},
  ): Query<O, I, Measured<R, M>, G, A, N> {
    const { unit = "m", as = "distance" } = options;
    const query: unknown = this.#with({ measured: Object.freeze({ path, from, unit, as }) });
    return query as Query<O, I, Measured<R, M>, G, A, N>;
  }

  /**
   * Takes at most so many entities.
   *
   * @param count - a whole number from 0.
   * @returns the query.
   */
  limit(count: number): Query<O, I, R, G, A, N> {
    return this.#with({ limit: count });
  }

  /**
   * Skips so many entities.
   *
   * @param count - a whole number from 0.
   * @returns the query.
   */
  offset(count: number): Query<O, I, R, G, A, N> {
    return this.#with({ offset: count });
  }

  /**
   * Reads nothing but some fields of each entity, and checks nothing else; the last call counts.
   *
   * Hashes are read field by field. A field inside an object is read with that whole object, JSON documents are read whole.
   *
   * @param paths - one or more fields, indexed or not.
   * @returns the query, whose entities have these fields only.
   */
  select<P extends SelectablePaths<O>>(...paths: [P, ...P[]]): Query<O, I, Selected<O, P>, G, A, N> {
    const query: unknown = this.#with({ select: Object.freeze([...paths]) });
    return query as Query<O, I, Selected<O, P>, G, A, N>;
  }

  /**
   * Brings related entities along with everything that is found: one batched round trip per relation and level, however many
   * entities there are; repeated calls add up.
   *
   * @param wanted - names of relations; `true`, or what is wanted of the related entities: `select` and `with` of their own, and
   *   where there may be many `where`, `orderBy` and `limit` per entity, or `count: true` for their number.
   * @returns the query, whose entities have a property per relation: an entity or null, a list, or a number. What is wrong with
   *   what is wanted is said when it is asked, as a QueryError.
   */
  with<const W extends With<A, N>>(wanted: W & OnlyRelations<A, N, W>): Query<O, I, Loaded<R, A, N, W>, G, A, N> {
    const { metadata, related } = this.#node;
    const query: unknown = this.#with({ related: Object.freeze({ ...related, ...relationsIn(wanted, metadata) }) });
    return query as Query<O, I, Loaded<R, A, N, W>, G, A, N>;
  }

  /**
   * Every entity that matches, within limit and offset.
   *
   * @param options - deadline and signal.
   * @returns the entities, in order.
   * @throws ResultTooLargeError when more match than may be returned at once.
   */
  all(options: ReadCallOptions = {}): Promise<R[]> {
    return this.#runner.all(this.#node, options);
  }

  /**
   * The first entity that matches.
   *
   * @param options - deadline and signal.
   * @returns the entity, or null when none matches.
   */
  first(options: ReadCallOptions = {}): Promise<R | null> {
    return this.#runner.first(this.#node, options);
  }

  /**
   * The first entity that matches.
   *
   * @param options - deadline and signal.
   * @returns the entity.
   * @throws EntityNotFoundError when none matches.
   */
  firstOrThrow(options: ReadCallOptions = {}): Promise<R> {
    return this.#runner.firstOrThrow(this.#node, options);
  }

  /**
   * The entities whose vectors are nearest to one, the nearest first, ties by id; those without a vector are not among them.
   *
   * @param path - a field with `vector()`.
   * @param target - `to`, the vector; `k`, the most entities; `maxDistance`; `exact`, where the index is `hnsw`; `as`, the
   *   name of the property with the distance.
   * @param options - deadline and signal.
   * @returns the entities, each with its `distance`, which is exact: for `cosine` 1 minus the cosine of the angle, for `l2`
   *   the length of the straight line, for `ip` 1 minus the inner product.
   */
  nearest<const M extends string = "distance">(
    path: VectorPaths<I>,
    target: NearestTo<M>,
    options: CallOptions = {},
  ): Promise<Near<R, M>[]> {
    return this.#runner.nearest(this.#node, nearestNode(path, target), options) as unknown as Promise<Near<R, M>[]>;
  }

  /**
   * Tells how `nearest` would be answered, and what `explain` tells of the query beside.
   *
   * @param path - a field with `vector()`.
   * @param target - what `nearest` takes.
   * @param options - `analyze` finds the nearest, and on the search engine runs its searches once more under FT.PROFILE;
   *   deadline and signal.
   * @returns the query in words, conditions with estimates, plan, exact commands, and what happened.
   */
  explainNearest(path: VectorPaths<I>, target: NearestTo, options: ExplainOptions = {}): Promise<Explanation> {
    return this.#runner.explainNearest(this.#node, nearestNode(path, target), options);
  }

  /**
   * One page and the total, in one round trip where the engine can.
   *
   * @param options - deadline and signal.
   * @returns items and total.
   */
  page(options: ReadCallOptions = {}): Promise<Page<R>> {
    return this.#runner.page(this.#node, options);
  }

  /**
   * One page by its place in the order: as fast deep inside a result as at its start, and exact while others write.
   * Entities that do not change are neither skipped nor repeated. Without `orderBy` the order is that of the ids.
   *
   * @param options - `after`: the cursor of the page before; deadline and signal.
   * @returns up to `limit` entities (100 without one), and the cursor of the next page.
   * @throws InvalidCursorError when the cursor was altered, or belongs to another query.
   */
  keyset(options: KeysetOptions = {}): Promise<KeysetPage<R>> {
    return this.#runner.keyset(this.#node, options);
  }

  /**
   * Every entity that matches, one after another, however many there are, in bounded memory.
   * Entities that do not change are neither skipped nor repeated; a loop may be left at any time.
   *
   * @param options - `batchSize`; deadline of each round trip, and signal.
   * @returns the entities, in order; without `orderBy` by id.
   */
  stream(options: StreamOptions = {}): AsyncGenerator<R, void, undefined> {
    return this.#runner.stream(this.#node, options);
  }

  /**
   * How many entities match; limit and offset do not count.
   *
   * @param options - deadline and signal.
   * @returns the exact number.
   */
  count(options: CallOptions = {}): Promise<number> {
    return this.#runner.count(this.#node, options);
  }

  /**
   * The only entity that matches.
   *
   * @param options - deadline and signal.
   * @returns the entity, or null when none matches.
   * @throws QueryError when several match.
   */
  one(options: ReadCallOptions = {}): Promise<R | null> {
    return this.#runner.one(this.#node, options);
  }

  /**
   * Tells whether any entity matches.
   *
   * @param options - deadline and signal.
   * @returns true when at least one does.
   */
  async exists(options: CallOptions = {}): Promise<boolean> {
    return (await this.#runner.ids(Object.freeze({ ...this.#node, limit: 1 }), options)).length > 0;
  }

  /**
   * The ids of the entities that match, without reading them.
   *
   * @param options - deadline and signal.
   * @returns the ids, in order.
   */
  ids(options: CallOptions = {}): Promise<string[]> {
    return this.#runner.ids(this.#node, options);
  }

  /**
   * Deletes every entity that matches, with its index entries and unique values, in batches of two round trips (a search,
   * EVALSHA). An entity goes only if it is still as it was found; with a limit, the first so many of the order go. Where the
   * definition has `softDelete` they stay, and are marked as deleted.
   *
   * @param options - `batchSize`; deadline of each round trip, and signal. What earlier batches deleted stays deleted.
   * @returns how many were found, deleted, and left alone.
   * @throws RelationError when others refer to one by a relation that says `restrict`; what earlier batches deleted stays deleted.
   * @throws QueryError with an offset.
   */
  delete(options: BatchOptions = {}): Promise<QueryChanges> {
    return this.#runner.delete(this.#node, options);
  }

  /**
   * Removes every entity that matches for good, where `delete` only says that they are deleted. Those that are deleted already
   * match after `withDeleted()`. Batches of two round trips, as `delete` of other types.
   *
   * @param options - `batchSize`; deadline of each round trip, and signal.
   * @returns how many were found, removed, and left alone.
   * @throws QueryError when the definition has no `softDelete`, or with an offset.
   */
  purge(options: BatchOptions = {}): Promise<QueryChanges> {
    return this.#runner.purge(this.#node, options);
  }

  /**
   * Changes every entity that matches, with its index entries and unique values, in batches of two round trips (a search,
   * EVALSHA). An entity is changed once, and only if it is still as it was found; with a limit, the first so many of the
   * order are changed.
   *
   * @param patch - dotted path to new value or operator, as `update` of the repository takes it.
   * @param options - `batchSize`; deadline of each round trip, and signal. What earlier batches changed stays changed.
   * @returns how many were found, changed, and left alone.
   * @throws ValidationError when a change does not fit an entity; those before it are changed.
   * @throws QueryError with an offset, or a limit above 10,000.
   */
  update(patch: PatchFor<O, G>, options: BatchOptions = {}): Promise<QueryChanges> {
    return this.#runner.update(this.#node, patch, options);
  }

  /**
   * Groups what matches, and tells numbers about each group: counts, sums, means, quantiles.
   *
   * @returns an aggregation over everything that matches; limit, offset and orderBy come behind it.
   */
  // eslint-disable-next-line typescript/no-empty-object-type -- a row that has nothing in it yet
  aggregate(): Aggregation<O, {}> {
    return Aggregation.over<O>(this.#node, this.#runner);
  }

  /**
   * The values that some fields have among what matches, each with the number of entities, most frequent first; limit,
   * offset and orderBy of the query do not count. All fields in the same round trips.
   *
   * @param paths - fields with single values or arrays of them, indexed or not.
   * @param options - `limit`: the most values per field; deadline of each round trip, and signal.
   * @returns the values per field; null is none.
   */
  facets<P extends GroupPaths<O>>(paths: readonly [P, ...P[]], options: FacetOptions = {}): Promise<Facets<O, P>> {
    return this.#runner.facets(this.#node, paths, options) as Promise<Facets<O, P>>;
  }

  /**
   * Tells how the query would be answered. Only the indexes are asked, how many entities each condition holds for; no
   * document is read, unless the query is to be analyzed.
   *
   * @param options - `analyze` runs the query as `all` would, and on the search engine its searches once more under
   *   FT.PROFILE; deadline and signal.
   * @returns the query in words, conditions with estimates, plan, exact commands, and what happened.
   */
  explain(options: ExplainOptions = {}): Promise<Explanation> {
    return this.#runner.explain(this.#node, options);
  }
}
