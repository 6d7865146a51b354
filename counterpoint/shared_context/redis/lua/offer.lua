#!lua
-- Arguments: the fence, one entry, the delegation's id, record, queue, priority and order. Answers the position, and
-- the order under which the delegation waits ('': it is settled already).
return answer(function()
  local f, items = fence(), entries()
  local delegation, record, queue, prio, order = arg(), arg(), arg(), arg(), arg()
  local writer = admit(f, items, '')
  local fresh = #writer.fresh > 0
  if fresh and (work('rec', delegation) or work('dead', delegation)) then
    refuse('refused', 'this delegation was offered before')
  end
  local reply = write(writer, items)
  if fresh then
    pend(delegation, record, digits(reply[2]), queue, prio, order)
  end
  keep(LOG, RUNS, WORK)
  reply[3] = work('order', delegation) or ''
  return reply
end)
