// Saving one entity: whole, or only what is different from what was read before.
// The difference counts only if the document is still the one that was read; otherwise the whole entity decides.
import { ValidationError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { ScriptCall } from "../redis/command.ts";
import { decodeId } from "../schema/key.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { TypeContext } from "./context.ts";
import { afterSave, beforeSave } from "./hooks.ts";
import { knownId, withIdentity } from "./identify.ts";
import type { Note } from "./observe.ts";
import { homeOf } from "./partitions.ts";
import {
  askRights,
  encoded,
  type Prepared,
  saveErrors,
  type SaveMode,
  sweepLimit,
  type Valid,
  validated,
} from "./save.ts";
import { differenceOf, type DifferentEntity, sendDifferences } from "./save-difference.ts";
import type { Ttl } from "./ttl.ts";
import { attemptOf } from "./update.ts";

type Row = Record<string, unknown>;
type OneOptions = CallOptions & { readonly ttl?: Ttl; readonly fence?: number };

/**
 * Saves one entity.
 *
 * @param context - the entity type.
 * @param input - what the caller gave.
 * @param mode - insert or save.
 * @param options - ttl, deadline and signal.
 * @param note - told of what is sent.
 * @returns the entity as stored.
 */
export function saveOne(
  context: TypeContext,
  input: unknown,
  mode: SaveMode,
  options: OneOptions,
  note: Note,
): Promise<Row> {
  const save = (given: unknown): Promise<Row> => saveIdentified(context, given, mode, options, note);
  return withIdentity(context.metadata, input, save) as Promise<Row>;
}

function saveIdentified(
  context: TypeContext,
  input: unknown,
  mode: SaveMode,
  options: OneOptions,
  note: Note,
): Promise<Row> {
  checkFence(context.metadata, options.fence);
  const valid = validated(context, input, mode);
  // Only the save script knows fences.
  if (options.fence !== undefined) return saveWhole(context, valid, options, note);
  const different = differenceOf(context, valid, options.ttl);
  if (different === undefined) return saveWhole(context, valid, options, note);
  return saveDifference(context, different, options, note);
}

/**
 * Saves one entity of a type with hooks.
 *
 * @param context - the entity type.
 * @param input - what the caller gave.
 * @param mode - insert or save.
 * @param options - ttl, deadline and signal.
 * @param note - told of what is sent.
 * @returns the entity as stored.
 */
export async function saveWithHooks(
  context: TypeContext,
  input: unknown,
  mode: SaveMode,
  options: OneOptions,
  note: Note,
): Promise<Row> {
  const { metadata } = context;
  const entity = await saveOne(context, await beforeSave(metadata, input, mode), mode, options, note);
  await afterSave(metadata, entity, mode);
  return entity;
}

async function saveDifference(
  context: TypeContext,
  different: DifferentEntity,
  options: OneOptions,
  note: Note,
): Promise<Row> {
  const { encodedId, valid } = different;
  const attempt = attemptOf(context, valid.mode, options, decodeId(encodedId));
  const [result] = await sendDifferences(context, [different], attempt, note);
  if (result === "whole") return saveWhole(context, valid, options, note);
  if (result !== undefined) throw result;
  return valid.entity;
}

function saveWhole(context: TypeContext, valid: Valid, options: OneOptions, note: Note): Promise<Row> {
  const prepared = encoded(context, valid, options.ttl, options.fence);
  const home = homeOf(context, prepared.encodedId);
  const call = saveOneCall(home, prepared);
  note([call], 1);
  const attempt = attemptOf(home, valid.mode, options, knownId(prepared.encodedId));
  return home.executor.one(call, attempt).then((reply) => {
    const [error] = saveErrors(home, [prepared], reply);
    if (error !== undefined) throw error;
    return prepared.entity;
  });
}

function checkFence({ name, fence: fenced }: EntityMetadata, fence: number | undefined): void {
  if (fence === undefined) return;
  const problem = fenced ? "is a whole number from 1, as a lock gives it" : "needs `fence: true` in the definition";
  if (!fenced || !Number.isSafeInteger(fence) || fence < 1) {
    throw new ValidationError(`${name}: a fence ${problem}`, { entity: name });
  }
}

// The item goes word by word, since the server reads words faster than JSON.
function saveOneCall(context: TypeContext, { encodedId, item, text }: Prepared): ScriptCall {
  const { layout, fixedKeys, scripts } = context;
  const head = [sweepLimit(context, 1), askRights(context, scripts.save), ""];
  if (layout.metadata.storage !== "hash") head.push(text);
  const keys = [...fixedKeys, layout.documents + encodedId];
  return { script: scripts.save, keys, args: head.concat(item), ...context.identity };
}
