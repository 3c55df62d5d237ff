// Lua of the scan engine, part one: who is alive, and which of some ids a filter holds for.
// Every test asks one command per key for a whole chunk of ids.

/*
 * A filter node is a list:
 *   ["every" | "some", ...nodes]
 *   ["terms", negated, key prefix, terms, position, single]  one set per term; 1 if an entity has one term only
 *   ["points", negated, key, values, position, numeric]  some values of a sorted set
 *   ["scores", negated, key, low, low open, high, high open]
 *   ["lex", negated, key, low, low open, high, high open, position]
 *   ["absent", negated, key]
 *   ["infix", negated, key prefix, text, at end, grams, any, position]
 *     sets of the grams: one of them, or all of them, hold every match
 *   ["phrase", negated, key prefix, words, position]
 *   ["circle", negated, key, cells, longitude, latitude, metres]
 *   ["box", negated, key, cells, west, south, east, north]
 *     cells are ranges of scores that hold every match
 * 0 stands for a missing bound. Positions point into an entity's snapshot, from 1.
 */

/** Defines `alive(ids)`, `before(left, right)`, `snapshots(ids)` and `keep(node, ids)`. */
export const filterLua = `#!lua flags=no-writes
local call, decode = redis.call, cjson.decode
-- Index entries of another definition, or half of them, would give wrong answers.
local stamp = call('HGET', string.sub(KEYS[1], 1, -2)..'m', 'stamp')
if stamp ~= ARGV[4] and (stamp or call('EXISTS', KEYS[1]) == 1) then return {'STAMP', stamp or ''} end
local QUERY, DOCUMENTS = decode(ARGV[1]), ARGV[2]
local FIELDS = string.sub(ARGV[3], 1, 1) == '[' and decode(ARGV[3]) or nil
local ENUMERABLE, PROBED_TERMS, COUNTED_TERMS, HYDRATED = 4000, 4, 500, 200
-- Matches that are better read than looked for among vectors; vectors looked at for those that match.
local FOLDED, PROPOSED = 500, 40000
-- How many look-ups one command may make.
local INTERSECTED = 20000
-- Where matches may lie together: how many spans of at least how many entries, and how many are looked at per turn.
local SPANS, SPAN, BLOCK = 256, 256, 16
local EARTH = 6372797.560856
-- An id that is listed costs about so many that are walked over.
local LISTED = 2.2
local used = 0

-- Entities whose time has passed are invisible from the first millisecond, swept or not.
local NOW, dead, manyDead, deadList = 0, nil, false, {}
if QUERY.expiry then
  local time = call('TIME')
  NOW = time[1] * 1000 + math.floor(time[2] / 1000)
  deadList = call('ZRANGE', KEYS[2], '-inf', '('..string.format('%.0f', NOW), 'BYSCORE', 'LIMIT', 0, 1001)
  if #deadList > 1000 then manyDead = true
  elseif #deadList > 0 then
    dead = {}
    for _, id in ipairs(deadList) do dead[id] = true end
  end
end
local function alive(ids)
  if not dead and not manyDead then return ids end
  local kept = {}
  if dead then
    for _, id in ipairs(ids) do if not dead[id] then kept[#kept + 1] = id end end
    return kept
  end
  if #ids == 0 then return ids end
  used = used + #ids
  local times = call('ZMSCORE', KEYS[2], unpack(ids))
  for at, id in ipairs(ids) do
    if not times[at] or tonumber(times[at]) >= NOW then kept[#kept + 1] = id end
  end
  return kept
end

-- Servers may run under a locale whose order is not that of bytes.
local bytewise = 'B' < 'a' and 'Z' < '_' and 'z' < '\\195\\169'
local function before(left, right)
  if bytewise then return left < right end
  local length = math.min(#left, #right)
  for at = 1, length do
    local a, b = string.byte(left, at), string.byte(right, at)
    if a ~= b then return a < b end
  end
  return #left < #right
end

local function snapshots(ids)
  local texts, values = call('HMGET', KEYS[3], unpack(ids)), {}
  for at, text in ipairs(texts) do values[at] = text and decode(text) or {} end
  return values
end
local function lookup(list)
  local set = {}
  for _, value in ipairs(list) do set[value] = true end
  return set
end
local function holds(value, wanted)
  if type(value) ~= 'table' then return wanted[value] == true end
  for _, term in ipairs(value) do if wanted[term] then return true end end
  return false
end
local function between(value, low, lowOpen, high, highOpen, less)
  if low ~= 0 and (less(value, low) or (lowOpen == 1 and value == low)) then return false end
  if high ~= 0 and (less(high, value) or (highOpen == 1 and value == high)) then return false end
  return true
end
local function lower(left, right) return left < right end

-- Which of some ids a leaf holds for; one command per key, whatever the number of ids.
local tests = {}
function tests.terms(node, ids)
  local hits = {}
  if #node[4] > PROBED_TERMS then
    local wanted = lookup(node[4])
    for at, value in ipairs(snapshots(ids)) do hits[at] = holds(value[node[5]], wanted) end
    return hits
  end
  for _, term in ipairs(node[4]) do
    for at, member in ipairs(call('SMISMEMBER', node[3]..term, unpack(ids))) do
      if member == 1 then hits[at] = true end
    end
  end
  return hits
end
function tests.points(node, ids)
  local hits = {}
  if node[6] == 1 then
    local wanted = {}
    for _, value in ipairs(node[4]) do wanted[tonumber(value)] = true end
    for at, score in ipairs(call('ZMSCORE', KEYS[node[3]], unpack(ids))) do
      hits[at] = score and wanted[tonumber(score)] == true
    end
    return hits
  end
  local wanted = lookup(node[4])
  for at, value in ipairs(snapshots(ids)) do hits[at] = wanted[value[node[5]]] == true end
  return hits
end
function tests.scores(node, ids)
  local hits = {}
  local low, high = tonumber(node[4]), tonumber(node[6])
  if node[4] == 0 then low = -math.huge end
  if node[6] == 0 then high = math.huge end
  for at, score in ipairs(call('ZMSCORE', KEYS[node[3]], unpack(ids))) do
    local value = score and tonumber(score)
    hits[at] = value and value >= low and value <= high
      and not (node[5] == 1 and value == low) and not (node[7] == 1 and value == high)
  end
  return hits
end
function tests.lex(node, ids)
  local hits = {}
  for at, values in ipairs(snapshots(ids)) do
    local value = values[node[8]]
    hits[at] = type(value) == 'string' and between(value, node[4], node[5], node[6], node[7], before)
  end
  return hits
end
function tests.absent(node, ids)
  local hits = {}
  for at, score in ipairs(call('ZMSCORE', KEYS[node[3]], unpack(ids))) do hits[at] = score and true end
  return hits
end
function tests.infix(node, ids)
  local hits = {}
  for at, values in ipairs(snapshots(ids)) do
    local value = values[node[8]]
    if type(value) ~= 'string' then hits[at] = false
    elseif node[5] == 1 then hits[at] = #value >= #node[4] and string.sub(value, -#node[4]) == node[4]
    else hits[at] = string.find(value, node[4], 1, true) ~= nil end
  end
  return hits
end
function tests.phrase(node, ids)
  local hits, sought = {}, '_'..table.concat(node[4], '_')..'_'
  for at, values in ipairs(snapshots(ids)) do
    local value = values[node[5]]
    hits[at] = type(value) == 'table' and string.find('_'..table.concat(value, '_')..'_', sought, 1, true) ~= nil
  end
  return hits
end
-- Great circles, as the server itself computes them.
local function metres(lon1, lat1, lon2, lat2)
  local u = math.sin(math.rad(lat2 - lat1) / 2)
  local v = math.sin(math.rad(lon2 - lon1) / 2)
  local root = math.sqrt(u * u + math.cos(math.rad(lat1)) * math.cos(math.rad(lat2)) * v * v)
  return 2 * EARTH * math.asin(math.min(1, root))
end
function tests.circle(node, ids)
  local hits = {}
  for at, place in ipairs(call('GEOPOS', KEYS[node[3]], unpack(ids))) do
    hits[at] = place and metres(tonumber(place[1]), tonumber(place[2]), node[5], node[6]) <= node[7]
  end
  return hits
end
function tests.box(node, ids)
  local hits, west, south, east, north = {}, node[5], node[6], node[7], node[8]
  for at, place in ipairs(call('GEOPOS', KEYS[node[3]], unpack(ids))) do
    if place then
      local lon, lat = tonumber(place[1]), tonumber(place[2])
      local inside
      if west <= east then inside = lon >= west and lon <= east else inside = lon >= west or lon <= east end
      -- Points on the antimeridian are kept at its western name, and read as the middle of their cell.
      if not inside and lon < -179.999994 then inside = east == 180 end
      hits[at] = inside and lat >= south and lat <= north
    end
  end
  return hits
end

local keep
local function keepSome(node, ids)
  local passed, rest = {}, ids
  for at = 2, #node do
    if #rest == 0 then break end
    local now = {}
    for _, id in ipairs(keep(node[at], rest)) do passed[id] = true end
    for _, id in ipairs(rest) do if not passed[id] then now[#now + 1] = id end end
    rest = now
  end
  local kept = {}
  for _, id in ipairs(ids) do if passed[id] then kept[#kept + 1] = id end end
  return kept
end
function keep(node, ids)
  if node == 0 or #ids == 0 then return ids end
  if node[1] == 'every' then
    for at = 2, #node do ids = keep(node[at], ids) end
    return ids
  end
  if node[1] == 'some' then return keepSome(node, ids) end
  used = used + #ids
  local hits, kept, wanted = tests[node[1]](node, ids), {}, node[2] == 0
  for at, id in ipairs(ids) do
    if (hits[at] and true or false) == wanted then kept[#kept + 1] = id end
  end
  return kept
end

local function lexRange(node)
  local low, high = '-', '+'
  -- A member is value, NUL, id; NUL is below every character of a value.
  if node[4] ~= 0 then low = '['..node[4]..(node[5] == 1 and '\\1' or '') end
  if node[6] ~= 0 then high = '('..node[6]..(node[7] == 1 and '' or '\\1') end
  return low, high
end
local function scoreRange(node)
  local low = node[4] == 0 and '-inf' or (node[5] == 1 and '(' or '')..node[4]
  local high = node[6] == 0 and '+inf' or (node[7] == 1 and '(' or '')..node[6]
  return low, high
end
local function idOf(member)
  return string.sub(member, string.find(member, '\\0', 1, true) + 1)
end
`;
