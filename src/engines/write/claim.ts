// The script that notes a type's layout when its indexes are made, if nothing of another layout is stored.
// Many processes may run it at once; all of them learn which layout holds.
import { defineScript } from "../../redis/command.ts";

/**
 * KEYS: meta, ids (or meta). ARGV: stamp, meta fields, and what is known of stored data:
 * `listed` (the ids tell), `empty`, or `unknown`. Reply: the stamp that holds.
 */
export const claimScript = defineScript(
  "claim",
  `#!lua
local stamp = redis.call('HGET', KEYS[1], 'stamp')
if stamp == ARGV[1] then return stamp end
local empty = ARGV[3] == 'empty'
if ARGV[3] == 'listed' then empty = redis.call('EXISTS', KEYS[2]) == 0 end
if not empty and (stamp or ARGV[3] == 'listed') then return stamp or '' end
redis.call('HSET', KEYS[1], unpack(cjson.decode(ARGV[2])))
return ARGV[1]`,
);
