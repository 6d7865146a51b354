#!lua
-- Become the host. Arguments: the writer. Answers the epoch, the tail, and five values of each unsettled delegation,
-- so that the index of waiting work can be mended. Epochs are milliseconds: none is used twice, even after `forget` or
-- after the server lost its last writes.
return answer(function()
  local writer = arg()
  check_open()
  local now = milliseconds()
  if not meta('born') then
    redis.call('DEL', unpack(KEYS))
    local time = redis.call('TIME')
    redis.call('HSET', META, 'born', time[1] .. '.' .. time[2])
  end
  local epoch = digits(math.max(number('epoch') + 1, now))
  redis.call('HSET', META, 'epoch', epoch, 'h' .. epoch .. ':writer', writer)
  keep()
  local reply = { 'ok', epoch, number('tail') }
  for _, delegation in ipairs(unsettled()) do
    for _, value in ipairs({ delegation, work('queue', delegation), work('prio', delegation), work('order', delegation),
                             work('until', delegation) or '' }) do
      reply[#reply + 1] = value
    end
  end
  return reply
end)
