#!lua flags=allow-oom
-- Arguments: the fence, the lease in ms. Answers the delegation's order and until when it is leased.
return answer(function()
  local f, lease = fence(), tonumber(arg())
  if not has_delegation(f) then
    refuse('fenced')
  end
  local ends = digits(milliseconds() + lease)
  redis.call('HSET', WORK, 'until:' .. f.delegation, ends)
  keep(WORK)
  return { 'ok', work('order', f.delegation), ends }
end)
