/** Scripts that redis-store.ts runs inside Redis, so that each is atomic. ARGV[1] is the prefix of all keys. */

const COMMON = `
local p = ARGV[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- Adds a person on a node to a room under a name, or removes them with the name ''.
local function change(node, stamp, room, user, name)
  local key = p .. 'room:' .. room
  local nodes, before = {}, redis.call('HGET', key, user)
  local known = before and string.match(before, '^%S*') or ''
  for each in string.gmatch(known, '[^,]+') do
    if each ~= node then nodes[#nodes + 1] = each end
  end
  if name ~= '' then
    nodes[#nodes + 1] = node
    redis.call('SADD', p .. 'node:' .. node, room .. ' ' .. user)
  else
    name = before and string.match(before, ' (.*)$') or ''
    redis.call('SREM', p .. 'node:' .. node, room .. ' ' .. user)
  end
  if #nodes > 0 then
    redis.call('HSET', key, user, table.concat(nodes, ',') .. ' ' .. name, '', stamp)
  elseif before then
    redis.call('HDEL', key, user)
    if redis.call('HLEN', key) == 1 then redis.call('DEL', key) else redis.call('HSET', key, '', stamp) end
  end
end
`;

/** node, stamp, ms to live, then room, person and name of each change. 1: the node was known and live. */
export const WRITE = `${COMMON}
local node, stamp = ARGV[2], ARGV[3]
local till = redis.call('HGET', p .. 'nodes', node)
redis.call('HSET', p .. 'nodes', node, now + ARGV[4])
for i = 5, #ARGV, 3 do change(node, stamp, ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return till and tonumber(till) >= now and 1 or 0
`;

/** stamp. Removes up to 1,000 members of one dead node. 1: there may be more. */
export const SWEEP = `${COMMON}
local nodes = redis.call('HGETALL', p .. 'nodes')
for i = 1, #nodes, 2 do
  if tonumber(nodes[i + 1]) < now then
    local members = redis.call('SPOP', p .. 'node:' .. nodes[i], 1000)
    for _, member in ipairs(members) do
      local room, user = string.match(member, '^(%S+) (%S+)$')
      change(nodes[i], ARGV[2], room, user, '')
    end
    if #members < 1000 then redis.call('HDEL', p .. 'nodes', nodes[i]) end
    return 1
  end
end
return 0
`;

/** Maximum length of a list, then room and version of each. Returns those of another version: room, version, count, the hash. */
export const READ = `${COMMON}
local found = {}
for i = 3, #ARGV, 2 do
  local key = p .. 'room:' .. ARGV[i]
  local version = redis.call('HGET', key, '') or ''
  if version ~= ARGV[i + 1] then
    local count = math.max(redis.call('HLEN', key) - 1, 0)
    local fields = count <= tonumber(ARGV[2]) and redis.call('HGETALL', key) or {}
    found[#found + 1] = { ARGV[i], version, count, fields }
  end
end
return found
`;
