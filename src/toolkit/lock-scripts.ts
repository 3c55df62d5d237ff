// The scripts of locks: each looks at every key first, then changes all of them or none, by the server's clock.
// The number that fences old holders off is drawn in the call that acquires.
import { defineScript } from "../redis/command.ts";

/*
 * KEYS: the locks, and where fences are drawn the key of the last one in front. ARGV: the holder's token, and the lease in
 * milliseconds.
 *
 * A fence is the server's time in microseconds, or one more than the last one if that is larger: so it grows even where the
 * last one was lost, be it by its expiry, by a failover or a restored copy, and where the clock was put back.
 */

/** Reply: the fence as text, or the milliseconds until the locks that others hold are free by themselves. */
export const acquireScript = defineScript(
  "lock.acquire",
  `#!lua
local call, wait = redis.call, nil
for at = 2, #KEYS do
  local holder = call('GET', KEYS[at])
  if holder and holder ~= ARGV[1] then wait = math.max(wait or 0, call('PTTL', KEYS[at])) end
end
if wait then return wait end
local time = call('TIME')
local last = tonumber(call('GET', KEYS[1]) or '0')
local fence = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
call('SET', KEYS[1], fence, 'PX', math.max(86400000, 2 * ARGV[2]))
for at = 2, #KEYS do call('SET', KEYS[at], ARGV[1], 'PX', ARGV[2]) end
return fence`,
);

/** Reply: 1 when all of them were still held, and are for another lease; 0 when one was not. */
export const extendScript = defineScript(
  "lock.extend",
  `#!lua flags=allow-oom
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) ~= ARGV[1] then return 0 end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
return 1`,
);

/** Frees those that are still held. Reply: how many were. */
export const releaseScript = defineScript(
  "lock.release",
  `#!lua flags=allow-oom
local count = 0
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then
    count = count + 1
    redis.call('UNLINK', key)
  end
end
return count`,
);
