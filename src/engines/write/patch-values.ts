// New values that the patch script works out by itself: sums, toggled booleans, lists of plain elements.
// Every number and every snapshot is written exactly as the mapper itself writes it.
import { tagSeparator, tagText } from "../../codec/term.ts";
import type { Storage } from "../../schema/metadata.ts";
import type { Layout } from "../layout.ts";
import { absentMember } from "../search/attributes.ts";
import { luaString } from "./lua.ts";

/*
 * Operations, whose first word says what they do, and whose last is a list of snapshot positions (from 1) that hold the value:
 *   inc, place, by, least or '', `1` when that is allowed itself, greatest or '', `1` likewise, positions
 *   toggle, place, positions
 *   push | addToSet | pull | pop, place, elements (pop: the end), hidden member that lists the terms or '', positions
 * A place is a hash field or a JSON path.
 */

/**
 * Lua that works out the new values of an item's operations, and adds them to what it sets.
 *
 * @param layout - the type's layout.
 * @returns functions; `compute(at, key, item)` is the one to call, `snapshotText(values)` writes a snapshot.
 */
export function computeLua(layout: Layout): string {
  const hash = layout.metadata.storage === "hash";
  return `${numeralLua}
${textLua}
${hash ? readHash : readJson}
${operationsLua(layout.metadata.storage)}
${presenceLua(layout)}
local function compute(at, key, item)
  for _, op in ipairs(item[12]) do
    local code, detail = operations[op[1]](key, item, op)
    if code then return fail(at, code, op[2], detail) end
  end
  presence(key, item)
end`;
}

// A number as JavaScript writes it: the fewest digits that read back as the same number.
const numeralLua = `local function numeral(value)
  if value == 0 then return '0' end
  if value % 1 == 0 and math.abs(value) < 1e21 then return string.format('%.0f', value) end
  local text
  for digits = 0, 16 do
    text = string.format('%.'..digits..'e', value)
    if tonumber(text) == value then break end
  end
  local sign, first, rest, exponent = string.match(text, '^(%-?)(%d)%.?(%d*)e([%+%-]%d+)$')
  local digits, place = first..rest, tonumber(exponent) + 1
  if place > 0 and place <= 21 then
    if #digits <= place then return sign..digits..string.rep('0', place - #digits) end
    return sign..string.sub(digits, 1, place)..'.'..string.sub(digits, place + 1)
  elseif place > -6 and place <= 0 then return sign..'0.'..string.rep('0', -place)..digits end
  return sign..first..(rest ~= '' and '.'..rest or '')..'e'..(place > 0 and '+' or '')..string.format('%.0f', place - 1)
end`;

// JSON texts as JSON.stringify writes them; the server's own encoder escapes two more characters.
const textLua = `local function quoted(text)
  return '"'..string.gsub(text, '[^\\127]+', function(part)
    return string.sub(string.gsub(cjson.encode(part), '\\\\(.)', function(c) return c == '/' and c or nil end), 2, -2)
  end)..'"'
end
local function listText(list)
  local texts = {}
  for at, value in ipairs(list) do
    if type(value) == 'string' then texts[at] = quoted(value)
    elseif type(value) == 'number' then texts[at] = numeral(value)
    else texts[at] = tostring(value) end
  end
  return '['..table.concat(texts, ',')..']'
end
local function snapshotText(values)
  local texts = {}
  for at, value in ipairs(values) do
    texts[at] = value == 0 and '0' or type(value) == 'table' and listText(value) or quoted(value)
  end
  return '['..table.concat(texts, ',')..']'
end`;

// Both give the text of a value, nil when it is absent; false when the document is none that the mapper wrote.
const readHash = `local function textAt(key, place) return call('HGET', key, place) or nil end`;
const readJson = `local function textAt(key, place)
  local found = call('JSON.GET', key, place)
  local text = string.match(found, '^%[(.*)%]$')
  if text == '' or text == 'null' then return nil end
  return text or false
end`;

