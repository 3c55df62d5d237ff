// The save script: checks first, then document, indexes, uniques, version and time in one atomic call.
// One text per entity type; a batch that fails in part reports each entity in its place.
import { steadyFields } from "../../codec/hash.ts";
import { defineScript, type Script } from "../../redis/command.ts";
import { keepsDeadline, type Layout, metaFields } from "../layout.ts";
import { checkRights } from "./rights.ts";
import { fenceCheckLua, writeFenceLua } from "./fence.ts";
import { ownersLua, releasesLua, uniqueChecksLua, writeUniquesLua } from "./unique.ts";
import { expiryLua, writeExpiryLua } from "./time.ts";
import { readVersionLua } from "./version.ts";
import {
  announceFunction,
  failuresLua,
  clock,
  checkStamp,
  forgetFunction,
  isGrouped,
  KeyNames,
  keyType,
  luaString,
  ownedLua,
  mendFunction,
  packFunction,
  packsVectors,
  prelude,
  reindexFunction,
  sweep,
} from "./lua.ts";

/*
 * KEYS: the fixed keys, then one document key per entity.
 * ARGV: how many dead entities to sweep, whether to check rights, the items as one JSON array or nothing,
 * then the texts of JSON documents, then the one item when there is no array.
 * Items lie one after another in one flat list, since a table apiece costs more than reading it. An item:
 *   its length, id, mode, [version], [snapshot], [ttl mode, ttl], [fence or nothing], how many names are absent (hash) or how many
 *   words the mends take (JSON), those names or words, then a hash's values of steady fields, then names and
 *   values of the others in turn. What stands in brackets is there if the type has it; {@link ItemWords} knows.
 *   mode 0: must not exist; 1: whatever is there, of any version; 2: must have the version.
 *   ttl mode 0: leave it; 1: from now on; 2: at a time; 3: none; 4: from now on, if the entity is new;
 *   5: from now on if the entity is new, else none.
 * Reply: 0 when all were saved, else a list of failures, each [position, code, detail ...]. Where ids begin with `$`, they
 * are marks for the next ids of the sequence: then the reply is `IDS`, that, and the id given to each item, or ''.
 */

/** Where an item's words stand, counted from its length. */
interface ItemWords {
  /** Position of the version; undefined where the type has none, as below. */
  readonly version: number | undefined;
  readonly snapshot: number | undefined;
  /** Position of the ttl mode; the ttl follows. */
  readonly ttl: number | undefined;
  readonly fence: number | undefined;
  /** Position of the count of absent names or words of mends. */
  readonly extras: number;
}

/**
 * The order of an item's words.
 *
 * @param layout - the type's layout.
 * @returns the positions.
 */
function itemWords({ metadata, snapshot }: Layout): ItemWords {
  let next = 3;
  const take = (present: boolean, words: number): number | undefined => {
    if (!present) return undefined;
    next += words;
    return next - words;
  };
  const version = take(metadata.version !== undefined, 1);
  const remembered = take(snapshot !== undefined, 1);
  const ttl = take(metadata.ttl !== undefined, 2);
  const fence = take(metadata.fence, 1);
  return Object.freeze({ version, snapshot: remembered, ttl, fence, extras: next });
}

/**
 * Generates the save script of a type.
 *
 * @param layout - the type's layout.
 * @returns the script.
 */
export function saveScript(layout: Layout): Script {
  const { checks: before, writes: after } = saveParts(layout, "alone");
  const reply = layout.metadata.sequence
    ? "return last and {'IDS', failures or 0, given} or failures or 0"
    : "return failures or 0";
  return defineScript("save", ["#!lua", before, after, reply].join("\n"));
}

/** A save on its own reports each entity in its place; together with others, all are saved or none. */
type Company = "alone" | "together";

/**
 * The two halves of a save, of which the first writes nothing.
 *
 * @param layout - the type's layout.
 * @param company - whether it stands alone; together with others, the table `GONE` names documents that will be deleted first.
 * @returns Lua statements; the first half leaves `failures`, nil when there are none.
 */
