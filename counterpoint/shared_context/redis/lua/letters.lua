#!lua flags=no-writes
-- Keys: one queue's dead. Answers the places of its dead letters, oldest first.
return { 'ok', unpack(redis.call('ZRANGE', KEYS[1], 0, -1)) }
