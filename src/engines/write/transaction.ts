// The script of a transaction: the checks of all its parts first, then the writes of all of them.
// Put together from the halves of the single scripts, one text per combination of types.
import { defineScript, type Script } from "../../redis/command.ts";
import type { Layout } from "../layout.ts";
import {
  announceFunction,
  failuresLua,
  checkStamp,
  forgetFunction,
  isGrouped,
  KeyNames,
  keyType,
  luaString,
  packFunction,
  prelude,
  reindexFunction,
} from "./lua.ts";
import { fingerprintLua } from "./remove.ts";
import { checkRights } from "./rights.ts";
import { saveParts } from "./save.ts";
import { shorthands } from "./text.ts";
import { versionFunction } from "./version.ts";

/** What a part does: delete documents, save entities, or make sure that what was read is as it was. */
export type PartKind = "remove" | "save" | "guard";

/** A part of a transaction. */
export interface TransactionPart {
  readonly kind: PartKind;
  readonly layout: Layout;
}

/*
 * KEYS and ARGV: those of the parts, one after another; before them one argument, how many each part has, as JSON.
 * A part that saves takes what the save script takes; one that deletes, a list of ids as JSON and `1` to check rights;
 * one that guards, a list of [id, `none` | `version` | `print`, value] as JSON, and hash fields as JSON.
 * Reply: ['FAILED', part, failures ...] with the part's position from 1, for each that failed; or ['DONE'].
 */

/**
 * Generates the script of a transaction.
 *
 * @param parts - what it does, deletions before saves.
 * @returns the script.
 */
export function transactionScript(parts: readonly TransactionPart[]): Script {
  const functions = parts.map((part, at) => `parts[${at + 1}] = function(KEYS, ARGV, ...)\n${partLua(part)}\nend`);
  return defineScript(
    "transaction",
    `#!lua
local OPERATION, GONE, parts = ..., {}, {}
${functions.join("\n")}
local key, arg, writes, failed = 1, 2, {}, {'FAILED'}
for at, sizes in ipairs(cjson.decode(ARGV[1])) do
  local keys, args = {}, {}
  for place = 1, sizes[1] do keys[place] = KEYS[key] key = key + 1 end
  for place = 1, sizes[2] do args[place] = ARGV[arg] arg = arg + 1 end
  local failures, write = parts[at](keys, args, OPERATION)
  if failures then failed[#failed + 1] = at failed[#failed + 1] = failures end
  writes[at] = write
end
if #failed > 1 then return failed end
for _, write in ipairs(writes) do write() end
return {'DONE'}`,
  );
}

function partLua(part: TransactionPart): string {
  switch (part.kind) {
    case "save": {
      const { checks, writes } = saveParts(part.layout, "together");
      return `${checks}\nif failures then return failures end\nreturn nil, function()\n${writes}\nend`;
    }
    case "remove":
      return removeLua(part.layout);
    case "guard":
      return guardLua(part.layout);
  }
}

function removeLua(layout: Layout): string {
  return `${prelude(layout, "local IDS = decode(ARGV[1])", "IDS[1]")}
${checkRights(layout, "ARGV[2] == '1'", "return {{0, 'NOPERM', command[1]}}")}
${checkStamp(layout, "return {{0, 'STAMP', stamp or ''}}")}
${failuresLua}
${packFunction(layout)}
${reindexFunction(layout)}
${forgetFunction(layout)}
${announceFunction(layout)}
for at, id in ipairs(IDS) do
  local kind = call('TYPE', DOCUMENTS..id).ok
  if kind ~= 'none' and kind ~= ${luaString(keyType(layout.metadata.storage))} then fail(at, 'TYPE') end
  GONE[DOCUMENTS..id] = true
end
if failures then return failures end
return nil, function()
  for _, id in ipairs(IDS) do
    local gone = call('UNLINK', DOCUMENTS..id)
    forget(id)
    ${layout.changes === undefined ? "" : "if gone == 1 then announce('delete', id) end"}
  end
  ${isGrouped(layout) ? "writeGroups()" : ""}
end`;
}

function guardLua(layout: Layout): string {
  const { metadata } = layout;
  return `${shorthands(metadata.storage)}
local FIELDS = decode(ARGV[2])
${failuresLua}
${versionFunction(layout)}
${fingerprintLua(layout)}
for at, item in ipairs(decode(ARGV[1])) do
  local key = KEYS[${new KeyNames(layout).count} + at]
  local kind = call('TYPE', key).ok
  local same
  if item[2] == 'none' then same = kind == 'none'
  elseif kind ~= ${luaString(keyType(metadata.storage))} then same = false
  elseif item[2] == 'version' then same = ${metadata.version === undefined ? "false" : "versionOf(key) == item[3]"}
  else same = fingerprint(key) == item[3] end
  if not same then fail(at, 'CHANGED') end
end
return failures, function() end`;
}
