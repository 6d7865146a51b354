#!lua
-- Arguments: the fence, what kind of words they are ('', last), the number of the Settled, the entries. Answers the
-- order of the delegation if this ended its lease (else ''), and the positions.
return answer(function()
  local f, words, settled = fence(), arg(), tonumber(arg())
  local items = entries()
  local writer = admit(f, items, words)
  if writer.state == 'leased' and settled <= writer.last then
    refuse('refused', 'the number of this Settled was given to another entry')
  end
  local reply = write(writer, items)
  table.insert(reply, 2, writer.state == 'leased' and work('order', f.delegation) or '')
  if writer.state == 'leased' then
    drop(f.delegation)
  end
  retire(f.epoch, 'settled')
  keep(LOG, RUNS, ENDED)
  return reply
end)
