#!lua flags=allow-oom
-- Put the hint of a delegation where the conversation says that it is.
-- Keys: one queue's waiting (three priorities), due, dead. Arguments: time to live (ms), channel, priority, order, place,
-- and where: waiting, leased (then until when, in ms), dead (then how many are kept), gone.
local ttl, channel, prio, order, place, where, value = unpack(ARGV)
local hint = order .. '/' .. prio .. '/' .. place
local waiting, due, dead = KEYS[tonumber(prio) + 1], KEYS[4], KEYS[5]
redis.call('ZREM', waiting, hint)
redis.call('ZREM', due, hint)
redis.call('ZREM', dead, place)

local function add(key, score, member)
  redis.call('ZADD', key, score, member)
  redis.call('PEXPIRE', key, ttl)
end

if where == 'waiting' then
  add(waiting, order, hint)
  redis.call('PUBLISH', channel, prio)
elseif where == 'leased' then
  add(due, value, hint)
elseif where == 'dead' then
  add(dead, order, place)
  redis.call('ZREMRANGEBYRANK', dead, 0, -(tonumber(value) + 1))
end
return { 'ok' }