function operationsLua(storage: Storage): string {
  const hash = storage === "hash";
  return `local operations = {}
local function note(item, op, place, text, value)
  item[6][#item[6] + 1] = place item[6][#item[6] + 1] = text
  for _, position in ipairs(op[#op]) do
    item[10][#item[10] + 1] = position item[10][#item[10] + 1] = value
  end
end
function operations.inc(key, item, op)
  local text = textAt(key, op[2])
  if text == nil then text = '0' end
  local old = text and string.match(text, '^[%+%-]?[%d%.]+[eE]?[%+%-]?%d*$') and tonumber(text)
  if not old then return 'READ' end
  local new = old + tonumber(op[3])
  if new ~= new or math.abs(new) == math.huge then return 'RANGE', tostring(new) end
  local least, greatest = tonumber(op[4]), tonumber(op[6])
  if (least and (new < least or (new == least and op[5] ~= '1')))
    or (greatest and (new > greatest or (new == greatest and op[7] ~= '1')))
    or (new % 1 == 0 and math.abs(new) > 9007199254740991 and math.abs(new) < 1e21) then
    return 'RANGE', numeral(new)
  end
  note(item, op, op[2], numeral(new), numeral(new))
${storage !== "json" ? "" : "  if new % 1 ~= 0 or math.abs(new) > 9007199254740991 then item[8][#item[8] + 1] = op[2] item[8][#item[8] + 1] = numeral(new) end"}
end
function operations.toggle(key, item, op)
  local text = textAt(key, op[2])
  local new
  if text == 'true'${hash ? " or text == '1'" : ""} then new = 'false'
  elseif text == nil or text == 'false'${hash ? " or text == '0'" : ""} then new = 'true'
  else return 'READ' end
  note(item, op, op[2], new, new)
end
local changes = {}
function changes.push(list, items)
  for _, value in ipairs(items) do list[#list + 1] = value end
  return list
end
function changes.addToSet(list, items)
  local seen = {}
  for _, value in ipairs(list) do seen[value] = true end
  for _, value in ipairs(items) do
    if not seen[value] then list[#list + 1] = value seen[value] = true end
  end
  return list
end
function changes.pull(list, items)
  local gone, kept = {}, {}
  for _, value in ipairs(items) do gone[value] = true end
  for _, value in ipairs(list) do if not gone[value] then kept[#kept + 1] = value end end
  return kept
end
function changes.pop(list, from)
  table.remove(list, from == 'first' and 1 or #list)
  return list
end
local function termsOf(list)
  local terms, seen = {}, {}
  for _, value in ipairs(list) do
    local term = tostring(value)
    if not seen[term] then terms[#terms + 1] = term seen[term] = true end
  end
  return terms
end
local function change(key, item, op)
  local text = textAt(key, op[2])
  if text == nil then text = '[]' end
  local good, list = try(decode, text)
  if not good or type(list) ~= 'table' or string.sub(text, 1, 1) ~= '[' then return 'READ' end
  for _, value in ipairs(list) do
    if value == cjson.null or type(value) == 'table' then return 'READ' end
  end
  list = changes[op[1]](list, op[3])
  local terms = termsOf(list)
  note(item, op, op[2], listText(list), terms)
  if op[4] ~= '' then
    ${hash ? memberOfHash : memberOfJson}
  end
end
for name in pairs(changes) do operations[name] = change end`;
}

// As the mapper itself lists terms in one field: what a search server would trim or split is escaped.
const memberOfHash = `if #terms == 0 then item[7][#item[7] + 1] = op[4]
    else
      local listed = {}
      for at, term in ipairs(terms) do
        local function escaped(c) return '\\2'..string.char(string.byte(c) + 64) end
        term = string.gsub(string.gsub(term, '[\\1\\2]', escaped), '^[\\3-\\32]', escaped)
        listed[at] = string.find(term, '[\\9-\\13 ]$') and term..'\\2' or term
      end
      item[6][#item[6] + 1] = op[4] item[6][#item[6] + 1] = table.concat(listed, ${luaString(tagSeparator)})
    end`;
const memberOfJson = `if #terms == 0 then item[7][#item[7] + 1] = op[4]
    else item[6][#item[6] + 1] = op[4] item[6][#item[6] + 1] = listText(terms) end`;

// Searches for absent values look at one list of names, of which a patch may change some.
function presenceLua(layout: Layout): string {
  const place = absentPlace(layout);
  if (place === undefined) return "local function presence() end";
  const at = luaString(place);
  const named = layout.metadata.storage === "hash" ? tagText : String;
  const names = layout.metadata.indexes.map((index) => (index.absentable ? luaString(named(index.path)) : "false"));
  const read =
    layout.metadata.storage === "hash"
      ? `local names = {}
  for name in string.gmatch(call('HGET', key, ${at}) or '', '[^${luaString(tagSeparator).slice(1, -1)}]+') do names[#names + 1] = name end`
      : `local text = textAt(key, ${at})
  local names = text and decode(text) or {}`;
  const text =
    layout.metadata.storage === "hash" ? `table.concat(names, ${luaString(tagSeparator)})` : "listText(names)";
  return `local absentable = {${names.join(", ")}}
local function presence(key, item)
  local gone, come, any = {}, {}, false
  for word = 1, #item[10], 2 do
    local name = absentable[item[10][word]]
    if name then
      any = true
      if item[10][word + 1] == 0 then gone[name] = true else come[name] = true end
    end
  end
  if not any then return end
  ${read}
  local had = {}
  for _, name in ipairs(names) do had[name] = true end
  -- In the order of the definition, as a save lists them.
  names = {}
  local listed = {}
  for _, name in ipairs(absentable) do
    if name and not listed[name] and (gone[name] or (had[name] and not come[name])) then
      names[#names + 1] = name listed[name] = true
    end
  end
  if #names == 0 then item[7][#item[7] + 1] = ${at}
  else item[6][#item[6] + 1] = ${at} item[6][#item[6] + 1] = ${text} end
end`;
}

// Where the search engine keeps that list: a hash field or a JSON path.
function absentPlace({ engine, metadata }: Layout): string | undefined {
  if (engine !== "search" || !metadata.indexes.some((index) => index.absentable)) return undefined;
  return metadata.storage === "hash" ? absentMember : `$["${absentMember}"]`;
}
