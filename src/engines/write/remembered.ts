// What the snapshot says of an entity, for scripts that may not take it on trust: it may be missing, or spoilt by hand.
// Everything else reads it without a look, since only the mapper's own scripts write it.
import type { Layout } from "../layout.ts";
import { KeyNames } from "./lua.ts";

/**
 * Lua that reads a snapshot and looks whether it is one.
 *
 * @param layout - the type's layout, which has snapshots.
 * @returns a function `remembered(id)`, which gives the values, nil when there are none that can be used, and the text as
 *   stored, false when there is none; it needs Lua's own `pcall` as `try`.
 */
export function rememberedFunction(layout: Layout): string {
  const { metadata, snapshot } = layout;
  const lists = metadata.indexes.map((index) => index.kind === "text" || (index.array && index.vector === undefined));
  const wanted = [...lists, ...[...metadata.uniques, ...metadata.ranked].map(() => false)].map((list) =>
    list ? "'table'" : "'string'",
  );
  return `local FORMS = {${wanted.join(", ")}}
local function remembered(id)
  local text = pcall('HGET', ${new KeyNames(layout).of(snapshot as string)}, id)
  if type(text) ~= 'string' then return nil, false end
  local good, values = try(decode, text)
  if not good or type(values) ~= 'table' or #values ~= #FORMS then return nil, text end
  for at, form in ipairs(FORMS) do
    local value = values[at]
    if value ~= 0 then
      if type(value) ~= form then return nil, text end
      if form == 'table' then
        for _, term in ipairs(value) do if type(term) ~= 'string' then return nil, text end end
      end
    end
  end
  return values, text
end`;
}
