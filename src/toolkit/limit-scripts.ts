// The scripts of rate limits: all rules look first, then all of them take, or none, by the server's clock.
// One text for each list of algorithms, which carries only what these need; times are whole microseconds.
import { defineScript, type Script } from "../redis/command.ts";
import type { LimitRule } from "./limit-rules.ts";

/*
 * KEYS: the block, then one of each rule. ARGV: the cost, then two numbers of each rule, {@link ReadRule.words}.
 * Reply: whether it was taken (or could be), the milliseconds that the block still lasts, then of each rule how much
 * remains, the milliseconds until this much fits, and the milliseconds until nothing counts any more.
 */

type Algorithm = LimitRule["algorithm"];

const serverTime = `local time = call('TIME')
local now = time[1] * 1000000 + time[2]`;

// A look gives what remains, how long until the cost fits (0 or less when it does), how long until all is free, and
// what its take needs; a take gives the time until all is free from then on.
const algorithms: Readonly<Record<Algorithm, string>> = {
  // A list of the times at which one was taken. What has left the window stands in front.
  slidingLog: `local function lookSlidingLog(key, limit, window)
  local used, gone, size = call('LLEN', key), 0, 1
  local last = used > 0 and call('LINDEX', key, -1) + window - now or 0
  while gone < used do
    local times, before = call('LRANGE', key, gone, gone + size - 1), gone
    for at = 1, #times do
      if times[at] + window > now then break end
      gone = gone + 1
    end
    if gone - before < #times then break end
    size = math.min(size * 8, 512)
  end
  local over, wait = used - gone + cost - limit, 0
  if over > 0 then wait = math.max(1, call('LINDEX', key, gone + over - 1) + window - now) end
  return limit - used + gone, wait, last, gone
end`,
  // Window, count, and count of the window before. A clock that was put back stands still at the window's beginning.
  slidingCounter: `local function lookSlidingCounter(key, limit, window)
  local index = math.floor(now / window)
  local held = call('HMGET', key, 'w', 'c', 'p')
  local w, c, p = tonumber(held[1]) or index, tonumber(held[2]) or 0, tonumber(held[3]) or 0
  if w == index - 1 then c, p = 0, c elseif w < index then c, p = 0, 0 else index = w end
  local spent = math.max(0, now - index * window)
  local rest = index * window + window - now
  local free, wait = limit - c - cost, 0
  if p * (1 - spent / window) + c + cost > limit then
    if free >= 0 then wait = index * window + math.ceil(window * (1 - free / p)) - now
    else wait = rest + math.max(0, math.ceil(window * (1 - (limit - cost) / c))) end
    wait = math.max(1, wait)
  end
  local last = c > 0 and rest + window or p > 0 and rest or 0
  return math.floor(limit - p * (1 - spent / window) - c), wait, last, { index, c, p, rest }
end`,
  // The time at which all that was taken has come back.
  gcra: `local function lookGcra(key, burst, interval)
  local back = math.max(tonumber(call('GET', key) or 0), now)
  local free = interval * burst - (back - now)
  return math.floor(free / interval), interval * cost - free, back - now, back
end`,
};

const takes: Readonly<Record<Algorithm, string>> = {
  slidingLog: `local function takeSlidingLog(key, limit, window, gone)
  if gone > 0 then call('LTRIM', key, gone, -1) end
  local text, left = string.format('%.0f', now), cost
  while left > 0 do
    local times = {}
    for at = 1, math.min(left, 1000) do times[at] = text end
    call('RPUSH', key, unpack(times))
    left = left - #times
  end
  call('PEXPIRE', key, window / 1000 + 1)
  return window
end`,
  slidingCounter: `local function takeSlidingCounter(key, limit, window, held)
  call('HSET', key, 'w', string.format('%.0f', held[1]), 'c', held[2] + cost, 'p', held[3])
  call('PEXPIRE', key, window / 500 + 1)
  return held[4] + window
end`,
  gcra: `local function takeGcra(key, burst, interval, back)
  back = back + interval * cost
  call('SET', key, string.format('%.0f', back), 'PX', math.ceil((back - now) / 1000) + 1)
  return back - now
end`,
};

/** What a script of limits does: takes, or only looks. */
type Mode = "take" | "peek";

const cache = new Map<string, Script>();

/**
 * Makes the script for rules of some algorithms; limits with the same list share it.
 *
 * @param rules - the algorithm of each rule, in order.
 * @param mode - whether it takes.
 * @returns the script.
 */
export function limitScript(rules: readonly Algorithm[], mode: Mode): Script {
  const known = [mode, ...rules].join(" ");
  const script = cache.get(known) ?? generate(rules, mode, serverTime);
  cache.set(known, script);
  return script;
}

/**
 * Generates a script.
 *
 * @param rules - the algorithm of each rule, in order.
 * @param mode - whether it takes.
 * @param time - Lua statements that leave `now`; tests have a time of their own.
 * @returns the script.
 */
export function generate(rules: readonly Algorithm[], mode: Mode, time: string): Script {
  const used = [...new Set(rules)];
  const named = (verb: string): string => rules.map((rule) => verb + capital(rule)).join(", ");
  const writes = mode === "take";
  return defineScript(
    `limit.${mode}`,
    [
      writes ? "#!lua" : "#!lua flags=no-writes",
      "local call = redis.call",
      time,
      "local cost = tonumber(ARGV[1])",
      ...used.map((rule) => algorithms[rule]),
      `local looks, states = {${named("look")}}, {}`,
      `local blocked = math.max(0, call('PTTL', KEYS[1]))
local ok, reply = blocked == 0, { 0, blocked }
for at, look in ipairs(looks) do
  local left, wait, last, state = look(KEYS[at + 1], tonumber(ARGV[2 * at]), tonumber(ARGV[2 * at + 1]))
  ok = ok and wait <= 0
  states[at] = state
  reply[3 * at] = math.max(0, left)
  reply[3 * at + 1] = math.max(0, math.ceil(wait / 1000))
  reply[3 * at + 2] = math.max(0, math.ceil(last / 1000))
end`,
      ...(writes ? [...used.map((rule) => takes[rule]), taking(named("take"))] : ["if ok then reply[1] = 1 end"]),
      "return reply",
    ].join("\n"),
  );
}

function taking(list: string): string {
  return `if ok then
  reply[1] = 1
  for at, take in ipairs({${list}}) do
    local last = take(KEYS[at + 1], tonumber(ARGV[2 * at]), tonumber(ARGV[2 * at + 1]), states[at])
    reply[3 * at] = reply[3 * at] - cost
    reply[3 * at + 2] = math.ceil(last / 1000)
  end
end`;
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
