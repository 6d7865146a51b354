#!lua flags=allow-oom
-- Arguments: what the keys of its media objects begin with (the same hash tag). Idempotent.
return answer(function()
  local begin = arg()
  for _, id in ipairs(redis.call('ZRANGE', MEDIA, 0, -1)) do
    redis.call('UNLINK', begin .. id)
  end
  redis.call('UNLINK', unpack(KEYS))
  redis.call('PUBLISH', CHANNEL, 'forgotten')
  return { 'ok' }
end)
