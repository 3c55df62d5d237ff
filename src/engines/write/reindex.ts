// The two scripts of a rebuild: one reads documents as they are, one writes what follows from them.
// Between the two a document may change: it is told by a digest, left alone, and read again.
import { defineScript, type Script } from "../../redis/command.ts";
import { keepsDeadline, type Layout } from "../layout.ts";
import { holdLua } from "./claim.ts";
import { buildingStamp } from "../stamp.ts";
import {
  forgetFunction,
  isGrouped,
  KeyNames,
  luaString,
  mendFunction,
  packFunction,
  packsVectors,
  prelude,
  reindexFunction,
} from "./lua.ts";

/**
 * Generates the script that reads documents for a rebuild.
 * KEYS: the marks of rewritten documents, then the documents. ARGV: their ids.
 * Reply: per document nothing when it is gone, else [digest, time of death, mark or nothing, names and values or text].
 *
 * @param layout - the type's layout.
 * @returns the script.
 */
export function inspectScript(layout: Layout): Script {
  const lua = `#!lua flags=no-writes
local call, pcall = redis.call, redis.pcall
${contentLua(layout)}
local found, marks = {}, call('HMGET', KEYS[1], unpack(ARGV))
for at = 1, #ARGV do
  local held = content(KEYS[at + 1])
  found[at] = held and {digest(held), call('PEXPIRETIME', KEYS[at + 1]), marks[at], held}
end
return found`;
  return defineScript("inspect", lua);
}

// A document as a whole, hidden members and strangers' fields included.
function contentLua({ metadata }: Layout): string {
  if (metadata.storage === "json") {
    return `local function content(key)
  local held = pcall('JSON.GET', key)
  return type(held) == 'string' and held
end
local function digest(held) return redis.sha1hex(held) end`;
  }
  return `local function content(key)
  local held = pcall('HGETALL', key)
  return not held.err and #held > 0 and held
end
local function digest(held) return redis.sha1hex(cmsgpack.pack(held)) end`;
}

/**
 * Generates the script that writes index entries, unique values, registry, times and hidden members of documents.
 * KEYS: the fixed keys, then one document key per item.
 * ARGV: building stamp, owner, milliseconds to go on holding, marks of rewritten documents' key, items as JSON.
 * An item: id, digest, snapshot (empty when the document cannot be indexed), what to set (names and values, paths and
 *   JSON), what to remove, numbers to mend (paths and texts), mark (empty for none).
 * Reply: `LOST` when another process rebuilds now, else a list of events, each [position, code, detail ...].
 *
 * @param layout - the type's layout.
 * @returns the script.
 */
export function reindexScript(layout: Layout): Script {
  const names = new KeyNames(layout);
  const { snapshot, ids, expiry } = layout;
  const json = layout.metadata.storage === "json";
  const lines = [
    "#!lua",
    holdLua("ARGV[3]"),
    prelude(layout, "local ITEMS = decode(ARGV[5])", "ITEMS[1][1]"),
    packFunction(layout),
    reindexFunction(layout),
    forgetFunction(layout),
    contentLua(layout),
    json ? mendFunction : "",
    `local events, done = {}, #ITEMS
local function tell(at, code, first, second) events[#events + 1] = {at, code, first or '', second or ''} end`,
    snapshot === undefined ? "" : indexLua(layout),
    `for at, item in ipairs(ITEMS) do
  local id, key = item[1], KEYS[${names.count} + at]
  local held = content(key)
  if not held then
    forget(id)
    tell(at, 'GONE')
  elseif digest(held) ~= item[2] then
    done = done - 1
    tell(at, 'CHANGED')
  else
    local expires = call('PEXPIRETIME', key)
${json ? writeJson(layout) : writeHash(layout)}
    if item[7] ~= '' then call('HSET', ARGV[4], id, item[7]) end`,
    snapshot === undefined ? "" : "    index(at, id, item[3])",
    ids === undefined ? "" : `    call('ZADD', ${names.of(ids)}, 0, id)`,
    expiry === undefined
      ? ""
      : `    if expires > 0 then call('ZADD', ${names.of(expiry)}, plain(expires), id)
    else call('ZREM', ${names.of(expiry)}, id) end`,
    "  end\nend",
    isGrouped(layout) ? "writeGroups()" : "",
    "call('HINCRBY', KEYS[1], 'done', done)\nreturn events",
  ];
  return defineScript("reindex", lines.filter((line) => line !== "").join("\n"));
}

// The first document to come holds a unique value; the others are indexed, and told of.
function indexLua(layout: Layout): string {
  const names = new KeyNames(layout);
  const remembered = names.of(layout.snapshot as string);
  const uniques = layout.uniques.map((slot) => {
    const [key, place] = [names.of(slot.key), slot.position + 1];
    return `  do
    local value, had = after[${place}], before and before[${place}] or 0
    if had ~= 0 and had ~= value and call('HGET', ${key}, had) == id then call('HDEL', ${key}, had) end
    if value ~= 0 then
      local holder = call('HGET', ${key}, value)
      if holder and holder ~= id and call('EXISTS', DOCUMENTS..holder) == 1 then
        tell(at, 'UNIQUE', ${luaString(slot.name)}, holder)
      else call('HSET', ${key}, value, id) end
    end
  end`;
  });
  return `local function index(at, id, new)
  if new == '' then
    forget(id)
    return
  end
  local old = call('HGET', ${remembered}, id)
  local after, before = decode(new), old and decode(old) or nil
${uniques.join("\n")}
${isGrouped(layout) ? "  reindex(id, after, before)" : ""}
  call('HSET', ${remembered}, id, new)
end`;
}

function writeHash(layout: Layout): string {
  const deadline = `
    local dies, noted = expires > 0 and plain(expires), call('HGET', key, '$deadline')
    if dies and noted ~= dies then call('HSET', key, '$deadline', dies)
    elseif noted and not dies then call('HDEL', key, '$deadline') end`;
  const vectors = `
    for member, field in pairs(VECTORS) do
      local text = call('HGET', key, member) and call('HGET', key, field)
      if text then call('HSET', key, member, pack(decode(text))) end
    end`;
  return `    if #item[4] > 0 then call('HSET', key, unpack(item[4])) end
    if #item[5] > 0 then call('HDEL', key, unpack(item[5])) end${packsVectors(layout) ? vectors : ""}${keepsDeadline(layout) ? deadline : ""}`;
}

function writeJson(layout: Layout): string {
  const deadline = `
    local dies = expires > 0 and '['..plain(expires)..']' or '[]'
    if call('JSON.GET', key, '$["$deadline"]') ~= dies then
      if expires > 0 then set('$["$deadline"]', plain(expires)) else call('JSON.DEL', key, '$["$deadline"]') end
    end`;
  return `    local function set(path, text)
      local done = pcall('JSON.SET', key, path, text)
      if not done or done.err then tell(at, 'WRITE', path) end
    end
    for part = 1, #item[4], 2 do set(item[4][part], item[4][part + 1]) end
    for _, path in ipairs(item[5]) do call('JSON.DEL', key, path) end
    for part = 1, #item[6], 2 do mend(key, item[6][part], item[6][part + 1]) end${keepsDeadline(layout) ? deadline : ""}`;
}

/**
 * The first arguments of {@link reindexScript}.
 *
 * @param layout - the type's layout.
 * @param owner - who rebuilds.
 * @param milliseconds - for how long to go on holding the rebuild.
 * @returns the arguments before the items.
 */
export function reindexHead(layout: Layout, owner: string, milliseconds: number): string[] {
  return [buildingStamp(layout), owner, String(milliseconds), layout.rewritten];
}
