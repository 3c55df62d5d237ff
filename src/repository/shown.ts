// What reads show: entities that were deleted softly are as if they were not there.
// Whoever asks for them sees them all the same.
import type { EntityMetadata } from "../schema/metadata.ts";
import { isDeleted } from "../schema/soft-delete.ts";

type Row = Record<string, unknown>;

/**
 * What a read shows of an entity.
 *
 * @param metadata - the entity type.
 * @param entity - the entity, or what stands in its place.
 * @param withDeleted - whether deleted entities are shown.
 * @returns it, or null when it is deleted.
 */
export function shown<T extends Row | null | Error>(
  metadata: EntityMetadata,
  entity: T,
  withDeleted: boolean | undefined,
): T | null {
  if (metadata.softDelete === undefined || withDeleted === true) return entity;
  return entity === null || entity instanceof Error || !isDeleted(metadata, entity) ? entity : null;
}
