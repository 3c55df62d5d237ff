// What the scripts of a board are made of, generated from its settings, so that a board pays only for what it uses.
// Each piece speaks of the keys Z, T, D, C and M, whichever board of its settings they are.
import type { BoardSettings } from "./options.ts";
import { tieWidth } from "./encoding.ts";

/** How many members beyond one for each new one a write drops, while a board is above its limit. */
const slack = 100;
/** The largest whole number up to which doubles have every one. */
const largest = "9007199254740991";

/** Where a script has the scores or members that it is given. */
export interface GivenWords {
  /** Lua expression: the place in ARGV of the first member. */
  readonly first: string;
  /** Lua expression: the place in ARGV of the last word. */
  readonly last: string;
}

/** The pieces for boards of some settings. */
export class BoardLua {
  readonly #settings: BoardSettings;
  readonly #wide: boolean;
  readonly #dense: boolean;
  /** The names of the keys that such a board has, beside M. */
  readonly keys: readonly string[];
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
    this.keys = ["Z", ...(this.#wide ? ["T"] : []), ...(this.#dense ? ["D", "C"] : [])];
  }

  /**
   * The functions that some text calls, each before those that call it.
   *
   * @param body - Lua.
   * @returns their definitions.
   */
  functions(body: string): string {
    const functions = [
      ["rank", `local function rank(w, s) return ${this.#rank()} + 1 end`],
      [
        "distinct",
        `local function distinct(w, s) return string.sub(w, 1, ${this.#sub})..string.format('%.17g', s) end`,
      ],
      ["first", this.#first()],
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
    return text.slice(0, text.length - body.length);
  }

  // Of entities more is noted than what stands in front of them.
  #front(text: string): string {
    return this.#settings.entities ? `string.sub(${text}, 1, ${tieWidth(this.#settings)})` : text;
  }

  #rank(): string {
    switch (this.#settings.ties) {
      case "ordinal":
        return "place(w)";
      case "competition":
        return this.#sub === 0 ? "better(s)" : "first(w, s)";
      case "dense":
        return `redis.call('${this.#desc ? "ZREVRANK" : "ZRANK"}', D, distinct(w, s))`;
    }
  }

  // The place of the first that is equal to a member in all scores: most often near its own, so steps back begin small.
  #first(): string {
    return `local function first(w, s)
  local k, score = string.sub(w, 1, ${this.#sub}), tonumber(s)
  local function equal(at)
    local row = redis.call('ZRANGE', Z, at, at${this.#rev}, 'WITHSCORES')
    return string.sub(row[1], 1, ${this.#sub}) == k and tonumber(row[2]) == score
  end
  local low, high, step = 0, place(w), 1
  while high > low do
    local at = math.max(low, high - step)
    if equal(at) then high, step = at, step * 2 else low = at + 1 end
    if low > 0 then step = math.ceil((high - low) / 2) end
  end
  return high
end`;
  }

