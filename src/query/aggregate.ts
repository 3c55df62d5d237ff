// Questions about many entities at once: groups of them, and numbers about each group.
// A typed chain like the query it begins with; the rows are made in reducers.ts, the same for every engine.
import { QueryError, ResultTooLargeError } from "../errors.ts";
import type { Paths, PathValue } from "../schema/paths.ts";
import { type Shape, shapeAt } from "../schema/shape.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { type Direction, isRanked, type Operand, type QueryNode } from "./node.ts";
import { checkWindow } from "./check.ts";
import { compareAbsent, signOf } from "./order.ts";
import type { CallOptions, Explanation } from "./query.ts";

type Scalar = string | number | boolean | bigint | Date;
type ItemOf<V> = NonNullable<V> extends readonly (infer E)[] ? NonNullable<E> : NonNullable<V>;
type ValueAt<O, P extends string> = ItemOf<PathValue<O, P>>;
type PathsTo<O, V> = { [P in Paths<O>]: [ValueAt<O, P>] extends [V] ? P : never }[Paths<O>];
type SinglePathsTo<O, V> = {
  [P in Paths<O>]: [NonNullable<PathValue<O, P>>] extends [V] ? P : never;
}[Paths<O>];

/** The dotted paths that entities may be grouped by: single values, and arrays of them. */
export type GroupPaths<O> = PathsTo<O, Scalar>;

/** What the key of a group by a path is; null for entities without a value there. */
export type GroupKey<O, P extends string> = ValueAt<O, P> | null;

/** A number, or another value, about a group of entities; made by a {@link ReducerBuilder}. */
export interface Reducer<V> {
  /** What it computes. */
  readonly type: "count" | "sum" | "avg" | "min" | "max" | "countDistinct" | "quantile";
  /** Of which field; `count` has none. */
  readonly path: string | undefined;
  /** For quantiles: which one, from 0 to 1. */
  readonly share: number | undefined;
  /** Exists for the compiler only: the type of the value. */
  readonly "~value"?: V;
}

/** Names what is to be known of each group; fields without a value never count. */
export interface ReducerBuilder<O> {
  /** How many entities the group has. */
  count(): Reducer<number>;
  /** How many different values a field has; of an array, how many different items. */
  countDistinct(path: GroupPaths<O>): Reducer<number>;
  /** The sum of a field, rounded once at the end; 0 of nothing. */
  sum<P extends SinglePathsTo<O, number | bigint>>(
    path: P,
  ): Reducer<[ValueAt<O, P>] extends [bigint] ? bigint : number>;
  /** The mean of a field; null of nothing. */
  avg(path: SinglePathsTo<O, number>): Reducer<number | null>;
  /** The least value of a field; null of nothing. */
  min<P extends SinglePathsTo<O, Exclude<Scalar, boolean>>>(path: P): Reducer<ValueAt<O, P> | null>;
  /** The greatest value of a field; null of nothing. */
  max<P extends SinglePathsTo<O, Exclude<Scalar, boolean>>>(path: P): Reducer<ValueAt<O, P> | null>;
  /** The least value of a field that so great a share of all values does not exceed; 0.5 is the median; null of nothing. */
  quantile(path: SinglePathsTo<O, number>, share: number): Reducer<number | null>;
}

/** Named reducers. */
export type Reducers = Readonly<Record<string, Reducer<unknown>>>;

/** A row as its reducers make it. */
export type Reduced<R extends Reducers> = { -readonly [K in keyof R]: R[K] extends Reducer<infer V> ? V : never };

/** Several types joined, shown as one. */
type Flat<G> = { [K in keyof G]: G[K] };

/** The aggregation as data. */
export interface AggregateNode {
  readonly query: QueryNode;
  readonly groupBy: readonly string[];
  readonly reducers: Readonly<Record<string, Reducer<unknown>>>;
}

