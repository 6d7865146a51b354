#!lua flags=allow-oom
-- The most urgent hint of some queues, and among equals the oldest. A hint whose time ran out waits again, in its old
-- place. What is taken is due again after `lease`: if the taker dies, it comes back.
-- Keys: of each queue waiting (three priorities) and due. Arguments: time to live (ms), the lowest priority that is
-- taken, the lease in ms ('': only look). Answers in how many ms the next hint is due ('': none is), and if there is
-- one the number of the queue, the priority, the order and the place.
local ttl, lowest, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local function keep()
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, ttl)
  end
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local next_due = nil
for first = 1, #KEYS, 4 do
  local due = KEYS[first + 3]
  for _, hint in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 100)) do
    local order, prio = string.match(hint, '^(%d+)/(%d)/')
    redis.call('ZREM', due, hint)
    redis.call('ZADD', KEYS[first + tonumber(prio)], order, hint)
  end
  local soonest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
  if soonest then
    next_due = math.min(next_due or math.huge, tonumber(soonest))
  end
end
local reply = { 'ok', next_due and string.format('%.0f', math.max(next_due - now, 0)) or '' }
for prio = 0, lowest do
  local best, at = nil, nil
  for first = 1, #KEYS, 4 do
    local head = redis.call('ZRANGE', KEYS[first + prio], 0, 0, 'WITHSCORES')
    if head[1] and (not best or tonumber(head[2]) < best.order) then
      best, at = { hint = head[1], order = tonumber(head[2]) }, first
    end
  end
  if best then
    if lease then
      redis.call('ZREM', KEYS[at + prio], best.hint)
      redis.call('ZADD', KEYS[at + 3], string.format('%.0f', now + lease), best.hint)
    end
    local order, _, place = string.match(best.hint, '^(%d+)/(%d)/(.*)$')
    for _, value in ipairs({ (at - 1) / 4, prio, order, place }) do
      reply[#reply + 1] = value
    end
    keep()
    return reply
  end
end
keep()
return reply
