// The script that checks documents: each with its snapshot, registry, times and every index entry, in one call.
// What it looks for is what the writing scripts would write: their own function runs, and its writes are looked up instead.
import { defineScript, type Script } from "../../redis/command.ts";
import type { Layout } from "../layout.ts";
import {
  checkStamp,
  isGrouped,
  KeyNames,
  keyType,
  luaString,
  packFunction,
  packsVectors,
  prelude,
  reindexFunction,
} from "../write/lua.ts";
import { contentLua } from "../write/reindex.ts";
import { rememberedFunction } from "../write/remembered.ts";

/** What the script says of one document: nothing when it is gone. */
export type CheckedDocument = readonly [
  body: string[] | string,
  expires: number,
  snapshot: string | null,
  listed: string | null,
  noted: string | null,
  entries: number,
  problems: readonly CheckedProblem[],
];

/** An entry that is not as the snapshot says. */
export type CheckedProblem =
  | readonly [code: "MISSING", key: string, member: string]
  | readonly [code: "UNIQUE", name: string, holder: string, rightly: string]
  | readonly [code: "VECTOR", member: string]
  | readonly [code: "SNAPSHOT"];

/**
 * Generates the script that checks documents.
 * KEYS: the fixed keys, then the documents. ARGV: their ids as JSON; the search index, on the search engine.
 * Reply: `STAMP` and the stamp found; or how many documents were worked off, what was found of each, and on the search
 * engine the keys of those that the index holds. Entries are compared with the stored snapshot, not with the document.
 *
 * @param layout - the type's layout.
 * @returns the script.
 */
export function checkScript(layout: Layout): Script {
  const names = new KeyNames(layout);
  const { ids, expiry, engine, snapshot } = layout;
  const score = (key: string | undefined): string =>
    key === undefined ? "false" : `text(pcall('ZSCORE', ${names.of(key)}, id))`;
  const parts = [
    // Lua's own: the prelude's is the one for commands.
    "#!lua flags=no-writes\nlocal try = pcall",
    prelude(layout, "local IDS = decode(ARGV[1])", "IDS[1]"),
    checkStamp(layout, "return {'STAMP', stamp or ''}"),
    packFunction(layout),
    reindexFunction(layout),
    contentLua(layout),
    snapshot === undefined ? "" : rememberedFunction(layout),
    `local function text(reply) return type(reply) == 'string' and reply end
-- Looks so far, of about a microsecond or two each.
local looks = 0`,
    isGrouped(layout) ? entriesLua(layout) : "",
    layout.uniques.length > 0 ? uniquesLua(layout) : "",
    `local found, worked = {}, 0
for at, id in ipairs(IDS) do
  local key = KEYS[${names.count} + at]
  local held = content(key)
  found[at] = false
  if held then
    local problems, entries = {}, 0
    local function tell(...) problems[#problems + 1] = {...} end
    looks = looks + ${layout.metadata.storage === "hash" ? "#held / 4" : "#held / 500"}
    ${snapshot === undefined ? "local remembrance = false" : "local values, remembrance = remembered(id)"}`,
    snapshot === undefined ? "" : "    if remembrance and not values then tell('SNAPSHOT') end",
    isGrouped(layout) ? "    if values then entries = entries + checkEntries(id, values, tell) end" : "",
    layout.uniques.length > 0 ? "    if values then entries = entries + checkUniques(id, values, tell) end" : "",
    packsVectors(layout) ? vectorsLua : "",
    `    found[at] = {held, call('PEXPIRETIME', key), remembrance, ${score(ids)}, ${score(expiry)}, entries, problems}
  end
  worked = at
  if looks > ${maxLooks} then break end
end`,
    engine === "search" ? searchLua(names) : "return {worked, found}",
  ];
  return defineScript("check", parts.filter((part) => part !== "").join("\n"));
}

/** After so many looks a call ends with the document it is at. */
const maxLooks = 1500;

