// The version of a stored document, as the writing scripts read it.
// A document that holds something else in its place is told apart from one that has none.
import { placeOf } from "../../codec/place.ts";
import type { Layout } from "../layout.ts";
import { luaString } from "./lua.ts";

/**
 * Lua that reads a document's version.
 *
 * @param layout - the layout of a type with versions.
 * @returns `read`, an expression on `key` that gives what is stored; `value`, one on `found` that gives its digits.
 */
export function readVersionLua({ metadata }: Layout): { readonly read: string; readonly value: string } {
  const place = luaString(placeOf(metadata, [metadata.version as string]));
  if (metadata.storage === "hash") {
    return { read: `pcall('HGET', key, ${place})`, value: "string.match(found, '^%-?%d+$')" };
  }
  return {
    read: `pcall('JSON.GET', key, ${place})`,
    value: "string.match(found, '^%[(%-?%d+)%]$')",
  };
}

/**
 * Lua that gives a document's version.
 *
 * @param layout - the type's layout.
 * @returns a function `versionOf(key)`: its digits, or an empty text where there is none; nothing for types without versions.
 */
export function versionFunction(layout: Layout): string {
  if (layout.metadata.version === undefined) return "";
  const { read, value } = readVersionLua(layout);
  return `local function versionOf(key)
  local found = ${read}
  return type(found) == 'string' and ${value} or ''
end`;
}
