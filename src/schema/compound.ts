// Compound indexes: several fields that must be equal, and one by which the entities are kept in order.
// Declared by name beside the indexes of single fields, whose values they put together.
import type { DefinitionProblem, IndexMetadata } from "./metadata.ts";

/** A compound index as the user writes it, without its types. */
export interface CompoundDefinition {
  readonly eq: readonly string[];
  readonly orderBy?: string | undefined;
}

/** A compound index. */
export interface CompoundMetadata {
  readonly name: string;
  /** The indexes whose values must be equal, in the order declared. */
  readonly eq: readonly IndexMetadata[];
  /** The index that gives the order; undefined for the order by id. */
  readonly order: IndexMetadata | undefined;
}

/**
 * Finds the index that orders a field.
 *
 * @param indexes - the indexes of an entity type.
 * @param path - the field.
 * @returns a sortable index on it, or undefined.
 */
export function orderingIndex(indexes: readonly IndexMetadata[], path: string): IndexMetadata | undefined {
  const candidates = indexes.filter((index) => index.path === path && index.sortable);
  return candidates.find((index) => index.kind === "range") ?? candidates[0];
}

/**
 * Checks compound indexes and turns them into metadata.
 *
 * @param definitions - name to definition.
 * @param indexes - the indexes of single fields.
 * @param problem - takes what is wrong.
 * @returns one per name; those with a problem are left out.
 */
export function compileCompounds(
  definitions: Readonly<Record<string, CompoundDefinition>>,
  indexes: readonly IndexMetadata[],
  problem: DefinitionProblem,
): CompoundMetadata[] {
  return Object.entries(definitions).flatMap(([name, { eq, orderBy }]) => {
    const order = orderBy === undefined ? undefined : orderingIndex(indexes, orderBy);
    if (orderBy !== undefined && order === undefined) {
      problem(orderBy, `compound ${name} orders by it: give it range() or exact({ sortable: true })`);
    }
    if (eq.length === 0) problem("", `compound ${name}: eq names no field`);
    const named = orderBy === undefined ? eq : [...eq, orderBy];
    if (new Set(named).size !== named.length) problem("", `compound ${name}: names a field twice`);
    const equal = eq.flatMap((path) => {
      const index = equalityIndex(indexes, path);
      if (index === undefined) {
        problem(path, `compound ${name} asks for equality: give it exact() or range(), and a single value`);
      }
      return index ?? [];
    });
    return Object.freeze({ name, eq: Object.freeze(equal), order });
  });
}

// The one that answers `eq`: exact where a field has both.
function equalityIndex(indexes: readonly IndexMetadata[], path: string): IndexMetadata | undefined {
  const able = indexes.filter((index) => index.path === path && !index.array);
  return able.find((index) => index.kind === "exact") ?? able.find((index) => index.kind === "range");
}
