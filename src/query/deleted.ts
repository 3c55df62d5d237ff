// Queries of types that delete softly: deleted entities are left out by a condition that stands first.
// It is one object per type, by which it is known and taken away again.
import { QueryError } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { both, type Condition, everything, type QueryNode } from "./node.ts";

const known = new WeakMap<EntityMetadata, Condition>();

function conditionOf(metadata: EntityMetadata, path: string): Condition {
  const condition = known.get(metadata) ?? Object.freeze({ type: "isNull", path });
  known.set(metadata, condition);
  return condition;
}

/**
 * What a query begins with.
 *
 * @param metadata - the entity type.
 * @returns a condition that leaves deleted entities out; one that is true for all where the type does not delete softly.
 */
export function undeleted(metadata: EntityMetadata): Condition {
  const { softDelete } = metadata;
  return softDelete === undefined ? everything : both(everything, conditionOf(metadata, softDelete));
}

/**
 * The conditions of a query without the one that leaves deleted entities out.
 *
 * @param query - the query.
 * @returns its own conditions.
 * @throws QueryError when the type does not delete softly.
 */
export function includingDeleted({ metadata, where }: QueryNode): Condition {
  const condition = conditionOf(metadata, softDeleteOf(metadata, "withDeleted"));
  if (where.type !== "and") return where;
  return Object.freeze({ type: "and", items: Object.freeze(where.items.filter((item) => item !== condition)) });
}

/**
 * Tells whether a query leaves deleted entities out.
 *
 * @param query - the query, of a type that deletes softly.
 * @returns false when it was told not to.
 */
export function leavesDeletedOut({ metadata, where }: QueryNode): boolean {
  const condition = known.get(metadata);
  return condition !== undefined && where.type === "and" && where.items.includes(condition);
}

/**
 * The field by which a type deletes softly.
 *
 * @param metadata - the entity type.
 * @param operation - what needs it.
 * @returns the field.
 * @throws QueryError when there is none.
 */
export function softDeleteOf({ name, softDelete }: EntityMetadata, operation: string): string {
  if (softDelete !== undefined) return softDelete;
  throw new QueryError(`${name}: ${operation} needs \`softDelete\` in the definition`, { entity: name });
}
