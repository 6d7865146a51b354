#!lua flags=no-writes
-- Arguments: the position after which to read, how many entries. Answers when the conversation was born, whether it is
-- closed, and positions and records.
return answer(function()
  check_kept()
  local after, limit = tonumber(arg()), arg()
  local reply = { 'ok', meta('born'), meta('closed') and 1 or 0 }
  for _, entry in ipairs(redis.call('XRANGE', LOG, digits(after + 1), '+', 'COUNT', limit)) do
    reply[#reply + 1] = tonumber(string.match(entry[1], '^%d+'))
    reply[#reply + 1] = entry[2][2]
  end
  return reply
end)
