#!lua flags=allow-oom
-- Arguments: the fence, one entry, the delegation. Answers the position. What ends work is written into a full server.
return answer(function()
  local f, items = fence(), entries()
  local delegation = arg()
  local writer = admit(f, items, '')
  local fresh = #writer.fresh > 0
  if fresh and not work('rec', delegation) then
    refuse('unknown')
  end
  local reply = write(writer, items)
  if fresh then
    local epoch = work('fence', delegation)
    if epoch then
      retire(epoch, 'withdrawn')
    end
    drop(delegation)
  end
  keep(LOG, RUNS, ENDED)
  return reply
end)
