// The save script: checks first, then document, indexes, uniques, version and time in one atomic call.
// One text per entity type; a batch that fails in part reports each entity in its place.
import { steadyFields } from "../../codec/hash.ts";
import { defineScript, type Script } from "../../redis/command.ts";
import { type Layout, metaFields } from "../layout.ts";
import { checkRights } from "./rights.ts";
import {
  clock,
  forgetFunction,
  isGrouped,
  KeyNames,
  keyType,
  luaString,
  prelude,
  reindexFunction,
  sweep,
} from "./lua.ts";

/*
 * KEYS: the fixed keys, then one document key per entity.
 * ARGV: items, how many dead entities to sweep, whether to check rights, then the texts of JSON documents.
 * An item: [id, mode, version, body, absent, mends, snapshot, ttl mode, ttl]
 *   body of a hash: the values of its steady fields, then names and values of the others in turn; 0 for JSON.
 *   mode 0: must not exist; 1: whatever is there; 2: must have the version.
 *   ttl mode 0: leave it; 1: from now on; 2: at a time; 3: none; 4: from now on, if the entity is new;
 *   5: from now on if the entity is new, else none.
 * Reply: 0 when all were saved, else a list of failures, each [position, code, detail ...].
 */

/**
 * Generates the save script of a type.
 *
 * @param layout - the type's layout.
 * @returns the script.
 */
export function saveScript(layout: Layout): Script {
  const parts = [
    "#!lua",
    prelude(layout, "ITEMS[1][1]"),
    checkRights(layout, "ARGV[3] == '1'", "return {{0, 'NOPERM', command[1]}}"),
    checkStamp(layout),
    layout.metadata.ttl === undefined ? "" : clock,
    reindexFunction(layout),
    layout.expiry === undefined ? "" : forgetFunction(layout),
    checks(layout),
    writes(layout),
    sweep(layout, "tonumber(ARGV[2])"),
    isGrouped(layout) ? "writeGroups()" : "",
    "return failures or 0",
  ];
  return defineScript("save", parts.filter((part) => part !== "").join("\n"));
}

// The first save of a type notes its layout; afterwards nobody with another layout may write.
function checkStamp(layout: Layout): string {
  const names = new KeyNames(layout);
  const empty = layout.ids === undefined ? "true" : `call('EXISTS', ${names.of(layout.ids)}) == 0`;
  return `local stamp = call('HGET', KEYS[1], 'stamp')
if stamp ~= ${luaString(layout.stamp)} and (stamp or not (${empty})) then return {{0, 'STAMP', stamp or ''}} end
local failures
-- Per entity: nil when it failed its checks, 'old' when it replaces something, 'new' when not.
local states = {}
local function fail(at, code, first, second)
  failures = failures or {}
  failures[#failures + 1] = {at, code, first or '', second or ''}
end`;
}

function checks(layout: Layout): string {
  const names = new KeyNames(layout);
  const { snapshot, uniques, metadata } = layout;
  const lines: string[] = [];
  if (snapshot !== undefined) {
    lines.push(`local ids = {}
for at, item in ipairs(ITEMS) do ids[at] = item[1] end
local stored = call('HMGET', ${names.of(snapshot)}, unpack(ids))
local after, before = {}, {}`);
  }
  for (const unique of uniques) lines.push(`local owners${unique.position} = {}`);
  lines.push(`for at, item in ipairs(ITEMS) do
  local key, ok = KEYS[${names.count} + at], true
  local exists, version`);
  if (metadata.version !== undefined) lines.push(versionCheck(layout));
  else {
    const always = metadata.ttl !== undefined;
    lines.push(`  if ${always ? "true" : "item[2] == 0"} then exists = call('EXISTS', key) == 1 end
  if item[2] == 0 and exists then ok = false fail(at, 'EXISTS') end`);
    // Unique values are claimed before the document is written, so its key must be known to take it.
    if (uniques.length > 0) {
      lines.push(`  local kind = call('TYPE', key).ok
  if ok and kind ~= 'none' and kind ~= ${luaString(keyType(metadata.storage))} then ok = false fail(at, 'TYPE') end`);
    }
  }
  if (snapshot !== undefined) {
    // Unchanged snapshots need no work, unless a unique value may have changed hands behind them.
    const always = uniques.length > 0;
    lines.push(`  local old = stored[at]
  if ok and ${always ? "true" : "old ~= item[7]"} then
    after[at] = decode(item[7])
    before[at] = old and decode(old) or nil
  end`);
  }
  if (uniques.length > 0) lines.push(uniqueChecks(layout, names));
  lines.push(`  if ok then states[at] = exists and 'old' or 'new' end
end`);
  return lines.join("\n");
}

