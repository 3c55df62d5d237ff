// The scripts of a board in shards. Each shard has a part of the directory, which decides and knows, and a ranking, which follows.
// A member's entry lies in the part that its name falls to, its place in the shard of its score: no script sees both.
import type { Script } from "../redis/command.ts";
import { type BoardKeys, furtherScript } from "./scripts.ts";
import type { ShardedSettings } from "./sharded-options.ts";

/*
 * An entry is text: version, shard, score, tie, stale shards. The version is a time in microseconds, each higher than the one before
 * in its part. A shard of "-" says that the member was removed. Stale shards are those that may still hold an older place of the
 * member. Entries whose place is not known to be right stand in the sorted set of unsettled ones too.
 *
 * A ranking keeps the version of every place it has, and for a while that of every place it gave up, so that what arrives late is
 * known to be late. What arrives later still, when that was forgotten, is refused by its age.
 */

/** The scripts of a board in shards. Writes have the keys of a board, those that `shardKeys` gives, and the stamp behind them. */
export interface ShardScripts {
  /** ARGV: how, member, score. Reply: {@link Decision}. */
  readonly decide: Script;
  /** ARGV: member and version. */
  readonly settle: Script;
  /** ARGV: the newest version that counts or nothing, how many at most. Reply: that version, decisions with their members. */
  readonly unsettled: Script;
  /** ARGV: member, version, score, tie. Reply: place before, members before and after, rank before and now; or LATE. */
  readonly put: Script;
  /** ARGV: member and version. Reply: as of put, without a rank now. */
  readonly drop: Script;
  /** ARGV: score and stored member of each. Reply: how many stand before each, those of better rank, and of better score. */
  readonly standing: Script;
}

/** How many microseconds a place may be late, and how long it is known that one was given up. Clocks may differ by the rest. */
const [latest, remembered] = [300_000_000, 900_000_000];
/** How many forgotten places go with each write. */
const swept = 10;

/**
 * The keys of one shard.
 *
 * @param keys - those of its ranking.
 * @returns what stands beside those: the versions of places, places given up, entries, unsettled ones, and the last version.
 */
export function shardKeys(keys: BoardKeys): { readonly beside: readonly string[]; readonly entries: string } {
  const base = keys.ranking.slice(0, -1);
  return { beside: ["v", "x", "e", "p", "n"].map((letter) => base + letter), entries: `${base}e` };
}

/**
 * Makes the scripts of a board in shards.
 *
 * @param settings - the board.
 * @returns its scripts.
 */
export function shardScripts(settings: ShardedSettings): ShardScripts {
  const { board } = settings;
  const write = (name: string, lua: string): Script => furtherScript(board, name, `${keys}\n${lua}`, needed);
  return Object.freeze({
    decide: write("decide", `${opened(settings)}\n${versions}\n${decide(settings)}`),
    settle: write("settle", settle),
    unsettled: write("unsettled", `${versions}\n${unsettled}`),
    put: write("put", `${opened(settings)}\n${put(settings)}`),
    drop: write("drop", drop(settings)),
    standing: furtherScript(board, "standing", standing(settings)),
  });
}

const keys =
  "local V, X, E, P, N = KEYS[#KEYS - 5], KEYS[#KEYS - 4], KEYS[#KEYS - 3], KEYS[#KEYS - 2], KEYS[#KEYS - 1]";
const place = (from: number): string => `KEYS[#KEYS - ${from}]`;
const needed = [
  ...[5, 3].flatMap((from) => [
    `{'HGET', ${place(from)}, 'f'}`,
    `{'HSET', ${place(from)}, 'f', 'v'}`,
    `{'HDEL', ${place(from)}, 'f'}`,
  ]),
  ...[4, 2].flatMap((from) => [
    `{'ZADD', ${place(from)}, '0', 'x'}`,
    `{'ZREM', ${place(from)}, 'x'}`,
    `{'ZRANGE', ${place(from)}, '0', '0'}`,
    `{'ZSCORE', ${place(from)}, 'x'}`,
  ]),
  `{'SET', ${place(1)}, 'x'}`,
  "{'ZCARD', Z}",
  "{'TIME'}",
];

