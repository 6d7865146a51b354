#!lua flags=allow-oom
-- Arguments: the fence, upto. Exact: an approximate trim would leave up to a hundred entries.
return answer(function()
  local f, upto = fence(), tonumber(arg())
  check_kept()
  check_writer(f)
  local covered = tonumber(redis.call('HGET', SNAP, 'upto') or 0)
  if upto > covered then
    refuse('refused', 'no trimming up to ' .. digits(upto) .. ': the last snapshot covers entries up to ' ..
      digits(covered) .. ' only')
  end
  redis.call('XTRIM', LOG, 'MINID', '=', digits(upto + 1))
  keep()
  return { 'ok' }
end)
