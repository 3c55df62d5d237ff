// What writing scripts do for the leaderboards of a type: each entity's place follows its snapshot, in the same call.
// Generated from the layout; a type without boards has nothing of it.
import type { BoardSlot, Layout } from "../layout.ts";

/** What gives a key's Lua expression. */
type KeyOf = (key: string) => string;

/** Digits of a time and of the place within its call; of each number that breaks ties. */
const timeWidth = 19;
const numberWidth = 16;
/** The largest whole number up to which doubles have every one. */
const largest = "9007199254740991";

/**
 * Lua that keeps the places of entities.
 *
 * @param layout - the type's layout.
 * @param keyOf - gives the Lua expression of a declared key.
 * @returns `boards`, a list of what is known of each, and a function `stand(board, id, now, before)` over snapshots, nil for none,
 *   which collects writes; nothing for types without boards.
 */
export function boardsLua({ boards }: Layout, keyOf: KeyOf): string {
  if (boards.length === 0) return "";
  const times = boards.some(({ board }) => board.breaks === "time");
  const numbers = boards.some(({ fronts }) => fronts.length > 0);
  const texts = boards.some((slot) => slot.texts !== undefined);
  const dense = boards.some(({ distinct }) => distinct !== undefined);
  const parts = [
    numbers ? bitsLua : "",
    times ? momentLua : "",
    `local boards = {\n${boards.map((slot) => boardLua(slot, keyOf)).join(",\n")}\n}`,
    `local function stand(board, id, now, before)
  local a, b = now and board.score(now) or 0, before and board.score(before) or 0
  if a == b${numbers ? " and not (a ~= 0 and board.front and board.front(now) ~= board.front(before))" : ""} then return end
${dense ? denseLua : ""}${texts ? frontLua(times, numbers) : ""}  if a ~= 0 then collect(scores, board.Z, a, id) else collect(forgotten, board.Z, id) end
end`,
  ];
  return `${parts.filter((part) => part !== "").join("\n")}\n`;
}

/** Lua that moves an entity on all boards, for inside of `reindex`. */
export const standLua = "  for _, board in ipairs(boards) do stand(board, id, now, before) end";

// How much text stands in front of ids.
function frontWidth({ board, fronts }: BoardSlot): number {
  return board.breaks === "time" ? timeWidth : fronts.length * numberWidth;
}

function boardLua(slot: BoardSlot, keyOf: KeyOf): string {
  const { board, position, fronts, deleted, key, texts, distinct } = slot;
  const score = `v[${position + 1}]`;
  const parts = [`Z = ${keyOf(key)}`];
  if (texts !== undefined) parts.push(`T = ${keyOf(texts)}`);
  if (distinct !== undefined) parts.push(`D = ${keyOf(distinct)}`);
  if (texts !== undefined) {
    parts.push(`width = ${frontWidth(slot)}`);
    if (board.breaks === "time") parts.push(`desc = ${board.order === "desc"}`);
  }
  parts.push(
    `score = function(v) return ${deleted === undefined ? score : `v[${deleted + 1}] == 0 and ${score} or 0`} end`,
  );
  if (fronts.length > 0) {
    const bits = fronts.map((front, at) => `bits(v[${front + 1}], ${board.fields[at]?.order !== board.order})`);
    parts.push(`front = function(v) return ${bits.join("..")} end`);
  }
  return `  { ${parts.join(", ")} }`;
}

// The 64 bits of a double so that bytes compare as numbers do, as `leaderboard/encoding.ts` reads them.
const bitsLua = `local function bits(text, around)
  local bytes = {string.byte(struct.pack('>d', tonumber(text)), 1, 8)}
  local negative = bytes[1] >= 128
  if not negative then bytes[1] = bytes[1] + 128 end
  if negative ~= around then
    for at = 1, 8 do bytes[at] = 255 - bytes[at] end
  end
  return string.format(string.rep('%02x', 8), unpack(bytes))
end`;

