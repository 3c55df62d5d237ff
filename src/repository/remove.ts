// Removing: documents together with everything the indexes and constraints hold for them, in one call.
// The same call forgets entities whose documents are gone already.
import { wrongType } from "../engines/documents.ts";
import type { StoredRow } from "../engines/engine.ts";
import { stampError } from "../engines/stamp.ts";
import { fingerprintOf } from "../engines/write/remove.ts";
import type { CallOptions } from "../query/query.ts";
import { ReplyFailure, type Script, type ScriptCall } from "../redis/command.ts";
import type { RunOptions } from "../redis/executor.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { afterDelete, beforeDelete } from "./hooks.ts";
import { callOptions } from "./load.ts";
import { perPartition } from "./partitions.ts";
import type { Note } from "./observe.ts";
import { defaultBackoff, pauseBeforeRetry } from "./retry.ts";
import { askRights, forbidden } from "./save.ts";
import { corruptVersion, expectVersion, requireVersion, versionConflict } from "./versions.ts";
import { attemptOf, late, remaining } from "./update.ts";

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
    ...context.identity,
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
 * @throws RelationError when others refer to it by a relation that says `restrict`.
 */
export async function removeOne(
  context: TypeContext,
  encodedId: string,
  options: DeleteOptions,
  note: Note,
): Promise<boolean> {
  const { metadata } = context;
  if (options.ifVersion !== undefined) requireVersion(metadata, decodeId(encodedId));
  // What relations say comes before it, and must not be done for an entity that is not there or not to go.
  const ruled = context.related.graph.isRuled(metadata.name);
  const read = ruled || metadata.hooks?.beforeDelete !== undefined;
  const removed = await (read ? removeAsRead : removeNow)(context, encodedId, options, note);
  if (removed) await afterDelete(metadata, decodeId(encodedId));
  return removed;
}

async function removeNow(
  context: TypeContext,
  encodedId: string,
  options: DeleteOptions,
  note: Note,
): Promise<boolean> {
  const { metadata, layout, scripts } = context;
  const { ifVersion } = options;
  const id = decodeId(encodedId);
  const versions = ifVersion === undefined ? [] : [JSON.stringify([String(ifVersion)])];
  const call = forgetCall(context, scripts.remove, [encodedId], versions);
  note([call], 1);
  const [removed] = await sendRemoval(context, call, attemptOf(context, "delete", options, id));
  if (removed === -1) throw wrongType(layout, id);
  if (removed === "v") throw corruptVersion(metadata, id);
  if (typeof removed === "string") {
    throw versionConflict(metadata, id, "deleted", ifVersion, Number(removed.slice(1)));
  }
  return removed === 1;
}

// A hook or a relation has seen what is deleted, which is why it must not have changed meanwhile.
async function removeAsRead(
  context: TypeContext,
  encodedId: string,
  options: DeleteOptions,
  note: Note,
): Promise<boolean> {
  const { metadata, reader, executor, codec } = context;
  const id = decodeId(encodedId);
  const end = performance.now() + (options.deadline ?? executor.defaultDeadline);
  for (let tries = 0; ; tries += 1) {
    const deadline = remaining(context, end, "delete", id);
    const attempt = attemptOf(context, "delete", { ...options, deadline }, id);
    const request = reader.one(encodedId);
    note([request], 0);
    // eslint-disable-next-line no-await-in-loop -- each try begins with what the one before left
    const stored = reader.readOne(await executor.one(request, { ...attempt, write: false }));
    if (stored === undefined || stored instanceof ReplyFailure) return false;
    // eslint-disable-next-line no-await-in-loop
    await beforeDelete(metadata, expectVersion(metadata, id, "deleted", codec.decode(stored, id), options.ifVersion));
    // eslint-disable-next-line no-await-in-loop
    await context.related.prepareDeletion(context, [encodedId], callOptions(options), note);
    // eslint-disable-next-line no-await-in-loop
    const [removed] = await removeUnchanged(context, [{ encodedId, stored }], attempt, note);
    if (removed === -1) throw wrongType(context.layout, id);
    if (removed !== -2) return removed === 1;
    // eslint-disable-next-line no-await-in-loop
    await pauseBeforeRetry(tries, defaultBackoff, options.signal, (cause) =>
      late(context, "delete", id, "the signal fired", cause),
    );
  }
}

/**
 * Deletes documents that are as they were read.
 *
 * @param context - the entity type.
 * @param rows - the documents as read.
 * @param attempt - what it is, for errors and deadlines.
 * @param note - told of what is sent.
 * @returns per document 1 when it was deleted, 0 when it was gone, -1 for a key of another type, -2 when it was changed.
 */
export function removeUnchanged(
  context: TypeContext,
  rows: readonly StoredRow[],
  attempt: RunOptions,
  note: Note,
): Promise<readonly (number | string)[]> {
  const send = (home: TypeContext, own: readonly StoredRow[]): Promise<readonly (number | string)[]> => {
    const ids = own.map(({ encodedId }) => encodedId);
    const prints = JSON.stringify(own.map(({ stored }) => fingerprintOf(stored)));
    const more = [prints, JSON.stringify(home.codec.fields)];
    const call = forgetCall(home, home.scripts.removeUnchanged, ids, more);
    note([call], own.length);
    return sendRemoval(home, call, attempt);
  };
  return perPartition(context, rows, ({ encodedId }) => encodedId, send);
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
