// Lua that does on JSON text in a string what the JSON commands do on a JSON document, for servers without them.
// Values are found in the text and replaced there: all else of it stays as it is, byte by byte.
import type { Storage } from "../../schema/metadata.ts";

/**
 * The shorthands that every writing script begins with.
 *
 * @param storage - how documents are stored.
 * @returns statements that define `call`, `pcall` and `decode`; for documents in strings the first two know `JSON.GET`, `JSON.SET`,
 *   `JSON.DEL` and `JSON.TYPE` of one path, by names.
 */
export function shorthands(storage: Storage): string {
  const commands = "local call, pcall, decode = redis.call, redis.pcall, cjson.decode";
  return storage === "string" ? `${commands}\n${textCommands}` : commands;
}

/**
 * The command that reads a document which is one text.
 *
 * @param storage - how documents are stored.
 * @returns its name.
 */
export function readCommand(storage: Storage): "JSON.GET" | "GET" {
  return storage === "string" ? "GET" : "JSON.GET";
}

// What is no JSON raises errors here and there, which end the search.
const textCommands = `do
  local find, sub = string.find, string.sub
  local function solid(text, at) return find(text, '[^ \\t\\r\\n]', at) end
  -- The end of the string that begins with a quote.
  local function closing(text, at)
    while true do
      at = find(text, '["\\\\]', at + 1)
      if sub(text, at, at) == '"' then return at end
      at = at + 1
    end
  end
  -- The end of a value.
  local function ending(text, at)
    local sign = sub(text, at, at)
    if sign == '"' then return closing(text, at) end
    if sign ~= '{' and sign ~= '[' then
      assert(find(sign, '[%w%-]'))
      return find(text, '[,%]} \\t\\r\\n]', at) - 1
    end
    local depth = 0
    while true do
      at = find(text, '["%[%]{}]', at)
      sign = sub(text, at, at)
      if sign == '"' then at = closing(text, at)
      elseif sign == '{' or sign == '[' then depth = depth + 1
      else depth = depth - 1 end
      if depth == 0 then return at end
      at = at + 1
    end
  end
  -- The end of an object, whether it has members, and where one of them is: the last of a name, as parsers take it.
  local function members(text, brace, wanted)
    local at, past, found = solid(text, brace + 1), nil, nil
    if sub(text, at, at) == '}' then return at, false end
    while true do
      assert(sub(text, at, at) == '"')
      local quote = closing(text, at)
      local name = sub(text, at + 1, quote - 1)
      if find(name, '\\\\', 1, true) then name = decode('["'..name..'"]')[1] end
      local colon = solid(text, quote + 1)
      assert(sub(text, colon, colon) == ':')
      local first = solid(text, colon + 1)
      local last = ending(text, first)
      local after = solid(text, last + 1)
      local more = sub(text, after, after) == ','
      assert(more or sub(text, after, after) == '}')
      local following = more and solid(text, after + 1)
      if name == wanted then
        found = { first = first, last = last, from = past and past + 1 or at, to = not past and more and following - 1 or last }
      end
      if not more then return after, true, found end
      past, at = last, following
    end
  end
  local function namesOf(path)
    local names, at = {}, 2
    while at <= #path do
      local quote = closing(path, at + 1)
      names[#names + 1] = string.gsub(sub(path, at + 2, quote - 1), '\\\\(.)', '%1')
      at = quote + 2
    end
    return names
  end
  -- Where a value is; or where the object ends that would have it, and whether it has others.
  local function place(text, path)
    local first, found = solid(text, 1), nil
    local names = namesOf(path)
    for depth, name in ipairs(names) do
      if sub(text, first, first) ~= '{' then return nil end
      local close, others, here = members(text, first, name)
      assert(depth > 1 or not solid(text, close + 1))
      if not here then return nil, depth == #names and { close = close, others = others, name = name } or nil end
      found, first = here, here.first
    end
    return found or { first = first, last = ending(text, first) }
  end
  local function locate(text, path)
    local good, found, room = xpcall(function() return place(text, path) end, function() end)
    if good then return found, room end
  end
  local own = {}
  own['JSON.GET'] = function(send, key, path)
    local text = send('GET', key)
    if not path or type(text) ~= 'string' then return text end
    local found = locate(text, path)
    return found and '['..sub(text, found.first, found.last)..']' or '[]'
  end
  own['JSON.TYPE'] = function(send, key, path)
    local text = send('GET', key)
    local found = type(text) == 'string' and locate(text, path)
    if not found or sub(text, found.first, found.first) ~= '{' then return {} end
    local whole = xpcall(function()
      local close = members(text, found.first)
      assert(close == found.last and (path ~= '$' or not solid(text, close + 1)))
    end, function() end)
    return whole and { 'object' } or {}
  end
  own['JSON.SET'] = function(send, key, path, value)
    if path == '$' then
      local kind = send('TYPE', key).ok
      if kind ~= 'none' and kind ~= 'string' then return { err = 'WRONGTYPE the key holds no string' } end
      return send('SET', key, value, 'KEEPTTL')
    end
    local text = send('GET', key)
    if type(text) ~= 'string' then return text end
    local found, room = locate(text, path)
    if found then text = sub(text, 1, found.first - 1)..value..sub(text, found.last + 1)
    elseif room then
      local name = cjson.encode(room.name)
      text = sub(text, 1, room.close - 1)..(room.others and ',' or '')..name..':'..value..sub(text, room.close)
    else return false end
    return send('SET', key, text, 'KEEPTTL')
  end
  own['JSON.DEL'] = function(send, key, path)
    local text = send('GET', key)
    if type(text) ~= 'string' then return text end
    local found = locate(text, path)
    if not found then return 0 end
    send('SET', key, sub(text, 1, found.from - 1)..sub(text, found.to + 1), 'KEEPTTL')
    return 1
  end
  call = function(name, ...)
    if own[name] then return own[name](redis.call, ...) end
    return redis.call(name, ...)
  end
  pcall = function(name, ...)
    if own[name] then return own[name](redis.pcall, ...) end
    return redis.pcall(name, ...)
  end
end`;