export function saveParts(layout: Layout, company: Company): { readonly checks: string; readonly writes: string } {
  const together = company === "together";
  const before = [
    prelude(layout, payload(layout), "ITEMS[FIRST + 1]"),
    checkRights(layout, "ARGV[2] == '1'", "return {{0, 'NOPERM', command[1]}}"),
    // The first save of a type notes its layout; afterwards nobody with another layout may write.
    checkStamp(layout, "return {{0, 'STAMP', stamp or ''}}"),
    failuresLua,
    // Per entity: nil when it failed its checks, `old` when it replaces something, `new` when not.
    "local states = {}",
    layout.metadata.storage === "json" ? mendFunction : "",
    layout.metadata.ttl === undefined ? "" : clock,
    packFunction(layout),
    reindexFunction(layout),
    layout.expiry === undefined ? "" : forgetFunction(layout),
    announceFunction(layout),
    layout.metadata.sequence && !together ? sequenceLua(layout) : "",
    checks(layout, together),
  ];
  const after = [
    writes(layout, together),
    sweep(layout, "tonumber(ARGV[1])"),
    isGrouped(layout) ? "writeGroups()" : "",
  ];
  return { checks: written(before), writes: written(after) };
}

function written(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n");
}

// A single item stands among the arguments as it is: reading JSON would cost more than all else.
function payload(layout: Layout): string {
  const single = layout.metadata.storage === "hash" ? 4 : 5;
  return `local ITEMS, FIRST, COUNT = ARGV, ${single}, #KEYS - ${new KeyNames(layout).count}
if ARGV[3] ~= '' then ITEMS, FIRST = decode(ARGV[3]), 1 end`;
}

// Steps from item to item; `o` is where an item begins.
function eachItem(lines: readonly string[]): string {
  return `local o = FIRST
for at = 1, COUNT do
${lines.join("\n")}
  o = o + ITEMS[o]
end`;
}

// Numbers that something has already, since it was given its id by hand, are passed over in growing steps.
// What is refused after all leaves a gap, but for the last numbers of all.
function sequenceLua(layout: Layout): string {
  const first = new KeyNames(layout).count;
  const text =
    layout.metadata.storage === "hash"
      ? ""
      : `
    local text, from, to = ARGV[3 + at], string.find(ARGV[3 + at], '"'..id..'"', 1, true)
    ARGV[3 + at] = string.sub(text, 1, from)..number..string.sub(text, to)`;
  return `local last, given = nil, {}
do ${eachItem([
    `  local id = ITEMS[o + 1]
  given[at] = ''
  if string.sub(id, 1, 1) == '$' then
    last = last or tonumber(call('HGET', KEYS[1], 'sequence') or '0')
    local step, number = 1, nil
    repeat
      last, step = last + step, step * 2
      number = string.format('%.0f', last)
    until call('EXISTS', DOCUMENTS..number) == 0${text}
    ITEMS[o + 1], KEYS[${first} + at], given[at] = number, DOCUMENTS..number, number
  end`,
  ])} end`;
}

function checks(layout: Layout, together: boolean): string {
  const names = new KeyNames(layout);
  const words = itemWords(layout);
  const { snapshot, uniques, metadata } = layout;
  const lines: string[] = [];
  const before: string[] = [];
  if (snapshot !== undefined) {
    before.push(`local ids = {}
${eachItem(["  ids[at] = ITEMS[o + 1]"])}
local stored = call('HMGET', ${names.of(snapshot)}, unpack(ids))
local after, before = {}, {}`);
  }
  before.push(...ownersLua(layout));
  // Values may change hands between entities that are saved together.
  if (together && uniques.length > 0) {
    before.push(
      `do ${eachItem([
        `  local id, old, new = ITEMS[o + 1], stored[at], decode(ITEMS[o + ${words.snapshot}])`,
        releasesLua(layout),
      ])} end`,
    );
  }
  lines.push(`  local key, mode, ok = KEYS[${names.count} + at], ITEMS[o + 2], true
  local exists, version`);
  if (metadata.version !== undefined) lines.push(versionCheck(layout, `ITEMS[o + ${words.version}]`));
  else {
    const always = metadata.ttl !== undefined || metadata.changes !== undefined || layout.owned.length > 0;
    lines.push(`  if ${always ? "true" : "mode == '0'"} then exists = call('EXISTS', key) == 1 end
  if mode == '0' and exists then ok = false fail(at, 'EXISTS') end`);
    // Unique values are claimed before the document is written, so its key must be known to take it.
    if (uniques.length > 0 && !together) {
      lines.push(`  local kind = call('TYPE', key).ok
  if ok and kind ~= 'none' and kind ~= ${luaString(keyType(metadata.storage))} then ok = false fail(at, 'TYPE') end`);
    }
  }
  if (together) {
    lines.push(`  local kind = call('TYPE', key).ok
  if ok and kind ~= 'none' and kind ~= ${luaString(keyType(metadata.storage))} then ok = false fail(at, 'TYPE') end`);
  }
  if (snapshot !== undefined) {
    // Unchanged snapshots need no work, unless a unique value may have changed hands behind them.
    const always = uniques.length > 0;
    lines.push(`  local old, new = stored[at], ITEMS[o + ${words.snapshot}]
  if ok and ${always ? "true" : "old ~= new"} then
    after[at] = decode(new)
    before[at] = old and decode(old) or nil
  end`);
  }
  if (uniques.length > 0) lines.push(uniqueChecksLua(layout, together));
  if (layout.fence !== undefined) lines.push(fenceCheckLua(layout, `ITEMS[o + ${words.fence}]`));
  lines.push("  if ok then states[at] = exists and 'old' or 'new' end");
  return [...before, `do ${eachItem(lines)} end`].join("\n");
}

