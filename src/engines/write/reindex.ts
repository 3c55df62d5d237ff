// The scripts of rebuilds and repairs: one reads documents as they are, one writes what follows from them.
// Between the two a document may change: it is told by a digest, left alone, and read again.
import { defineScript, type Script } from "../../redis/command.ts";
import { keepsDeadline, type Layout } from "../layout.ts";
import { holdLua } from "./claim.ts";
import { rememberedFunction } from "./remembered.ts";
import { buildingStamp } from "../stamp.ts";
import {
  checkStamp,
  clock,
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
import { readCommand } from "./text.ts";

/**
 * Generates the script that reads documents for a rebuild or a repair.
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

/**
 * Lua that reads a document as a whole, hidden members and strangers' fields included.
 *
 * @param layout - the type's layout.
 * @returns functions `content(key)`, false where there is none, and `digest(content)`.
 */
export function contentLua({ metadata }: Layout): string {
  if (metadata.storage !== "hash") {
    return `local function content(key)
  local held = pcall('${readCommand(metadata.storage)}', key)
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
  const lua = reindexLua(layout, {
    before: holdLua("ARGV[3]"),
    items: "ARGV[5]",
    each: "    if item[7] ~= '' then call('HSET', ARGV[4], id, item[7]) end",
    after: "call('HINCRBY', KEYS[1], 'done', done)",
  });
  return defineScript("reindex", lua);
}

/**
 * Generates the script that does the same while the type is in use.
 * KEYS as for {@link reindexScript}. ARGV: items as JSON.
 * Reply: events as for {@link reindexScript}, or `STAMP` and the stamp found.
 *
 * @param layout - the type's layout.
 * @returns the script.
 */
export function mendScript(layout: Layout): Script {
  const check = checkStamp(layout, "return {'STAMP', stamp or ''}");
  return defineScript("mend", reindexLua(layout, { items: "ARGV[1]", check }));
}

/** In what the two scripts differ, as Lua; all but `items` may be left out. */
interface ReindexParts {
  /** What comes first of all. */
  readonly before?: string;
  /** The argument with the items. */
  readonly items: string;
  /** What may refuse the call. */
  readonly check?: string;
  /** What is done for each document. */
  readonly each?: string;
  /** What is done at the end; `done` counts documents. */
  readonly after?: string;
}

function reindexLua(layout: Layout, { before = "", items, check = "", each = "", after = "" }: ReindexParts): string {
  const names = new KeyNames(layout);
  const { snapshot, ids, expiry } = layout;
  const { storage } = layout.metadata;
  const lines = [
    // Lua's own: the prelude's is the one for commands.
    "#!lua\nlocal try = pcall",
    before,
    prelude(layout, `local ITEMS = decode(${items})`, "ITEMS[1][1]"),
    check,
    before === "" ? clock : "",
    packFunction(layout),
    reindexFunction(layout),
    forgetFunction(layout),
    contentLua(layout),
    storage === "json" ? mendFunction : "",
    `local events, done = {}, #ITEMS
local function tell(at, code, first, second) events[#events + 1] = {at, code, first or '', second or ''} end`,
    snapshot === undefined ? "" : indexLua(layout),
    `for at, item in ipairs(ITEMS) do
  local id, key = item[1], KEYS[${names.count} + at]
  local held = content(key)
  if not held then
    ${snapshot === undefined ? "" : "known(id)"}
    forget(id)
    tell(at, 'GONE')
  elseif digest(held) ~= item[2] then
    done = done - 1
    tell(at, 'CHANGED')
  else
    local expires = call('PEXPIRETIME', key)
${storage === "hash" ? writeHash(layout) : writeJson(layout)}`,
    each,
    snapshot === undefined ? "" : "    index(at, id, item[3])",
    ids === undefined ? "" : `    call('ZADD', ${names.of(ids)}, 0, id)`,
    expiry === undefined
      ? ""
      : `    if expires > 0 then call('ZADD', ${names.of(expiry)}, plain(expires), id)
    else call('ZREM', ${names.of(expiry)}, id) end`,
    "  end\nend",
    isGrouped(layout) ? "writeGroups()" : "",
    after,
    "return events",
  ];
  return lines.filter((line) => line !== "").join("\n");
}

// Whoever holds a unique value keeps it; the others are indexed, and told of.
// All entries are written, also those that the snapshot says are there already.
function indexLua(layout: Layout): string {
  const names = new KeyNames(layout);
  const snapshot = names.of(layout.snapshot as string);
  const uniques = layout.uniques.map((slot) => {
    const [key, place] = [names.of(slot.key), slot.position + 1];
    return `  do
    local value, had = after[${place}], before and before[${place}] or 0
    if had ~= 0 and had ~= value and call('HGET', ${key}, had) == id then call('HDEL', ${key}, had) end
    if value ~= 0 then
      local holder = call('HGET', ${key}, value)
      local other = holder and holder ~= id and remembered(holder)
      if holder and holder ~= id and call('EXISTS', DOCUMENTS..holder) == 1 and (not other or other[${place}] == value) then
        tell(at, 'UNIQUE', ${luaString(slot.name)}, holder)
      else call('HSET', ${key}, value, id) end
    end
  end`;
  });
  return `${rememberedFunction(layout)}
-- What cannot be read cannot be undone either: it is put away.
local function known(id)
  local values, text = remembered(id)
  if text and not values then call('HDEL', ${snapshot}, id) end
  return values
end
local function index(at, id, new)
  local before = known(id)
  if new == '' then
    forget(id, true)
    return
  end
  local after = decode(new)
${uniques.join("\n")}
${isGrouped(layout) ? "  if before then reindex(id, after, before) end\n  reindex(id, after, nil)" : ""}
  call('HSET', ${snapshot}, id, new)
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
