// Removing: documents together with everything the indexes and constraints hold for them, in one call.
// The same call forgets entities whose documents are gone already.
import { wrongType } from "../engines/documents.ts";
import { stampError } from "../engines/stamp.ts";
import type { CallOptions } from "../query/query.ts";
import type { Script, ScriptCall } from "../redis/command.ts";
import type { RunOptions } from "../redis/executor.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { callOptions } from "./load.ts";
import type { Note } from "./observe.ts";
import { askRights, forbidden } from "./save.ts";
import { requireVersion, versionConflict } from "./versions.ts";

/**
 * The call of a script that takes a list of ids.
 *
 * @param context - the entity type.
 * @param script - delete or reap.
 * @param encodedIds - the ids as they stand in keys.
 * @param more - what the script takes beside them.
 * @returns the call.
 */
export function forgetCall(
  context: TypeContext,
  script: Script,
  encodedIds: readonly string[],
  more: readonly string[] = [],
): ScriptCall {
  const { layout, fixedKeys } = context;
  return {
    script,
    keys: [...fixedKeys, ...encodedIds.map((id) => layout.documents + id)],
    args: [JSON.stringify(encodedIds), askRights(context, script), ...more],
  };
}

/** What `delete` accepts. */
export interface DeleteOptions extends CallOptions {
  /** The version that must be stored; any when left out. */
  readonly ifVersion?: number;
}

/**
 * Deletes one entity.
 *
 * @param context - the entity type.
 * @param encodedId - its id as it stands in the key.
 * @param options - deadline and signal.
 * @param note - told of what is sent.
 * @returns true when there was one.
 * @throws IndexNotReadyError when stored data is laid out for another definition, or is being rebuilt.
 * @throws CorruptEntityError when the key holds something else than a document of the type.
 * @throws VersionConflictError when another version than `ifVersion` is stored.
 */
export async function removeOne(
  context: TypeContext,
  encodedId: string,
  options: DeleteOptions,
  note: Note,
): Promise<boolean> {
  const { metadata, layout, scripts } = context;
  const { ifVersion } = options;
  const id = decodeId(encodedId);
  if (ifVersion !== undefined) requireVersion(metadata, id);
  const versions = ifVersion === undefined ? [] : [JSON.stringify([String(ifVersion)])];
  const call = forgetCall(context, scripts.remove, [encodedId], versions);
  note([call], 1);
  const [removed] = await sendRemoval(context, call, {
    operation: "delete",
    write: true,
    entity: metadata.name,
    id,
    ...callOptions(options),
  });
  if (removed === -1) throw wrongType(layout, id);
  if (typeof removed === "string") {
    throw versionConflict(metadata, id, "deleted", ifVersion, removed === "v" ? undefined : Number(removed.slice(1)));
  }
  return removed === 1;
}

/**
 * Sends a call of a script that deletes.
 *
 * @param context - the entity type.
 * @param call - the call.
 * @param attempt - what it is, for errors and deadlines.
 * @returns what became of each id.
 * @throws CapabilityError when the user lacks a right; nothing was changed.
 * @throws IndexNotReadyError when stored data is laid out for another definition, or is being rebuilt.
 */
export async function sendRemoval(
  context: TypeContext,
  call: ScriptCall,
  attempt: RunOptions,
): Promise<readonly (number | string)[]> {
  const reply = await context.executor.one(call, attempt);
  if (typeof reply === "string") throw forbidden(context, reply);
  const removed = reply as readonly (number | string)[];
  if (removed[0] === "STAMP") throw stampError(context.layout, String(removed[1]));
  context.allowed.add(call.script);
  return removed;
}
