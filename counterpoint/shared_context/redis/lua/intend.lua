#!lua
-- Before a delegation is offered: its hint is put among the leased ones for a while. Whatever breaks off afterwards,
-- it comes up there, and a worker looks into the conversation. So `due` is the outbox of offers.
-- Keys: due. Arguments: time to live (ms), priority, place, delay (ms). Answers the order: microseconds since 1970.
local time = redis.call('TIME')
local order = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[4])), order .. '/' .. ARGV[2] .. '/' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return { 'ok', order }
