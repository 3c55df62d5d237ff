// Scripts that write several boards in one call: a board and its periods, or boards that share a slot.
// Every board is checked before any is written, and the server's clock says whether the periods are the right ones.
import { refuseWithoutRights } from "../engines/write/rights.ts";
import { defineScript, type Script } from "../redis/command.ts";
import { BoardLua } from "./lua.ts";
import type { BoardSettings } from "./options.ts";

/** How much of a call each board takes. */
export const wordsPerBoard = 6;

/** What a call about several boards begins with, before the words of each. */
export const wordsInFront = 5;

/** What a script does to each of its boards. */
export type TogetherKind = "submit" | "remove" | "history";

/**
 * What of some settings decides how a board is written: boards that are equal in it share their part of a script.
 *
 * @param settings - the board.
 * @returns it, as text.
 */
export function rulesOf({ stamp, ties, keep, limit, top, events }: BoardSettings): string {
  return JSON.stringify([stamp, ties, keep, limit ?? 0, events && [top, events.maxLength]]);
}

const cache = new Map<string, Script>();

/**
 * Makes the script that does something to boards of some settings.
 *
 * ARGV: whether to ask for rights, how, from and to which millisecond of the server's clock this may run (or nothing), how many
 * boards; of each board: which settings (from 1; 0 only ends its keys), the place of its first key, those of its first word and of
 * its last, when it ends (0: never), what the period is called; then the words. KEYS: of each board those that its settings need.
 *
 * @param kind - what to do: submit members, scores and tie texts; remove members; or read a member.
 * @param settings - each once.
 * @returns the script. Reply: of each board what became of its words.
 */
export function togetherScript(kind: TogetherKind, settings: readonly BoardSettings[]): Script {
  const known = [kind, ...settings.map(rulesOf)].join("\n");
  const script = cache.get(known) ?? defineScript(`board.${kind}`, textOf(kind, settings));
  cache.set(known, script);
  return script;
}

function textOf(kind: TogetherKind, settings: readonly BoardSettings[]): string {
  const flags = { submit: "", remove: " flags=allow-oom", history: " flags=no-writes" }[kind];
  const clock = `local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local millisecond = math.floor(now / 1000)
if ARGV[3] ~= '' and (millisecond < tonumber(ARGV[3]) or millisecond >= tonumber(ARGV[4])) then
  return { 'CLOCK', string.format('%.0f', millisecond) }
end
`;
  return `#!lua${flags}
${kind === "history" ? "" : clock}local rules = {}
${settings.map((each, at) => chunkOf(kind, each, at + 1)).join("\n")}
local boards = {}
for b = 1, tonumber(ARGV[5]) do
  local at = ${wordsInFront + 1} + (b - 1) * ${wordsPerBoard}
  boards[b] = { rules[tonumber(ARGV[at])] or false, tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5] }
  local rule, key, first, last = unpack(boards[b])
  local refused = rule and rule.check(key, first, last)
  if refused then
    refused[3] = tostring(b)
    return refused
  end
end
local replies = {}
for b, board in ipairs(boards) do
  local rule, key, first, last, ends, period = unpack(board)
  if rule then replies[b] = rule.work(key, first, last, period) end
  ${kind === "history" ? "" : expire}
end
return replies`;
}

// Keys of a board that is new, or was empty, have no end yet. The first write of a process says the end anyway, and of older boards.
const expire = `if ends ~= '0' then
    local count = rule and rule.keys or last
    if not rule and tonumber(ends) <= millisecond then
      for k = key, key + count - 1 do redis.call('UNLINK', KEYS[k]) end
    elseif ARGV[1] == '1' or redis.call('PTTL', KEYS[key]) < 0 then
      for k = key, key + count - 1 do redis.call('PEXPIREAT', KEYS[k], ends) end
    end
  end`;

function chunkOf(kind: TogetherKind, settings: BoardSettings, place: number): string {
  const lua = new BoardLua(settings);
  const { events, stamp } = settings;
  const tells = kind === "submit" && events !== undefined;
  const names = [...lua.keys, "M", ...(tells ? ["K"] : [])];
  const given = { first: "first", last: "last" };
  const { check, work, more } = {
    submit: {
      check: `local adding = ${lua.adds}
      ${lua.sums(given)}
      if not held then
        ${lua.looks}
      end`,
      work: `local adding = ${lua.adds}
      ${lua.note}
      ${lua.submit(given, tells)}
      return results`,
      more: tells ? ["{'XADD', K, '*', 'f', 'v'}"] : [],
    },
    remove: { check: "", work: `${lua.remove(given)}\n      return removed`, more: [] },
    history: { check: "", work: `local ARGV = { ARGV[first] }\n      ${lua.ranks()}`, more: [] },
  }[kind];
  const ends = [
    "{'TIME'}",
    ...["M", ...lua.keys].map((key) => `{'PEXPIREAT', ${key}, '1'}`),
    "{'PTTL', Z}",
    "{'UNLINK', Z}",
  ];
  const rights = refuseWithoutRights(
    "ARGV[1] == '1'",
    [...lua.needed(work), ...more, ...ends],
    "return { 'NOPERM', command[1] }",
  );
  const body = `${kind === "history" ? "" : lua.counts}${tells ? `local period\n${lua.tell(events.maxLength)}\n` : ""}rules[${place}] = {
    keys = ${lua.keys.length + 1},
    check = function(key, first, last)
      take(key)
      local held = redis.call('GET', M)
      if held and held ~= '${stamp}' then return { 'STAMP', held } end
      ${kind === "history" ? "" : rights}
      ${check}
    end,
    work = function(key, first, last${tells ? ", name" : ""})
      take(key)
      ${tells ? "period = name" : ""}
      ${work}
    end,
  }`;
  const taken = names.map((_, at) => `KEYS[key + ${at}]`).join(", ");
  return `do
  local ${names.join(", ")}
  local function take(key) ${names.join(", ")} = ${taken} end
  ${lua.functions(body)}${body}
end`;
}
