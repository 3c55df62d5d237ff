// Soft deletion: the field that says when an entity was deleted, and what a definition must say of it.
// An entity with a value there is out of sight, and stays until it is restored or purged.
import type { IndexMetadata } from "./metadata.ts";
import type { ObjectShape } from "./shape.ts";

/**
 * Checks the field that a definition names for soft deletion.
 *
 * @param field - the field.
 * @param shape - the entity's shape.
 * @param indexes - the type's indexes.
 * @param problem - told of what is wrong.
 */
export function checkSoftDelete(
  field: string,
  shape: ObjectShape,
  indexes: readonly IndexMetadata[],
  problem: (path: string, message: string) => void,
): void {
  const at = shape.fields.get(field);
  if (at?.kind !== "date" || !(at.optional || at.nullable)) {
    problem(field, "softDelete must be in the schema as z.date(), optional or nullable");
  } else if (!indexes.some(({ path, kind }) => path === field && kind === "range")) {
    // Every query asks for it.
    problem(field, "softDelete needs range() on the field, so that queries leave deleted entities out by an index");
  }
}

/** What is known of an entity type that may delete softly. */
interface Softly {
  readonly softDelete: string | undefined;
}

/**
 * Tells whether an entity is deleted, though still there.
 *
 * @param type - its type.
 * @param entity - the entity.
 * @returns true when the type deletes softly and this one was.
 */
export function isDeleted({ softDelete }: Softly, entity: Readonly<Record<string, unknown>>): boolean {
  return softDelete !== undefined && entity[softDelete] !== undefined && entity[softDelete] !== null;
}