function versionCheck(layout: Layout, expected: string): string {
  const { read, value } = readVersionLua(layout);
  // One look per entity: at the key where nothing may be there, at the version where one must be.
  return `  local found
  if mode == '0' then
    exists = call('EXISTS', key) == 1
    if exists then found = ${read} end
  else found = ${read} end
  if type(found) == 'table' then ok = false fail(at, 'TYPE')
  elseif found or mode ~= '0' then
    if found then version = ${value} end
    exists = exists or version ~= nil or call('EXISTS', key) == 1
    if mode == '0' then ok = false fail(at, 'EXISTS', version or '0')
    elseif mode ~= '1' and found and not version and found ~= '[]' then ok = false fail(at, 'NOVERSION')
    elseif mode ~= '1' and version ~= ${expected} then ok = false fail(at, 'VERSION', version or (exists and '0' or '')) end
  elseif exists then ok = false fail(at, 'EXISTS', '0') end`;
}

function writes(layout: Layout, together: boolean): string {
  const names = new KeyNames(layout);
  const words = itemWords(layout);
  const { snapshot, ids, metadata } = layout;
  const before = [
    `if not stamp and next(states) then call('HSET', KEYS[1], ${metaFields(layout).map(luaString).join(", ")}) end`,
  ];
  const lists = [
    ...(ids === undefined ? [] : ["listed"]),
    ...(layout.expiry === undefined ? [] : ["expiring"]),
    ...(snapshot === undefined ? [] : ["remembered"]),
  ];
  if (lists.length > 0) before.push(`local ${lists.join(", ")} = ${lists.map(() => "{}").join(", ")}`);
  const lines = [
    `  if states[at] then
  local id, key, fresh, extras = ITEMS[o + 1], KEYS[${names.count} + at], states[at] == 'new', ITEMS[o + ${words.extras}]`,
  ];
  if (metadata.ttl !== undefined)
    lines.push(expiryLua(`ITEMS[o + ${words.ttl}]`, `ITEMS[o + ${(words.ttl as number) + 1}]`));
  lines.push(metadata.storage === "hash" ? writeHash(layout, words) : writeJson(layout, words));
  lines.push(`  if type(written) == 'table' and written.err then fail(at, 'TYPE')
  else`);
  // What a document left behind that was deleted past the mapper is not the new one's.
  if (layout.owned.length > 0) lines.push(`    if fresh then call('UNLINK', ${ownedLua(layout, "id").join(", ")}) end`);
  if (metadata.ttl !== undefined) lines.push(writeExpiryLua(layout));
  if (layout.fence !== undefined) lines.push(writeFenceLua(layout, `ITEMS[o + ${words.fence}]`));
  if (ids !== undefined) {
    // A document with a version was written by a save, which listed it; whatever is replaced may be a stranger's.
    const known = metadata.version === undefined ? "true" : "fresh or ITEMS[o + 2] == '1'";
    lines.push(`    if ${known} then listed[#listed + 1] = 0 listed[#listed + 1] = id end`);
  }
  if (snapshot !== undefined) {
    lines.push(`    local new = ITEMS[o + ${words.snapshot}]
    if after[at] and stored[at] ~= new then
${isGrouped(layout) ? "      reindex(id, after[at], before[at])" : ""}
      remembered[#remembered + 1] = id remembered[#remembered + 1] = new
    end`);
  }
  if (layout.changes !== undefined) {
    const version =
      words.version === undefined ? "nil" : `string.format('%.0f', tonumber(ITEMS[o + ${words.version}]) + 1)`;
    lines.push(`    announce(fresh and 'insert' or 'save', id, ${version})`);
  }
  lines.push("  end\n  end");
  const after: string[] = [];
  if (metadata.sequence && !together) {
    after.push("if last and next(states) then call('HSET', KEYS[1], 'sequence', string.format('%.0f', last)) end");
  }
  if (layout.expiry !== undefined) {
    after.push(`if #expiring > 0 then call('ZADD', ${names.of(layout.expiry)}, unpack(expiring)) end`);
  }
  if (ids !== undefined) after.push(`if #listed > 0 then call('ZADD', ${names.of(ids)}, unpack(listed)) end`);
  if (snapshot !== undefined) {
    after.push(`if #remembered > 0 then call('HSET', ${names.of(snapshot)}, unpack(remembered)) end`);
  }
  after.push(...writeUniquesLua(layout));
  return [...before, `do ${eachItem(lines)} end`, ...after].join("\n");
}

