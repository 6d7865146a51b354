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
if where == 'waiting' then
  redis.call('ZADD', waiting, order, hint)
  redis.call('PUBLISH', channel, prio)
elseif where == 'leased' then
  redis.call('ZADD', due, value, hint)
elseif where == 'dead' then
  redis.call('ZADD', dead, order, place)
  redis.call('ZREMRANGEBYRANK', dead, 0, -(tonumber(value) + 1))
end
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ttl)
end
return { 'ok' }
