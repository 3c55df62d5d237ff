// The delete script: documents, and everything the indexes and constraints held for them.
// May run when memory is full, since it only frees.
import { defineScript, type Script } from "../../redis/command.ts";
import type { Layout } from "../layout.ts";
import { checkRights } from "./rights.ts";
import { checkStamp, forgetFunction, isGrouped, keyType, luaString, prelude, reindexFunction } from "./lua.ts";

/**
 * Generates the delete script of a type.
 *
 * @param layout - the type's layout.
 * @returns a script over a list of ids; it answers with 1 or 0 per id, -1 for a key of another type; with the name of a forbidden command; or with
 *   `STAMP` and the stamp found.
 */
export function removeScript(layout: Layout): Script {
  const lua = `#!lua flags=allow-oom
${prelude(layout, "local IDS = decode(ARGV[1])", "IDS[1]")}
${checkRights(layout, "ARGV[2] == '1'", "return command[1]")}
${checkStamp(layout, "return {'STAMP', stamp or ''}")}
${reindexFunction(layout)}
${forgetFunction(layout)}
local removed = {}
for at, id in ipairs(IDS) do
  local kind = call('TYPE', DOCUMENTS..id).ok
  if kind == 'none' or kind == ${luaString(keyType(layout.metadata.storage))} then
    removed[at] = call('UNLINK', DOCUMENTS..id)
    forget(id)
  else removed[at] = -1 end
end
${isGrouped(layout) ? "writeGroups()" : ""}
return removed`;
  return defineScript("delete", lua);
}

/**
 * Generates the script that forgets entities whose documents were found missing.
 *
 * @param layout - the type's layout.
 * @returns a script over a list of ids; those whose document exists after all are left alone,
 *   and so is everything that another definition keeps.
 */
export function reapScript(layout: Layout): Script {
  const lua = `#!lua flags=allow-oom
${prelude(layout, "local IDS = decode(ARGV[1])", "IDS[1]")}
${checkRights(layout, "ARGV[2] == '1'", "return command[1]")}
${checkStamp(layout, "return 'OK'")}
${reindexFunction(layout)}
${forgetFunction(layout)}
for _, id in ipairs(IDS) do
  if call('EXISTS', DOCUMENTS..id) == 0 then forget(id) end
end
${isGrouped(layout) ? "writeGroups()" : ""}
return 'OK'`;
  return defineScript("reap", lua);
}
