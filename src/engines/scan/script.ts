// The scan engine's one script: plans by cardinalities, walks or enumerates, filters, and reads the documents.
// Read-only and bounded: what does not fit the budget is continued by the next call, from a cursor the client holds.
import { defineScript } from "../../redis/command.ts";
import { filterLua } from "./lua-filter.ts";
import { listLua } from "./lua-list.ts";
import { walkLua } from "./lua-walk.ts";

/*
 * KEYS: ids, expiry (or ids), snapshot (or ids), then the keys that the query names by position.
 * ARGV: the program, document prefix, hash fields as JSON or the command that reads a document, the layout's stamp, a vector's bytes.
 * Reply: [state as JSON, documents]: of hashes one JSON text, of others a list of texts;
 *   or ['STAMP', the stamp found] where that is another.
 */
const stateLua = `local state, documents, patience
local function fresh()
  state, documents, patience = { count = 0, ids = {}, ghosts = {}, skip = QUERY.skip }, {}, nil
  if QUERY.sort ~= 0 then state.sort = {} end
end
fresh()
local function found(document)
  if not FIELDS then return document end
  for at = 1, #FIELDS do if document[at] then return true end end
  return false
end
-- Reads a document into the reply; a document that is gone is reported and left out.
local function take(id)
  if QUERY.want == 'rows' then
    local document
    if FIELDS then document = redis.pcall('HMGET', DOCUMENTS..id, unpack(FIELDS))
    else document = redis.pcall(ARGV[3], DOCUMENTS..id) end
    if not document or document.err or not found(document) then
      state.ghosts[#state.ghosts + 1] = id
      return
    end
    documents[#documents + 1] = document
  end
  state.ids[#state.ids + 1] = id
end
local function reply()
  state.used = used
  if QUERY.sort ~= 0 then state.edge = QUERY.sort.edge end
  local rows = documents
  if FIELDS then rows = #documents > 0 and cjson.encode(documents) or '[]' end
  return { cjson.encode(state), rows }
end

-- Several sort keys: the client sorts, and is told by what.
local function sortKeys(ids)
  local rows = {}
  for at = 1, #ids do rows[at] = {} end
  for first = 1, #ids, 500 do
    local chunk = {}
    for at = first, math.min(first + 499, #ids) do chunk[#chunk + 1] = ids[at] end
    for place, key in ipairs(QUERY.sort.keys) do
      if key[1] == 1 then
        for at, score in ipairs(call('ZMSCORE', KEYS[key[2]], unpack(chunk))) do
          rows[first + at - 1][place] = score or false
        end
      else
        for at, values in ipairs(snapshots(chunk)) do
          local value = values[key[2]]
          rows[first + at - 1][place] = type(value) == 'string' and value or false
        end
      end
    end
  end
  return rows
end
-- Names what may be among those needed: so many, and all that share the last one's first key.
-- Gives the position of the last one named when what follows cannot be among them.
local function propose(ids)
  local sort = QUERY.sort
  for at, row in ipairs(sortKeys(ids)) do
    if sort.edge ~= 0 and row[1] ~= sort.edge[1] then return at - 1 end
    state.ids[#state.ids + 1] = ids[at]
    state.sort[#state.sort + 1] = row
    if sort.edge == 0 and sort.have + #state.ids >= sort.need then sort.edge = { row[1] } end
  end
  return nil
end
`;

