// The delete script: documents, and everything the indexes and constraints held for them.
// May run when memory is full, since it only frees.
import { createHash } from "node:crypto";
import type { StoredDocument } from "../../codec/stored.ts";
import { defineScript, type Script } from "../../redis/command.ts";
import type { Layout } from "../layout.ts";
import { checkRights } from "./rights.ts";
import { versionFunction } from "./version.ts";
import {
  announceFunction,
  announceLua,
  checkStamp,
  forgetFunction,
  isGrouped,
  keyType,
  luaString,
  packFunction,
  prelude,
  reindexFunction,
} from "./lua.ts";
import { readCommand } from "./text.ts";

/**
 * Generates the delete script of a type.
 *
 * @param layout - the type's layout.
 * @returns a script over a list of ids, beside which it may take the versions that must be stored (or nothing), and `1` where
 *   all or none are to go; it answers with 1 or 0 per id, -1 for a key of another type, `v` and the version found where
 *   another was expected; with the name of a forbidden command; or with `STAMP` and the stamp found.
 */
export function removeScript(layout: Layout): Script {
  const together = `if ARGV[4] == '1' then
  local kinds, wrong = {}, false
  for at, id in ipairs(IDS) do
    local kind = call('TYPE', DOCUMENTS..id).ok
    kinds[at] = (kind == 'none' or kind == ${luaString(keyType(layout.metadata.storage))}) and 0 or -1
    wrong = wrong or kinds[at] == -1
  end
  if wrong then return kinds end
end`;
  if (layout.metadata.version === undefined) return defineScript("delete", removeLua(layout, [], together, "true"));
  const functions = `${together}
local VERSIONS = ARGV[3] and ARGV[3] ~= '' and decode(ARGV[3])
${versionFunction(layout)}`;
  const expected = "not VERSIONS or kind == 'none' or versionOf(DOCUMENTS..id) == VERSIONS[at]";
  return defineScript("delete", removeLua(layout, [], functions, expected, "'v'..versionOf(DOCUMENTS..id)"));
}

/**
 * Generates the script that deletes documents only if they are as they were read.
 *
 * @param layout - the type's layout.
 * @returns a script over a list of ids, as {@link removeScript}; beside the ids it takes their fingerprints, and of hashes
 *   the fields that these are of. It answers with -2 for a document that changed.
 */
export function removeUnchangedScript(layout: Layout): Script {
  const hash = layout.metadata.storage === "hash";
  const read = hash ? ["{'HMGET', KEYS[#KEYS], 'f'}"] : [];
  const functions = `local PRINTS, FIELDS = decode(ARGV[3]), decode(ARGV[4])
${fingerprintLua(layout)}`;
  const unchanged = "kind == 'none' or fingerprint(DOCUMENTS..id) == PRINTS[at]";
  return defineScript("delete-unchanged", removeLua(layout, read, functions, unchanged));
}

/**
 * Lua that tells whether a document is as it was read.
 *
 * @param layout - the type's layout.
 * @returns a function `fingerprint(key)`; for hashes it takes the table `FIELDS`.
 */
export function fingerprintLua(layout: Layout): string {
  const { storage } = layout.metadata;
  if (storage !== "hash") {
    return `local function fingerprint(key) return redis.sha1hex(call('${readCommand(storage)}', key)) end`;
  }
  return `local function fingerprint(key)
  local parts = call('HMGET', key, unpack(FIELDS))
  for at, value in ipairs(parts) do parts[at] = value and #value..':'..value or '-' end
  return redis.sha1hex(table.concat(parts))
end`;
}

/**
 * What {@link removeUnchangedScript} knows a document by.
 *
 * @param stored - the document as read, with all fields of its type.
 * @returns a digest.
 */
export function fingerprintOf(stored: StoredDocument): string {
  const text =
    typeof stored === "string"
      ? stored
      : stored.map((value) => (typeof value === "string" ? `${Buffer.byteLength(value)}:${value}` : "-")).join("");
  return createHash("sha1").update(text).digest("hex");
}

function removeLua(
  layout: Layout,
  rights: readonly string[],
  functions: string,
  condition: string,
  otherwise = "-2",
): string {
  return `#!lua flags=allow-oom
${prelude(layout, "local IDS = decode(ARGV[1])", "IDS[1]")}
${checkRights(layout, "ARGV[2] == '1'", "return command[1]", rights)}
${checkStamp(layout, "return {'STAMP', stamp or ''}")}
${packFunction(layout)}
${reindexFunction(layout)}
${forgetFunction(layout)}
${announceFunction(layout)}
${functions}
local removed = {}
for at, id in ipairs(IDS) do
  local kind = call('TYPE', DOCUMENTS..id).ok
  if kind ~= 'none' and kind ~= ${luaString(keyType(layout.metadata.storage))} then removed[at] = -1
  elseif ${condition} then
    removed[at] = call('UNLINK', DOCUMENTS..id)
    forget(id)
    ${layout.changes === undefined ? "" : "if removed[at] == 1 then announce('delete', id) end"}
  else removed[at] = ${otherwise} end
end
${isGrouped(layout) ? "writeGroups()" : ""}
return removed`;
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
${packFunction(layout)}
${reindexFunction(layout)}
${forgetFunction(layout)}
${announceFunction(layout)}
for _, id in ipairs(IDS) do
  if call('EXISTS', DOCUMENTS..id) == 0 then forget(id) ${announceLua(layout, "'expire'", "id")} end
end
${isGrouped(layout) ? "writeGroups()" : ""}
return 'OK'`;
  return defineScript("reap", lua);
}