function versionCheck(layout: Layout): string {
  const field = layout.metadata.version as string;
  const read =
    layout.metadata.storage === "hash"
      ? `redis.pcall('HGET', key, ${luaString(field)})`
      : `redis.pcall('JSON.GET', key, ${luaString(`$["${field}"]`)})`;
  const value =
    layout.metadata.storage === "hash" ? "string.match(found, '^%-?%d+$')" : "string.match(found, '^%[(%-?%d+)%]$')";
  // One look per entity: at the key where nothing may be there, at the version where one must be.
  return `  local found
  if item[2] == 0 then
    exists = call('EXISTS', key) == 1
    if exists then found = ${read} end
  else found = ${read} end
  if type(found) == 'table' then ok = false fail(at, 'TYPE')
  elseif found or item[2] ~= 0 then
    if found then version = ${value} end
    exists = exists or version ~= nil or call('EXISTS', key) == 1
    if item[2] == 0 then ok = false fail(at, 'EXISTS', version or '0')
    elseif found and not version and found ~= '[]' then ok = false fail(at, 'NOVERSION')
    elseif version ~= item[3] then ok = false fail(at, 'VERSION', version or (exists and '0' or '')) end
  elseif exists then ok = false fail(at, 'EXISTS', '0') end`;
}

// Within a batch, what an earlier entity took or gave back counts already.
function uniqueChecks(layout: Layout, names: KeyNames): string {
  const checksOf = layout.uniques.map((slot) => {
    const position = slot.position + 1;
    return `    local value${position} = after[at][${position}]
    if ok and value${position} ~= 0 then
      local holder = owners${slot.position}[value${position}]
      if holder == nil then holder = call('HGET', ${names.of(slot.key)}, value${position}) end
      if holder and holder ~= item[1]
        and (owners${slot.position}[value${position}] or call('EXISTS', DOCUMENTS..holder) == 1) then
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
        if holder == item[1] then ${owners}[had${position}] = false end
      end
      if value${position} ~= 0 then ${owners}[value${position}] = item[1] end`;
  });
  return `  if ok then
${checksOf.join("\n")}
    if ok then
${claims.join("\n")}
    end
  end`;
}

function writes(layout: Layout): string {
  const names = new KeyNames(layout);
  const { snapshot, ids, uniques, metadata } = layout;
  const lines = [
    `if not stamp and next(states) then call('HSET', KEYS[1], ${metaFields(layout).map(luaString).join(", ")}) end
local listed, expiring${snapshot === undefined ? "" : ", remembered"} = {}, {}${snapshot === undefined ? "" : ", {}"}
for at, item in ipairs(ITEMS) do if states[at] then
  local id, key, fresh = item[1], KEYS[${names.count} + at], states[at] == 'new'`,
  ];
  if (metadata.storage === "json") lines.push("  local body = ARGV[3 + at]");
  if (metadata.ttl !== undefined) lines.push(ttlValue(layout));
  lines.push(metadata.storage === "hash" ? writeHash(layout) : writeJson(layout));
  lines.push(`  if type(written) == 'table' and written.err then fail(at, 'TYPE')
  else`);
  if (metadata.ttl !== undefined) lines.push(writeTtl(layout, names));
  if (ids !== undefined) {
    // A document with a version was written by a save, which listed it.
    const known = metadata.version === undefined ? "true" : "fresh";
    lines.push(`    if ${known} then listed[#listed + 1] = 0 listed[#listed + 1] = id end`);
  }
  if (snapshot !== undefined) {
    lines.push(`    if after[at] and stored[at] ~= item[7] then
${isGrouped(layout) ? "      reindex(id, after[at], before[at])" : ""}
      remembered[#remembered + 1] = id remembered[#remembered + 1] = item[7]
    end`);
  }
  lines.push("  end\nend end");
  if (layout.expiry !== undefined) {
    lines.push(`if #expiring > 0 then call('ZADD', ${names.of(layout.expiry)}, unpack(expiring)) end`);
  }
  if (ids !== undefined) lines.push(`if #listed > 0 then call('ZADD', ${names.of(ids)}, unpack(listed)) end`);
  if (snapshot !== undefined) {
    lines.push(`if #remembered > 0 then call('HSET', ${names.of(snapshot)}, unpack(remembered)) end`);
  }
  for (const slot of uniques) {
    const key = names.of(slot.key);
    lines.push(`for value, holder in pairs(owners${slot.position}) do
  if holder then call('HSET', ${key}, value, holder) else call('HDEL', ${key}, value) end
end`);
  }
  return lines.join("\n");
}

