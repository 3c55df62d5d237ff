// Reads that prolong: documents by id or unique value, and the time of each moved on in the same call.
// What tells of a time moves with it: the key, the registry, and the member that searches look at.
import { placeOf } from "../../codec/place.ts";
import { defineScript, type Reply, type Script, type ScriptCall } from "../../redis/command.ts";
import type { StoredDocument } from "../../codec/stored.ts";
import { keepsDeadline, type Layout } from "../layout.ts";
import { clock, luaString, ownedLua } from "./lua.ts";
import { refuseWithoutRights } from "./rights.ts";
import { shorthands } from "./text.ts";

/*
 * KEYS: meta, the registry of times (meta again where there is none), then the documents; for a lookup the constraint's hash.
 * ARGV: `1` to check rights, milliseconds from now on, hash fields as JSON, the ids as JSON; for a lookup what document
 * keys begin with, and the value.
 * Reply: ['ROWS', document or nothing or 0 for a key of another type ...], for a lookup ['ROW', id, document] or nothing;
 * or ['NOPERM', command], or ['STAMP', stamp].
 */

/** The scripts of a type whose reads prolong. */
export interface ProlongScripts {
  readonly byId: Script;
  readonly byUnique: Script;
}

/**
 * Generates the reading scripts of a type whose reads prolong.
 *
 * @param layout - the type's layout.
 * @returns the scripts.
 */
export function prolongScripts(layout: Layout): ProlongScripts {
  const byId = `${beginning(layout, "KEYS[3]")}
local reply = {'ROWS'}
for at, id in ipairs(decode(ARGV[4])) do reply[at + 1] = read(KEYS[at + 2], id) end
return reply`;
  const byUnique = `${beginning(layout, "ARGV[4]..'x'")}
local id = stamp and call('HGET', KEYS[3], ARGV[5])
local document = id and read(ARGV[4]..id, id)
return document and {'ROW', id, document}`;
  return Object.freeze({ byId: defineScript("read", byId), byUnique: defineScript("find", byUnique) });
}

function beginning(layout: Layout, document: string): string {
  return `#!lua flags=allow-oom
${shorthands(layout.metadata.storage)}
${refuseWithoutRights("ARGV[1] == '1'", rights(layout, document), "return {'NOPERM', command[1]}")}
local stamp = call('HGET', KEYS[1], 'stamp')
if stamp and stamp ~= ${luaString(layout.stamp)} then return {'STAMP', stamp} end
${clock}
local FIELDS = decode(ARGV[3])
${readFunction(layout)}`;
}

function rights(layout: Layout, document: string): string[] {
  const needed = [`{'TIME'}`, `{'PEXPIRETIME', ${document}}`, `{'PEXPIREAT', ${document}, '1'}`];
  if (layout.expiry !== undefined) needed.push("{'ZADD', KEYS[2], '0', 'x'}");
  if (keepsDeadline(layout)) {
    const hash = layout.metadata.storage === "hash";
    needed.push(hash ? `{'HSET', ${document}, 'f', 'v'}` : `{'JSON.SET', ${document}, '$', '0'}`);
  }
  return needed;
}

// What has no time gets none, and who lives longer already is left alone. The registry lists ours only: a stranger's document is not in it.
function readFunction(layout: Layout): string {
  const hash = layout.metadata.storage === "hash";
  const tell = hash ? "call('HSET', key, '$deadline', " : `call('JSON.SET', key, '$["$deadline"]', `;
  return `local function read(key, id)
  local dies = call('PEXPIRETIME', key)
  if dies == -2 then return false end
  local document = ${hash ? "pcall('HMGET', key, unpack(FIELDS))" : "pcall('JSON.GET', key)"}
  if type(document) == 'table' and document.err then return 0 end
  local later = now() + ARGV[2]
  if dies > 0 and later > dies${living(layout)} then
    call('PEXPIREAT', key, plain(later))${ownedLua(layout, "id")
      .map((each) => ` call('PEXPIREAT', ${each}, plain(later))`)
      .join("")}
${layout.expiry === undefined ? "" : "    call('ZADD', KEYS[2], 'XX', plain(later), id)\n"}${keepsDeadline(layout) ? `    ${tell}plain(later))\n` : ""}  end
  return document
end`;
}

// What was deleted softly is not used any more.
function living({ metadata }: Layout): string {
  const { softDelete, storage } = metadata;
  if (softDelete === undefined) return "";
  const place = luaString(placeOf(metadata, [softDelete]));
  if (storage === "hash") return ` and not call('HGET', key, ${place})`;
  return ` and not string.find(call('JSON.GET', key, ${place}), '%d')`;
}

/** What a call of these scripts goes on. */
export interface ProlongRequest {
  readonly layout: Layout;
  readonly scripts: ProlongScripts;
  /** `1` to check rights. */
  readonly rights: string;
  /** The hash fields to read, in order; empty for JSON documents. */
  readonly fields: readonly string[];
}

/**
 * The call that reads some documents and prolongs their time.
 *
 * @param request - the type, and what of its documents to read.
 * @param encodedIds - which documents.
 * @returns the call.
 */
export function prolongCall(
  { layout, scripts, rights: asked, fields }: ProlongRequest,
  encodedIds: readonly string[],
): ScriptCall {
  return {
    script: scripts.byId,
    keys: [layout.meta, layout.expiry ?? layout.meta, ...encodedIds.map((id) => layout.documents + id)],
    args: [asked, spanOf(layout), JSON.stringify(fields), JSON.stringify(encodedIds)],
  };
}

/**
 * The call that reads the holder of a unique value and prolongs its time.
 *
 * @param request - the type, and what of its documents to read.
 * @param position - the constraint's position among the type's.
 * @param value - the value as the constraint's hash holds it.
 * @returns the call.
 */
export function prolongLookupCall(
  { layout, scripts, rights: asked, fields }: ProlongRequest,
  position: number,
  value: string,
): ScriptCall {
  const { meta, expiry, uniques, documents } = layout;
  return {
    script: scripts.byUnique,
    keys: [meta, expiry ?? meta, uniques[position]?.key as string],
    args: [asked, spanOf(layout), JSON.stringify(fields), documents, value],
  };
}

/** What came of such a call. */
export type ProlongReply =
  | { readonly kind: "rows"; readonly rows: readonly (StoredDocument | 0 | null)[] }
  | { readonly kind: "row"; readonly encodedId: string; readonly stored: StoredDocument | 0 }
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly command: string }
  | { readonly kind: "stamp"; readonly stamp: string };

/**
 * Reads the reply of these calls.
 *
 * @param reply - the reply.
 * @returns what came of it.
 */
export function readProlonged(reply: Reply): ProlongReply {
  if (!Array.isArray(reply)) return { kind: "none" };
  const [kind, first, second] = reply as [string, string, StoredDocument | 0];
  switch (kind) {
    case "ROWS":
      return { kind: "rows", rows: reply.slice(1) as (StoredDocument | 0 | null)[] };
    case "ROW":
      return { kind: "row", encodedId: first, stored: second };
    case "NOPERM":
      return { kind: "refused", command: first };
    default:
      return { kind: "stamp", stamp: first };
  }
}

function spanOf({ metadata }: Layout): string {
  return String(metadata.ttl?.milliseconds);
}
