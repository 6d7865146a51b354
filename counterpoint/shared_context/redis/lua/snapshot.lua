#!lua
-- Arguments: the fence, upto, the data.
return answer(function()
  local f, upto, data = fence(), tonumber(arg()), arg()
  check_kept()
  check_writer(f)
  local covered = tonumber(redis.call('HGET', SNAP, 'upto') or 0)
  local tail = number('tail')
  if upto < math.max(1, covered) or upto > tail then
    refuse('refused', 'no snapshot up to ' .. digits(upto) .. ': ' .. digits(covered) ..
      ' is covered already, the log ends at ' .. digits(tail))
  end
  redis.call('HSET', SNAP, 'upto', digits(upto), 'data', data)
  keep()
  return { 'ok' }
end)