// nil leaves the time as it is, 0 takes it away, anything else is when the entity expires.
function ttlValue(layout: Layout): string {
  return `  local expires, mode = nil, item[8]
  if mode == 1 or (mode >= 4 and fresh) then expires = now() + item[9]
  elseif mode == 2 then expires = item[9]
  elseif mode == 3 or mode == 5 or fresh then expires = 0 end${layout.engine === "search" ? deadlineMember(layout) : ""}`;
}

// In search mode the document itself says when it dies, for queries to look at.
function deadlineMember(layout: Layout): string {
  if (layout.metadata.storage === "hash") {
    return `
  if expires and expires > 0 then
    item[4][#item[4] + 1] = '$deadline'
    item[4][#item[4] + 1] = plain(expires)
  elseif expires == 0 then
    if item[5] == 0 then item[5] = {} end
    item[5][#item[5] + 1] = '$deadline'
  end`;
  }
  return `
  local deadline = expires or call('PEXPIRETIME', key)
  if deadline > 0 then body = string.sub(body, 1, -2)..',"$deadline":'..plain(deadline)..'}' end`;
}

function writeHash(layout: Layout): string {
  // With absent fields told apart, a save replaces the document and keeps its remaining time.
  const removal =
    layout.metadata.version === undefined && layout.metadata.ttl === undefined ? "item[2] ~= 0" : "not fresh";
  const steady = steadyFields(layout.metadata.shape, layout.metadata.idField);
  const known = steady.map((name, at) => `, ${luaString(name)}, body[${at + 1}]`).join("");
  return `  local body = item[4]
  local written = redis.pcall('HSET', key, ${luaString(layout.metadata.idField)}, id${known}, unpack(body, ${steady.length + 1}))
  if item[5] ~= 0 and ${removal} and type(written) ~= 'table' then call('HDEL', key, unpack(item[5])) end`;
}

function writeJson(_layout: Layout): string {
  // The server's parser may be off by a bit in long decimals; adding the difference is exact.
  return `  local written = redis.pcall('JSON.SET', key, '$', body)
  if not written.err and item[6] ~= 0 then
    for _, mend in ipairs(item[6]) do
      local wanted = tonumber(mend[2])
      for _ = 1, 4 do
        local held = tonumber(string.sub(call('JSON.GET', key, mend[1]), 2, -2))
        if held == wanted then break end
        call('JSON.NUMINCRBY', key, mend[1], string.format('%.17g', wanted - held))
      end
    end
  end`;
}

function writeTtl(layout: Layout, names: KeyNames): string {
  const expiry = layout.expiry === undefined ? undefined : names.of(layout.expiry);
  return `    if expires and expires > 0 then
      call('PEXPIREAT', key, plain(expires))
${expiry === undefined ? "" : "      expiring[#expiring + 1] = plain(expires) expiring[#expiring + 1] = id"}
    elseif expires == 0 then
      if not fresh then call('PERSIST', key) end
${expiry === undefined ? "" : `      call('ZREM', ${expiry}, id)`}
    end`;
}
