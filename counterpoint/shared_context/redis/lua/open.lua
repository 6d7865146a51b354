#!lua
-- Become the host. Arguments: the writer. Answers the epoch, the tail, and five values of each unsettled delegation,
-- so that the index of waiting work can be mended. Epochs are milliseconds: none is used twice, even after `forget` or
-- after the server lost its last writes.
local HOSTS_KEPT = 64

-- A client that comes back often must not make the conversation grow: only the last hosts may still leave orphans.
local function forget_old_hosts()
  local epochs = {}
  for _, field in ipairs(redis.call('HKEYS', META)) do
    epochs[#epochs + 1] = tonumber(string.match(field, '^h(%d+):writer$'))
  end
  table.sort(epochs)
  for index = 1, #epochs - HOSTS_KEPT do
    erase('h' .. digits(epochs[index]))
  end
end

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
  forget_old_hosts()
  keep()
  return mending({ 'ok', epoch, number('tail') }, unsettled())
end)
