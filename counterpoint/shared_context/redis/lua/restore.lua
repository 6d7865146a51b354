#!lua
-- Give back what the server has lost. Arguments: the fence; what tells this restoration from others; where the
-- log ended when the host looked; the position after which its entries follow; the number of the host's newest entry up to their end; what the snapshot covers ('': there is
-- none) and the snapshot; how many entries, and of each position, stamp, role, writer, epoch, number and record; how many
-- delegations are unsettled ('': nobody says), and of each id, record, upto, queue and priority.
-- Answers what `standing` does, and then five values of each unsettled delegation.
local function put_back()
  local position, mark_of, role, writer, epoch, seq, record = arg(), arg(), arg(), arg(), arg(), tonumber(arg()), arg()
  local ledger = role .. epoch
  if meta(ledger .. ':writer') ~= writer then
    ledger = nil
  elseif seq <= number(ledger .. ':n') then
    return
  else
    skip(ledger, seq - 1)
  end
  local in_place = tonumber(position) == number('tail') + 1 and mark_of ~= '0'
  log(ledger, { record }, in_place and mark_of or stamp())
end

-- What is unsettled is exactly this.
local function requeue()
  local wanted, order = {}, tonumber(stamp())
  local count = arg()
  if count == '' then
    return
  end
  for index = 1, tonumber(count) do
    local delegation, record, upto, queue, prio = arg(), arg(), arg(), arg(), arg()
    wanted[delegation] = true
    if not work('rec', delegation) and not work('dead', delegation) then
      pend(delegation, record, upto, queue, prio, digits(order + index))
    end
  end
  for _, delegation in ipairs(unsettled()) do
    if not wanted[delegation] then
      local epoch = work('fence', delegation)
      if epoch then
        retire(epoch, 'withdrawn')
      end
      drop(delegation)
    end
  end
end

return answer(function()
  local f, token, tail = fence(), arg(), tonumber(arg())
  local base, last, covered, data = tonumber(arg()), tonumber(arg()), arg(), arg()
  check_not_overtaken(f)
  if meta('restored') ~= token then
    if number('tail') ~= tail then
      refuse('rewound')
    end
    if number('tail') < base and covered == '' then
      refuse('refused', 'the log ends before ' .. digits(base) .. ', and there is no snapshot')
    end
    if not meta('born') then
      redis.call('DEL', unpack(KEYS))
      redis.call('HSET', META, 'born', stamp())
    end
    redis.call('HSET', META, 'epoch', f.epoch, 'h' .. f.epoch .. ':writer', f.writer, 'restored', token)
    if number('tail') < base then
      redis.call('DEL', LOG)
      redis.call('HSET', META, 'tail', digits(base))
    end
    for _ = 1, tonumber(arg()) do
      put_back()
    end
    skip('h' .. f.epoch, last)
    if covered ~= '' and tonumber(covered) > tonumber(redis.call('HGET', SNAP, 'upto') or 0) then
      redis.call('HSET', SNAP, 'upto', covered, 'data', data)
    end
    requeue()
  end
  keep()
  ring()
  return mending(standing_of(f), unsettled())
end)
