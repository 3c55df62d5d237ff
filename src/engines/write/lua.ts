// Pieces of Lua that the writing scripts share: keys, the undoing of an entity's index entries, its document.
// Generated from the layout, so that a type without a feature pays nothing for it.
import type { EntityMetadata, Storage } from "../../schema/metadata.ts";
import { placeOf } from "../../codec/place.ts";
import { maxLatitude } from "../../schema/shape.ts";
import { boardKeys, type CompoundSlot, type Layout, type Slot } from "../layout.ts";
import { boardGroupsLua, boardsLua, standLua } from "./board.ts";
import { shorthands } from "./text.ts";

/** The northernmost latitude whose score does not run over. */
const edge = maxLatitude - 1e-9;

/**
 * The keys that every writing script of a type declares before its documents, in order.
 *
 * @param layout - the type's layout.
 * @returns the keys.
 */
export function fixedKeys(layout: Layout): string[] {
  const optional = [layout.ids, layout.expiry, layout.snapshot].filter((key) => key !== undefined);
  const slots = layout.slots.flatMap((slot) => {
    if (slot.kind !== "terms" && slot.kind !== "grams") return [slot.key];
    return slot.vocabulary === undefined ? [] : [slot.vocabulary];
  });
  return [
    layout.meta,
    ...optional,
    ...slots,
    ...layout.absent.map((slot) => slot.key),
    ...layout.uniques.map((slot) => slot.key),
    ...layout.boards.flatMap(boardKeys),
    ...(layout.changes === undefined ? [] : [layout.changes]),
  ];
}

/**
 * Lua that tells of a change.
 *
 * @param layout - the type's layout.
 * @returns a function `announce(op, id, version, fields)`, of which version and fields may be nil; nothing where changes are
 *   not told.
 */
export function announceFunction({ changes, metadata, ...layout }: Layout): string {
  if (changes === undefined) return "";
  const stream = new KeyNames({ changes, metadata, ...layout }).of(changes);
  return `local OPERATION = ...
local function announce(op, id, version, fields)
  local words = {'op', op, 'id', id}
  if OPERATION then words[#words + 1] = 'operation' words[#words + 1] = OPERATION end
  if version then words[#words + 1] = 'version' words[#words + 1] = version end
  if fields then words[#words + 1] = 'fields' words[#words + 1] = fields end
  call('XADD', ${stream}, 'MAXLEN', '~', '${metadata.changes?.maxLength}', '*', unpack(words))
end`;
}

/**
 * Lua that tells of one change, where changes are told.
 *
 * @param layout - the type's layout.
 * @param words - what `announce` takes, as Lua expressions.
 * @returns a statement, or nothing.
 */
export function announceLua({ changes }: Layout, ...words: readonly string[]): string {
  return changes === undefined ? "" : `announce(${words.join(", ")})`;
}

/** Lua that gathers what is refused: `failures`, nil for none, and a function `fail(at, code, first, second)`. */
export const failuresLua = `local failures
local function fail(at, code, first, second)
  failures = failures or {}
  failures[#failures + 1] = {at, code, first or '', second or ''}
end`;

/** Names of fixed keys inside the scripts. */
export class KeyNames {
  readonly #positions: ReadonlyMap<string, number>;
  readonly #internal: string;

  /**
   * @param layout - the type's layout.
   */
  constructor(layout: Layout) {
    this.#positions = new Map(fixedKeys(layout).map((key, at) => [key, at + 1]));
    this.#internal = layout.internal;
  }

  /** How many keys come before the first document. */
  get count(): number {
    return this.#positions.size;
  }

  /**
   * The Lua expression of a declared key.
   *
   * @param key - a fixed key.
   * @returns `KEYS[n]`.
   */
  of(key: string): string {
    return `KEYS[${this.#positions.get(key)}]`;
  }

  /**
   * The Lua expression of what a derived key begins with.
   *
   * @param key - the beginning of a key family.
   * @returns an expression on `INTERNAL`.
   */
  derived(key: string): string {
    return `INTERNAL..${luaString(key.slice(this.#internal.length))}`;
  }
}