const clock = `local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]`;

// A member is never one character NUL long, and no part of an entry has a blank.
const versions = `${clock}
local function newer()
  local version = math.max(now, tonumber(redis.call('GET', N) or '0') + 1)
  redis.call('SET', N, string.format('%.0f', version))
  return version
end
local function read(m)
  local text = redis.call('HGET', E, m)
  if text then return string.match(text, '^(%d+) (%S+) (%S+) (%S+) (%S+)$') end
end
local function write(m, ...) redis.call('HSET', E, m, table.concat({ ... }, ' ')) end`;

function opened({ board }: ShardedSettings): string {
  return `if not held then
  if redis.call('ZCARD', Z) > 0 then return { 'STAMP', '' } end
  redis.call('SET', M, '${board.stamp}')
end`;
}

/** The largest whole number up to which doubles have every one. */
const largest = Number.MAX_SAFE_INTEGER;

function decide({ board, edges }: ShardedSettings): string {
  const { keep, order, breaks } = board;
  const apply = {
    best: "ahead",
    worst: "not ahead and not same",
    first: "false",
    last: "not same",
    sum: "not same",
  }[keep];
  const tie =
    breaks === "member"
      ? "'-'"
      : `string.format('%016.0f999', ${order === "desc" ? `${largest} - version` : "version"})`;
  return `local how, m, score = ARGV[2], ARGV[3], tonumber(ARGV[4])
local held, shard, s, tie, stale = read(m)
local there = held and shard ~= '-'
local changes, improved = true, true
if how == 'remove' then
  changes = there
elseif how == 'renew' then
  changes = false
elseif there then
  local before = tonumber(s)
  local adding = ${keep === "sum" ? "true" : "how == 'increment'"}
  if adding then
    score = before + score
    if score > ${largest} or score < -${largest} then return { 'RANGE', m } end
  end
  local ahead, same = ${order === "desc" ? "score > before" : "score < before"}, score == before
  if adding then changes = not same else changes = ${apply} end
  improved = changes and ahead
end
local old = there and shard or '-'
local unsettled = held and redis.call('ZSCORE', P, m)
if not changes and not unsettled then
  return { held or '0', shard or '-', s or '0', tie or '-', '-', old, 0, 0 }
end
local version = newer()
if changes then
  local target = '-'
  if how ~= 'remove' then
    local at, edges = 0, {${edges.join(",")}}
    while edges[at + 1] and edges[at + 1] <= score do at = at + 1 end
    target = tostring(at)
    s = string.format('%.17g', score)
    tie = ${tie}
  end
  local left = {}
  for each in string.gmatch(stale or '-', '[^,-]+') do if each ~= target then left[#left + 1] = each end end
  local known = ','..(stale or '')..','
  if there and shard ~= target and not string.find(known, ','..shard..',', 1, true) then left[#left + 1] = shard end
  shard, stale = target, left[1] and table.concat(left, ',') or '-'
end
local text = string.format('%.0f', version)
write(m, text, shard, s, tie, stale)
redis.call('ZADD', P, text, m)
return { text, shard, s, tie, stale, old, improved and 1 or 0, 1 }`;
}

// An entry that was decided anew meanwhile is left to who did that.
const settle = `local m, version = ARGV[2], ARGV[3]
local text = redis.call('HGET', E, m)
if not text then return 0 end
local held, shard, s, tie, stale = string.match(text, '^(%d+) (%S+) (%S+) (%S+) (%S+)$')
if held ~= version then return 0 end
redis.call('ZREM', P, m)
if shard == '-' then
  redis.call('HDEL', E, m)
elseif stale ~= '-' then
  redis.call('HSET', E, m, table.concat({ held, shard, s, tie, '-' }, ' '))
end
return 1`;