/** How many entities have a value. */
export interface Facet<V> {
  /** The value. */
  readonly value: V;
  /** How many of the entities that match have it. */
  readonly count: number;
}

/** What `facets` accepts. */
export interface FacetOptions extends CallOptions {
  /** The most values per field; 100 when left out. */
  readonly limit?: number;
}

/** The facets of some fields. */
export type Facets<O, P extends string> = { [K in P]: Facet<ValueAt<O, K>>[] };

/** Answers aggregations; given by the repository. */
export interface AggregationRunner {
  aggregate(node: AggregateNode, options: CallOptions): Promise<Record<string, unknown>[]>;
  explainAggregate(node: AggregateNode): Promise<Explanation>;
}

interface Shaping<G> {
  readonly having: ((row: G) => boolean) | undefined;
  readonly orderBy: readonly { readonly name: string; readonly direction: Direction }[];
  readonly limit: number | undefined;
  readonly offset: number;
}

/** Rows that may be returned at once when no limit is given. */
const maxRows = 10_000;

const builder: ReducerBuilder<Record<string, number>> = Object.freeze({
  count: () => reducer<number>("count"),
  countDistinct: (path: string) => reducer<number>("countDistinct", path),
  sum: (path: string) => reducer<never>("sum", path),
  avg: (path: string) => reducer<number | null>("avg", path),
  min: (path: string) => reducer<never>("min", path),
  max: (path: string) => reducer<never>("max", path),
  quantile: (path: string, share: number) => reducer<number | null>("quantile", path, share),
});

function reducer<V>(type: Reducer<V>["type"], path?: string, share?: number): Reducer<V> {
  return Object.freeze({ type, path, share });
}

/**
 * An aggregation over what a query matches; made by `query.aggregate()`.
 *
 * `O` is the entity, `G` a row of the result.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { connect, defineEntity, range } from "remora";
 *
 * const Movie = defineEntity({
 *   name: "movie",
 *   schema: z.object({ id: z.string(), year: z.int(), rating: z.number() }),
 *   index: { year: range() },
 * });
 * const db = await connect("redis://localhost:6379");
 * const movies = db.repository(Movie);
 * await movies.indexes.sync();
 * await movies
 *   .query()
 *   .aggregate()
 *   .groupBy("year")
 *   .reduce((of) => ({ films: of.count(), mean: of.avg("rating") }))
 *   .orderBy("films", "desc")
 *   .limit(3)
 *   .all();
 * await db.close();
 * ```
 */
export class Aggregation<O, G> {
  readonly #node: AggregateNode;
  readonly #shaping: Shaping<G>;
  readonly #runner: AggregationRunner;

  private constructor(node: AggregateNode, shaping: Shaping<G>, runner: AggregationRunner) {
    this.#node = node;
    this.#shaping = shaping;
    this.#runner = runner;
  }

  /**
   * Starts an aggregation; called by the query.
   *
   * @internal
   * @param query - what it is about.
   * @param runner - answers it.
   * @returns an aggregation without groups: one row about everything.
   */
  // eslint-disable-next-line typescript/no-empty-object-type -- a row that has nothing in it yet
  static over<O>(query: QueryNode, runner: AggregationRunner): Aggregation<O, {}> {
    const shaping = { having: undefined, orderBy: [], limit: undefined, offset: 0 };
    return new Aggregation({ query, groupBy: [], reducers: {} }, shaping, runner);
  }

