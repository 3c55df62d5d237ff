// Reading entities and moving their time on in the same call, for types whose reads prolong.
// A read that cannot prolong fails by name: an entity must not die while it is used.
import type { DocumentCodec } from "../codec/document.ts";
import type { StoredDocument } from "../codec/stored.ts";
import type { StoredRow } from "../engines/engine.ts";
import { wrongType } from "../engines/documents.ts";
import { stampError } from "../engines/stamp.ts";
import {
  prolongCall,
  prolongLookupCall,
  type ProlongReply,
  type ProlongRequest,
  type ProlongScripts,
  readProlonged,
} from "../engines/write/prolong.ts";
import { CapabilityError } from "../errors.ts";
import type { Script, ScriptCall } from "../redis/command.ts";
import type { RunOptions } from "../redis/executor.ts";
import { decodeId } from "../schema/key.ts";
import type { TypeContext } from "./context.ts";
import type { Note } from "./observe.ts";
import { askRights } from "./save.ts";

/**
 * Reads some documents and prolongs their time. One round trip (EVALSHA).
 *
 * @param context - a type whose reads prolong.
 * @param encodedIds - which documents, a few hundred at most.
 * @param codec - says which fields of hashes to read; JSON documents are read whole.
 * @param attempt - what it is, for errors and deadlines.
 * @param note - told of what is sent.
 * @returns one document per id in order, null where there is none, 0 where a key holds something else.
 * @throws CapabilityError when the user may not write; nothing was changed.
 * @throws IndexNotReadyError when stored data is laid out for another definition, or is being rebuilt.
 */
export async function prolongedRead(
  context: TypeContext,
  encodedIds: readonly string[],
  codec: DocumentCodec,
  attempt: RunOptions,
  note: Note,
): Promise<readonly (StoredDocument | 0 | null)[]> {
  const request = requestOf(context, codec, ({ byId }) => byId);
  const reply = await send(context, prolongCall(request, encodedIds), attempt, note);
  if (reply.kind !== "rows") return encodedIds.map(() => null);
  note([], reply.rows.filter((row) => row !== null).length);
  return reply.rows;
}

/**
 * Reads the holder of a unique value and prolongs its time. One round trip (EVALSHA).
 *
 * @param context - a type whose reads prolong.
 * @param position - the constraint's position among the type's.
 * @param value - the value as the constraint's hash holds it.
 * @param attempt - what it is, for errors and deadlines.
 * @param note - told of what is sent.
 * @returns the holder, or undefined.
 * @throws CapabilityError when the user may not write; nothing was changed.
 * @throws IndexNotReadyError when stored data is laid out for another definition, or is being rebuilt.
 */
export async function prolongedLookup(
  context: TypeContext,
  position: number,
  value: string,
  attempt: RunOptions,
  note: Note,
): Promise<StoredRow | undefined> {
  const request = requestOf(context, context.codec, ({ byUnique }) => byUnique);
  const reply = await send(context, prolongLookupCall(request, position, value), attempt, note);
  if (reply.kind !== "row") return undefined;
  const { encodedId, stored } = reply;
  if (stored === 0) throw wrongType(context.layout, decodeId(encodedId));
  return { encodedId, stored };
}

function requestOf(
  context: TypeContext,
  { fields }: DocumentCodec,
  choose: (scripts: ProlongScripts) => Script,
): ProlongRequest {
  const scripts = context.scripts.prolong as ProlongScripts;
  return { layout: context.layout, scripts, rights: askRights(context, choose(scripts)), fields };
}

async function send(context: TypeContext, call: ScriptCall, attempt: RunOptions, note: Note): Promise<ProlongReply> {
  note([call], 0);
  const reply = readProlonged(await context.executor.one(call, attempt));
  if (reply.kind === "stamp") throw stampError(context.layout, reply.stamp);
  if (reply.kind === "refused") {
    const { name } = context.metadata;
    throw new CapabilityError(
      `${name}: reads prolong the time of its entities, and the user may not run ${reply.command} on their keys; ` +
        "grant it, or read with { prolong: false }",
      { entity: name },
    );
  }
  context.allowed.add(call.script);
  return reply;
}
