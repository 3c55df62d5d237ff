// Where a property stands in a stored document: a hash field or a JSONPath, made of the names it is stored by.
// Whoever touches parts of documents asks here; only the codecs themselves put such places together from the shape.
import type { EntityMetadata } from "../schema/metadata.ts";
import { propertyNames, storedNames } from "../schema/names.ts";

type Stored = Pick<EntityMetadata, "storage" | "shape">;

/**
 * Writes a path in the one form that JSON servers read safely: every name quoted.
 *
 * @param path - property names and positions.
 * @returns a JSONPath.
 */
export function jsonPath(path: readonly (string | number)[]): string {
  let text = "$";
  for (const part of path) {
    text += typeof part === "number" ? `[${part}]` : `["${part.replace(/["\\]/g, "\\$&")}"]`;
  }
  return text;
}

/**
 * The place of a property in stored documents.
 *
 * @param metadata - the entity type.
 * @param names - the property names of its path, or the name of a hidden member.
 * @returns a hash field's name or a JSONPath.
 */
export function placeOf({ storage, shape }: Stored, names: readonly string[]): string {
  const stored = storedNames(shape, names);
  return storage === "hash" ? stored.join(".") : jsonPath(stored);
}

/**
 * The dotted path of the property at a place in stored documents.
 *
 * @param metadata - the entity type.
 * @param place - a hash field's name, or a JSONPath that {@link jsonPath} wrote of field names, which hold no quotes.
 * @returns the dotted path; hidden members keep their names.
 */
export function pathAt({ shape }: Stored, place: string): string {
  const stored = place.startsWith("$[") ? place.slice(3, -2).split('"]["') : place.split(".");
  return propertyNames(shape, stored).join(".");
}