// Half a cell of a geo set and a little, in degrees east and north; what a vector may lose to 32 bits, squared.
const entriesLua = ({ boards }: Layout): string => `local points, vectors
-- Stands in for the command function while the writing scripts' own one runs.
local send = call
call = function(name, key, ...)
  if name == 'GEOADD' then points[#points + 1] = {key, ...}
  elseif name == 'VADD' then
    local _, numbers, id = ...
    vectors[#vectors + 1] = {key, numbers, id}
  elseif name ~= 'VREM' then return send(name, key, ...) end
end
local function near(held, numbers)
  if type(held) ~= 'table' or held.err or #held * 4 ~= #numbers then return false end
  local difference, square = 0, 0
  for at, text in ipairs(held) do
    local number = struct.unpack('<f', numbers, at * 4 - 3)
    difference, square = difference + (tonumber(text) - number) ^ 2, square + number ^ 2
  end
  return difference <= square * 1e-10
end
local function checkEntries(id, values, tell)
  adds, removals, scores, forgotten, listed, points, vectors = {}, {}, {}, {}, {}, {}, {}
${boards.some(keepsBeside) ? "  noted, unnoted, distincts = {}, {}, {}\n" : ""}  if not try(reindex, id, values, nil) then
    tell('SNAPSHOT')
    return 0
  end
  local count = 0
  for key, members in pairs(adds) do
    for _, member in ipairs(members) do
      count = count + 1
      if pcall('SISMEMBER', key, member) ~= 1 then tell('MISSING', key, member) end
    end
  end
  for key, group in pairs(scores) do
    for at = 1, #group, 2 do
      local held = pcall('ZSCORE', key, group[at + 1])
      count = count + 1
      if type(held) ~= 'string' or tonumber(held) ~= tonumber(group[at]) then tell('MISSING', key, group[at + 1]) end
    end
  end
  for _, point in ipairs(points) do
    local held = pcall('GEOPOS', point[1], point[4])
    local place = type(held) == 'table' and held[1]
    count = count + 1
    if not place or math.abs(place[1] - point[2]) > 2.69e-6 or math.abs(place[2] - point[3]) > 1.28e-6 then
      tell('MISSING', point[1], id)
    end
  end
  for _, vector in ipairs(vectors) do
    count = count + 1
    looks = looks + #vector[2] / 16
    if not near(pcall('VEMB', vector[1], id), vector[2]) then tell('MISSING', vector[1], id) end
  end
${boards.some(keepsBeside) ? besideLua : ""}  looks = looks + count
  return count
end`;

function keepsBeside({ texts, distinct }: Layout["boards"][number]): boolean {
  return texts !== undefined || distinct !== undefined;
}

const besideLua = `  for key, group in pairs(noted) do
    for at = 1, #group, 2 do
      count = count + 1
      if pcall('HGET', key, group[at]) ~= group[at + 1] then tell('MISSING', key, group[at]) end
    end
  end
  for board, held in pairs(distincts) do
    for _, score in ipairs(held) do
      local name = string.format('%.17g', tonumber(score))
      count = count + 1
      if tonumber(text(pcall('ZSCORE', board.D, name)) or nil) ~= tonumber(score) then tell('MISSING', board.D, name) end
    end
  end
`;

// A value that another living document remembers as its own is held rightly: it was there first.
function uniquesLua(layout: Layout): string {
  const names = new KeyNames(layout);
  const checks = layout.uniques.map((slot) => {
    const place = slot.position + 1;
    return `  if values[${place}] ~= 0 then
    count = count + 1
    local holder = text(pcall('HGET', ${names.of(slot.key)}, values[${place}]))
    if holder ~= id then
      local other = holder and call('TYPE', DOCUMENTS..holder).ok == ${luaString(keyType(layout.metadata.storage))} and remembered(holder)
      tell('UNIQUE', ${luaString(slot.name)}, holder or '', other and other[${place}] == values[${place}] and '1' or '')
    end
  end`;
  });
  return `local function checkUniques(id, values, tell)
  local count = 0
${checks.join("\n")}
  looks = looks + count
  return count
end`;
}

// Hidden members of vectors are no text, so that nobody but a script can look at them.
const vectorsLua = `    for member, field in pairs(VECTORS) do
      local source = call('HGET', key, field)
      if source then
        looks = looks + #source / 100
        local good, numbers = try(decode, source)
        local packed
        if good then good, packed = try(pack, numbers) end
        if not good or call('HGET', key, member) ~= packed then tell('VECTOR', member) end
      end
    end`;

function searchLua(names: KeyNames): string {
  return `local words = {'FT.SEARCH', ARGV[2], '*', 'INKEYS', worked}
for at = 1, worked do words[#words + 1] = KEYS[${names.count} + at] end
for _, word in ipairs({'NOCONTENT', 'LIMIT', 0, worked, 'DIALECT', 2, 'TIMEOUT', 0}) do words[#words + 1] = word end
return {worked, found, call(unpack(words))}`;
}
