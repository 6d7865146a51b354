#!lua
-- Keys: the object besides. Arguments: the fence, the media id, the data, for how many ms.
return answer(function()
  local f, id, data, lasting = fence(), arg(), arg(), arg()
  check_kept()
  check_writer(f)
  local now = milliseconds()
  redis.call('SET', KEYS[8], data, 'PX', lasting)
  redis.call('ZREMRANGEBYSCORE', MEDIA, '-inf', digits(now))
  redis.call('ZADD', MEDIA, digits(now + tonumber(lasting)), id)
  for index = 1, 7 do
    if redis.call('PTTL', KEYS[index]) == -1 then
      redis.call('PEXPIRE', KEYS[index], TTL)
    end
  end
  return { 'ok' }
end)