  #with<N>(node: Partial<AggregateNode>): Aggregation<O, N> {
    const shaping = this.#shaping as unknown as Shaping<N>;
    return new Aggregation<O, N>(Object.freeze({ ...this.#node, ...node }), shaping, this.#runner);
  }

  #shaped(change: Partial<Shaping<G>>): Aggregation<O, G> {
    return new Aggregation<O, G>(this.#node, Object.freeze({ ...this.#shaping, ...change }), this.#runner);
  }

  /**
   * Groups by the values of one or more fields; repeated calls add fields. An entity is in the group of each different
   * item of an array, and in the group of null without any value.
   *
   * @param paths - fields, indexed or not.
   * @returns the aggregation, whose rows have these fields.
   */
  groupBy<P extends GroupPaths<O>>(...paths: [P, ...P[]]): Aggregation<O, G & { [K in P]: GroupKey<O, K> }> {
    return this.#with({ groupBy: Object.freeze([...this.#node.groupBy, ...paths]) });
  }

  /**
   * Says what is to be known of each group; repeated calls add to it.
   *
   * @param build - receives a builder of reducers, returns an object of them.
   * @returns the aggregation, whose rows have these names.
   */
  reduce<const R extends Reducers>(build: (of: ReducerBuilder<O>) => R): Aggregation<O, G & Reduced<R>> {
    const reducers = build(builder as unknown as ReducerBuilder<O>);
    return this.#with({ reducers: Object.freeze({ ...this.#node.reducers, ...reducers }) });
  }

  /**
   * Keeps only some groups; repeated calls are joined by AND.
   *
   * @param keep - receives a row, tells whether to keep it.
   * @returns the aggregation.
   */
  having(keep: (row: G) => boolean): Aggregation<O, G> {
    const { having } = this.#shaping;
    return this.#shaped({ having: having === undefined ? keep : (row) => having(row) && keep(row) });
  }

  /**
   * Orders the rows; without it, and where it leaves a tie, they come in the order of their groups' values. Null comes last.
   *
   * @param name - a field of the groups, or a reducer.
   * @param direction - `asc` (default) or `desc`.
   * @returns the aggregation.
   */
  orderBy(name: keyof G & string, direction: Direction = "asc"): Aggregation<O, G> {
    return this.#shaped({ orderBy: [...this.#shaping.orderBy, { name, direction }] });
  }

  /**
   * Takes at most so many rows.
   *
   * @param count - a whole number from 0.
   * @returns the aggregation.
   */
  limit(count: number): Aggregation<O, G> {
    return this.#shaped({ limit: count });
  }

  /**
   * Skips so many rows.
   *
   * @param count - a whole number from 0.
   * @returns the aggregation.
   */
  offset(count: number): Aggregation<O, G> {
    return this.#shaped({ offset: count });
  }

  /**
   * The rows. Search engine: FT.AGGREGATE, which groups equal values, and FT.CURSOR where there are many. Scan engine: the
   * fields of every match are read, a script call per 200 of them. Both are summed up here.
   *
   * @param options - deadline of each round trip, and signal.
   * @returns one row per group; exactly one without `groupBy`.
   * @throws ResultTooLargeError when there are more than 10,000 rows and no limit.
   */
  async all(options: CallOptions = {}): Promise<Flat<G>[]> {
    const { query } = this.#node;
    const { having, orderBy, limit, offset } = this.#shaping;
    const { name } = query.metadata;
    checkWindow("limit", limit ?? 0, query.metadata);
    checkWindow("offset", offset, query.metadata);
    checkAggregate(this.#node);
    const names = new Set([...this.#node.groupBy, ...Object.keys(this.#node.reducers)]);
    for (const key of orderBy) {
      if (names.has(key.name) && (key.direction === "asc" || key.direction === "desc")) continue;
      throw new QueryError(`${name}: rows cannot be ordered by ${key.name} ${String(key.direction)}`, { entity: name });
    }
    const rows = (await this.#runner.aggregate(this.#node, options)) as Flat<G>[];
    const kept = having === undefined ? rows : rows.filter((row) => having(row as G));
    const keys = [...orderBy, ...this.#node.groupBy.map((path) => ({ name: path, direction: "asc" as const }))];
    kept.sort((left, right) => compareRows(left as Row, right as Row, keys));
    if (limit === undefined && kept.length - offset > maxRows) throw tooManyRows(name);
    return kept.slice(offset, limit === undefined ? undefined : offset + limit);
  }

  /**
   * The first row.
   *
   * @param options - deadline of each round trip, and signal.
   * @returns the row, or null when there is none.
   */
  async first(options: CallOptions = {}): Promise<Flat<G> | null> {
    const [row = null] = await this.limit(Math.min(1, this.#shaping.limit ?? 1)).all(options);
    return row;
  }

  /**
   * Tells how the aggregation would be answered, without answering it.
   *
   * @returns engine, plan and exact commands.
   */
  explain(): Promise<Explanation> {
    return this.#runner.explainAggregate(this.#node);
  }
}

type Row = Readonly<Record<string, unknown>>;

function compareRows(left: Row, right: Row, keys: Shaping<Row>["orderBy"]): number {
  for (const { name, direction } of keys) {
    const [a, b] = [left[name] ?? undefined, right[name] ?? undefined] as (Operand | undefined)[];
    const order = compareAbsent(a, b, signOf(direction));
    if (order !== 0) return order;
  }
  return 0;
}

function tooManyRows(name: string): ResultTooLargeError {
  return new ResultTooLargeError(`${name}: more than ${maxRows} groups; set a limit, or group by less`, {
    entity: name,
  });
}

/**
 * Checks an aggregation.
 *
 * @param node - the aggregation as built.
 * @throws QueryError naming what makes no sense.
 */
export function checkAggregate({ query, groupBy, reducers }: AggregateNode): void {
  const { metadata, limit, offset, orderBy, select, measured, highlight } = query;
  const { name } = metadata;
  const refuse = (reason: string, field?: string): never => {
    throw new QueryError(`${name}: ${reason}`, { entity: name, field });
  };
  const plain =
    orderBy.length === 0 && !isRanked(query) && [select, measured, highlight].every((part) => part === undefined);
  if (limit !== undefined || offset !== 0 || !plain) {
    refuse(
      "an aggregation is about everything that matches: no limit, offset, order, select, distance or highlight before it",
    );
  }
  for (const path of groupBy) {
    if (!isScalar(itemShape(metadata, path)))
      refuse(`cannot group by ${String(path)}: no single values there`, String(path));
  }
  if (new Set(groupBy).size < groupBy.length) refuse("the same field stands twice in groupBy");
  for (const [key, { type, path, share }] of Object.entries(reducers)) {
    if (groupBy.includes(key)) refuse(`${key} names a group and a reducer`, key);
    if (type === "count") continue;
    const shape = shapeOf(metadata, path ?? "");
    const kind = shape?.kind ?? "nothing";
    const fits = {
      countDistinct: isScalar(itemShape(metadata, path ?? "")),
      sum: kind === "number" || kind === "bigint",
      avg: kind === "number",
      quantile: kind === "number",
      min: isScalar(shape) && kind !== "boolean",
      max: isScalar(shape) && kind !== "boolean",
    }[type];
    if (!fits) refuse(`${key}: ${type} of ${String(path)}, which is ${kind}`, String(path));
    if (type === "quantile" && !(typeof share === "number" && share >= 0 && share <= 1)) {
      refuse(`${key}: a quantile is from 0 to 1, not ${String(share)}`, String(path));
    }
  }
  if (groupBy.length === 0 && Object.keys(reducers).length === 0) refuse("an aggregation needs groupBy or reduce");
}

function shapeOf(metadata: EntityMetadata, path: unknown): Shape | undefined {
  return typeof path === "string" ? shapeAt(metadata.shape, path)?.shape : undefined;
}

function itemShape(metadata: EntityMetadata, path: unknown): Shape | undefined {
  const shape = shapeOf(metadata, path);
  return shape?.kind === "array" ? shape.item : shape;
}

function isScalar(shape: Shape | undefined): boolean {
  return shape !== undefined && ["string", "number", "boolean", "bigint", "date"].includes(shape.kind);
}
