#!lua
-- Arguments: the fence, one entry, the delegation. Answers the position.
return answer(function()
  local f, items = fence(), entries()
  local delegation = arg()
  local writer = admit(f, items, '')
  if #writer.fresh > 0 and not work('rec', delegation) then
    refuse('unknown')
  end
  local reply = write(writer, items)
  keep(LOG, RUNS)
  return reply
end)
