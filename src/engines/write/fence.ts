// Fences, as the save script keeps them: the number of the lock under which an entity was saved last, in a key that it owns.
// A save that carries a smaller one comes from somebody who lost the lock meanwhile.
import type { Layout } from "../layout.ts";
import { luaString } from "./lua.ts";

/**
 * Lua for the key of an entity's fence.
 *
 * @param layout - the layout of a type with fences.
 * @param id - Lua expression of its id as it stands in keys.
 * @returns an expression.
 */
export function fenceKeyLua({ fence = "", internal }: Layout, id: string): string {
  return `string.sub(KEYS[1], 1, -2)..${luaString(fence.slice(internal.length))}..${id}`;
}

/**
 * Lua that looks whether a later holder saved already. What it says counts more than what else is wrong.
 *
 * @param layout - the layout of a type with fences.
 * @param fence - Lua expression: the fence of the save; empty for none.
 * @returns statements on `at`, `o` and `ok`.
 */
export function fenceCheckLua(layout: Layout, fence: string): string {
  return `  if ${fence} ~= '' then
    local newest = call('GET', ${fenceKeyLua(layout, "ITEMS[o + 1]")})
    if newest and tonumber(newest) > tonumber(${fence}) then ok = false fail(at, 'FENCE', newest) end
  end`;
}

/**
 * Lua that remembers a fence for as long as the document lives.
 *
 * @param layout - the layout of a type with fences.
 * @param fence - Lua expression: the fence of the save; empty leaves the one that is there.
 * @returns statements on `id` and `key`.
 */
export function writeFenceLua(layout: Layout, fence: string): string {
  const own = fenceKeyLua(layout, "id");
  const time =
    layout.metadata.ttl === undefined
      ? ""
      : `
      local ends = call('PEXPIRETIME', key)
      if ends > 0 then call('PEXPIREAT', ${own}, plain(ends)) end`;
  return `    if ${fence} ~= '' then
      call('SET', ${own}, ${fence})${time}
    end`;
}
