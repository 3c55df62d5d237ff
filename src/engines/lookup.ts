// Finding an entity by a unique value: the holder's id and its document in one read-only call.
// The constraint's own hash is asked, on every engine alike; a holder that is gone counts as nobody.
import { defineScript, type Reply, type ScriptCall } from "../redis/command.ts";
import type { StoredDocument } from "../codec/stored.ts";
import type { StoredRow } from "./engine.ts";
import type { Layout } from "./layout.ts";
import { stampError } from "./stamp.ts";
import { readCommand } from "./write/text.ts";

/*
 * KEYS: meta, the constraint's hash. ARGV: the layout's stamp, the value, what document keys begin
 * with, hash fields as JSON or the command that reads a document.
 * Reply: nothing, or ['ROW', id, document], or ['STAMP', the stamp found] where that is another.
 */
const lookupScript = defineScript(
  "lookup",
  `#!lua flags=no-writes
local call = redis.call
local stamp = call('HGET', KEYS[1], 'stamp')
if not stamp then return false end
if stamp ~= ARGV[1] then return {'STAMP', stamp} end
local id = call('HGET', KEYS[2], ARGV[2])
if not id or call('EXISTS', ARGV[3]..id) == 0 then return false end
if string.sub(ARGV[4], 1, 1) ~= '[' then return {'ROW', id, call(ARGV[4], ARGV[3]..id)} end
return {'ROW', id, call('HMGET', ARGV[3]..id, unpack(cjson.decode(ARGV[4])))}`,
);

/**
 * The call that looks up the holder of a unique value.
 *
 * @param layout - the type's layout.
 * @param position - the constraint's position among the type's.
 * @param value - the value as the constraint's hash holds it.
 * @param fields - the hash fields to read, in order; empty for JSON documents.
 * @returns the call.
 */
export function lookupCall(layout: Layout, position: number, value: string, fields: readonly string[]): ScriptCall {
  const { meta, uniques, stamp, documents, metadata } = layout;
  const key = uniques[position]?.key as string;
  return {
    script: lookupScript,
    keys: [meta, key],
    args: [
      stamp,
      value,
      documents,
      metadata.storage === "hash" ? JSON.stringify(fields) : readCommand(metadata.storage),
    ],
  };
}

/**
 * Reads the reply of {@link lookupCall}.
 *
 * @param layout - the type's layout.
 * @param reply - the reply.
 * @returns the holder, or undefined.
 * @throws IndexNotReadyError when stored data is laid out for another definition, or is being rebuilt.
 */
export function readLookup(layout: Layout, reply: Reply): StoredRow | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [kind, encodedId, stored] = reply as [string, string, StoredDocument];
  if (kind === "STAMP") throw stampError(layout, encodedId);
  return { encodedId, stored };
}
