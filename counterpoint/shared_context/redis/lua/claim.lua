#!lua
-- Lease one delegation. Arguments: its id and order, the worker, the lease in ms, how many leases may run out, and what
-- tells this request from others: sent again, it gets the same lease. Answers
--   granted epoch record upto attempts
--   exhausted epoch lease record upto attempts    too many leases ran out: give it up, under this epoch
--   leased until                                  somebody has it
--   dead | gone                                   it is a dead letter, or it is not unsettled under that order
return answer(function()
  local delegation, order, worker, lease, most, request = arg(), arg(), arg(), tonumber(arg()), tonumber(arg()), arg()
  if work('order', delegation) ~= order then
    return { work('dead', delegation) and 'dead' or 'gone' }
  end
  local now, held = milliseconds(), work('fence', delegation)
  if held and work('request', delegation) == request then
    return { 'granted', held, work('rec', delegation), work('upto', delegation), work('attempts', delegation) }
  end
  if held and tonumber(work('until', delegation)) > now then
    return { 'leased', work('until', delegation) }
  end
  local record, upto = work('rec', delegation), work('upto', delegation)
  local lost = tonumber(work('lost', delegation)) + (held and 1 or 0)
  local attempts = tonumber(work('attempts', delegation))
  local epoch = digits(math.max(number('leases') + 1, now))
  redis.call('HSET', META, 'leases', epoch)
  if lost >= most then
    return { 'exhausted', epoch, held, record, upto, digits(attempts) }
  end
  if held then
    erase('w' .. held)
  end
  redis.call('HSET', META, 'w' .. epoch .. ':writer', worker, 'w' .. epoch .. ':of', delegation)
  redis.call('HSET', WORK, 'fence:' .. delegation, epoch, 'until:' .. delegation, digits(now + lease),
    'lost:' .. delegation, digits(lost), 'attempts:' .. delegation, digits(attempts + 1), 'request:' .. delegation, request)
  keep(WORK)
  return { 'granted', epoch, record, upto, digits(attempts + 1) }
end)
