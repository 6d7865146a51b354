#!lua flags=allow-oom
-- Arguments: the fence. Answers the delegation's order if it waits now, also where it was released before; '' if it is
-- another's, or over.
return answer(function()
  local f = fence()
  if not has_delegation(f) then
    return { 'ok', not work('fence', f.delegation) and work('order', f.delegation) or '' }
  end
  erase('w' .. f.epoch)
  redis.call('HDEL', WORK, 'fence:' .. f.delegation, 'until:' .. f.delegation)
  keep(WORK)
  return { 'ok', work('order', f.delegation) }
end)
