#!lua flags=no-writes
-- Arguments: the position after which to read, how many entries, and for a follower the stamp of the one at that
-- position ('0': unknown; '': whoever reads is no follower). Answers when the conversation was born, whether it is closed,
-- and positions, stamps and records; or `rewound`, if the log is not the one that the follower has followed so far.
return answer(function()
  check_kept()
  local after, limit, known = tonumber(arg()), arg(), arg()
  if known ~= '' and number('tail') < after then
    refuse('rewound')
  elseif known ~= '' and known ~= '0' then
    local there = redis.call('XRANGE', LOG, digits(after), digits(after))[1]
    if there and there[1] ~= digits(after) .. '-' .. known then
      refuse('rewound')
    end
  end
  local reply = { 'ok', meta('born'), meta('closed') and 1 or 0 }
  for _, entry in ipairs(redis.call('XRANGE', LOG, digits(after + 1), '+', 'COUNT', limit)) do
    local position, mark_of = string.match(entry[1], '^(%d+)%-(%d+)$')
    reply[#reply + 1] = tonumber(position)
    reply[#reply + 1] = mark_of
    reply[#reply + 1] = entry[2][2]
  end
  return reply
end)