/**
 * A Lua string literal.
 *
 * @param text - any text.
 * @returns the literal, every unusual byte escaped.
 */
export function luaString(text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\${String(byte).padStart(3, "0")}`,
  );
  return `"${bytes.join("")}"`;
}

/**
 * What every writing script begins with: shorthands, key prefixes, and grouped index writes.
 *
 * @param layout - the type's layout.
 * @param payload - Lua statements that read the arguments.
 * @param firstId - Lua expression of the first entity's id.
 * @returns statements; only what the type needs.
 */
export function prelude(layout: Layout, payload: string, firstId: string): string {
  const names = new KeyNames(layout);
  const lines = [shorthands(layout.metadata.storage), payload];
  // Prefixes are read off the declared keys, so that nothing has to be sent twice.
  if (layout.compounds.length > 0 || layout.slots.some((slot) => slot.kind === "terms" || slot.kind === "grams"))
    lines.push("local INTERNAL = string.sub(KEYS[1], 1, -2)");
  lines.push(`local DOCUMENTS = string.sub(KEYS[${names.count + 1}], 1, -#${firstId} - 1)`);
  if (isGrouped(layout)) lines.push(groups);
  const boardGroups = boardGroupsLua(layout);
  if (boardGroups !== "") lines.push(boardGroups);
  if (layout.slots.some((slot) => slot.kind === "grams")) lines.push(gramsLua);
  return lines.join("\n");
}

/**
 * Lua that refuses the call where stored data is laid out for another definition, or is being rebuilt.
 *
 * @param layout - the type's layout.
 * @param refuse - Lua that answers the call, given `stamp`, false where none is noted.
 * @returns statements; afterwards `stamp` is false where nothing is stored yet.
 */
export function checkStamp(layout: Layout, refuse: string): string {
  const empty = layout.ids === undefined ? "true" : `call('EXISTS', ${new KeyNames(layout).of(layout.ids)}) == 0`;
  return `local stamp = call('HGET', KEYS[1], 'stamp')
if stamp ~= ${luaString(layout.stamp)} and (stamp or not (${empty})) then ${refuse} end`;
}

/** Lua that sets a number, or those of a list, exactly: the server's parser may be off by a bit in long decimals; adding the difference is exact. */
export const mendFunction = `local function mendNumber(key, path, wanted)
  for _ = 1, 4 do
    local held = tonumber(string.sub(call('JSON.GET', key, path), 2, -2))
    if held == wanted then break end
    call('JSON.NUMINCRBY', key, path, string.format('%.17g', wanted - held))
  end
end
local function mend(key, path, text)
  if string.sub(text, 1, 1) ~= '[' then return mendNumber(key, path, tonumber(text)) end
  local wanted, held = decode(text), decode(call('JSON.GET', key, path))[1]
  for at, number in ipairs(wanted) do
    if number ~= held[at] then mendNumber(key, path..'['..(at - 1)..']', number) end
  end
end`;

/**
 * Tells whether a type keeps index entries, whose writes are grouped by key.
 *
 * @param layout - the type's layout.
 * @returns true when it does.
 */
export function isGrouped(layout: Layout): boolean {
  return layout.slots.length > 0 || layout.absent.length > 0 || layout.boards.length > 0;
}

const groups = `local adds, removals, scores, forgotten = {}, {}, {}, {}
-- Collects writes per key: one command per key instead of one per entity.
local function collect(groups, key, first, second)
  local group = groups[key]
  if not group then group = {} groups[key] = group end
  group[#group + 1] = first
  if second then group[#group + 1] = second end
end
local function flush(command, groups)
  for key, group in pairs(groups) do
    for at = 1, #group, 4000 do
      call(command, key, unpack(group, at, math.min(at + 3999, #group)))
    end
  end
end
local listed = {}
-- Sets of terms; a vocabulary lists the terms that have one.
local function post(prefix, term, id, vocabulary)
  local key = prefix..term
  if vocabulary and not adds[key] then collect(scores, vocabulary, 0, term) end
  collect(adds, key, id)
end
local function unpost(prefix, term, id, vocabulary)
  local key = prefix..term
  if vocabulary and not removals[key] then listed[#listed + 1] = { key, vocabulary, term } end
  collect(removals, key, id)
end
local function writeGroups()
  flush('SREM', removals) flush('ZREM', forgotten)
  flush('SADD', adds) flush('ZADD', scores)
  for _, term in ipairs(listed) do
    if call('EXISTS', term[1]) == 0 then call('ZREM', term[2], term[3]) end
  end
end`;

// A mark after the last character tells an ending from the rest.
const gramsLua = `local function grams(value)
  local characters, found = {}, {}
  if value == 0 then return found end
  for character in string.gmatch(value..'\\0', '[%z\\1-\\127\\194-\\244][\\128-\\191]*') do
    characters[#characters + 1] = character
  end
  for at = 1, #characters - 1 do
    found[characters[at]..characters[at + 1]..(characters[at + 2] or '')] = true
  end
  return found
end`;

/**
 * Lua that moves one entity's index entries from what they were to what they shall be.
 *
 * @param layout - the type's layout.
 * @returns a function `reindex(id, now, before)`: snapshots as tables, nil for none; nothing when no index is kept.
 */
export function reindexFunction(layout: Layout): string {
  if (!isGrouped(layout)) return "";
  const names = new KeyNames(layout);
  const body = [
    ...layout.slots.map((slot) => slotLua(slot, names, layout.metadata)),
    ...layout.absent.map((slot) => {
      const key = names.of(slot.key);
      const at = slot.position + 1;
      return `  a, b = now and now[${at}], before and before[${at}]
  if a == 0 and b ~= 0 then collect(scores, ${key}, 0, id)
  elseif b == 0 and a ~= 0 then collect(forgotten, ${key}, id) end`;
    }),
    layout.compounds.length > 0 ? "  for _, place in ipairs(places) do move(place, id, now, before) end" : "",
    ...(layout.boards.length > 0 ? [standLua] : []),
  ];
  const boards = boardsLua(layout, (key) => names.of(key));
  return `${compoundsLua(layout, names)}${boards}local function reindex(id, now, before)
  local a, b
${body.join("\n")}
end
`;
}

// 0 stands for an absent value, since JSON's null is no plain value in Lua; nil for an absent snapshot.
function slotLua(slot: Slot, names: KeyNames, metadata: EntityMetadata): string {
  const at = slot.position + 1;
  const values = `  a, b = now and now[${at}] or 0, before and before[${at}] or 0\n`;
  switch (slot.kind) {
    case "terms": {
      const key = names.derived(slot.key);
      if (slot.index.array || slot.index.kind === "text")
        return `${values}${termListLua(key, vocabularyOf(slot, names))}`;
      return `${values}  if a ~= b then
    if b ~= 0 then collect(removals, ${key}..b, id) end
    if a ~= 0 then collect(adds, ${key}..a, id) end
  end`;
    }
    case "grams": {
      const key = names.derived(slot.key);
      return `${values}  if a ~= b then
    local has, had = grams(a), grams(b)
    for gram in pairs(has) do if not had[gram] then post(${key}, gram, id, ${vocabularyOf(slot, names)}) end end
    for gram in pairs(had) do if not has[gram] then unpost(${key}, gram, id, ${vocabularyOf(slot, names)}) end end
  end`;
    }
    case "scores": {
      const key = names.of(slot.key);
      return `${values}  if a ~= b then
    if a ~= 0 then collect(scores, ${key}, a, id) else collect(forgotten, ${key}, id) end
  end`;
    }
    case "lex": {
      const key = names.of(slot.key);
      return `${values}  if a ~= b then
    if b ~= 0 then collect(forgotten, ${key}, b..'\\0'..id) end
    if a ~= 0 then collect(scores, ${key}, 0, a..'\\0'..id) end
  end`;
    }
    case "geo": {
      const key = names.of(slot.key);
      return `${values}  if a ~= b then
    if a ~= 0 then
      local longitude, latitude = string.match(a, '^(.-),(.*)$')
      -- At the very edge the server's score would run over.
      if tonumber(latitude) > ${edge} then latitude = '${edge}' end
      call('GEOADD', ${key}, longitude, latitude, id)
    else collect(forgotten, ${key}, id) end
  end`;
    }
    case "vectors":
      return values + vectorLua(slot, names.of(slot.key), metadata);
  }
}

// The document is written already. A set that is looked at whole needs no good graph.
function vectorLua({ index }: Slot, key: string, metadata: EntityMetadata): string {
  const { m = 4, efConstruction = 1 } = index.vector ?? {};
  const place = luaString(placeOf(metadata, index.names));
  const numbers =
    metadata.storage === "hash"
      ? `decode(call('HGET', DOCUMENTS..id, ${place}))`
      : `decode(call('JSON.GET', DOCUMENTS..id, ${place}))[1]`;
  return `  if a ~= b then
    if a ~= 0 then
      call('VADD', ${key}, 'FP32', pack(${numbers}), id, 'NOQUANT', 'EF', '${efConstruction}', 'M', '${m}')
    else call('VREM', ${key}, id) end
  end`;
}

// An entity is in one set of a compound index, or in none when it lacks one of the values that are compared.
function compoundsLua({ compounds }: Layout, names: KeyNames): string {
  if (compounds.length === 0) return "";
  return `-- Where an entity stands in each compound index: key, member and score; nothing when it has no place there.
local places = {
${compounds.map((slot) => placeLua(slot, names)).join(",\n")}
}
local function move(place, id, now, before)
  local key, member, score, oldKey, oldMember, oldScore
  if now then key, member, score = place(now, id) end
  if before then oldKey, oldMember, oldScore = place(before, id) end
  if oldKey and (oldKey ~= key or oldMember ~= member) then collect(forgotten, oldKey, oldMember) end
  if key and (key ~= oldKey or member ~= oldMember or score ~= oldScore) then collect(scores, key, score, member) end
end
`;
}

function placeLua({ eq, order, key, absentKey }: CompoundSlot, names: KeyNames): string {
  const values = eq.map((position) => `v[${position + 1}]`);
  const rest = values.join("..'\\0'..");
  const value = order && `v[${order.position + 1}]`;
  const absent =
    absentKey === undefined ? "" : `\n    if ${value} == 0 then return ${names.derived(absentKey)}..${rest}, id, 0 end`;
  const place = order === undefined ? "id, 0" : order.kind === "scores" ? `id, ${value}` : `${value}..'\\0'..id, 0`;
  return `  function(v, id)
    if ${values.map((each) => `${each} == 0`).join(" or ")} then return nil end${absent}
    return ${names.derived(key)}..${rest}, ${place}
  end`;
}

function vocabularyOf(slot: Slot, names: KeyNames): string {
  return slot.vocabulary === undefined ? "nil" : names.of(slot.vocabulary);
}

function termListLua(key: string, vocabulary: string): string {
  return `  do
    local had, has = {}, {}
    if b ~= 0 then for _, term in ipairs(b) do had[term] = true end end
    if a ~= 0 then for _, term in ipairs(a) do
      if not had[term] and not has[term] then post(${key}, term, id, ${vocabulary}) end
      has[term] = true
    end end
    for term in pairs(had) do if not has[term] then unpost(${key}, term, id, ${vocabulary}) end end
  end`;
}

/**
 * Lua that forgets an entity whose document is gone, or is kept and cannot be indexed.
 *
 * @param layout - the type's layout.
 * @returns a function `forget(id, kept)`, which collects index writes and does the rest at once.
 */
export function forgetFunction(layout: Layout): string {
  const names = new KeyNames(layout);
  const { snapshot, ids, expiry, uniques } = layout;
  const lines: string[] = [];
  if (snapshot !== undefined) {
    const frees = uniques.map((slot) => {
      const key = names.of(slot.key);
      const at = slot.position + 1;
      return `    if before[${at}] ~= 0 and call('HGET', ${key}, before[${at}]) == id then call('HDEL', ${key}, before[${at}]) end`;
    });
    lines.push(`  local stored = call('HGET', ${names.of(snapshot)}, id)
  if stored then
    local before = decode(stored)
${[...(isGrouped(layout) ? ["    reindex(id, nil, before)"] : []), ...frees].join("\n")}
    call('HDEL', ${names.of(snapshot)}, id)
  end`);
  }
  if (layout.owned.length > 0)
    lines.push(`  if not kept then call('UNLINK', ${ownedLua(layout, "id").join(", ")}) end`);
  if (ids !== undefined) lines.push(`  call('ZREM', ${names.of(ids)}, id)`);
  if (expiry !== undefined) lines.push(`  call('ZREM', ${names.of(expiry)}, id)`);
  return `local function forget(id${layout.owned.length > 0 ? ", kept" : ""})
${lines.join("\n")}
end
`;
}

/**
 * Lua for the keys of the collections that an entity owns.
 *
 * @param layout - the type's layout.
 * @param id - Lua expression of its id as it stands in keys.
 * @returns expressions; none where the type has no collections.
 */
export function ownedLua({ owned, internal }: Layout, id: string): string[] {
  return owned.map((prefix) => `string.sub(KEYS[1], 1, -2)..${luaString(prefix.slice(internal.length))}..${id}`);
}

/**
 * What the server calls the type of a document's key.
 *
 * @param storage - how documents are stored.
 * @returns the type as TYPE answers it.
 */
export function keyType(storage: Storage): string {
  return storage === "json" ? "ReJSON-RL" : storage;
}

/**
 * Lua that writes a vector as indexes read it: each number with 32 bits, one after another.
 *
 * @param layout - the type's layout.
 * @returns a function `pack(numbers)`; for hidden members `VECTORS` as well, which says which field has the numbers; nothing
 *   where no vector is kept beside the document's own.
 */
export function packFunction(layout: Layout): string {
  const members = packsVectors(layout);
  if (!members && !layout.slots.some(({ kind }) => kind === "vectors")) return "";
  const sources = layout.metadata.indexes
    .filter(({ vector }) => vector !== undefined)
    .map(({ path, names }) => `[${luaString(`$vector.${path}`)}] = ${luaString(placeOf(layout.metadata, names))}`);
  return `${members ? `local VECTORS = {${sources.join(", ")}}\n` : ""}local function pack(numbers)
  local parts = {}
  for at = 1, #numbers, 200 do
    local last = math.min(at + 199, #numbers)
    parts[#parts + 1] = struct.pack('<'..string.rep('f', last - at + 1), unpack(numbers, at, last))
  end
  return table.concat(parts)
end`;
}

/**
 * Tells whether the search engine keeps vectors in hidden members: JSON documents are read by the index themselves.
 *
 * @param layout - the type's layout.
 * @returns true when it does.
 */
export function packsVectors({ engine, metadata }: Layout): boolean {
  return engine === "search" && metadata.storage === "hash" && metadata.indexes.some((index) => index.vector);
}

/** Lua for the server's time in milliseconds, asked for once per call and only when needed. */
export const clock = `local NOW
local function now()
  if not NOW then
    local time = call('TIME')
    NOW = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return NOW
end
local function plain(number) return string.format('%.0f', number) end`;

/**
 * Lua that forgets some entities whose time has passed, oldest first.
 *
 * @param layout - the type's layout.
 * @param limit - Lua expression: how many at most; 0 for none.
 * @returns statements; empty when nothing of the type expires.
 */
export function sweep(layout: Layout, limit: string): string {
  if (layout.expiry === undefined) return "";
  const expiry = new KeyNames(layout).of(layout.expiry);
  // A key whose time was changed by hand is not dead: its true time is noted instead.
  return `local sweeping = ${limit}
if sweeping > 0 then
  for _, id in ipairs(call('ZRANGE', ${expiry}, '-inf', '('..plain(now()), 'BYSCORE', 'LIMIT', 0, sweeping)) do
    local at = call('PEXPIRETIME', DOCUMENTS..id)
    if at > 0 then call('ZADD', ${expiry}, plain(at), id)
    elseif at == -1 then call('ZREM', ${expiry}, id)
    else forget(id) ${announceLua(layout, "'expire'", "id")} end
  end
end`;
}
