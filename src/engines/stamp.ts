// The stamp in a type's meta hash: what the stored data is laid out for, or that it is being rebuilt.
// Every script compares it with its own; what differs is refused with the error made here.
import { IndexNotReadyError } from "../errors.ts";
import type { Layout } from "./layout.ts";

/** What a stamp begins with while a rebuild is under way. */
const building = "building|";
/** The stamp of a type whose indexes were dropped. */
export const droppedStamp = "dropped";

/**
 * The stamp that holds while a type's indexes are rebuilt: like nobody's own, so that everybody is refused.
 *
 * @param layout - the layout they are rebuilt for.
 * @returns the stamp.
 */
export function buildingStamp(layout: Layout): string {
  return building + layout.stamp;
}

/**
 * Tells whether a rebuild is under way, for whatever definition.
 *
 * @param stamp - the stamp found.
 * @returns true while there is one, running or broken off.
 */
export function isBuilding(stamp: string): boolean {
  return stamp.startsWith(building);
}

/**
 * The error for a type whose stored layout is not the definition's.
 *
 * @param layout - the definition's layout.
 * @param stored - the stamp found; empty when there is data but no stamp.
 * @returns the error.
 */
export function stampError({ metadata, stamp }: Layout, stored: string): IndexNotReadyError {
  const { name } = metadata;
  const details = { entity: name };
  if (isBuilding(stored)) {
    return new IndexNotReadyError(
      `${name}: its indexes are being rebuilt; wait with indexes.ready(), or call indexes.sync(), which takes a broken-off rebuild over`,
      details,
    );
  }
  if (stored === droppedStamp) {
    return new IndexNotReadyError(`${name}: its indexes were dropped; call indexes.sync() to rebuild them`, details);
  }
  return new IndexNotReadyError(
    `${name}: stored data is laid out for another definition (${stored || "unknown"}, not ${stamp}); ` +
      "call indexes.sync() to rebuild the indexes for this one, or deploy the definition that the data is laid out for",
    details,
  );
}
