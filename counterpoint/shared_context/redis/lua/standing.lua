#!lua flags=no-writes
-- Arguments: a host's fence. Answers, also where nothing is kept, the tail of the log and the stamp there, the number of
-- the host's newest entry, what the snapshot covers, and whether the fence is known.
return answer(function()
  local f = fence()
  check_not_overtaken(f)
  return standing_of(f)
end)
