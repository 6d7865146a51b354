#!lua flags=allow-oom
-- Arguments: what the keys of its media objects begin with (the same hash tag). Idempotent. What stays for a day is that
-- it was forgotten, so that no host takes it for lost and gives it back. Answers the queues that were asked.
return answer(function()
  local DAY = 86400000
  local newest = math.max(milliseconds(), number('epoch'), number('leases'), number('forgotten'))
  local begin, queues = arg(), {}
  for _, id in ipairs(redis.call('ZRANGE', MEDIA, 0, -1)) do
    redis.call('UNLINK', begin .. id)
  end
  for _, field in ipairs(redis.call('HKEYS', META)) do
    if string.sub(field, 1, 6) == 'queue:' then
      queues[#queues + 1] = string.sub(field, 7)
    end
  end
  redis.call('UNLINK', unpack(KEYS))
  redis.call('HSET', META, 'forgotten', digits(newest))
  redis.call('PEXPIRE', META, math.min(TTL, DAY))
  redis.call('PUBLISH', CHANNEL, 'forgotten')
  return { 'ok', unpack(queues) }
end)
