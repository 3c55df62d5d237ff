// Versions that a caller expects: where they make sense, and what is said when another one is stored.
// Shared by whatever changes or deletes an entity on condition.
import { CorruptEntityError, ValidationError, VersionConflictError } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";

/**
 * Refuses an expected version on a type that has none.
 *
 * @param metadata - the entity type.
 * @param id - the entity's id.
 * @throws ValidationError when the type has no version.
 */
export function requireVersion({ name, version }: EntityMetadata, id: string): void {
  if (version !== undefined) return;
  throw new ValidationError(`${name}: ifVersion needs \`version\` in the definition`, { entity: name, id });
}

/**
 * The error for an entity of another version than the caller expects.
 *
 * @param metadata - the entity type.
 * @param id - the entity's id.
 * @param what - what was to be done with it.
 * @param expected - the caller's version.
 * @param actual - what is stored; undefined when that is no version.
 * @returns the error.
 */
export function versionConflict(
  { name, version }: EntityMetadata,
  id: string,
  what: "changed" | "deleted",
  expected: number | undefined,
  actual: number | undefined,
): VersionConflictError {
  return new VersionConflictError(
    `${name} ${JSON.stringify(id)} was to be ${what} at version ${expected}, but version ${actual ?? "unknown"} is stored; read it again`,
    { entity: name, id, field: version, expected: expected ?? null, actual: actual ?? null },
  );
}

/**
 * The error for a stored version that is none.
 *
 * @param metadata - the entity type.
 * @param id - the entity's id.
 * @returns the error.
 */
export function corruptVersion({ name, version }: EntityMetadata, id: string): CorruptEntityError {
  return new CorruptEntityError(
    `${name} ${JSON.stringify(id)}: its stored version is not a whole number that can be counted on`,
    {
      entity: name,
      id,
      field: version,
    },
  );
}

/**
 * Makes sure that an entity at hand has the version that a caller expects.
 *
 * @param metadata - the entity type.
 * @param id - the entity's id.
 * @param what - what is to be done with it.
 * @param entity - the entity.
 * @param expected - the caller's version; any when undefined.
 * @returns the entity.
 * @throws VersionConflictError when it has another one.
 */
export function expectVersion<T extends Readonly<Record<string, unknown>>>(
  metadata: EntityMetadata,
  id: string,
  what: "changed" | "deleted",
  entity: T,
  expected: number | undefined,
): T {
  const actual = metadata.version === undefined ? undefined : (entity[metadata.version] as number);
  if (expected === undefined || actual === expected) return entity;
  throw versionConflict(metadata, id, what, expected, actual);
}
