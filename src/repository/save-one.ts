// Saving one entity: whole, or only what is different from what was read before.
// The difference counts only if the document is still the one that was read; otherwise the whole entity decides.
import { changedDocument } from "../codec/stored.ts";
import { isRemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { ScriptCall } from "../redis/command.ts";
import { decodeId, encodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { afterSave, beforeSave } from "./hooks.ts";
import type { Known } from "./loaded.ts";
import { homeOf } from "./partitions.ts";
import type { Note } from "./observe.ts";
import { differenceItem } from "./patch-item.ts";
import {
  askRights,
  encoded,
  type Prepared,
  saveError,
  saveErrors,
  type SaveMode,
  sweepLimit,
  type Valid,
  validated,
} from "./save.ts";
import type { Ttl } from "./ttl.ts";
import { attemptOf, sendItems } from "./update.ts";

type Row = Record<string, unknown>;
type OneOptions = CallOptions & { readonly ttl?: Ttl };

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
  const { metadata, loaded } = context;
  const valid = validated(context, input, mode);
  const plain = loaded === undefined || valid.expected === undefined;
  if (plain && context.partitions.length === 1) return saveWhole(context, valid, options, note);
  const encodedId = encodeId(valid.entity[metadata.idField], metadata.name);
  const home = homeOf(context, encodedId);
  if (plain) return saveWhole(home, valid, options, note);
  const known = loaded.take(encodedId, valid.expected);
  if (known === undefined) return saveWhole(home, valid, options, note);
  return saveDifference(home, encodedId, known, valid, options, note);
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
  encodedId: string,
  { stored, before }: Known,
  valid: Valid,
  options: OneOptions,
  note: Note,
): Promise<Row> {
  const { codec, loaded } = context;
  const { entity, mode, expected } = valid;
  const id = decodeId(encodedId);
  const { item, change } = differenceItem(context, encodedId, {
    stored,
    before,
    after: entity,
    ttl: options.ttl,
    saved: true,
  });
  const [outcome] = await sendItems(context, [item], false, attemptOf(context, mode, options, id), note);
  const conflict = (version: string): Error =>
    saveError(context, { encodedId, mode, expected }, "VERSION", version, "");
  if (outcome?.kind === "failed") {
    throw isRemoraError(outcome.error, "ENTITY_NOT_FOUND") ? conflict("") : outcome.error;
  }
  // Of the version that was read, and yet another one: it was deleted and made anew, or somebody wrote around the mapper.
  if (outcome?.kind !== "done") {
    const version = outcome?.kind === "conflict" ? outcome.version : undefined;
    if (version !== undefined) throw conflict(String(version));
    return saveWhole(context, valid, options, note);
  }
  const now = changedDocument(codec.fields, stored, change);
  if (now !== undefined) loaded?.remember(id, entity, now);
  return entity;
}

function saveWhole(context: TypeContext, valid: Valid, options: OneOptions, note: Note): Promise<Row> {
  const prepared = encoded(context, valid, options.ttl);
  const call = saveOneCall(context, prepared);
  note([call], 1);
  const attempt = attemptOf(context, valid.mode, options, decodeId(prepared.encodedId));
  return context.executor.one(call, attempt).then((reply) => {
    const [error] = saveErrors(context, [prepared], reply);
    if (error !== undefined) throw error;
    return prepared.entity;
  });
}

// The item goes word by word, since the server reads words faster than JSON.
function saveOneCall(context: TypeContext, { encodedId, item, text }: Prepared): ScriptCall {
  const { layout, fixedKeys, scripts } = context;
  const head = [sweepLimit(context, 1), askRights(context, scripts.save), ""];
  if (layout.metadata.storage === "json") head.push(text);
  const keys = [...fixedKeys, layout.documents + encodedId];
  return { script: scripts.save, keys, args: head.concat(item), ...context.identity };
}
