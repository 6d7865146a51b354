#!lua flags=no-writes
-- Answers upto and the data, if there is a snapshot.
return answer(function()
  check_kept()
  local upto = redis.call('HGET', SNAP, 'upto')
  if not upto then
    return { 'ok' }
  end
  return { 'ok', tonumber(upto), redis.call('HGET', SNAP, 'data') }
end)