const runLua = `-- Leaves whose sets hold more than the matches.
local INEXACT = { infix = true, phrase = true, circle = true, box = true }
-- The filter without one of its conjuncts.
local function without(part)
  local rest = { 'every' }
  if QUERY.filter[1] == 'every' then
    for at = 2, #QUERY.filter do
      if QUERY.filter[at] ~= part then rest[#rest + 1] = QUERY.filter[at] end
    end
  end
  return #rest > 1 and rest or 0
end
-- The first of some ids in an order, where those needed are few.
local function firstOf(ids, need, comes)
  local best = {}
  for _, id in ipairs(ids) do
    if #best < need or comes(id, best[need]) then
      local low, high = 1, #best
      while low <= high do
        local middle = math.floor((low + high) / 2)
        if comes(id, best[middle]) then high = middle - 1 else low = middle + 1 end
      end
      table.insert(best, low, id)
      best[need + 1] = nil
    end
  end
  return best
end
-- Executor two: list the smallest conjunct, filter, sort, cut.
local function enumerate()
  local driver = smallestPart(QUERY.filter)
  local exact = driver[1] ~= 'every' and driver[1] ~= 'some' and not INEXACT[driver[1]]
  local rest = exact and without(driver) or QUERY.filter
  local listed, kept = list(driver), {}
  used = used + #listed
  for first = 1, #listed, 500 do
    local chunk = {}
    for at = first, math.min(first + 499, #listed) do chunk[#chunk + 1] = listed[at] end
    for _, id in ipairs(keep(rest, alive(chunk))) do kept[#kept + 1] = id end
  end
  state.count = #kept
  state.plan = 'enumerate'
  if QUERY.want == 'count' then return end
  if QUERY.sort ~= 0 then
    state.ids, state.sort = kept, sortKeys(kept)
    return
  end
  local order, keys = QUERY.order, {}
  if order ~= 0 then
    for first = 1, #kept, 500 do
      local chunk = {}
      for at = first, math.min(first + 499, #kept) do chunk[#chunk + 1] = kept[at] end
      if order.numeric == 1 then
        for at, score in ipairs(call('ZMSCORE', KEYS[order.key], unpack(chunk))) do
          keys[chunk[at]] = score and tonumber(score) or nil
        end
      else
        for at, values in ipairs(snapshots(chunk)) do
          local value = values[order.position]
          keys[chunk[at]] = type(value) == 'string' and value or nil
        end
      end
    end
  end
  local less = order ~= 0 and order.numeric == 1 and lower or before
  local down = QUERY.desc == 1
  local function comes(a, left, b, right)
    if a ~= b then
      if a == nil or b == nil then return b == nil end
      if down then return less(b, a) end
      return less(a, b)
    end
    if down then return before(right, left) end
    return before(left, right)
  end
  if QUERY.after ~= 0 then
    local behind, value = {}, nil
    if QUERY.after.value ~= 0 then
      value = order ~= 0 and order.numeric == 1 and tonumber(QUERY.after.value) or QUERY.after.value
    end
    for _, id in ipairs(kept) do
      if comes(value, QUERY.after.id, keys[id], id) then behind[#behind + 1] = id end
    end
    kept = behind
  end
  local function earlier(left, right) return comes(keys[left], left, keys[right], right) end
  local need = QUERY.skip + QUERY.limit
  if need <= 100 and need * 4 < #kept then kept = firstOf(kept, need, earlier) else table.sort(kept, earlier) end
  local hydrated = 0
  for at = QUERY.skip + 1, #kept do
    if #state.ids >= QUERY.limit then break end
    if QUERY.want == 'rows' and hydrated == HYDRATED then
      -- The rest is read by the client, in calls of its own.
      state.rest = {}
      for left = at, math.min(#kept, at + QUERY.limit - #state.ids - 1) do
        state.rest[#state.rest + 1] = kept[left]
      end
      break
    end
    take(kept[at])
    hydrated = hydrated + 1
  end
end

-- Executor three, where all that matches is wanted in whatever order: read the smallest set by the server's own cursor.
-- It may name an id twice when the set shrinks meanwhile, so a count is of the ids that the client holds.
-- Another server, after a failover, has the set in another order: there the reading begins again.
local function draw(key, part, at, known)
  local rest, seen = without(part), {}
  local head = table.concat(call('SSCAN', key, '0', 'COUNT', 10)[2], '\\0')
  if known ~= head then at = '0' end
  state.plan, state.drawn = 'draw', true
  repeat
    local found = call('SSCAN', key, at, 'COUNT', QUERY.want == 'rows' and 100 or 500)
    local ids = {}
    at = found[1]
    for _, id in ipairs(found[2]) do
      if not seen[id] then seen[id] = true ids[#ids + 1] = id end
    end
    used = used + #ids
    for first = 1, #ids, 500 do
      local chunk = {}
      for place = first, math.min(first + 499, #ids) do chunk[#chunk + 1] = ids[place] end
      for _, id in ipairs(keep(rest, alive(chunk))) do
        if QUERY.want == 'count' then state.ids[#state.ids + 1] = id else take(id) end
      end
    end
  until at == '0' or used >= QUERY.budget or (QUERY.want == 'rows' and #state.ids >= HYDRATED)
  if at ~= '0' then state.cursor = { phase = 1, set = key, at = at, head = head } end
end
-- The smallest set that every match is in, as a part of the filter.
local function drawable()
  local least, part
  local parts = QUERY.filter[1] == 'every' and QUERY.filter or { 'every', QUERY.filter }
  for at = 2, #parts do
    local node = parts[at]
    if node[1] == 'terms' and node[2] == 0 and #node[4] == 1 then
      local count = size(node)
      if not least or count < least then least, part = count, node end
    end
  end
  return part, least
end

-- Where bounds say all, and for a filter of one leaf, matches are counted without looking at a single id.
local function countBounds()
  if manyDead then return nil end
  local count = 0
  for _, phase in ipairs(QUERY.phases) do
    if residual(phase) ~= 0 then return nil end
    local first, last = bounds(phase)
    count = count + math.max(0, last - first + 1)
  end
  return count - #keep(QUERY.filter, deadList)
end
local function countLeaf()
  local node = QUERY.filter
  if manyDead or node[1] == 'every' or node[1] == 'some' or INEXACT[node[1]] then return nil end
  -- Of a list of terms, more than one may be an entity's.
  if node[1] == 'terms' and #node[4] > 1 and node[6] == 0 then return nil end
  local negated = node[2]
  node[2] = 0
  local count = size(node)
  if not count then return nil end
  if negated == 1 then count = call('ZCARD', KEYS[1]) - count end
  node[2] = negated
  if #deadList > 0 then count = count - #keep(node, deadList) end
  return count
end

-- Conjuncts that are sets are counted by the server, in one command that looks at every id of the smallest.
local function countSets()
  local keys, node = {}, QUERY.filter
  if manyDead or node[1] ~= 'every' then return nil end
  for at = 2, #node do
    local leaf = node[at]
    if leaf[1] ~= 'terms' or leaf[2] == 1 or #leaf[4] > 1 then return nil end
    keys[#keys + 1] = leaf[3]..leaf[4][1]
  end
  if size(node) * #keys > INTERSECTED then return nil end
  return call('SINTERCARD', #keys, unpack(keys)) - #keep(node, deadList)
end

local function selectivity(node, total)
  if node == 0 or total == 0 then return 1 end
  if node[1] == 'every' then
    local product = 1
    for at = 2, #node do product = product * selectivity(node[at], total) end
    return product
  end
  local count = size(node)
  return count and math.min(1, count / total) or 0.5
end

-- What is nearest, as a vector set sees it, until enough pass the filter; all that was looked at is told.
local function nearest(near)
  local few = QUERY.filter ~= 0 and size(QUERY.filter)
  if few and few <= FOLDED then return -1 end
  local count, kept, ids = near.want, {}, {}
  repeat
    if count > PROPOSED then return -1 end
    local effort = near.effort == 0 and { 'TRUTH' } or { 'EF', near.effort }
    ids, kept = call('VSIM', KEYS[near.key], 'FP32', ARGV[5], 'COUNT', count, unpack(effort)), {}
    for first = 1, #ids, 500 do
      local chunk = {}
      for at = first, math.min(first + 499, #ids) do chunk[#chunk + 1] = ids[at] end
      for _, id in ipairs(keep(QUERY.filter, alive(chunk))) do kept[#kept + 1] = id end
    end
    local whole = #ids < count
    count = count * 4
  until whole or #kept >= near.want
  state.rest = {}
  for at, id in ipairs(kept) do
    if at <= HYDRATED then take(id) else state.rest[#state.rest + 1] = id end
  end
  return #kept
end
if QUERY.nearest then
  state.count = nearest(QUERY.nearest)
  return reply()
end
if QUERY.estimate then
  local node = QUERY.filter
  state.count = node == 0 and call('ZCARD', KEYS[1]) or size(node) or -1
  return reply()
end
arrange(QUERY.filter)
for _, phase in ipairs(QUERY.phases) do arrange(residual(phase)) end
if QUERY.want == 'count' and QUERY.cursor == 0 then
  local count = countBounds() or countLeaf() or countSets()
  if count then
    state.count, state.plan = count, 'cardinality'
    return reply()
  end
end
if QUERY.cursor ~= 0 and QUERY.cursor.set then
  for at = 1, #QUERY.filter do
    local node = QUERY.filter[1] == 'every' and QUERY.filter[at] or QUERY.filter
    if node[1] == 'terms' and node[3]..node[4][1] == QUERY.cursor.set then
      draw(QUERY.cursor.set, node, QUERY.cursor.at, QUERY.cursor.head)
      return reply()
    end
  end
end
if QUERY.cursor ~= 0 and QUERY.cursor.spread then
  spread = strewn(#QUERY.cursor.spread.heads, QUERY.cursor.spread.turns)
end
if QUERY.cursor == 0 then
  local count = size(QUERY.filter)
  local total = call('ZCARD', KEYS[1])
  local wanted = QUERY.want == 'count' and total or QUERY.skip + QUERY.limit
  -- A walk sees only what lies within its bounds, and of that what the rest of the filter lets through.
  local reach = 0
  for _, phase in ipairs(QUERY.phases) do
    local first, last = bounds(phase)
    reach = reach + math.max(0, last - first + 1)
  end
  local matching = math.max(selectivity(residual(QUERY.phases[1]), total) * reach, 1)
  local walked = math.min(reach, wanted * reach / matching)
  if count and count <= ENUMERABLE and count <= walked then
    enumerate()
    return reply()
  end
  if QUERY.whole and QUERY.filter ~= 0 then
    local part, least = drawable()
    if part and least * LISTED < reach then
      draw(part[3]..part[4][1], part)
      return reply()
    end
  end
  -- Matches may lie together far away: when the walk has cost what listing costs, they are listed after all.
  if count and count <= ENUMERABLE then patience = LISTED * count
  elseif QUERY.spread then spread = spreadOver(QUERY.phases[1]) end
end
if not walk(QUERY.phases) then
  local gone = state.ghosts
  fresh()
  state.ghosts = gone
  if QUERY.sort ~= 0 then QUERY.sort.edge = 0 end
  enumerate()
end
return reply()`;

/** The script that answers every query of the scan engine. */
export const queryScript = defineScript("query", `${filterLua}${listLua}${stateLua}${walkLua}${runLua}`);
