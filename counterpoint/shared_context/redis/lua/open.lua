#!lua
-- Become the host. Arguments: the writer. Answers the epoch, the tail, and five values of each unsettled delegation,
-- so that the index of waiting work can be mended. Epochs are milliseconds: none is used twice, even after `forget` or
-- after the server lost its last writes.
return answer(function()
  local writer = arg()
  check_open()
  local least = math.max(number('epoch'), number('forgotten')) + 1
  if not meta('born') then
    redis.call('DEL', unpack(KEYS))
    local time = redis.call('TIME')
    redis.call('HSET', META, 'born', time[1] .. '.' .. time[2])
  end
  local epoch = digits(math.max(least, milliseconds()))
  redis.call('HSET', META, 'epoch', epoch, 'h' .. epoch .. ':writer', writer)
  keep()
  return mending({ 'ok', epoch, number('tail') }, unsettled())
end)
