#!lua flags=allow-oom
-- The most urgent hint of some queues, and among equals the oldest. A hint whose time ran out waits again, in its old
-- place. What is taken is due again after `lease`: if the taker dies, it comes back. Most looks find nothing, and cost
-- one command.
-- Keys: what this request took, if it was sent before; of each queue, under each tag that is on this node, waiting
-- (three priorities) and due. Arguments: time to live (ms), the lowest priority that is taken, the lease in ms ('': only
-- look). Answers in how many ms the next hint is due ('': none is), and if there is one the number of its keys' group,
-- the priority, the order and the place.
local SENT_AGAIN = 5000  -- ms: longer than a request and its repetition may take
local ttl, lowest, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('EXISTS', unpack(KEYS)) == 0 then
  return { 'ok', '' }
end
local taken = redis.call('GET', KEYS[1])
if taken then
  return cmsgpack.unpack(taken)
end

local function add(key, score, hint)
  redis.call('ZADD', key, score, hint)
  redis.call('PEXPIRE', key, ttl)
end

local function soonest(due)
  return redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local next_due, waiting = nil, {}
for first = 2, #KEYS, 4 do
  local due = KEYS[first + 3]
  local at = soonest(due)
  if at and tonumber(at) <= now then
    for _, hint in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 100)) do
      local order, prio = string.match(hint, '^(%d+)/(%d)/')
      redis.call('ZREM', due, hint)
      add(KEYS[first + tonumber(prio)], order, hint)
    end
    at = soonest(due)
  end
  if at then
    next_due = math.min(next_due or math.huge, tonumber(at))
  end
  for prio = 0, lowest do
    waiting[#waiting + 1] = KEYS[first + prio]
  end
end
local reply = { 'ok', next_due and string.format('%.0f', math.max(next_due - now, 0)) or '' }
if redis.call('EXISTS', unpack(waiting)) == 0 then
  return reply
end
for prio = 0, lowest do
  local best, at = nil, nil
  for first = 2, #KEYS, 4 do
    local head = redis.call('ZRANGE', KEYS[first + prio], 0, 0, 'WITHSCORES')
    if head[1] and (not best or tonumber(head[2]) < best.order) then
      best, at = { hint = head[1], order = tonumber(head[2]) }, first
    end
  end
  if best then
    local order, _, place = string.match(best.hint, '^(%d+)/(%d)/(.*)$')
    for _, value in ipairs({ (at - 2) / 4, prio, order, place }) do
      reply[#reply + 1] = value
    end
    if lease then
      redis.call('ZREM', KEYS[at + prio], best.hint)
      add(KEYS[at + 3], string.format('%.0f', now + lease), best.hint)
      redis.call('SET', KEYS[1], cmsgpack.pack(reply), 'PX', SENT_AGAIN)
    end
    return reply
  end
end
return reply
