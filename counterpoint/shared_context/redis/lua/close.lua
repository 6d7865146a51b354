#!lua flags=allow-oom
-- Arguments: the fence, one entry; how many delegations are withdrawn by it, then id and record of each. Answers the
-- position, or `again` and the delegations that are unsettled, where the caller knew of others.
return answer(function()
  local f, items = fence(), entries()
  local writer = admit(f, items, '')
  if #writer.fresh > 0 then
    local pending = unsettled()
    local known, records = {}, {}
    for index = 1, tonumber(arg()) do
      known[arg()] = true
      records[index] = arg()
    end
    local same = #records == #pending
    for _, delegation in ipairs(pending) do
      same = same and known[delegation]
    end
    if not same then
      return { 'again', unpack(pending) }
    end
    add(nil, records)
    for _, delegation in ipairs(pending) do
      local epoch = work('fence', delegation)
      if epoch then
        erase('w' .. epoch)
      end
      drop(delegation)
    end
    redis.call('HSET', META, 'closed', '1')
  end
  local reply = write(writer, items)
  keep()
  return reply
end)
