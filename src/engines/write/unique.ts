// Unique values in the writing scripts: who holds them, who gets them, who gives them back.
// Within a batch, what an earlier entity took or gave back counts already.
import type { Layout } from "../layout.ts";
import { KeyNames, luaString } from "./lua.ts";

/**
 * Lua for the tables of what a call takes and gives back.
 *
 * @param layout - the type's layout.
 * @returns one statement per constraint.
 */
export function ownersLua({ uniques }: Layout): string[] {
  return uniques.map((unique) => `local owners${unique.position} = {}`);
}

/**
 * Lua that refuses an entity whose unique values belong to others, and claims them for it otherwise.
 *
 * @param layout - the type's layout.
 * @param together - whether the table `GONE` names documents that will be deleted before.
 * @returns statements on `ids`, `at`, `ok` and the snapshots `after` and `before`.
 */
export function uniqueChecksLua(layout: Layout, together = false): string {
  const names = new KeyNames(layout);
  const checksOf = layout.uniques.map((slot) => {
    const position = slot.position + 1;
    return `    local value${position} = after[at][${position}]
    if ok and value${position} ~= 0 then
      local holder = owners${slot.position}[value${position}]
      if holder == nil then holder = call('HGET', ${names.of(slot.key)}, value${position}) end
      if holder and holder ~= id
        and (owners${slot.position}[value${position}] or (call('EXISTS', DOCUMENTS..holder) == 1${together ? " and not GONE[DOCUMENTS..holder]" : ""})) then
        ok = false fail(at, 'UNIQUE', ${luaString(slot.name)}, holder)
      end
    end`;
  });
  const claims = layout.uniques.map((slot) => {
    const position = slot.position + 1;
    const owners = `owners${slot.position}`;
    return `      local had${position} = before[at] and before[at][${position}] or 0
      if had${position} ~= 0 and had${position} ~= value${position} then
        local holder = ${owners}[had${position}]
        if holder == nil then holder = call('HGET', ${names.of(slot.key)}, had${position}) end
        if holder == id then ${owners}[had${position}] = false end
      end
      if value${position} ~= 0 then ${owners}[value${position}] = id end`;
  });
  return `  if ok then
    local id = ids[at]
${checksOf.join("\n")}
    if ok then
${claims.join("\n")}
    end
  end`;
}

/**
 * Lua that takes back the values that an entity gives up.
 *
 * @param layout - the type's layout.
 * @returns statements on `id`, `old`, its stored snapshot's text or false, and `new`, its next snapshot.
 */
export function releasesLua(layout: Layout): string {
  const names = new KeyNames(layout);
  const releases = layout.uniques.map((slot) => {
    const position = slot.position + 1;
    return `    if before[${position}] ~= 0 and before[${position}] ~= new[${position}]
      and call('HGET', ${names.of(slot.key)}, before[${position}]) == id then
      owners${slot.position}[before[${position}]] = false
    end`;
  });
  return `  if old then
    local before = decode(old)
${releases.join("\n")}
  end`;
}

/**
 * Lua that writes down who holds what now.
 *
 * @param layout - the type's layout.
 * @returns one statement per constraint.
 */
export function writeUniquesLua(layout: Layout): string[] {
  const names = new KeyNames(layout);
  return layout.uniques.map((slot) => {
    const key = names.of(slot.key);
    return `for value, holder in pairs(owners${slot.position}) do
  if holder then call('HSET', ${key}, value, holder) else call('HDEL', ${key}, value) end
end`;
  });
}
