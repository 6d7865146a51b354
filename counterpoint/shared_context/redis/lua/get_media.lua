#!lua flags=no-writes
-- Keys: the object besides. Answers it, if it is there.
return answer(function()
  check_kept()
  local data = redis.call('GET', KEYS[8])
  return data and { 'ok', data } or { 'ok' }
end)