function writeHash(layout: Layout, words: ItemWords): string {
  const steady = steadyFields(layout.metadata.shape, layout.metadata.idField);
  const first = words.extras + 1;
  const known = steady.map((name, at) => `, ${luaString(name)}, ITEMS[body + ${at}]`).join("");
  const write = (deadline: string): string =>
    `pcall('HSET', key, ${luaString(layout.metadata.idField)}, id${known}${deadline}, unpack(ITEMS, body + ${steady.length}, o + ITEMS[o] - 1))`;
  // With absent fields told apart, a save replaces the document and keeps its remaining time.
  const replaces =
    layout.metadata.version === undefined && layout.metadata.ttl === undefined ? "ITEMS[o + 2] ~= '0'" : "not fresh";
  const lines = [`  local body = o + ${first} + extras`];
  if (packsVectors(layout)) lines.push(packMembers(steady));
  if (keepsDeadline(layout)) {
    lines.push(`  local written
  if expires and expires > 0 then written = ${write(", '$deadline', plain(expires)")}
  else written = ${write("")} end
  if expires == 0 and not fresh and type(written) ~= 'table' then call('HDEL', key, '$deadline') end`);
  } else lines.push(`  local written = ${write("")}`);
  lines.push(`  if extras ~= '0' and ${replaces} and type(written) ~= 'table' then
    call('HDEL', key, unpack(ITEMS, o + ${first}, body - 1))
  end`);
  return lines.join("\n");
}

// Hidden members of vectors come without their numbers, which the item has already.
function packMembers(steady: readonly string[]): string {
  const known = steady.map((name, at) => `[${luaString(name)}] = ${at}`).join(", ");
  return `  local steady, last = {${known}}, o + ITEMS[o] - 1
  for member = body + ${steady.length}, last, 2 do
    local field = VECTORS[ITEMS[member]]
    local at = steady[field]
    if at then ITEMS[member + 1] = pack(decode(ITEMS[body + at]))
    elseif field then
      for word = body + ${steady.length}, last, 2 do
        if ITEMS[word] == field then ITEMS[member + 1] = pack(decode(ITEMS[word + 1])) end
      end
    end
  end`;
}

function writeJson(layout: Layout, words: ItemWords): string {
  const deadline = `
  local deadline = expires or call('PEXPIRETIME', key)
  if deadline > 0 then body = string.sub(body, 1, -2)..',"$deadline":'..plain(deadline)..'}' end`;
  return `  local body = ARGV[3 + at]${keepsDeadline(layout) ? deadline : ""}
  local written = pcall('JSON.SET', key, '$', body)
  if not written.err and extras ~= '0' then
    for word = o + ${words.extras + 1}, o + ${words.extras} + extras, 2 do
      mend(key, ITEMS[word], ITEMS[word + 1])
    end
  end`;
}
