// Conditions as users hold them: the builder of one entity type, and what it gives.
// A condition carries the name of its type, so that it cannot end up in a query over another.
import { QueryError } from "../errors.ts";
import type { EntityDefinition, EntityOf, IndexesOf } from "../schema/entity.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { IndexedPaths } from "../schema/paths.ts";
import type { Condition as ConditionNode } from "./node.ts";
import { type Searchable, searchCondition } from "./search.ts";
import { AnyOperators, type FieldOperators } from "./where.ts";

/** Shared by every copy of the package, and never in data from outside: JSON has no symbols. */
const entityName: unique symbol = Symbol.for("remora.condition") as never;

// In and out, so that neither a wider nor a narrower entity type will do.
type NameOf<O, I> = string & { readonly "~types"?: (types: [O, I]) => [O, I] };

/** A condition on the entities O with the indexes I: frozen, made by a builder, for any number of queries. */
export interface Condition<O, I> {
  /** The name of the entity type. */
  readonly [entityName]: NameOf<O, I>;
}

/** The conditions of an entity type. */
export type ConditionOf<D extends EntityDefinition> = Condition<EntityOf<D>, IndexesOf<D>>;

/** Builds conditions: in a `where` callback, or outside of queries by {@link conditions}. */
export interface ConditionBuilder<O, I> {
  /** Names a field; its operators give a condition. */
  <P extends IndexedPaths<I>>(path: P): FieldOperators<O, I, P, Condition<O, I>>;
  /** True when every condition is; true when there is none. */
  and(...conditions: readonly Condition<O, I>[]): Condition<O, I>;
  /** True when at least one condition is; false when there is none. */
  or(...conditions: readonly Condition<O, I>[]): Condition<O, I>;
  /** True when the condition is not. */
  not(condition: Condition<O, I>): Condition<O, I>;
  /** True when every word of the text is in some `text()` field; different words may be in different fields. */
  search(text: Searchable<I>): Condition<O, I>;
}

/**
 * Gives the builder of conditions outside of a query, for conditions that several queries share.
 *
 * @param definition - the entity type.
 * @returns the builder that a `where` callback receives.
 * @throws QueryError when given anything but an entity type.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { conditions, connect, defineEntity, range } from "remora";
 *
 * const Movie = defineEntity({
 *   name: "movie",
 *   schema: z.object({ id: z.string(), year: z.int() }),
 *   index: { year: range() },
 * });
 * const modern = conditions(Movie)("year").gte(2000);
 *
 * const db = await connect("redis://localhost:6379");
 * const movies = db.repository(Movie);
 * await movies.indexes.sync();
 * await movies.query().where(modern).all();
 * await movies
 *   .query()
 *   .where((movie) => movie.or(modern, movie("year").lt(1930)))
 *   .all();
 * await db.close();
 * ```
 */
export function conditions<D extends EntityDefinition>(definition: D): ConditionBuilder<EntityOf<D>, IndexesOf<D>> {
  const metadata = (definition as EntityDefinition | undefined)?.metadata;
  if (metadata === undefined) throw new QueryError("conditions() takes an entity type, made by defineEntity");
  return conditionBuilder(metadata) as unknown as ConditionBuilder<EntityOf<D>, IndexesOf<D>>;
}

/**
 * Makes the builder that `where` hands to its callback.
 *
 * @param metadata - the entity type.
 * @returns the builder; its types are narrowed by the caller.
 */
export function conditionBuilder(metadata: EntityMetadata): ConditionBuilder<unknown, unknown> {
  const named = (node: ConditionNode): ConditionNode =>
    Object.freeze(Object.defineProperty({ ...node }, entityName, { value: metadata.name }));
  const junction = (type: "and" | "or", items: readonly unknown[]): ConditionNode =>
    named({ type, items: Object.freeze(items.map((item) => nodeOf(item, metadata, `${type}() takes conditions`))) });
  const field = (path: string): unknown => new AnyOperators(path, named);
  return Object.assign(field, {
    and: (...items: readonly unknown[]) => junction("and", items),
    or: (...items: readonly unknown[]) => junction("or", items),
    not: (item: unknown) => named({ type: "not", item: nodeOf(item, metadata, "not() takes a condition") }),
    search: (text: unknown) => named(searchCondition(text, metadata)),
  }) as unknown as ConditionBuilder<unknown, unknown>;
}

/**
 * Tells a condition from a filter object.
 *
 * @param value - anything.
 * @returns whether a builder made it.
 */
export function isCondition(value: unknown): boolean {
  return typeof value === "object" && value !== null && entityName in value;
}

/**
 * Takes a condition for what it is to the other rooms: a node.
 *
 * @param condition - what should be a condition.
 * @param metadata - the entity type that is asked for.
 * @param rule - what the caller should have done, for the error.
 * @returns the node.
 * @throws QueryError when it is none, or one of another entity type.
 */
export function nodeOf(condition: unknown, metadata: EntityMetadata, rule: string): ConditionNode {
  const entity = metadata.name;
  // Also where code is not compiled: a callback may forget its return.
  if (typeof condition !== "object" || condition === null || !("type" in condition)) {
    throw new QueryError(`${entity}: ${rule}`, { entity });
  }
  const other = (condition as Partial<Condition<unknown, unknown>>)[entityName];
  if (other !== undefined && other !== entity) {
    throw new QueryError(`${entity}: a condition on ${other} cannot be used here`, { entity });
  }
  return condition as ConditionNode;
}
