// Collections that an entity owns, beside its document: lists, sets, sorted sets and counters in keys of their own.
// Here is what they hold; they live and die with their entity.
import type { z } from "zod";
import type { DefinitionProblem } from "./metadata.ts";
import { compileItem, isMember, type ItemMetadata, notMember } from "./item.ts";
import type { AnySchema } from "./zod.ts";

/** What a collection is to the server. */
export type CollectionKind = "list" | "set" | "sortedSet" | "counter";

/** A collection of a definition: made by {@link ownedList}, {@link ownedSet}, {@link ownedSortedSet} and {@link ownedCounter}. */
export interface Collection<K extends CollectionKind = CollectionKind, T = unknown> {
  /** What it is. */
  readonly kind: K;
  /**
   * What its items are; undefined for counters.
   *
   * @internal
   */
  readonly schema: AnySchema | undefined;
  /**
   * Carries the type only; never present at run time.
   *
   * @internal
   */
  readonly "~item"?: T;
}

/** The collections of a definition, by name. */
export type Collections = Readonly<Record<string, Collection>>;

/** A collection as the other rooms know it. */
export interface CollectionMetadata {
  readonly name: string;
  readonly kind: CollectionKind;
  /** What an item is; undefined for counters. */
  readonly item: ItemMetadata | undefined;
}

/**
 * A list that each entity owns: items in an order, of which some may be alike.
 *
 * @param schema - what the items are: anything that a field may be, but never absent.
 * @returns the collection, for `collections` of a definition.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { defineEntity, ownedList } from "remora";
 *
 * defineEntity({
 *   name: "post",
 *   schema: z.object({ id: z.string(), title: z.string() }),
 *   collections: { comments: ownedList(z.object({ by: z.string(), text: z.string() })) },
 * });
 * ```
 */
export function ownedList<S extends AnySchema>(schema: S): Collection<"list", z.output<S>> {
  return Object.freeze({ kind: "list", schema });
}

/**
 * A set that each entity owns: members without an order, each once.
 *
 * @param schema - what the members are: strings, numbers, booleans, bigints or dates.
 * @returns the collection, for `collections` of a definition.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { defineEntity, ownedSet } from "remora";
 *
 * defineEntity({
 *   name: "user",
 *   schema: z.object({ id: z.string() }),
 *   collections: { followers: ownedSet(z.string()) },
 * });
 * ```
 */
export function ownedSet<S extends AnySchema>(schema: S): Collection<"set", z.output<S>> {
  return Object.freeze({ kind: "set", schema });
}

/**
 * A sorted set that each entity owns: members with a score, each once.
 *
 * @param schema - what the members are: strings, numbers, booleans, bigints or dates.
 * @returns the collection, for `collections` of a definition.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { defineEntity, ownedSortedSet } from "remora";
 *
 * defineEntity({
 *   name: "quiz",
 *   schema: z.object({ id: z.string() }),
 *   collections: { results: ownedSortedSet(z.string()) },
 * });
 * ```
 */
export function ownedSortedSet<S extends AnySchema>(schema: S): Collection<"sortedSet", z.output<S>> {
  return Object.freeze({ kind: "sortedSet", schema });
}

/**
 * A counter that each entity owns, beside its document: counting changes neither version nor indexes.
 *
 * @returns the collection, for `collections` of a definition.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { defineEntity, ownedCounter } from "remora";
 *
 * defineEntity({ name: "page", schema: z.object({ id: z.string() }), collections: { views: ownedCounter() } });
 * ```
 */
export function ownedCounter(): Collection<"counter", number> {
  return Object.freeze({ kind: "counter", schema: undefined });
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const kinds: ReadonlySet<unknown> = new Set(["list", "set", "sortedSet", "counter"]);

/**
 * Checks the collections of a definition.
 *
 * @param entity - the entity's name.
 * @param collections - what the user wrote.
 * @param problem - takes what is wrong.
 * @returns what the other rooms know of them.
 */
export function compileCollections(
  entity: string,
  collections: Collections | undefined,
  problem: DefinitionProblem,
): readonly CollectionMetadata[] {
  const compiled = Object.entries(collections ?? {}).map(([name, { kind, schema }]) => {
    const tell = (message: string): void => problem("", `collection ${JSON.stringify(name)}: ${message}`);
    if (!namePattern.test(name) || name in Object.prototype) tell("bad name");
    if (!kinds.has(kind)) tell("make it by ownedList, ownedSet, ownedSortedSet or ownedCounter");
    const item = schema === undefined ? undefined : compileItem(schema, entity, `an item of ${name}`, name, tell);
    const shape = item?.shape;
    if (shape?.optional === true || shape?.nullable === true) tell("its items may not be absent");
    if (kind !== "list" && shape !== undefined && !isMember(shape)) tell(notMember(shape));
    return Object.freeze({ name, kind, item });
  });
  return Object.freeze(compiled);
}
