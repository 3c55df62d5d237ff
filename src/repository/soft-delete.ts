// Deleting softly: an entity gets the time of its deletion, and is out of sight until it is restored or purged.
// Unique values stay its own meanwhile, so that it can come back.
import { isRemoraError } from "../errors.ts";
import { softDeleteOf } from "../query/deleted.ts";
import type { CallOptions } from "../query/query.ts";
import { decodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { isDeleted } from "../schema/soft-delete.ts";
import type { TypeContext } from "./context.ts";
import { afterDelete, afterSave, beforeDelete, beforeSave } from "./hooks.ts";
import type { Note } from "./observe.ts";
import { type DeleteOptions, removeOne } from "./remove.ts";
import { patchRetries } from "./retry.ts";
import { changeOne } from "./update.ts";
import { expectVersion, requireVersion } from "./versions.ts";

type Row = Record<string, unknown>;

/** The entity is as it was asked to be already. */
class Already {}

/**
 * Deletes one entity: softly where the type does, else for good.
 *
 * @param context - the entity type.
 * @param encodedId - its id as it stands in the key.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns true when there was one that was not deleted.
 */
export async function deleteOne(
  context: TypeContext,
  encodedId: string,
  options: DeleteOptions,
  note: Note,
): Promise<boolean> {
  const { metadata } = context;
  const id = decodeId(encodedId);
  if (metadata.softDelete === undefined) return removeOne(context, encodedId, options, note);
  if (options.ifVersion !== undefined) requireVersion(metadata, id);
  const change = async (entity: Row): Promise<Row> => {
    if (isDeleted(metadata, entity)) throw new Already();
    expectVersion(metadata, id, "deleted", entity, options.ifVersion);
    await beforeDelete(metadata, entity);
    return deletedNow(context, entity);
  };
  const deleted = await changeFlag(context, encodedId, change, "delete", options, note);
  if (deleted !== undefined) await afterDelete(metadata, id);
  return deleted !== undefined;
}

/**
 * Brings a deleted entity back.
 *
 * @param context - the entity type.
 * @param encodedId - its id as it stands in the key.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns true when there was one that was deleted.
 * @throws QueryError when the type does not delete softly.
 */
export async function restoreOne(
  context: TypeContext,
  encodedId: string,
  options: CallOptions,
  note: Note,
): Promise<boolean> {
  const { metadata } = context;
  const field = softDeleteOf(metadata, "restore");
  const change = (entity: Row): Promise<unknown> => {
    if (!isDeleted(metadata, entity)) throw new Already();
    return beforeSave(metadata, { ...entity, [field]: absentValue(metadata, field) }, "restore");
  };
  const restored = await changeFlag(context, encodedId, change, "restore", options, note);
  if (restored !== undefined) await afterSave(metadata, restored, "restore");
  return restored !== undefined;
}

/**
 * An entity with the time of its deletion.
 *
 * @param context - a type that deletes softly.
 * @param entity - the entity.
 * @returns a copy.
 */
export function deletedNow({ metadata, now }: TypeContext, entity: Row): Row {
  return { ...entity, [metadata.softDelete as string]: now() };
}

// Undefined when there is nothing to change.
async function changeFlag(
  context: TypeContext,
  encodedId: string,
  change: (entity: Row) => Promise<unknown>,
  operation: string,
  options: CallOptions,
  note: Note,
): Promise<Row | undefined> {
  let thrown: unknown;
  const noticed = async (entity: Row): Promise<unknown> => {
    try {
      return await change(entity);
    } catch (error) {
      thrown = error;
      throw error;
    }
  };
  try {
    return await changeOne(context, encodedId, noticed, operation, { ...options, retries: patchRetries }, note);
  } catch (error) {
    if (error instanceof Already) return undefined;
    // A hook may be told of other entities that are missing.
    if (error !== thrown && isRemoraError(error, "ENTITY_NOT_FOUND")) return undefined;
    throw error;
  }
}

function absentValue({ shape }: EntityMetadata, field: string): null | undefined {
  return shape.fields.get(field)?.nullable === true ? null : undefined;
}
