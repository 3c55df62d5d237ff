// Lua of the scan engine, part three: the walk of a sorted index, from one end or from many places by turns.
// Where a call stopped is told by entries, never by ranks, so that what others write meanwhile moves nothing.

/** Defines `bounds(phase)`, `residual(phase)` and `walk(phases)`; the latter by the script's `state` and `take(id)`. */
export const walkLua = `-- Executor one: walk a sorted index from where the last call stopped.
local function rank(phase, cursor)
  local key = KEYS[phase.key]
  if phase.kind ~= 'scores' then
    return call('ZLEXCOUNT', key, '-', '('..cursor.member), call('ZLEXCOUNT', key, '-', '['..cursor.member)
  end
  local at = call('ZRANK', key, cursor.member)
  if at and call('ZSCORE', key, cursor.member) == cursor.score then return at, at + 1 end
  -- The member moved away meanwhile: find where it would stand among its equals.
  local first = call('ZCOUNT', key, '-inf', '('..cursor.score)
  local last = first + call('ZCOUNT', key, cursor.score, cursor.score)
  local over = last
  while first < last do
    local middle = math.floor((first + last) / 2)
    if before(call('ZRANGE', key, middle, middle)[1], cursor.member) then first = middle + 1 else last = middle end
  end
  -- It may be there after all, its score written another way.
  if first < over and call('ZRANGE', key, first, first)[1] == cursor.member then return first, first + 1 end
  return first, first
end
local function bounds(phase)
  local key = KEYS[phase.key]
  if phase.range == 0 then return 0, call('ZCARD', key) - 1 end
  local low, high, first, count
  if phase.kind == 'scores' then
    low, high = scoreRange(phase.range)
    local below = phase.range[5] == 1 and phase.range[4] or '('..phase.range[4]
    first = phase.range[4] == 0 and 0 or call('ZCOUNT', key, '-inf', below)
    count = call('ZCOUNT', key, low, high)
  else
    low, high = lexRange(phase.range)
    first = low == '-' and 0 or call('ZLEXCOUNT', key, '-', '('..string.sub(low, 2))
    count = call('ZLEXCOUNT', key, low, high)
  end
  return first, first + count - 1
end
-- What a phase leaves to be asked of the ids within its bounds.
local function residual(phase)
  if phase.filter == 'whole' then return QUERY.filter end
  return phase.filter
end
local function stop(phaseAt, phase, member)
  state.cursor = { phase = phaseAt, member = member }
  if phase.kind == 'scores' then state.cursor.score = call('ZSCORE', KEYS[phase.key], member) end
end
-- What a walk does with the ids that passed: 'done' or 'stopped' when it ends at the one that comes with it.
local function collect(kept)
  for _, id in ipairs(kept) do
    if QUERY.want == 'count' then state.count = state.count + 1
    elseif state.skip > 0 then state.skip = state.skip - 1
    else
      take(id)
      if #state.ids >= QUERY.limit then return 'done' end
      if QUERY.want == 'rows' and #state.ids >= HYDRATED then return 'stopped', id end
    end
  end
  return nil
end
-- The ids of some entries, in the direction of the walk, and the entries by their ids.
local function entries(phase, from, to)
  local chunk, down = call('ZRANGE', KEYS[phase.key], from, to), QUERY.desc == 1
  if not down and phase.kind ~= 'lex' then return chunk, nil end
  local ids, member = {}, phase.kind == 'lex' and {} or nil
  for at = 1, #chunk do
    local entry = chunk[down and #chunk + 1 - at or at]
    local id = member and idOf(entry) or entry
    ids[at] = id
    if member then member[id] = entry end
  end
  return ids, member
end
-- Without an order, matches may lie together, far from where a walk would begin. Such a query walks many spans of the
-- index by turns, some entries of each, so that it comes upon them early. Spans and turns follow from the number of
-- entries, coarsely, so that all pages are of one order; between calls they are held by their entries.
local spread
local function strewn(count, turns)
  return { count = count, turns = turns, stride = math.floor(count * 0.309) * 2 + 1, heads = {}, seen = {}, passed = {} }
end
local function spreadOver(phase)
  local first, last = bounds(phase)
  local count = 1
  while count < SPANS and count * SPAN <= last - first + 1 do count = count * 2 end
  if count < 4 then return nil end
  local distance, grain = math.floor((last - first + 1) / count), 1
  while distance / grain >= 64 do grain = grain * 2 end
  local made = strewn(count, 0)
  made.first, made.last, made.distance = first, last, distance - distance % grain
  return made
end
local function entryOf(phase, member)
  return { member = member, score = phase.kind == 'scores' and call('ZSCORE', KEYS[phase.key], member) or nil }
end
-- The ranks of a span that were not seen yet.
local function unseen(phase, span)
  local held = QUERY.cursor ~= 0 and QUERY.cursor.spread
  if not held then
    local first = spread.first + span * spread.distance
    local last = span + 1 < spread.count and first + spread.distance - 1 or spread.last
    return first + (spread.passed[span] or 0), last
  end
  local seen, first, last = spread.seen[span] or held.seen[span + 1], nil, nil
  if seen ~= 0 then
    local _, after = rank(phase, seen)
    first = after
  else first = rank(phase, held.heads[span + 1]) end
  if span + 1 < spread.count then last = rank(phase, held.heads[span + 2]) - 1
  else
    local _, over = bounds(phase)
    last = over
  end
  return first, last
end
local function holdSpread(phase, left)
  local held = QUERY.cursor ~= 0 and QUERY.cursor.spread
  local heads, seen = held and held.heads or {}, {}
  for span = 0, spread.count - 1 do
    if not held then
      local rank = spread.first + span * spread.distance
      heads[span + 1] = entryOf(phase, spread.heads[span] or call('ZRANGE', KEYS[phase.key], rank, rank)[1])
    end
    seen[span + 1] = spread.seen[span] or held and held.seen[span + 1] or 0
  end
  state.cursor = { phase = 1, spread = { heads = heads, seen = seen, turns = spread.turns, left = left } }
end
local function walkSpread(phase)
  local left = QUERY.cursor ~= 0 and QUERY.cursor.spread.left or nil
  local idle, asked = 0, false
  while idle < spread.count do
    if asked and used >= QUERY.budget then
      holdSpread(phase)
      return 'budget'
    end
    -- Later rounds take longer pieces, since seeking costs as much as some entries.
    local span = spread.turns % spread.count * spread.stride % spread.count
    local piece = left or math.min(512, BLOCK * 2 ^ math.floor(spread.turns / spread.count))
    local first, last = unseen(phase, span)
    local length = math.min(last - first + 1, piece)
    used, asked, left = used + 1, true, nil
    if length > 0 then
      idle = 0
      local ids, member = entries(phase, first, first + length - 1)
      local reached = member and member[ids[#ids]] or ids[#ids]
      if not spread.passed[span] then spread.heads[span] = member and member[ids[1]] or ids[1] end
      spread.passed[span] = (spread.passed[span] or 0) + length
      used = used + length
      local outcome, id = collect(keep(residual(phase), alive(ids)))
      if outcome == 'stopped' then
        spread.seen[span] = entryOf(phase, member and member[id] or id)
        local _, after = rank(phase, spread.seen[span])
        holdSpread(phase, first + length - after)
      end
      if outcome then return outcome end
      spread.seen[span] = entryOf(phase, reached)
    else idle = idle + 1 end
    spread.turns = spread.turns + 1
  end
  return 'through'
end
local function walkPhase(phaseAt, phase, cursor)
  local key, down = KEYS[phase.key], QUERY.desc == 1
  local first, last = bounds(phase)
  if cursor and not cursor.member then
    -- From the first of a value on, or from the start.
    local from = phase.kind ~= 'ids' and QUERY.sort.from or 0
    if from ~= 0 and phase.kind == 'scores' then
      if down then last = math.min(last, call('ZCOUNT', key, '-inf', from) - 1)
      else first = math.max(first, call('ZCOUNT', key, '-inf', '('..from)) end
    elseif from ~= 0 then
      if down then last = math.min(last, call('ZLEXCOUNT', key, '-', '('..from..'\\1') - 1)
      else first = math.max(first, call('ZLEXCOUNT', key, '-', '('..from..'\\0')) end
    end
  elseif cursor then
    local at, after = rank(phase, cursor)
    if down then last = math.min(last, at - 1) else first = math.max(first, after) end
  end
  local step = 64
  while first <= last do
    -- Every call looks at one chunk at least, so that there is a place to go on from.
    if used >= QUERY.budget and state.cursor then return 'budget' end
    if patience and used > patience then return 'overspent' end
    local from, to = first, math.min(last, first + step - 1)
    if down then from, to = math.max(first, last - step + 1), last end
    local ids, member = entries(phase, from, to)
    used = used + #ids
    local kept = keep(residual(phase), alive(ids))
    if QUERY.sort ~= 0 then
      local last = propose(kept)
      if last then
        state.full = true
        if last > 0 then stop(phaseAt, phase, member and member[kept[last]] or kept[last])
        elseif not state.cursor then state.cursor = cursor or { phase = phaseAt } end
        return 'stopped'
      end
    else
      local outcome, id = collect(kept)
      if outcome == 'stopped' then stop(phaseAt, phase, member and member[id] or id) end
      if outcome then return outcome end
    end
    local reached = ids[#ids]
    stop(phaseAt, phase, member and member[reached] or reached)
    if down then last = from - 1 else first = to + 1 end
    step = math.min(step * 2, 512)
  end
  return 'through'
end
local function walk(phases)
  state.plan = 'walk'
  local from = QUERY.cursor ~= 0 and QUERY.cursor or QUERY.after
  -- Among those with the same first key any may stand behind a place.
  if QUERY.sort ~= 0 and QUERY.cursor == 0 and from ~= 0 then from = { phase = from.phase } end
  local start = from ~= 0 and from.phase or 1
  for at = start, #phases do
    local outcome
    if at == 1 and spread then outcome = walkSpread(phases[1])
    else outcome = walkPhase(at, phases[at], from ~= 0 and at == start and from or nil) end
    if outcome == 'overspent' then return false end
    if outcome == 'budget' or outcome == 'stopped' then return true end
    state.cursor = nil
    if outcome == 'done' then return true end
  end
  return true
end
`;
