// When an entity expires, as the writing scripts decide it: from the caller's wish, by the server's clock.
// What it was before stays, unless the wish or the definition says otherwise.
import type { Layout } from "../layout.ts";
import { KeyNames, ownedLua } from "./lua.ts";

/**
 * Lua that decides when an entity expires: nil leaves the time as it is, 0 takes it away.
 * Modes 0: leave it; 1: from now on; 2: at a time; 3: none; 4: from now on, if the entity is new;
 * 5: from now on if the entity is new, else none.
 *
 * @param mode - Lua expression.
 * @param ttl - Lua expression: milliseconds.
 * @returns statements that define `expires`, given `fresh`: whether the entity is new.
 */
export function expiryLua(mode: string, ttl: string): string {
  return `  local expires, mode, ttl = nil, ${mode}, ${ttl}
  if mode == '1' or ((mode == '4' or mode == '5') and fresh) then expires = now() + ttl
  elseif mode == '2' then expires = tonumber(ttl)
  elseif mode == '3' or mode == '5' or fresh then expires = 0 end`;
}

/**
 * Lua that gives a document its time, and notes it.
 *
 * @param layout - the type's layout.
 * @returns statements on `expires`, `fresh`, `key`, `id` and the list `expiring`.
 */
export function writeExpiryLua(layout: Layout): string {
  const expiry = layout.expiry === undefined ? undefined : new KeyNames(layout).of(layout.expiry);
  const owned = (command: (key: string) => string): string =>
    ownedLua(layout, "id")
      .map((key) => ` ${command(key)}`)
      .join("");
  return `    if expires and expires > 0 then
      call('PEXPIREAT', key, plain(expires))${owned((key) => `call('PEXPIREAT', ${key}, plain(expires))`)}
${expiry === undefined ? "" : "      expiring[#expiring + 1] = plain(expires) expiring[#expiring + 1] = id"}
    elseif expires == 0 then
      if not fresh then call('PERSIST', key)${owned((key) => `call('PERSIST', ${key})`)} end
${expiry === undefined ? "" : `      call('ZREM', ${expiry}, id)`}
    end`;
}
