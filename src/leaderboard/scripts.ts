// The scripts of a board, generated from its settings, so that a board pays only for what it uses.
// A write looks at what is there, checks, writes and ranks in one call; a read answers from one moment.
import { refuseWithoutRights } from "../engines/write/rights.ts";
import { defineScript, type Script } from "../redis/command.ts";
import type { BoardSettings } from "./options.ts";
import { tieWidth } from "./encoding.ts";

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
}

/** The scripts of one board's settings. */
export interface BoardScripts {
  /** ARGV: whether to ask for rights, how, then member, score and tie text of each. */
  readonly submit: Script;
  /** ARGV: whether to ask for rights, then members. */
  readonly remove: Script;
  /** ARGV: a mode and its words. Reply: total, place of the first row, its rank, rows. */
  readonly window: Script;
  /** ARGV: members. Reply: stored member, score and rank of each. */
  readonly ranks: Script;
  /** ARGV: members. Reply: stored member and score of each. */
  readonly scores: Script;
  readonly percentile: Script;
  readonly quantile: Script;
  readonly histogram: Script;
  readonly gaps: Script;
}

/**
 * Lays out the keys of a board.
 *
 * @param settings - the board.
 * @param namespace - put in front of every key; empty for none.
 * @returns the keys. No entity type has any of them, of whatever name.
 */
export function boardKeys({ name, ties, breaks }: BoardSettings, namespace: string): BoardKeys {
  const base = `${namespace === "" ? "" : `${namespace}:`}{${name}}#`;
  const beside = [...(breaks === "member" ? [] : ["t"]), ...(ties === "dense" ? ["d", "c"] : [])];
  const ranking = `${base}z`;
  return {
    ranking,
    all: [ranking, ...beside.map((letter) => base + letter)],
    stamp: `${base}m`,
    operations: `${base}o:`,
  };
}

const cache = new Map<string, BoardScripts>();

/**
 * Makes the scripts of a board; boards of equal settings share them.
 *
 * @param settings - the board.
 * @returns its scripts.
 */
export function boardScripts(settings: BoardSettings): BoardScripts {
  const { stamp, ties, keep, entities } = settings;
  const known = [stamp, ties, keep, entities].join("|");
  const scripts = cache.get(known) ?? Object.freeze(new Generator(settings).all());
  cache.set(known, scripts);
  return scripts;
}

/** The largest whole number up to which doubles have every one. */
const largest = "9007199254740991";

class Generator {
  readonly #settings: BoardSettings;
  readonly #wide: boolean;
  readonly #dense: boolean;
  /** How much text of sub-scores stands in front of members. */
  readonly #sub: number;
  readonly #desc: boolean;
  /** The last words of a read in the board's order. */
  readonly #rev: string;

  constructor(settings: BoardSettings) {
    this.#settings = settings;
    this.#wide = settings.breaks !== "member";
    this.#dense = settings.ties === "dense";
    this.#sub = settings.breaks === "scores" ? tieWidth(settings) : 0;
    this.#desc = settings.order === "desc";
    this.#rev = this.#desc ? ", 'REV'" : "";
  }

  all(): BoardScripts {
    return {
      submit: defineScript("board.submit", `#!lua\n${this.#write(this.#submit())}`),
      remove: defineScript("board.remove", `#!lua flags=allow-oom\n${this.#write(this.#remove())}`),
      window: this.#read("window", this.#window()),
      ranks: this.#read("ranks", this.#each("{ w, s, rank(w, s) }")),
      scores: this.#read("scores", this.#each("{ w, s }")),
      percentile: this.#read("percentile", this.#percentile()),
      quantile: this.#read("quantile", this.#quantile()),
      histogram: this.#read("histogram", histogram),
      gaps: this.#read("gaps", this.#gaps()),
    };
  }