// Which score of its call it was tells scores of one call apart; asked twice about one entity, it says the same.
const momentLua = `local MOMENT, turn, turns = nil, 0, {}
local function moment(id, desc)
  if not MOMENT then
    local time = call('TIME')
    MOMENT = time[1] * 1000000 + time[2]
  end
  if not turns[id] then turns[id] = math.min(turn, 999) turn = turn + 1 end
  if desc then return string.format('%016.0f%03.0f', ${largest} - MOMENT, 999 - turns[id]) end
  return string.format('%016.0f%03.0f', MOMENT, turns[id])
end`;

// A score is distinct as long as somebody has it, which is looked at once all places are written.
const denseLua = `  if board.D then
    if a ~= 0 then collect(distincts, board, a) end
    if b ~= 0 then collect(distincts, board, b) end
  end
`;

// What is noted of an entity leads to its place, whatever its snapshot said before; a score that stays keeps its time.
function frontLua(times: boolean, numbers: boolean): string {
  const same = "known ~= '' and tonumber(string.sub(known, board.width + 1)) == tonumber(a)";
  const byTime = `text = ${same} and known or moment(id, board.desc)..a`;
  const made = !numbers
    ? byTime
    : !times
      ? "text = board.front(now)"
      : `if board.front then text = board.front(now) else ${byTime} end`;
  return `  if board.T then
    local known, text = call('HGET', board.T, id) or '', ''
    local old = string.sub(known, 1, board.width)
    if a ~= 0 then ${made} end
    local front = string.sub(text, 1, board.width)
    if known ~= '' and old ~= front then collect(forgotten, board.Z, old..id) end
    if text == '' then collect(unnoted, board.T, id)
    else
      if text ~= known then collect(noted, board.T, id, text) end
      collect(scores, board.Z, a, front..id)
    end
    return
  end
`;
}

/**
 * Lua that writes what boards keep beside their places.
 *
 * @param layout - the type's layout.
 * @returns statements that define the groups `noted`, `unnoted` and `distincts`, and add them to `writeGroups`; nothing where
 *   no board keeps any.
 */
export function boardGroupsLua({ boards }: Layout): string {
  const texts = boards.some((slot) => slot.texts !== undefined);
  const dense = boards.some(({ distinct }) => distinct !== undefined);
  if (!texts && !dense) return "";
  return `local noted, unnoted, distincts = {}, {}, {}
local writePlaces = writeGroups
local function writeGroups()
  writePlaces()
${texts ? "  flush('HDEL', unnoted) flush('HSET', noted)\n" : ""}${
    dense
      ? `  for board, held in pairs(distincts) do
    for _, score in ipairs(held) do
      local name = string.format('%.17g', tonumber(score))
      if call('ZCOUNT', board.Z, score, score) > 0 then call('ZADD', board.D, score, name) else call('ZREM', board.D, name) end
    end
  end
`
      : ""
  }end`;
}

/**
 * The commands that keeping boards needs, as Lua lists.
 *
 * @param layout - the type's layout.
 * @param keyOf - gives the Lua expression of a declared key.
 * @returns the lists.
 */
export function boardRights({ boards }: Layout, keyOf: KeyOf): string[] {
  return boards.flatMap(({ board, key, texts, distinct }) => {
    const sorted = (name: string): string[] => [`{'ZADD', ${keyOf(name)}, '0', 'x'}`, `{'ZREM', ${keyOf(name)}, 'x'}`];
    const needed = sorted(key);
    if (texts !== undefined) {
      const hash = keyOf(texts);
      needed.push(`{'HGET', ${hash}, 'f'}`, `{'HSET', ${hash}, 'f', 'v'}`, `{'HDEL', ${hash}, 'f'}`);
      if (board.breaks === "time") needed.push("{'TIME'}");
    }
    if (distinct !== undefined) needed.push(...sorted(distinct), `{'ZCOUNT', ${keyOf(key)}, '0', '0'}`);
    return needed;
  });
}
