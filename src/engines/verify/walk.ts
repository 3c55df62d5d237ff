// The script that goes over what is kept beside the documents: each member must belong to a living one that remembers it.
// The mending form takes out what does not, in the very call that saw it.
import { defineScript, type Script } from "../../redis/command.ts";
import type { Layout } from "../layout.ts";
import {
  checkStamp,
  clock,
  KeyNames,
  keyType,
  luaString,
  packFunction,
  prelude,
  reindexFunction,
} from "../write/lua.ts";
import { rememberedFunction } from "../write/remembered.ts";
import { checkRights } from "../write/rights.ts";
import type { Place } from "./places.ts";

/** Something that the script found. */
export type WalkEvent = readonly [position: number, code: "KEY" | "STRAY", first: string, second: string];

/** What the script answers: the position it came to, where to go on there, dead entities, and what was found. */
export type WalkReply = readonly [position: number, cursor: string, garbage: number, events: readonly WalkEvent[]];

/** After so much work a call ends: a unit is a member, or as much of a snapshot as takes as long, about three microseconds. */
const maxWork = 600;
/** How many bytes of a snapshot that is. */
const bytesPerUnit = 200;

/**
 * Generates the script that goes over keys.
 * KEYS: the fixed keys, any document's key for the id `x`, then the keys to go over. ARGV: per key {@link walkOf} as JSON;
 * `1` to look at the types of keys only; and for the mending form `1` to check rights.
 * Reply: `STAMP` and the stamp found, `NOPERM` and the command, or {@link WalkReply}.
 *
 * @param layout - the type's layout.
 * @param mend - whether it takes out what should not be there.
 * @returns the script.
 */
export function walkScript(layout: Layout, mend: boolean): Script {
  const names = new KeyNames(layout);
  const { expiry, snapshot, metadata } = layout;
  const parts = [
    // Lua's own: the prelude's is the one for commands.
    `#!lua flags=${mend ? "allow-oom" : "no-writes"}\nlocal try = pcall`,
    prelude(layout, "local WALKS = decode(ARGV[1])", "'x'"),
    mend ? checkRights(layout, "ARGV[3] == '1'", "return {'NOPERM', command[1]}", mendRights(layout)) : "",
    checkStamp(layout, "return {'STAMP', stamp or ''}"),
    expiry === undefined ? "" : clock,
    packFunction(layout),
    reindexFunction(layout),
    snapshot === undefined ? "local function remembered() return nil end" : rememberedFunction(layout),
    `local function alive(id) return call('TYPE', DOCUMENTS..id).ok == ${luaString(keyType(metadata.storage))} end
-- Dead entities wait for a save to sweep them away.
local function expired(id)
  ${expiry === undefined ? "return false" : `local at = pcall('ZSCORE', ${names.of(expiry)}, id)\n  return type(at) == 'string' and tonumber(at) <= now()`}
end`,
    saysLua(layout),
    walkLua(names.count + 1, mend),
  ];
  return defineScript(mend ? "tidy" : "walk", parts.filter((part) => part !== "").join("\n"));
}

// What a repair needs beside what saving and deleting do; by example, since rights may depend on keys.
function mendRights(layout: Layout): string[] {
  const document = `KEYS[${new KeyNames(layout).count + 1}]`;
  const set = "KEYS[1]";
  const needed = ["{'SCAN', '0'}", "{'TIME'}", `{'PEXPIRETIME', ${document}}`, `{'UNLINK', ${set}}`];
  needed.push(`{'SSCAN', ${set}, '0'}`, `{'ZSCAN', ${set}, '0'}`, `{'HSCAN', ${set}, '0'}`);
  needed.push(
    `{'SISMEMBER', ${set}, 'x'}`,
    `{'ZSCORE', ${set}, 'x'}`,
    `{'SREM', ${set}, 'x'}`,
    `{'ZREM', ${set}, 'x'}`,
  );
  needed.push(`{'HDEL', ${set}, 'f'}`, `{'HMGET', ${set}, 'f'}`);
  if (layout.metadata.storage === "hash") needed.push(`{'HGETALL', ${document}}`);
  if (layout.metadata.storage === "json") needed.push(`{'JSON.DEL', ${document}, '$'}`);
  if (layout.slots.some(({ kind }) => kind === "geo")) needed.push(`{'GEOPOS', ${set}, 'x'}`);
  if (layout.slots.some(({ kind }) => kind === "vectors")) {
    needed.push(`{'VEMB', ${set}, 'x'}`, `{'VCARD', ${set}}`, `{'VRANDMEMBER', ${set}, '1'}`);
  }
  if (layout.engine === "search") needed.push(`{'FT.SEARCH', ${luaString(layout.alias)}, '*'}`);
  return needed;
}

