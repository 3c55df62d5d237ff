// The scripts that move a type from one layout to another: noting it, taking a rebuild on, holding, ending it.
// A rebuild has one owner for a limited time by the server's clock; whoever crashed is taken over from.
import { defineScript, type Script } from "../../redis/command.ts";
import type { Layout } from "../layout.ts";
import { buildingStamp } from "../stamp.ts";
import { KeyNames, clock, luaString, prelude } from "./lua.ts";
import { checkRights } from "./rights.ts";

/**
 * Notes a layout for which nothing has to be rebuilt: nothing is stored, its own saves noted it already,
 * or the indexes of the last definition serve this one as well. On the search engine the index gets its name.
 * KEYS: meta, ids (or meta), then on the search engine the alias, and the index once it is complete.
 * ARGV: stamp, meta fields, indexing digest, engine, schema digest, `1` when no document outside of the indexes was seen.
 * Reply: `SETTLED`, or `OTHER` and what the meta hash says: `ENGINE` and the engine recorded.
 */
export const settleScript = defineScript(
  "settle",
  `#!lua
local call, pcall = redis.call, redis.pcall
local held = call('HMGET', KEYS[1], 'stamp', 'synced', 'indexing', 'engine', 'schema')
local stamp, synced = held[1], held[2] == '1'
if held[4] and held[4] ~= ARGV[4] then return {'ENGINE', held[4]} end
local own = stamp == ARGV[1] and (synced or ARGV[6] == '1')
local kin = synced and held[3] == ARGV[3]
local fresh = not stamp and ARGV[6] == '1' and call('EXISTS', KEYS[2]) == 0
if not (own or kin or fresh) then return {'OTHER', stamp or ''} end
call('HSET', KEYS[1], 'synced', '1', unpack(cjson.decode(ARGV[2])))
if KEYS[3] and held[5] and held[5] ~= ARGV[5] then
  pcall('FT.ALIASDEL', string.sub(KEYS[3], 1, -#ARGV[5] - 1)..held[5])
end
if KEYS[4] then call('FT.ALIASUPDATE', KEYS[3], KEYS[4]) end
return {'SETTLED'}`,
);

/**
 * Generates the script that takes a rebuild on, once the user was seen to have every right that it needs.
 * KEYS: the fixed keys, then any document's. ARGV: its owner, for how many milliseconds, `1` to rebuild what is ready too.
 * Reply: `TAKEN`, tagged fields of the documents, how many there may be; `BUSY`, how many are done, how many there
 * may be; `READY`; `ENGINE` and the engine recorded; `NOPERM` and the command.
 *
 * @param layout - the type's layout.
 * @returns the script.
 */
export function takeScript(layout: Layout): Script {
  const { ids, metadata, engine } = layout;
  const known = ids === undefined ? "0" : `call('ZCARD', ${new KeyNames(layout).of(ids)})`;
  const lua = `#!lua
${prelude(layout, clock, "'x'")}
${checkRights(layout, "true", "return {'NOPERM', command[1]}", rebuildRights(layout))}
local held = call('HMGET', KEYS[1], 'stamp', 'synced', 'engine', 'owner', 'until', 'done', 'total', 'tagged')
local stamp, owner = held[1], held[4]
if held[3] and held[3] ~= ${luaString(engine)} then return {'ENGINE', held[3]} end
if owner and owner ~= ARGV[1] and tonumber(held[5]) > now() then return {'BUSY', held[6] or '0', held[7] or '0'} end
if ARGV[3] ~= '1' and stamp == ${luaString(layout.stamp)} and held[2] == '1' then return {'READY'} end
-- What a broken-off rebuild left behind says nothing of how many there are; what it was told does.
local total = owner and held[7] or plain(${known})
call('HSET', KEYS[1], 'stamp', ${luaString(buildingStamp(layout))}, 'engine', ${luaString(engine)},
  'owner', ARGV[1], 'until', plain(now() + ARGV[2]), 'done', '0', 'total', total)
call('HSETNX', KEYS[1], 'storage', ${luaString(metadata.storage)})
call('HDEL', KEYS[1], 'synced', 'faulty', 'faults')
return {'TAKEN', held[8] or '[]', total}`;
  return defineScript("take", lua);
}

// Beside what saving and deleting need; by example, since rights may depend on keys.
function rebuildRights(layout: Layout): string[] {
  const document = `KEYS[${new KeyNames(layout).count + 1}]`;
  const needed = [
    "{'SCAN', '0'}",
    "{'TIME'}",
    "{'HMGET', KEYS[1], 'f'}",
    "{'HDEL', KEYS[1], 'f'}",
    "{'UNLINK', KEYS[1]}",
  ];
  needed.push("{'HINCRBY', KEYS[1], 'f', '1'}", "{'HSETNX', KEYS[1], 'f', 'v'}", `{'PEXPIRETIME', ${document}}`);
  if (layout.metadata.storage === "hash") needed.push(`{'HGETALL', ${document}}`);
  if (layout.metadata.storage === "json") needed.push(`{'JSON.DEL', ${document}, '$'}`);
  if (layout.engine === "search") {
    const [alias, index] = [luaString(layout.alias), luaString(layout.index)];
    needed.push("{'FT._LIST'}", `{'FT.INFO', ${index}}`, `{'FT.DROPINDEX', ${index}}`);
    needed.push(`{'FT.CREATE', ${index}, 'SCHEMA', 'f', 'TAG'}`, `{'FT.ALIASUPDATE', ${alias}, ${index}}`);
  }
  return needed;
}

// Whoever lost a rebuild to another process may not touch anything any more.
const ownerOnly = `local call, pcall = redis.call, redis.pcall
${clock}
local held = call('HMGET', KEYS[1], 'stamp', 'owner')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 'LOST' end`;

/**
 * Lua that lets only the owner of a rebuild go on, for some time more.
 *
 * @param milliseconds - Lua expression: for how long.
 * @returns statements, for a script whose first arguments are the stamp and the owner.
 */
export function holdLua(milliseconds: string): string {
  return `${ownerOnly}
call('HSET', KEYS[1], 'until', plain(now() + ${milliseconds}))`;
}

/**
 * Goes on holding a rebuild, and removes keys.
 * KEYS: meta, then those to remove. ARGV: building stamp, owner, milliseconds, search indexes to remove.
 */
export const holdScript = defineScript(
  "hold",
  `#!lua
${holdLua("ARGV[3]")}
if #KEYS > 1 then call('UNLINK', unpack(KEYS, 2)) end
for at = 4, #ARGV do pcall('FT.DROPINDEX', ARGV[at]) end
return 'HELD'`,
);

/**
 * Ends a rebuild: from now on its layout holds. Or ends the removal of all indexes, with nothing but the meta key.
 * KEYS: meta, the marks of rewritten documents, then on the search engine the alias and the index.
 * ARGV: building stamp, owner, meta fields and what was found.
 */
export const finishScript = defineScript(
  "finish",
  `#!lua
${ownerOnly}
if KEYS[4] then call('FT.ALIASUPDATE', KEYS[3], KEYS[4]) end
call('HSET', KEYS[1], unpack(cjson.decode(ARGV[3])))
call('HDEL', KEYS[1], 'owner', 'until', 'done', 'total')
if KEYS[2] then call('UNLINK', KEYS[2]) end
return 'DONE'`,
);

/** Lets a rebuild go that was broken off, so that nobody has to wait for its time to pass. KEYS: meta. ARGV: building stamp, owner. */
export const releaseScript = defineScript(
  "release",
  `#!lua
${ownerOnly}
call('HSET', KEYS[1], 'until', '0')
return 'RELEASED'`,
);
