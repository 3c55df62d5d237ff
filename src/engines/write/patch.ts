// The patch script: changes of single fields, with everything that indexes, constraints, version and time make of them.
// All checks and new values first, then the writes; what it could not do exactly it leaves to whoever reads first.
import { placeOf } from "../../codec/place.ts";
import { defineScript, type Script } from "../../redis/command.ts";
import { keepsDeadline, type Layout, metaFields } from "../layout.ts";
import { checkRights } from "./rights.ts";
import {
  announceFunction,
  checkStamp,
  clock,
  fixedKeys,
  isGrouped,
  KeyNames,
  keyType,
  luaString,
  mendFunction,
  packFunction,
  packsVectors,
  prelude,
  reindexFunction,
} from "./lua.ts";
import { computeLua } from "./patch-values.ts";
import { fingerprintLua } from "./remove.ts";
import { expiryLua, writeExpiryLua } from "./time.ts";
import { ownersLua, uniqueChecksLua, writeUniquesLua } from "./unique.ts";
import { readVersionLua } from "./version.ts";

/*
 * KEYS: the fixed keys, then one document key per item; no document twice.
 * ARGV: `1` to check rights, the items as JSON, the hash fields that fingerprints and results are of as JSON,
 * `1` to give the documents back.
 * An item is a list: id, expected version or '' (any) or '-' (neither looked at nor counted), fingerprint or '', ttl mode, ttl, what to set (names and values in
 * turn; JSON: paths and texts), what to take away, mends (paths and numbers in turn), JSON paths that must be objects,
 * snapshot positions (from 1) and values in turn, `1` when those are all of them, operations for {@link computeLua}, and
 * the names of changed fields as JSON, or nothing when the entity itself does not change, what the change is told as,
 * and when the entity must have been created, as it is stored, or ''.
 * Reply: 0 or a list of failures [position, code, detail ...], then the documents if asked for.
 */

/**
 * Generates the patch script of a type.
 *
 * @param layout - the type's layout.
 * @returns the script.
 */
export function patchScript(layout: Layout): Script {
  const { metadata } = layout;
  const parts = [
    // Lua's own, for decoding: the prelude's is the one for commands.
    "#!lua\nlocal try = pcall",
    prelude(layout, "local ITEMS, FIELDS = decode(ARGV[2]), decode(ARGV[3])", "ITEMS[1][1]"),
    checkRights(layout, "ARGV[1] == '1'", "return {{{0, 'NOPERM', command[1]}}}", patchRights(layout)),
    checkStamp(layout, "return {{{0, 'STAMP', stamp or ''}}}"),
    failures,
    metadata.storage === "json" ? mendFunction : "",
    metadata.ttl === undefined ? "" : clock,
    fingerprintLua(layout),
    packFunction(layout),
    reindexFunction(layout),
    announceFunction(layout),
    computeLua(layout),
    checks(layout),
    writes(layout),
    isGrouped(layout) ? "writeGroups()" : "",
    `local reply = {failures or 0}
if ARGV[4] == '1' then
  for at = 1, #ITEMS do
    local key = KEYS[${new KeyNames(layout).count} + at]
    reply[at + 1] = ok[at] and ${metadata.storage === "hash" ? "call('HMGET', key, unpack(FIELDS))" : "call('JSON.GET', key)"}
  end
end
return reply`,
  ];
  return defineScript("patch", parts.filter((part) => part !== "").join("\n"));
}

function patchRights(layout: Layout): string[] {
  const document = `KEYS[${fixedKeys(layout).length + 1}]`;
  if (layout.metadata.storage === "hash") return [`{'HMGET', ${document}, 'f'}`, `{'HGET', ${document}, 'f'}`];
  if (layout.metadata.storage === "string") return [];
  return [`{'JSON.DEL', ${document}, '$'}`, `{'JSON.TYPE', ${document}, '$'}`];
}

const failures = `local failures
-- Per item: whether it passed its checks.
local ok = {}
local function fail(at, code, first, second)
  failures = failures or {}
  failures[#failures + 1] = {at, code, first or '', second or ''}
  ok[at] = false
end`;

function checks(layout: Layout): string {
  const { metadata, snapshot, uniques } = layout;
  const names = new KeyNames(layout);
  const before: string[] = [];
  if (snapshot !== undefined) {
    before.push(`local ids, after, before = {}, {}, {}
for at, item in ipairs(ITEMS) do ids[at] = item[1] end
local stored = call('HMGET', ${names.of(snapshot)}, unpack(ids))`);
    before.push(...ownersLua(layout));
  }
  const lines = [
    `local key, item = KEYS[${names.count} + at], ITEMS[at]
  ok[at] = true
  local kind = call('TYPE', key).ok
  if kind == 'none' then fail(at, 'MISSING')
  elseif kind ~= ${luaString(keyType(metadata.storage))} then fail(at, 'TYPE') end`,
  ];
  if (metadata.version !== undefined) lines.push(versionCheck(layout));
  lines.push("if ok[at] and item[3] ~= '' and fingerprint(key) ~= item[3] then fail(at, 'CHANGED') end");
  // Text in a string may be anything; what has parts can be changed in parts.
  if (metadata.storage === "string") lines.push("if ok[at] then item[9][#item[9] + 1] = '$' end");
  if (metadata.storage !== "hash") {
    lines.push(`if ok[at] then
    for _, path in ipairs(item[9]) do
      if call('JSON.TYPE', key, path)[1] ~= 'object' then fail(at, 'READ') break end
    end
  end`);
  }
  lines.push("if ok[at] then compute(at, key, item) end");
  if (snapshot !== undefined) {
    // Nobody but a reader knows all that the indexes have to hold for a document that no save has noted.
    lines.push(`if ok[at] and not stored[at] and item[11] ~= '1' then fail(at, 'READ') end
  if ok[at] and (#item[10] > 0 or not stored[at]) then
    before[at], after[at] = stored[at] and decode(stored[at]) or nil, stored[at] and decode(stored[at]) or {}
    for word = 1, #item[10], 2 do after[at][item[10][word]] = item[10][word + 1] end
  end`);
    if (uniques.length > 0) {
      lines.push(`if ok[at] and after[at] then
  local ok = true
${uniqueChecksLua(layout)}
  end`);
    }
  }
  return [...before, `for at = 1, #ITEMS do\n  ${lines.join("\n  ")}\nend`].join("\n");
}

