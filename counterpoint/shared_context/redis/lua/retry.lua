#!lua
-- A dead letter becomes a delegation that waits. Arguments: its id, the letter as it was read, and what `offer` keeps.
return answer(function()
  local delegation, letter = arg(), arg()
  if work('dead', delegation) ~= letter then
    refuse('unknown')
  end
  check_open()
  pend(delegation, arg(), arg(), arg(), arg(), arg())
  redis.call('HDEL', WORK, 'dead:' .. delegation)
  keep()
  return { 'ok' }
end)
