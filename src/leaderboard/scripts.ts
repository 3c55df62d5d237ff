// The scripts of a board, generated from its settings, so that a board pays only for what it uses.
// A write looks at what is there, checks, writes and ranks in one call; a read answers from one moment.
import { refuseWithoutRights } from "../engines/write/rights.ts";
import { defineScript, type Script } from "../redis/command.ts";
import { BoardLua, histogram } from "./lua.ts";
import type { BoardSettings } from "./options.ts";

/** The keys of a board, all under one hash tag. */
export interface BoardKeys {
  /** The sorted set of members, and what its other keys are made from. */
  readonly ranking: string;
  /** What a script is given as KEYS: the ranking, and what these settings need beside it. */
  readonly all: readonly string[];
  /** How the board is stored, as its first write noted it. */
  readonly stamp: string;
  /** What keys of notes about operations begin with. */
  readonly operations: string;
  /** The stream of changes of the board and all its periods. */
  readonly changes: string;
}

/** The scripts of one board's settings. */
export interface BoardScripts {
  /** ARGV: whether to ask for rights, how, then member, score and tie text of each. */
  readonly submit: Script;
  /** ARGV: whether to ask for rights, then members. */
  readonly remove: Script;
  /** ARGV: whether to ask for rights, how, then its words and how many at most. Reply: how many went. */
  readonly cut: Script;
  /** ARGV: a mode and its words. Reply: total, place of the first row, its rank, rows. */
  readonly window: Script;
  /** ARGV: members. Reply: stored member, score and rank of each. */
  readonly ranks: Script;
  /** ARGV: members. Reply: the texts in front of them, and their scores. */
  readonly scores: Script;
  readonly percentile: Script;
  readonly quantile: Script;
  readonly histogram: Script;
  readonly gaps: Script;
}

/** Which of a board's periods. */
export interface PeriodPlace {
  readonly name: string;
  /** The first of its milliseconds. */
  readonly from: number;
}

/**
 * Lays out the keys of a board, or of one of its periods.
 *
 * @param settings - the board.
 * @param namespace - put in front of every key; empty for none.
 * @param period - which period; none for the board of all time.
 * @returns the keys. No entity type has any of them, of whatever name, and no other board.
 */
export function boardKeys(settings: BoardSettings, namespace: string, period?: PeriodPlace): BoardKeys {
  const { name, ties, breaks, colocate } = settings;
  const front = namespace === "" ? "" : `${namespace}:`;
  const board = colocate === undefined ? `${front}{${name}}#` : `${front}{${colocate}}#${name}#`;
  const base = period === undefined ? board : `${board}${period.name}@${written(period.from)}#`;
  const beside = [...(breaks === "member" ? [] : ["t"]), ...(ties === "dense" ? ["d", "c"] : [])];
  const ranking = `${base}z`;
  return {
    ranking,
    all: [ranking, ...beside.map((letter) => base + letter)],
    stamp: `${base}m`,
    operations: `${board}o:`,
    changes: `${board}k`,
  };
}

// Periods are told apart by when they begin, so that no two of a kind are one, whatever the calendar or time zone.
function written(instant: number): string {
  return new Date(instant).toISOString().replace(/(:00)?\.000Z$/, "Z");
}

const cache = new Map<string, BoardScripts>();

/**
 * Makes the scripts of a board; boards of equal settings share them.
 *
 * @param settings - the board.
 * @returns its scripts.
 */
export function boardScripts(settings: BoardSettings): BoardScripts {
  const { stamp, ties, keep, limit, entities } = settings;
  const known = [stamp, ties, keep, limit, entities].join("|");
  const scripts = cache.get(known) ?? Object.freeze(scriptsOf(settings));
  cache.set(known, scripts);
  return scripts;
}

/**
 * Makes a further script on the keys of a board, with the functions that those of its own have.
 *
 * @param settings - the board.
 * @param name - what it does.
 * @param lua - its text.
 * @param needed - commands to ask for rights for beside those of every write, as Lua lists; a read when left out.
 * @returns the script. The board's keys come first, and for a write its stamp last.
 */
export function furtherScript(settings: BoardSettings, name: string, lua: string, needed?: readonly string[]): Script {
  const pieces = new BoardLua(settings);
  return needed === undefined ? readScript(pieces, name, lua) : writeScript(pieces, settings, name, "", lua, needed);
}

function scriptsOf(settings: BoardSettings): BoardScripts {
  const lua = new BoardLua(settings);
  const read = (name: string, body: string): Script => readScript(lua, name, body);
  const write = (name: string, flags: string, body: string): Script =>
    writeScript(lua, settings, name, flags, body, []);
  const given = { first: "3", last: "#ARGV" };
  const submit = `local adding = ${lua.adds}
${lua.sums(given)}
if not held then
  ${lua.looks}
  ${lua.note}
end
${settings.breaks === "time" ? "local clock = redis.call('TIME')\nlocal now = clock[1] * 1000000 + clock[2]" : ""}
${lua.submit(given)}
return results`;
  return {
    submit: write("submit", "", submit),
    remove: write("remove", " flags=allow-oom", `${lua.remove({ first: "2", last: "#ARGV" })}\nreturn removed`),
    cut: write("cut", " flags=allow-oom", lua.cut()),
    window: read("window", lua.window()),
    ranks: read("ranks", lua.ranks()),
    scores: read("scores", lua.scores()),
    percentile: read("percentile", lua.percentile()),
    quantile: read("quantile", lua.quantile()),
    histogram: read("histogram", histogram),
    gaps: read("gaps", lua.gaps()),
  };
}

function readScript(lua: BoardLua, name: string, body: string): Script {
  return defineScript(`board.${name}`, `#!lua flags=no-writes\n${whole(lua, body)}`);
}

// A write has the stamp as its last key. Rights are asked for by the first write of a process, before anything is written.
function writeScript(
  lua: BoardLua,
  { stamp }: BoardSettings,
  name: string,
  flags: string,
  work: string,
  more: readonly string[],
): Script {
  const body = `local M = KEYS[#KEYS]
local held = redis.call('GET', M)
if held and held ~= '${stamp}' then return { 'STAMP', held } end
${refuseWithoutRights("ARGV[1] == '1'", [...lua.needed(work), ...more], "return { 'NOPERM', command[1] }")}
${lua.counts}${work}`;
  return defineScript(`board.${name}`, `#!lua${flags}\n${whole(lua, body)}`);
}

// What a script begins with: its keys, and of the functions those that its own text calls.
function whole(lua: BoardLua, body: string): string {
  const keys = lua.keys.map((_, at) => `KEYS[${at + 1}]`);
  return `local ${lua.keys.join(", ")} = ${keys.join(", ")}\n${lua.functions(body)}${body}`;
}
