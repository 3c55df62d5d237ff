// Lua of the scan engine, part two: how many ids a filter node can list, and the listing itself.
// Cardinalities cost a microsecond each; they decide between listing and walking.

/** Defines `size(node)` and `list(node)`. */
export const listLua = `-- The smallest set of a list of terms.
local function smallest(prefix, terms)
  local least, key
  for _, term in ipairs(terms) do
    local count = call('SCARD', prefix..term)
    if not least or count < least then least, key = count, prefix..term end
  end
  return key
end
-- How many ids a node can list, nil when it cannot list them.
local function size(node)
  local kind = node == 0 and 'none' or node[1]
  if kind == 'none' then return nil end
  if kind == 'every' then
    local best
    for at = 2, #node do
      local count = size(node[at])
      if count and (not best or count < best) then best = count end
    end
    return best
  end
  if kind == 'some' then
    local sum = 0
    for at = 2, #node do
      local count = size(node[at])
      if not count then return nil end
      sum = sum + count
    end
    return sum
  end
  if node[2] == 1 then return nil end
  if kind == 'terms' or kind == 'points' then
    if #node[4] > COUNTED_TERMS then return nil end
    local sum = 0
    for _, value in ipairs(node[4]) do
      if kind == 'terms' then sum = sum + call('SCARD', node[3]..value)
      elseif node[6] == 1 then sum = sum + call('ZCOUNT', KEYS[node[3]], value, value)
      else sum = sum + call('ZLEXCOUNT', KEYS[node[3]], '['..value..'\\0', '('..value..'\\1') end
    end
    return sum
  end
  if kind == 'infix' then
    if #node[6] == 0 or #node[6] > COUNTED_TERMS then return node[7] == 1 and #node[6] == 0 and 0 or nil end
    local sum, least = 0, nil
    for _, gram in ipairs(node[6]) do
      local count = call('SCARD', node[3]..gram)
      sum = sum + count
      if not least or count < least then least = count end
    end
    return node[7] == 1 and sum or least
  end
  if kind == 'phrase' then
    local least
    for _, word in ipairs(node[4]) do
      local count = call('SCARD', node[3]..word)
      if not least or count < least then least = count end
    end
    return least
  end
  if kind == 'circle' or kind == 'box' then
    local sum = 0
    for _, cells in ipairs(node[4]) do sum = sum + call('ZCOUNT', KEYS[node[3]], cells[1], cells[2]) end
    return sum
  end
  if kind == 'scores' then return call('ZCOUNT', KEYS[node[3]], scoreRange(node)) end
  if kind == 'lex' then return call('ZLEXCOUNT', KEYS[node[3]], lexRange(node)) end
  return call('ZCARD', KEYS[node[3]])
end

-- The part of a filter that lists the fewest.
local function smallestPart(node)
  if node[1] ~= 'every' then return node end
  local best, least
  for at = 2, #node do
    local count = size(node[at])
    if count and (not least or count < least) then best, least = node[at], count end
  end
  return best
end
-- Conditions that few ids pass come first, so that the others look at few; those that cannot tell come last.
local function arrange(node)
  if node == 0 or node[1] ~= 'every' then return end
  local parts = {}
  for at = 2, #node do parts[at - 1] = { node[at], size(node[at]) or math.huge, at } end
  table.sort(parts, function(left, right)
    if left[2] ~= right[2] then return left[2] < right[2] end
    return left[3] < right[3]
  end)
  for at, part in ipairs(parts) do node[at + 1] = part[1] end
end

-- The ids a node holds for, or more than those: the whole filter is applied afterwards.
local function list(node)
  local found, seen = {}, {}
  local function add(ids)
    for _, id in ipairs(ids) do
      if not seen[id] then seen[id] = true found[#found + 1] = id end
    end
  end
  local function members(items)
    local ids = {}
    for at, member in ipairs(items) do ids[at] = idOf(member) end
    return ids
  end
  local kind = node[1]
  if kind == 'every' then return list(smallestPart(node))
  elseif kind == 'some' then
    for at = 2, #node do add(list(node[at])) end
  elseif kind == 'terms' then
    for _, term in ipairs(node[4]) do add(call('SMEMBERS', node[3]..term)) end
  elseif kind == 'points' then
    for _, value in ipairs(node[4]) do
      if node[6] == 1 then add(call('ZRANGE', KEYS[node[3]], value, value, 'BYSCORE'))
      else add(members(call('ZRANGE', KEYS[node[3]], '['..value..'\\0', '('..value..'\\1', 'BYLEX'))) end
    end
  elseif kind == 'infix' and node[7] == 1 then
    for _, gram in ipairs(node[6]) do add(call('SMEMBERS', node[3]..gram)) end
  elseif kind == 'infix' then add(call('SMEMBERS', smallest(node[3], node[6])))
  elseif kind == 'phrase' then add(call('SMEMBERS', smallest(node[3], node[4])))
  elseif kind == 'circle' or kind == 'box' then
    for _, cells in ipairs(node[4]) do add(call('ZRANGE', KEYS[node[3]], cells[1], cells[2], 'BYSCORE')) end
  elseif kind == 'scores' then
    local low, high = scoreRange(node)
    add(call('ZRANGE', KEYS[node[3]], low, high, 'BYSCORE'))
  elseif kind == 'lex' then
    local low, high = lexRange(node)
    add(members(call('ZRANGE', KEYS[node[3]], low, high, 'BYLEX')))
  else
    add(call('ZRANGE', KEYS[node[3]], 0, -1))
  end
  return found
end
`;