  // How many stand before a place. Equal scores are searched by halves.
  #before(): string {
    const stands = this.#desc ? "less(w, next)" : "less(next, w)";
    return `local function before(s, w)
  local low = better(s)
  local high = low + redis.call('ZCOUNT', Z, s, s)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local next = redis.call('ZRANGE', Z, middle, middle${this.#rev})[1]
    if ${stands} then low = middle + 1 else high = middle end
  end
  return low
end`;
  }

  /**
   * What a write must be allowed to do, as Lua lists.
   *
   * @param body - what it does.
   * @returns commands.
   */
  needed(body: string): readonly string[] {
    const zadd = (key: string): string[] => [`{'ZADD', ${key}, '0', 'x'}`, `{'ZREM', ${key}, 'x'}`];
    return [
      ...["{'SET', M, 'x'}", "{'ZCOUNT', Z, '0', '0'}", "{'ZSCORE', Z, 'x'}", ...zadd("Z")],
      ...(this.#desc ? ["{'ZREVRANK', Z, 'x'}"] : ["{'ZRANK', Z, 'x'}"]),
      ...(this.#wide ? ["{'HSET', T, 'f', 'v'}", "{'HDEL', T, 'f'}", "{'TIME'}"] : []),
      ...(this.#dense ? ["{'HINCRBY', C, 'f', '1'}", "{'HDEL', C, 'f'}", ...zadd("D")] : []),
      ...(body.includes("drop(") ? ["{'ZCARD', Z}", "{'ZRANGE', Z, '0', '0'}"] : []),
    ];
  }

  /** The functions that keep count of how many members have a score, where ranks are dense. */
  get counts(): string {
    return this.#dense ? counts : "";
  }

  /** Lua that looks at the keys of a board that is not noted yet: free, or a sorted set that is plain as the board will be. */
  get looks(): string {
    const looks = [
      ...(this.#wide ? ["redis.call('HGET', T, 'x')"] : []),
      ...(this.#dense ? ["redis.call('ZCARD', D)", "redis.call('HGET', C, 'x')"] : []),
    ];
    const plain = looks.length === 0;
    return `local found = redis.call('ZCARD', Z)
  ${plain ? "" : "if found > 0 then return { 'STAMP', '' } end"}
  ${looks.join("\n  ")}`;
  }

  /** Lua that notes how the board is stored. */
  get note(): string {
    return `redis.call('SET', M, '${this.#settings.stamp}')`;
  }

  /** Lua expression: scores are added to what is there. */
  get adds(): string {
    return this.#settings.keep === "sum" ? "true" : "ARGV[2] == 'increment'";
  }

  /**
   * Lua that refuses sums that would leave the range.
   *
   * @param given - where the scores are.
   * @returns statements, after `adding` is known.
   */
  sums({ first, last }: GivenWords): string {
    return `if adding then
  local sums = {}
  for at = ${first}, ${last}, 3 do
    local m = ARGV[at]
    local w = not sums[m] and wide(m)
    local sum = (sums[m] or tonumber(w and redis.call('ZSCORE', Z, w) or '0')) + tonumber(ARGV[at + 1])
    if sum > ${largest} or sum < -${largest} then return { 'RANGE', m } end
    sums[m] = sum
  end
end`;
  }

  /**
   * Lua that submits scores, one after the other, and makes `results`: score, rank, rank before, and whether it is better.
   *
   * @param given - where the scores are.
   * @param tells - whether a function `tell` is there, which is told of changes.
   * @returns statements, after `adding` is known, and `now` where ties go by time.
   */
  submit({ first, last }: GivenWords, tells = false): string {
    const { keep, breaks, limit } = this.#settings;
    const bounded = (text: string): string => (limit === undefined ? "" : text);
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
      time: `local turn = (at - ${first}) / 3
    local n = string.format('%016.0f%03.0f', ${this.#desc ? `${largest} - now, 999 - turn` : "now, turn"})..m`,
      scores: "local n = tie..m",
    }[breaks];
    return `local results = {}
${limit === undefined ? "" : `${this.#drop}\n${this.#fits(limit)}`}
for at = ${first}, ${last}, 3 do
  local m, score, tie = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local w = wide(m)
  local s = w and redis.call('ZSCORE', Z, w)
  local previous, improved, changes = false, true, true
  ${bounded("local stays = true")}
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
    ${key}${tells ? "\n    local stood = s and place(w) or redis.call('ZCARD', Z)" : ""}
    local text = adding and s and string.format('%.17g', score) or ARGV[at + 1]
    redis.call('ZADD', Z, text, n)
    ${this.#wide ? "if s and w ~= n then redis.call('ZREM', Z, w) end\n    redis.call('HSET', T, m, string.sub(n, 1, #n - #m))" : ""}
    ${this.#dense ? "claim(distinct(n, text), text)\n    if s then release(distinct(w, s)) end" : ""}
    ${bounded("if not s then stays = fits(n); improved = stays end")}
    w, s = n, text${tells ? `\n    ${bounded("if stays then ")}tell(m, w, s, previous, stood)${bounded(" end")}` : ""}
  end
  results[#results + 1] = { s, ${bounded("stays and ")}(changes and rank(w, s) or previous), previous, improved and 1 or 0 }
end`;
  }

  /**
   * The function that tells of a member whose rank is another, in the stream K: and whom it passed, of those that are among the top
   * now, or just fell out of it, and the one right behind it. That is as much work as there are ranks in the top.
   *
   * @param maxLength - about how many changes the stream keeps.
   * @returns its definition; `period` is told too, where it is not empty.
   */
  tell(maxLength: number): string {
    const { top } = this.#settings;
    return `local function tell(m, w, s, previous, stood)
  local r = rank(w, s)
  if r == previous then return end
  local words = { 'member', m, 'score', s, 'rank', r }
  local function say(name, value)
    words[#words + 1] = name
    words[#words + 1] = value
  end
  if previous then say('previous', previous) end
  if r <= ${top} and not (previous and previous <= ${top}) then say('entered', '1') end
  if period ~= '' then say('period', period) end
  local at = place(w)
  if at < stood then
    local passed = redis.call('ZRANGE', Z, at + 1, math.min(stood, math.max(at + 1, ${top}))${this.#rev}, 'WITHSCORES')
    local list = {}
    for i = 1, #passed, 2 do
      list[i] = string.sub(passed[i], ${tieWidth(this.#settings) + 1})
      list[i + 1] = rank(passed[i], passed[i + 1])
    end
    say('overtaken', cjson.encode(list))
  end
  redis.call('XADD', K, 'MAXLEN', '~', '${maxLength}', '*', unpack(words))
end`;
  }

  /**
   * Lua that takes members off and counts them as `removed`.
   *
   * @param given - where the members are.
   * @returns statements.
   */
  remove({ first, last }: GivenWords): string {
    return `local removed = 0
for at = ${first}, ${last} do
  local m = ARGV[at]
  local w = wide(m)
  ${this.#dense ? "local s = w and redis.call('ZSCORE', Z, w)\n  if s then release(distinct(w, s)) end" : ""}
  if w then removed = removed + redis.call('ZREM', Z, w) end
  ${this.#wide ? "redis.call('HDEL', T, m)" : ""}
end`;
  }

  // Takes rows of the ranking off the board.
  get #drop(): string {
    return `local function drop(rows)
  if not rows[1] then return end
  local gone, members = {}, {}
  for at = 1, #rows, 2 do
    gone[#gone + 1] = rows[at]
    ${this.#wide ? `members[#members + 1] = string.sub(rows[at], ${tieWidth(this.#settings) + 1})` : ""}
    ${this.#dense ? "release(distinct(rows[at], rows[at + 1]))" : ""}
  end
  redis.call('ZREM', Z, unpack(gone))
  ${this.#wide ? "redis.call('HDEL', T, unpack(members))" : ""}
end`;
  }

  // After a new member the last one goes; where a limit was lowered, so do some more with each.
  #fits(limit: number): string {
    return `local slack = ${slack}
local function fits(n)
  local over = math.min(redis.call('ZCARD', Z) - ${limit}, slack + 1)
  if over < 1 then return true end
  slack = slack - over + 1
  local rows = ${this.#worst("over")}
  drop(rows)
  for at = 1, #rows, 2 do if rows[at] == n then return false end end
  return true
end`;
  }

  #worst(count: string): string {
    return `redis.call('ZRANGE', Z, '0', ${count} - 1${this.#desc ? "" : ", 'REV'"}, 'WITHSCORES')`;
  }

  /** Lua that takes off a slice of what has such scores, or of what stands behind so many, and replies how many that was. */
  cut(): string {
    return `${this.#drop}
local rows
if ARGV[2] == 'between' then
  rows = redis.call('ZRANGE', Z, ARGV[3], ARGV[4], 'BYSCORE', 'LIMIT', '0', ARGV[5], 'WITHSCORES')
else
  local over = math.min(redis.call('ZCARD', Z) - tonumber(ARGV[3]), tonumber(ARGV[4]))
  rows = over > 0 and ${this.#worst("over")} or {}
end
drop(rows)
return #rows / 2`;
  }

  // Rows in the board's order, wherever the first of them stands.
  window(): string {
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
  start = before(ARGV[4], ARGV[2])
  local next = redis.call('ZRANGE', Z, start, start${this.#rev})[1]
  if next == ARGV[2] then start = start + 1 end
end
if count < 1 then return { total, start, 0, {} } end
local rows = redis.call('ZRANGE', Z, string.format('%.0f', start), string.format('%.0f', start + count - 1)${this.#rev}, 'WITHSCORES')
return { total, start, rows[1] and rank(rows[1], rows[2]) or 0, rows }`;
  }

  // All stored members by one HMGET, all scores by one ZMSCORE.
  #lookUp(): string {
    return `${
      this.#wide
        ? `local ties = redis.call('HMGET', T, unpack(ARGV))
local stored = {}
for at, m in ipairs(ARGV) do
  ${this.#settings.entities ? `ties[at] = ties[at] and ${this.#front("ties[at]")}` : ""}
  stored[at] = ties[at] and ties[at]..m or m
end`
        : "local stored = ARGV"
    }
local scores = redis.call('ZMSCORE', Z, unpack(stored))`;
  }

  /** Lua that replies the texts in front of members, and their scores. */
  scores(): string {
    return `${this.#lookUp()}\nreturn { ${this.#wide ? "ties" : "stored"}, scores }`;
  }

  /** Lua that replies stored member, score and rank of each. */
  ranks(): string {
    return `${this.#lookUp()}
local rows = {}
for at, w in ipairs(stored) do
  local s = scores[at]
  rows[at] = s and { w, s, rank(w, s) }
end
return rows`;
  }

  percentile(): string {
    return `local w = wide(ARGV[1])
local s = w and redis.call('ZSCORE', Z, w)
if not s then return false end
local total = redis.call('ZCARD', Z)
return { total - better(s), total }`;
  }

  // The nearest rank, counted from the worst. What is a whole number but for the rounding of a product is that number.
  quantile(): string {
    return `local total = redis.call('ZCARD', Z)
if total == 0 then return false end
local exact = tonumber(ARGV[1]) * total
local near = math.floor(exact + 0.5)
local from = math.abs(exact - near) <= near * 2^-52 and near or math.ceil(exact)
local at = total - math.max(1, from)
return redis.call('ZRANGE', Z, at, at${this.#rev}, 'WITHSCORES')[2]`;
  }

  // The nearest members with a better and with a worse score.
  gaps(): string {
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
/** Lua: counts members by ranges of scores. */
export const histogram = `local edges = {}
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

const counts = `local function claim(d, s)
  if redis.call('HINCRBY', C, d, '1') == 1 then redis.call('ZADD', D, s, d) end
end
local function release(d)
  if redis.call('HINCRBY', C, d, '-1') > 0 then return end
  redis.call('HDEL', C, d)
  redis.call('ZREM', D, d)
end
`;
