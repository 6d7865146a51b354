#!lua
-- Arguments: the fence, what kind of words they are ('', orphans), the entries. Answers their positions.
return answer(function()
  local f, words = fence(), arg()
  local items = entries()
  local reply = write(admit(f, items, words), items)
  keep(LOG, RUNS)
  return reply
end)