// Each gets a version of now, since what it had may be too old by now. When it was left unsettled stays known.
const unsettled = `local newest = ARGV[2] ~= '' and ARGV[2] or string.format('%.0f', now)
local rows = {}
for _, m in ipairs(redis.call('ZRANGE', P, '-inf', newest, 'BYSCORE', 'LIMIT', '0', ARGV[3])) do
  local _, shard, s, tie, stale = read(m)
  if shard then
    local text = string.format('%.0f', newer())
    write(m, text, shard, s, tie, stale)
    rows[#rows + 1] = { m, text, shard, s, tie, stale }
  else
    redis.call('ZREM', P, m)
  end
end
return { newest, rows }`;

const forget = `for _, old in ipairs(redis.call('ZRANGE', X, '-inf', string.format('%.0f', now - ${remembered}), 'BYSCORE', 'LIMIT', '0', '${swept}')) do
  redis.call('ZREM', X, old)
  redis.call('HDEL', V, old)
end`;

// How many count for ranks: members, or scores that are different.
const counted = ({ board }: ShardedSettings): string => `redis.call('ZCARD', ${board.ties === "dense" ? "D" : "Z"})`;

function put(settings: ShardedSettings): string {
  const { ties, breaks } = settings.board;
  const dense = ties === "dense";
  return `local m, version, s, tie = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
${clock}
if now - tonumber(version) > ${latest} then return { 'LATE' } end
local count = ${counted(settings)}
local w = wide(m)
local old = w and redis.call('ZSCORE', Z, w)
local previous = old and rank(w, old) or false
local n = ${breaks === "member" ? "m" : "tie..m"}
if tonumber(redis.call('HGET', V, m) or '0') > tonumber(version) then
  local at, ahead = before(s, n), better(s)
  return { previous, count, count, ${better(settings)} + 1 }
end
redis.call('HSET', V, m, version)
redis.call('ZREM', X, m)
redis.call('ZADD', Z, s, n)
${breaks === "member" ? "" : "if old and w ~= n then redis.call('ZREM', Z, w) end\nredis.call('HSET', T, m, tie)"}
${dense ? "claim(distinct(n, s), s)\nif old then release(distinct(w, old)) end" : ""}
${forget}
return { previous, count, ${counted(settings)}, rank(n, s) }`;
}

function drop(settings: ShardedSettings): string {
  const { ties, breaks } = settings.board;
  return `local m, version = ARGV[2], ARGV[3]
${clock}
local count = ${counted(settings)}
if tonumber(redis.call('HGET', V, m) or '0') > tonumber(version) then return { false, count, count } end
local w = wide(m)
local old = w and redis.call('ZSCORE', Z, w)
local previous = old and rank(w, old) or false
redis.call('HSET', V, m, version)
redis.call('ZADD', X, string.format('%.0f', now), m)
if old then
  redis.call('ZREM', Z, w)
  ${breaks === "member" ? "" : "redis.call('HDEL', T, m)"}
  ${ties === "dense" ? "release(distinct(w, old))" : ""}
end
${forget}
return { previous, count, ${counted(settings)} }`;
}

// How many better ranks there are, given how many stand before a score and how many have a better one.
function better({ board: { ties, order } }: ShardedSettings): string {
  const range = order === "desc" ? "'('..s, '+inf'" : "'-inf', '('..s";
  return { ordinal: "at", competition: "ahead", dense: `redis.call('ZCOUNT', D, ${range})` }[ties];
}

// Where a member stands by its entry, whether its place is there yet or not.
function standing(settings: ShardedSettings): string {
  return `local rows = {}
for each = 1, #ARGV, 2 do
  local s, w = ARGV[each], ARGV[each + 1]
  local there = redis.call('ZSCORE', Z, w)
  local at = there and tonumber(there) == tonumber(s) and place(w) or before(s, w)
  local ahead = better(s)
  rows[#rows + 1] = { at, ${better(settings)}, ahead }
end
return rows`;
}
