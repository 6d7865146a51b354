#!lua flags=allow-oom
-- Arguments: the fence. Answers the delegation's order, '' if it was not this worker's.
return answer(function()
  local f = fence()
  if not has_delegation(f) then
    return { 'ok', '' }
  end
  erase('w' .. f.epoch)
  redis.call('HDEL', WORK, 'fence:' .. f.delegation, 'until:' .. f.delegation)
  keep()
  return { 'ok', work('order', f.delegation) }
end)
