#!lua flags=allow-oom
-- Arguments: the delegation, the lease that ran out last, the dead letter, how many records, the records that tell of
-- it. Answers `ok`, or `again` if the delegation moved on meanwhile.
return answer(function()
  local delegation, held, letter = arg(), arg(), arg()
  if work('fence', delegation) ~= held or tonumber(work('until', delegation)) > milliseconds() then
    return { 'again' }
  end
  local records = {}
  for index = 1, tonumber(arg()) do
    records[index] = arg()
  end
  add(nil, records)
  erase('w' .. held)
  drop(delegation)
  redis.call('HSET', WORK, 'dead:' .. delegation, letter)
  keep()
  return { 'ok' }
end)