// What a snapshot must say, for a member to be where it is: by the same functions that put it there.
function saysLua(layout: Layout): string {
  const grams = layout.slots.some(({ kind }) => kind === "grams");
  const parts = [
    `local says = {}
-- The id in a member that begins with a value.
local function last(member) return string.match(member, '^.*%z([^%z]*)$') end
function says.terms(walk, key, id, score, values)
  local held = values[walk[2]]
  if type(held) ~= 'table' then return held == walk[3] end
  for _, term in ipairs(held) do if term == walk[3] then return true end end
  return false
end
function says.scores(walk, key, id, score, values)
  return values[walk[2]] ~= 0 and tonumber(values[walk[2]]) == tonumber(score)
end
function says.lex(walk, key, id, score, values, member)
  return values[walk[2]] ~= 0 and member == values[walk[2]]..'\\0'..id
end
function says.geo(walk, key, id, score, values) return values[walk[2]] ~= 0 end
says.vectors = says.geo
function says.absent(walk, key, id, score, values) return values[walk[2]] == 0 end
function says.unique(walk, key, id, score, values, value) return values[walk[2]] == value end`,
    layout.boards.length > 0 ? boardSaysLua(layout) : "",
    grams
      ? `-- Three characters, or the last one and the mark behind it: where such a run stands in the string, it is one of its runs.
function says.grams(walk, key, id, score, values)
  local held, run = values[walk[2]], walk[3]
  local _, length = string.gsub(run, '[^\\128-\\191]', '')
  if held == 0 or not (length == 3 or length == 2 and string.sub(run, -1) == '\\0') then return false end
  return string.find(held..'\\0', run, 1, true) ~= nil
end`
      : "",
    layout.compounds.length > 0
      ? `function says.compound(walk, key, id, score, values, member)
  local place, named, scored = places[walk[2]](values, id)
  return place == key and named == member and tonumber(scored) == tonumber(score)
end`
      : "",
  ];
  return parts.filter((part) => part !== "").join("\n");
}

// What stands on a board is its entity behind the text that is noted of it, with the score that its snapshot says.
function boardSaysLua({ boards }: Layout): string {
  const texts = boards.some((slot) => slot.texts !== undefined);
  const noted = `
  local board = boards[walk[2]]
  if board.T then
    local known = call('HGET', board.T, id)
    if not known or member ~= string.sub(known, 1, board.width)..id then return false end
  end`;
  return `function says.rank(walk, key, id, score, values, member)${texts ? noted : ""}
  local held = boards[walk[2]].score(values)
  return held ~= 0 and tonumber(held) == tonumber(score)
end
function says.front(walk, key, id, score, values) return boards[walk[2]].score(values) ~= 0 end`;
}

function walkLua(before: number, mend: boolean): string {
  const remove = `        if kind == 'set' then call('SREM', key, member)
        elseif kind == 'hash' then call('HDEL', key, member)
        elseif kind == 'zset' then call('ZREM', key, member)
        else call('VREM', key, member) end`;
  return `local TYPES = {terms = 'set', grams = 'set', vectors = 'vectorset', snapshot = 'hash', unique = 'hash', front = 'hash', nobody = ''}
local work, garbage, events = 0, 0, {}
-- Snapshots read in this call, whose entries may stand in many keys.
local seen = {}
local function valuesOf(id)
  local values = seen[id]
  if values == nil then
    local text
    values, text = remembered(id)
    values = values or false
    seen[id] = values
    work = work + (text and #text or 0) / ${bytesPerUnit}
  end
  return values
end
local function tell(at, code, first, second) events[#events + 1] = {at, code, first, second or ''} end
-- Whether a member should not be there, and whose it is.
local function astray(walk, key, member, score)
  local family = walk[1]
  if family == 'vocabulary' then return call('EXISTS', walk[3]..member) == 0, '' end
  if family == 'distinct' then return member ~= string.format('%.17g', tonumber(score)) or call('ZCOUNT', walk[3], score, score) == 0, '' end
  if family == 'ids' or family == 'expiry' or family == 'snapshot' then
    if alive(member) then return false end
    if not expired(member) then return true, member end
    if family == 'expiry' then garbage = garbage + 1 end
    return false
  end
  local id = member
  if family == 'unique' then id = score
  elseif family == 'rank' then id = string.sub(member, (boards[walk[2]].width or 0) + 1)
  elseif family == 'lex' then id = last(member)
  elseif family == 'compound' then id = last(member) or member end
  local values = id and valuesOf(id)
  local good, said = try(says[family], walk, key, id, score, values, member)
  if not (values and good and said) then return true, id or '' end
  return not (alive(id) or expired(id)), id
end
local only, at, cursor = ARGV[2] == '1', 1, '0'
while at <= #WALKS do
  local walk, key = WALKS[at], KEYS[${before} + at]
  local kind, wanted = call('TYPE', key).ok, TYPES[walk[1]] or 'zset'
  work = work + 1
  cursor = walk[4]
  if kind ~= 'none' and kind ~= wanted then
    tell(at, 'KEY', kind, wanted)
    ${mend ? "call('UNLINK', key)" : ""}
    cursor = '0'
  elseif kind ~= 'none' and not only then
    repeat
      local listed = walk[5]
      if not listed then
        local page
        if kind == 'set' then page = call('SSCAN', key, cursor, 'COUNT', 50)
        elseif kind == 'hash' then page = call('HSCAN', key, cursor, 'COUNT', 50)
        else page = call('ZSCAN', key, cursor, 'COUNT', 50) end
        cursor, listed = page[1], page[2]
      end
      local step = (kind == 'zset' or kind == 'hash') and 2 or 1
      for place = 1, #listed, step do
        local member = listed[place]
        local stray, id = astray(walk, key, member, step == 2 and listed[place + 1])
        -- What was listed by an earlier call may have gone since.
        if stray and (not walk[5] or call('VEMB', key, member)) then
          tell(at, 'STRAY', member, id)
${mend ? remove : ""}
        end
      end
      work = work + #listed / step
    until cursor == '0' or work > ${maxWork}
  end
  if cursor ~= '0' then break end
  at = at + 1
  if work > ${maxWork} then break end
end
return {at, cursor, garbage, events}`;
}

/**
 * What the script is told of a key.
 *
 * @param place - the key.
 * @param cursor - where to go on in it; `0` for its beginning.
 * @param members - the members to look at, where the key cannot be gone over by cursor.
 * @returns words for its arguments.
 */
export function walkOf({ family, position, value }: Place, cursor: string, members?: readonly string[]): unknown[] {
  const walk: unknown[] = [family, position, value, cursor];
  return members === undefined ? walk : walk.concat([members]);
}
