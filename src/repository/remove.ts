// Removing: documents together with everything the indexes and constraints hold for them, in one call.
// The same call forgets entities whose documents are gone already.
import { wrongType } from "../engines/documents.ts";
import { stampError } from "../engines/stamp.ts";
import type { CallOptions } from "../query/query.ts";
import type { Script, ScriptCall } from "../redis/command.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import { callOptions } from "./load.ts";
import type { Note } from "./observe.ts";
import { askRights, forbidden } from "./save.ts";

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
 */
export async function removeOne(
  context: TypeContext,
  encodedId: string,
  options: CallOptions,
  note: Note,
): Promise<boolean> {
  const call = forgetCall(context, context.scripts.remove, [encodedId]);
  note([call], 1);
  const reply = await context.executor.one(call, {
    operation: "delete",
    write: true,
    entity: context.metadata.name,
    id: decodeId(encodedId),
    ...callOptions(options),
  });
  if (typeof reply === "string") throw forbidden(context, reply);
  const [removed, stamp] = reply as (number | string)[];
  if (removed === "STAMP") throw stampError(context.layout, String(stamp));
  context.allowed.add(call.script);
  if (removed === -1) throw wrongType(context.layout, decodeId(encodedId));
  return removed === 1;
}