function versionCheck(layout: Layout): string {
  const { read, value } = readVersionLua(layout);
  return `if ok[at] and item[2] ~= '-' then
    local found = ${read}
    local version = type(found) == 'string' and ${value}
    if not version or tonumber(version) >= ${Number.MAX_SAFE_INTEGER} then fail(at, 'NOVERSION')
    elseif item[2] ~= '' and item[2] ~= version then fail(at, 'VERSION', version)${createdCheck(layout)}
    else
      item.version = string.format('%.0f', tonumber(version) + 1)
      ${setLua(layout, layout.metadata.version as string, "item.version")}
    end
  end`;
}

function createdCheck({ metadata }: Layout): string {
  const { createdAt, storage } = metadata;
  if (createdAt === undefined) return "";
  const read = `call('${storage === "hash" ? "HGET" : "JSON.GET"}', key, ${luaString(placeOf(metadata, [createdAt]))})`;
  return `
    elseif item[15] ~= '' and item[15] ~= ${read} then fail(at, 'CHANGED')`;
}

// Adds to what an item sets: a top-level field, by its name.
function setLua(layout: Layout, name: string, value: string): string {
  return `item[6][#item[6] + 1] = ${luaString(placeOf(layout.metadata, [name]))} item[6][#item[6] + 1] = ${value}`;
}

function writes(layout: Layout): string {
  const names = new KeyNames(layout);
  const { snapshot, ids, metadata } = layout;
  const before = [
    `local any = false
for at = 1, #ITEMS do any = any or ok[at] end
if not stamp and any then call('HSET', KEYS[1], ${metaFields(layout).map(luaString).join(", ")}) end`,
  ];
  const lines = ["local id, key, item, fresh = ITEMS[at][1], KEYS[" + names.count + " + at], ITEMS[at], false"];
  if (layout.expiry !== undefined) before.push("local expiring = {}");
  if (metadata.ttl !== undefined) {
    lines.push(expiryLua("item[4]", "item[5]"));
    if (keepsDeadline(layout)) {
      const member = metadata.storage === "hash" ? "'$deadline'" : `'$["$deadline"]'`;
      lines.push(`if expires == 0 then item[7][#item[7] + 1] = ${member}
    elseif expires then ${setLua(layout, "$deadline", "plain(expires)")} end`);
    }
  }
  lines.push(metadata.storage === "hash" ? writeHash(layout) : writeJson);
  if (metadata.ttl !== undefined) lines.push(writeExpiryLua(layout));
  // What is written as a whole may have been a stranger's document.
  if (ids !== undefined) lines.push(`if item[11] == '1' then call('ZADD', ${names.of(ids)}, 0, id) end`);
  if (snapshot !== undefined) {
    lines.push(`if after[at] then
${isGrouped(layout) ? "      reindex(id, after[at], before[at])" : ""}
      local text = snapshotText(after[at])
      if text ~= stored[at] then call('HSET', ${names.of(snapshot)}, id, text) end
    end`);
  }
  if (layout.changes !== undefined) {
    lines.push("if item[13] ~= '' then announce(item[14], id, item.version, item[13]) end");
  }
  const after: string[] = [];
  if (layout.expiry !== undefined) {
    after.push(`if #expiring > 0 then call('ZADD', ${names.of(layout.expiry)}, unpack(expiring)) end`);
  }
  after.push(...writeUniquesLua(layout));
  return [...before, `for at = 1, #ITEMS do if ok[at] then\n  ${lines.join("\n  ")}\nend end`, ...after].join("\n");
}

// Calls in Lua take some eight thousand arguments. The id makes a stranger's document one of ours.
function writeHash(layout: Layout): string {
  return `local set, absent = item[6], item[7]
  set[#set + 1] = ${luaString(layout.metadata.idField)} set[#set + 1] = id${packsVectors(layout) ? packMembers : ""}
  for word = 1, #set, 4000 do call('HSET', key, unpack(set, word, math.min(word + 3999, #set))) end
  for word = 1, #absent, 4000 do call('HDEL', key, unpack(absent, word, math.min(word + 3999, #absent))) end`;
}

// Hidden members of vectors come without their numbers, which stand beside them, or in the document.
const packMembers = `
  for member = 1, #set, 2 do
    local field = VECTORS[set[member]]
    if field then
      local text
      for word = 1, #set, 2 do if set[word] == field then text = set[word + 1] end end
      set[member + 1] = pack(decode(text or call('HGET', key, field)))
    end
  end`;

const writeJson = `for word = 1, #item[6], 2 do call('JSON.SET', key, item[6][word], item[6][word + 1]) end
  for _, path in ipairs(item[7]) do call('JSON.DEL', key, path) end
  for word = 1, #item[8], 2 do mend(key, item[8][word], item[8][word + 1]) end`;
