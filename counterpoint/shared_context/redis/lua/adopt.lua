#!lua
-- Take in a log that was kept elsewhere, page by page. Keys: the media objects of this page besides. Arguments: what tells
-- this adoption from others; whether this is its first page; for how many ms an unfinished one is kept; how many entries,
-- and of each position and record; how many media objects, and of each id and data, and for how many ms; then whether this is the end. At the
-- end: the newest epoch, whether it is closed ('1'), what the snapshot covers ('': there is none) and the snapshot; how
-- many delegations are unsettled, and of each id, record, upto, queue and priority.
-- Answers five values of each unsettled delegation. Until the end the conversation is not born: nobody sees it.
local function finish(token)
  local epoch, closed, covered, data = arg(), arg(), arg(), arg()
  redis.call('HSET', META, 'born', stamp(), 'epoch', epoch, 'leases', epoch, 'adopted', token)
  redis.call('HDEL', META, 'adopting', 'forgotten')
  if closed == '1' then
    redis.call('HSET', META, 'closed', '1')
  end
  if covered ~= '' then
    redis.call('HSET', SNAP, 'upto', covered, 'data', data)
    if number('tail') < tonumber(covered) then
      redis.call('HSET', META, 'tail', covered)
    end
  end
  local order = tonumber(stamp())
  for index = 1, tonumber(arg()) do
    local delegation, record, upto, queue, prio = arg(), arg(), arg(), arg(), arg()
    pend(delegation, record, upto, queue, prio, digits(order + index))
  end
  for _, key in ipairs({ META, LOG, WORK, SNAP }) do
    redis.call('PEXPIRE', key, TTL)
  end
end

return answer(function()
  local token, begins, unfinished = arg(), arg(), arg()
  if meta('born') then
    if meta('adopted') == token then
      return mending({ 'ok' }, unsettled())
    end
    refuse('refused', 'a conversation of this id is kept here already')
  end
  if meta('adopting') ~= token then
    if begins ~= '1' then
      refuse('refused', 'another import took the place of this one, or too much time has passed since its last page')
    end
    local forgotten = meta('forgotten')
    redis.call('DEL', META, LOG, WORK, RUNS, SNAP, ENDED)
    redis.call('HSET', META, 'adopting', token)
    if forgotten then
      redis.call('HSET', META, 'forgotten', forgotten)
    end
  end
  for _ = 1, tonumber(arg()) do
    local position, record = tonumber(arg()), arg()
    local tail = number('tail')
    if position == tail + 1 or not meta('tail') then
      redis.call('HSET', META, 'tail', digits(position - 1))
      log(nil, { record }, stamp())
    elseif position > tail then
      refuse('refused', 'entries are missing before ' .. digits(position))
    end
  end
  local media, lasting = tonumber(arg()), arg()
  for index = 1, media do
    local id, data = arg(), arg()
    redis.call('SET', KEYS[7 + index], data, 'PX', lasting)
    redis.call('ZADD', MEDIA, digits(milliseconds() + tonumber(lasting)), id)
    redis.call('PEXPIRE', MEDIA, lasting)
  end
  for _, key in ipairs({ META, LOG }) do
    redis.call('PEXPIRE', key, unfinished)
  end
  if arg() == '1' then
    finish(token)
  end
  return mending({ 'ok' }, meta('born') and unsettled() or {})
end)
