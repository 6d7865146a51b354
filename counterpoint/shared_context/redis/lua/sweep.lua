#!lua flags=allow-oom
-- Remove every hint of one conversation that was forgotten. Keys: one queue's waiting (three priorities), due, dead, under
-- the conversation's tag. Arguments: what its places begin with. Looks at all that waits: an operator's command.
local begin = ARGV[1]
for _, key in ipairs(KEYS) do
  for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    local place = string.match(member, '^%d+/%d/(.*)$') or member
    if string.sub(place, 1, #begin) == begin then
      redis.call('ZREM', key, member)
    end
  end
end
return { 'ok' }