  // Of entities more is noted than what stands in front of them.
  #front(text: string): string {
    return this.#settings.entities ? `string.sub(${text}, 1, ${tieWidth(this.#settings)})` : text;
  }

  #read(name: string, lua: string): Script {
    return defineScript(`board.${name}`, `#!lua flags=no-writes\n${this.#prelude(lua)}${lua}`);
  }

  // What a script begins with: its keys, and of the functions those that its own text calls.
  #prelude(body: string): string {
    const names = ["Z", ...(this.#wide ? ["T"] : []), ...(this.#dense ? ["D", "C"] : [])];
    const keys = names.map((_, at) => `KEYS[${at + 1}]`);
    const functions = [
      ["rank", `local function rank(w, s) return ${this.#rank()} + 1 end`],
      [
        "distinct",
        `local function distinct(w, s) return string.sub(w, 1, ${this.#sub})..string.format('%.17g', s) end`,
      ],
      ["before", this.#before()],
      ["less", less],
      [
        "better",
        `local function better(s) return redis.call('ZCOUNT', Z, ${this.#desc ? "'('..s, '+inf'" : "'-inf', '('..s"}) end`,
      ],
      ["place", `local function place(w) return redis.call('${this.#desc ? "ZREVRANK" : "ZRANK"}', Z, w) end`],
      [
        "wide",
        `local function wide(m) ${this.#wide ? `local t = redis.call('HGET', T, m) return t and ${this.#front("t")}..m` : "return m"} end`,
      ],
    ] as const;
    // Each calls only those that come after it here, which stand before it in the script.
    let text = body;
    for (const [name, lua] of functions) if (text.includes(`${name}(`)) text = `${lua}\n${text}`;
    return `local ${names.join(", ")} = ${keys.join(", ")}\n${text.slice(0, text.length - body.length)}`;
  }

  #rank(): string {
    switch (this.#settings.ties) {
      case "ordinal":
        return "place(w)";
      case "competition":
        return this.#sub === 0 ? "better(s)" : `before(s, string.sub(w, 1, ${this.#sub}))`;
      case "dense":
        return `redis.call('${this.#desc ? "ZREVRANK" : "ZRANK"}', D, distinct(w, s))`;
    }
  }

  // How many stand before a score and a text in front of members. Equal scores are searched by halves.
  #before(): string {
    const stands = this.#desc ? "less(k, w)" : "less(w, k)";
    return `local function before(s, k, whole)
  local low = better(s)
  local high = low + redis.call('ZCOUNT', Z, s, s)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local w = redis.call('ZRANGE', Z, middle, middle${this.#rev})[1]
    if not whole then w = string.sub(w, 1, #k) end
    if ${stands} then low = middle + 1 else high = middle end
  end
  return low
end`;
  }

  // A write has the stamp as its last key. Rights are asked for by the first write of a process, before anything is written.
  #write(lua: string): string {
    const zadd = (key: string): string[] => [`{'ZADD', ${key}, '0', 'x'}`, `{'ZREM', ${key}, 'x'}`];
    const needed = [
      ...["{'SET', M, 'x'}", "{'ZCOUNT', Z, '0', '0'}", "{'ZSCORE', Z, 'x'}", ...zadd("Z")],
      ...(this.#desc ? ["{'ZREVRANK', Z, 'x'}"] : ["{'ZRANK', Z, 'x'}"]),
      ...(this.#wide ? ["{'HSET', T, 'f', 'v'}", "{'HDEL', T, 'f'}", "{'TIME'}"] : []),
      ...(this.#dense ? ["{'HINCRBY', C, 'f', '1'}", "{'HDEL', C, 'f'}", ...zadd("D")] : []),
    ];
    const counts = `local function claim(d, s)
  if redis.call('HINCRBY', C, d, '1') == 1 then redis.call('ZADD', D, s, d) end
end
local function release(d)
  if redis.call('HINCRBY', C, d, '-1') > 0 then return end
  redis.call('HDEL', C, d)
  redis.call('ZREM', D, d)
end
`;
    const body = `local M = KEYS[#KEYS]
local held = redis.call('GET', M)
if held and held ~= '${this.#settings.stamp}' then return { 'STAMP', held } end
${refuseWithoutRights("ARGV[1] == '1'", needed, "return { 'NOPERM', command[1] }")}
${this.#dense ? counts : ""}${lua}`;
    return this.#prelude(body) + body;
  }

  // The first write of a board finds its keys free, or a sorted set that is plain as the board will be.
  #first(): string {
    const looks = [
      ...(this.#wide ? ["redis.call('HGET', T, 'x')"] : []),
      ...(this.#dense ? ["redis.call('ZCARD', D)", "redis.call('HGET', C, 'x')"] : []),
    ];
    const plain = looks.length === 0;
    return `if not held then
  local found = redis.call('ZCARD', Z)
  ${plain ? "" : "if found > 0 then return { 'STAMP', '' } end"}
  ${looks.join("\n  ")}
  redis.call('SET', M, '${this.#settings.stamp}')
end`;
  }

  #submit(): string {
    const { keep, breaks } = this.#settings;
    const adds = keep === "sum" ? "true" : "ARGV[2] == 'increment'";
    const ahead = this.#desc ? "score > before" : "score < before";
    const tieAhead = this.#desc ? "less(old, tie)" : "less(tie, old)";
    const apply = {
      best: "ahead",
      worst: "not ahead and not same",
      first: "false",
      last: "not same",
      sum: "not same",
    }[keep];
    const key = {
      member: "local n = m",
      time: `local turn = (at - 3) / 3
    local n = string.format('%016.0f%03.0f', ${this.#desc ? `${largest} - now, 999 - turn` : "now, turn"})..m`,
      scores: "local n = tie..m",
    }[breaks];
    return `local adding = ${adds}
if adding then
  local sums = {}
  for at = 3, #ARGV, 3 do
    local m = ARGV[at]
    local w = not sums[m] and wide(m)
    local sum = (sums[m] or tonumber(w and redis.call('ZSCORE', Z, w) or '0')) + tonumber(ARGV[at + 1])
    if sum > ${largest} or sum < -${largest} then return { 'RANGE', m } end
    sums[m] = sum
  end
end
${this.#first()}
${breaks === "time" ? "local clock = redis.call('TIME')\nlocal now = clock[1] * 1000000 + clock[2]" : ""}
local results = {}
for at = 3, #ARGV, 3 do
  local m, score, tie = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local w = wide(m)
  local s = w and redis.call('ZSCORE', Z, w)
  local previous, improved, changes = false, true, true
  ${this.#sub > 0 ? `local old = s and string.sub(w, 1, ${this.#sub})\n  if ARGV[2] == 'increment' and old then tie = old end` : ""}
  if s then
    previous = rank(w, s)
    local before = tonumber(s)
    if adding then score = before + score end
    local ahead, same = ${ahead}, score == before
    ${this.#sub > 0 ? `if same then ahead, same = ${tieAhead}, tie == old end` : ""}
    if adding then changes = not same else changes = ${apply} end
    improved = changes and ahead
  end
  if changes then
    ${key}
    local text = string.format('%.17g', score)
    redis.call('ZADD', Z, text, n)
    ${this.#wide ? "if s and w ~= n then redis.call('ZREM', Z, w) end\n    redis.call('HSET', T, m, string.sub(n, 1, #n - #m))" : ""}
    ${this.#dense ? "claim(distinct(n, text), text)\n    if s then release(distinct(w, s)) end" : ""}
    w, s = n, text
  end
  results[#results + 1] = { s, changes and rank(w, s) or previous, previous, improved and 1 or 0 }
end
return results`;
  }

  #remove(): string {
    return `local removed = 0
for at = 2, #ARGV do
  local m = ARGV[at]
  local w = wide(m)
  ${this.#dense ? "local s = w and redis.call('ZSCORE', Z, w)\n  if s then release(distinct(w, s)) end" : ""}
  if w then removed = removed + redis.call('ZREM', Z, w) end
  ${this.#wide ? "redis.call('HDEL', T, m)" : ""}
end
return removed`;
  }

  // Rows in the board's order, wherever the first of them stands.
  #window(): string {
    const range = this.#desc ? "ARGV[3], ARGV[2]" : "ARGV[2], ARGV[3]";
    // Bounds come with the better one first; what is better than it stands before the rows.
    const ahead = this.#desc ? "'('..ARGV[2], '+inf'" : "'-inf', '('..ARGV[2]";
    return `local total = redis.call('ZCARD', Z)
local mode = ARGV[1]
local start, count = 0, tonumber(ARGV[3])
if mode == 'page' then
  start = tonumber(ARGV[2])
elseif mode == 'around' then
  local w = wide(ARGV[2])
  local at = w and place(w)
  if not at then return { total, 0, 0, {} } end
  start = math.max(0, math.min(at - count, total - 2 * count - 1))
  count = 2 * count + 1
elseif mode == 'bottom' then
  start = math.max(0, total - count)
elseif mode == 'between' then
  local offset = tonumber(ARGV[4])
  start = redis.call('ZCOUNT', Z, ${ahead}) + offset
  count = math.min(tonumber(ARGV[5]), redis.call('ZCOUNT', Z, ${range}) - offset)
elseif mode == 'after' then
  start = before(ARGV[4], ARGV[2], true)
  local next = redis.call('ZRANGE', Z, start, start${this.#rev})[1]
  if next == ARGV[2] then start = start + 1 end
end
if count < 1 then return { total, start, 0, {} } end
local rows = redis.call('ZRANGE', Z, string.format('%.0f', start), string.format('%.0f', start + count - 1)${this.#rev}, 'WITHSCORES')
return { total, start, rows[1] and rank(rows[1], rows[2]) or 0, rows }`;
  }

  // All stored members by one HMGET, all scores by one ZMSCORE.
  #each(reply: string): string {
    const stored = this.#wide
      ? `local ties = redis.call('HMGET', T, unpack(ARGV))
local stored = {}
for at, m in ipairs(ARGV) do stored[at] = ties[at] and ${this.#front("ties[at]")}..m or m end`
      : "local stored = ARGV";
    return `${stored}
local scores = redis.call('ZMSCORE', Z, unpack(stored))
local rows = {}
for at, w in ipairs(stored) do
  local s = scores[at]
  rows[at] = s and ${reply}
end
return rows`;
  }

  #percentile(): string {
    return `local w = wide(ARGV[1])
local s = w and redis.call('ZSCORE', Z, w)
if not s then return false end
local total = redis.call('ZCARD', Z)
return { total - better(s), total }`;
  }

  // The nearest rank, counted from the worst. What is a whole number but for the rounding of a product is that number.
  #quantile(): string {
    return `local total = redis.call('ZCARD', Z)
if total == 0 then return false end
local exact = tonumber(ARGV[1]) * total
local near = math.floor(exact + 0.5)
local from = math.abs(exact - near) <= near * 2^-52 and near or math.ceil(exact)
local at = total - math.max(1, from)
return redis.call('ZRANGE', Z, at, at${this.#rev}, 'WITHSCORES')[2]`;
  }

  // The nearest members with a better and with a worse score.
  #gaps(): string {
    const up = `redis.call('ZRANGE', Z, '('..s, '+inf', 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')`;
    const down = `redis.call('ZRANGE', Z, '('..s, '-inf', 'BYSCORE', 'REV', 'LIMIT', '0', '1', 'WITHSCORES')`;
    return `local w = wide(ARGV[1])
local s = w and redis.call('ZSCORE', Z, w)
if not s then return false end
return { w, s, rank(w, s), ${this.#desc ? `${up}, ${down}` : `${down}, ${up}`} }`;
  }
}

// By bytes: Lua's own comparison goes by the server's locale.
const less = `local function less(a, b)
  for at = 1, math.min(#a, #b) do
    local x, y = string.byte(a, at), string.byte(b, at)
    if x ~= y then return x < y end
  end
  return #a < #b
end`;

// ARGV: a number of buckets, or edges. The last bucket holds its upper edge.
const histogram = `local edges = {}
if ARGV[1] == 'count' then
  local low = redis.call('ZRANGE', Z, '0', '0', 'WITHSCORES')[2]
  if not low then return { {}, {} } end
  local high = redis.call('ZRANGE', Z, '-1', '-1', 'WITHSCORES')[2]
  local count, from, to = tonumber(ARGV[2]), tonumber(low), tonumber(high)
  if from == to then count = 1 end
  for at = 0, count do edges[at + 1] = string.format('%.17g', from + (to - from) * (at / count)) end
  edges[1], edges[count + 1] = low, high
else
  for at = 2, #ARGV do edges[at - 1] = ARGV[at] end
end
local counts = {}
for at = 1, #edges - 1 do
  local upper = at == #edges - 1 and edges[at + 1] or '('..edges[at + 1]
  counts[at] = redis.call('ZCOUNT', Z, edges[at], upper)
end
return { edges, counts }`;
