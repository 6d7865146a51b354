-- What the scripts of one conversation share. All its keys have one hash tag, and every script is given all of them:
-- META   HASH    born, epoch, tail, closed, leases, restored (what was given back last), queue:<q> (it was asked);
--                forgotten: the newest epoch when everything else was removed; and of each ledger <l>: <l>:writer,
--                :n (newest number), :p (its position), for a worker's also :of (the delegation) and :state (settled,
--                withdrawn)
-- LOG    STREAM  <position>-<stamp> -> e: the record. Stamp: microseconds since 1970, which tell this write from any
--                other at that position after the server lost its last writes (0: an older version wrote it)
-- WORK   HASH    of each unsettled delegation <d>: rec:<d>, upto:, queue:, prio:, order:, attempts:, lost:, and while
--                somebody has it fence: (the epoch of the lease), until: (ms since 1970) and request: (what the lease
--                answered); dead:<d>: a dead letter
-- RUNS   ZSET    <l>:<number>:<position>, where numbers and positions of a ledger begin to rise together
-- SNAP   HASH    upto, data
-- ENDED  LIST    leases whose workers may still ask where their last entries are, oldest first
-- MEDIA  ZSET    ids of the media objects by the time (ms) at which they expire
-- A ledger is h<epoch> (a host's) or w<epoch> (of a lease). Numbers are compared as text, so all are written by digits().
local META, LOG, WORK, RUNS, SNAP, ENDED, MEDIA = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local TTL, CHANNEL = tonumber(ARGV[1]), ARGV[2]
local ENDED_KEPT = 64
local FIELDS = { 'rec:', 'upto:', 'queue:', 'prio:', 'order:', 'attempts:', 'lost:', 'fence:', 'until:',
  'request:' }
local given = 2

local function arg()
  given = given + 1
  return ARGV[given]
end

local function digits(n)
  return string.format('%.0f', n)
end

local function milliseconds()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function stamp()
  local time = redis.call('TIME')
  return digits(tonumber(time[1]) * 1000000 + tonumber(time[2]))
end

local function meta(field)
  return redis.call('HGET', META, field)
end

local function number(field)
  return tonumber(meta(field) or 0)
end

local function work(field, delegation)
  return redis.call('HGET', WORK, field .. ':' .. delegation)
end

local function refuse(...)
  error({ refusal = { ... } })
end

-- Nothing of a conversation is kept without a time to live. Refreshed when a tenth of it is gone, not on every write.
-- Arguments: the keys that this script may have made besides META; none if it may have made any.
local function keep(...)
  local low = redis.call('PTTL', META) < TTL * 0.9
  for _, key in ipairs((low or select('#', ...) == 0) and KEYS or { ... }) do
    if low or redis.call('PTTL', key) == -1 then
      redis.call('PEXPIRE', key, TTL)
    end
  end
end

local function answer(decide)
  local done, reply = pcall(decide)
  if done then
    return reply
  end
  if type(reply) == 'table' and reply.refusal then
    return reply.refusal
  end
  error(reply)
end

local function check_kept()
  if not meta('born') then
    refuse(meta('forgotten') and 'forgotten' or 'unkept')
  end
end

local function check_open()
  if meta('closed') then
    refuse('closed')
  end
end

local function ring()
  redis.call('PUBLISH', CHANNEL, meta('tail') or '')
end

-- No newer host has opened this conversation, and it is open. It may be missing.
local function check_not_overtaken(f)
  if tonumber(f.epoch) <= number('forgotten') then
    refuse('forgotten')
  end
  check_open()
  local newest = number('epoch')
  if newest > tonumber(f.epoch) or (newest == tonumber(f.epoch) and meta('h' .. f.epoch .. ':writer') ~= f.writer) then
    refuse('fenced')
  end
end

-- How far this conversation has come with a host.
local function standing_of(f)
  local tail, at = number('tail'), '0'
  local newest = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
  if newest then
    local position, mark_of = string.match(newest[1], '^(%d+)%-(%d+)$')
    at = tonumber(position) == tail and mark_of or '0'
  end
  local held = meta('epoch') == f.epoch and 1 or 0
  local covered = tonumber(redis.call('HGET', SNAP, 'upto') or 0)
  return { 'ok', tail, at, number('h' .. f.epoch .. ':n'), covered, held }
end

-- Arguments: the fence of whoever writes.
local function fence()
  return { kind = arg(), writer = arg(), epoch = arg(), delegation = arg() }
end

-- Arguments: how many entries, then the number and the record of each.
local function entries()
  local items = {}
  for index = 1, tonumber(arg()) do
    items[index] = { seq = tonumber(arg()), record = arg() }
  end
  return items
end

local function has_delegation(f)
  local ledger = 'w' .. f.epoch
  return f.kind == 'w'
    and work('fence', f.delegation) == f.epoch
    and meta(ledger .. ':writer') == f.writer
end

local function is_host(f)
  return f.kind == 'h' and meta('epoch') == f.epoch and meta('h' .. f.epoch .. ':writer') == f.writer
end

local function check_writer(f)
  check_open()
  if not is_host(f) and not has_delegation(f) then
    refuse('fenced')
  end
end

-- The ledger that these words may go to: a fenced host still leaves its orphans, the worker of a withdrawn delegation
-- its last words, and one that settled may ask again.
local function standing(f, words)
  local ledger = f.kind .. f.epoch
  if meta(ledger .. ':writer') ~= f.writer then
    return nil
  end
  if f.kind == 'h' then
    return (is_host(f) or words == 'orphans') and ledger or nil
  end
  if has_delegation(f) then
    return ledger, 'leased'
  end
  local state = meta(ledger .. ':state')
  if meta(ledger .. ':of') == f.delegation and (state == 'settled' or (state == 'withdrawn' and words == 'last')) then
    return ledger, state
  end
end

-- Who writes, and what of it is new.
local function admit(f, items, words)
  check_kept()
  local ledger, state = standing(f, words)
  if not ledger then
    check_open()
    refuse('fenced')
  end
  local last = number(ledger .. ':n')
  local fresh, expected = {}, last + 1
  for _, item in ipairs(items) do
    if item.seq > last then
      check_open()
      if state == 'settled' then
        refuse('fenced')
      end
    end
    if item.seq > expected then
      refuse('gap', digits(expected), digits(item.seq))
    elseif item.seq < 1 then
      refuse('refused', 'entries are counted from 1, this one has number ' .. digits(item.seq))
    elseif item.seq == expected then
      fresh[#fresh + 1] = item.record
      expected = expected + 1
    end
  end
  return { ledger = ledger, state = state, last = last, fresh = fresh }
end

local function mark(ledger, seq)
  return ledger .. ':' .. string.format('%016.0f', seq)
end

-- Records at the end of the log, as the next numbers of a ledger (nil: of none). `mark_of`: their stamp.
local function log(ledger, records, mark_of)
  local tail = number('tail')
  local n = ledger and number(ledger .. ':n')
  local p = ledger and number(ledger .. ':p')
  for _, record in ipairs(records) do
    tail = tail + 1
    redis.call('XADD', LOG, digits(tail) .. '-' .. mark_of, 'e', record)
    if ledger then
      n = n + 1
      if n == 1 or p ~= tail - 1 then
        redis.call('ZADD', RUNS, 0, mark(ledger, n) .. ':' .. digits(tail))
      end
      p = tail
    end
  end
  redis.call('HSET', META, 'tail', digits(tail))
  if ledger then
    redis.call('HSET', META, ledger .. ':n', digits(n), ledger .. ':p', digits(p))
  end
end

local function add(ledger, records)
  if #records > 0 then
    log(ledger, records, stamp())
    ring()
  end
end

-- The entries up to this number were written, and nobody knows where any more.
local function skip(ledger, seq)
  if seq > number(ledger .. ':n') then
    redis.call('HSET', META, ledger .. ':n', digits(seq), ledger .. ':p', '-1')
  end
end

local function position(ledger, seq)
  local from, to = '[' .. mark(ledger, seq) .. ':\255', '[' .. ledger .. ':'
  local run = redis.call('ZREVRANGEBYLEX', RUNS, from, to, 'LIMIT', 0, 1)[1]
  if not run then
    return 0  -- it was given back, and nobody knows where it is
  end
  local first, at = string.match(run, ':(%d+):(%d+)$')
  return tonumber(at) + seq - tonumber(first)
end

-- Write what is new, and say where everything is.
local function write(writer, items)
  add(writer.ledger, writer.fresh)
  local places = { 'ok' }
  for index, item in ipairs(items) do
    places[index + 1] = position(writer.ledger, item.seq)
  end
  return places
end

local function erase(ledger)
  for _, field in ipairs({ 'writer', 'n', 'p', 'of', 'state' }) do
    redis.call('HDEL', META, ledger .. ':' .. field)
  end
  redis.call('ZREMRANGEBYLEX', RUNS, '[' .. ledger .. ':', '[' .. ledger .. ':\255')
end

-- A lease is over; its ledger stays for a while, for a worker whose reply was lost or who has last words.
local function retire(epoch, state)
  local before = meta('w' .. epoch .. ':state')
  redis.call('HSET', META, 'w' .. epoch .. ':state', state)
  if not before then
    redis.call('RPUSH', ENDED, epoch)
    if redis.call('LLEN', ENDED) > ENDED_KEPT then
      erase('w' .. redis.call('LPOP', ENDED))
    end
  end
end

local function pend(delegation, record, upto, queue, prio, order)
  redis.call('HSET', META, 'queue:' .. queue, '1')
  local values = { record, upto, queue, prio, order, '0', '0' }
  for index, value in ipairs(values) do
    redis.call('HSET', WORK, FIELDS[index] .. delegation, value)
  end
end

-- Nobody waits for it and nobody has it any more.
local function drop(delegation)
  for _, field in ipairs(FIELDS) do
    redis.call('HDEL', WORK, field .. delegation)
  end
end

-- Of each delegation five values, so that the index of waiting work can be mended.
local function mending(reply, delegations)
  for _, delegation in ipairs(delegations) do
    for _, value in ipairs({ delegation, work('queue', delegation), work('prio', delegation), work('order', delegation),
                             work('until', delegation) or '' }) do
      reply[#reply + 1] = value
    end
  end
  return reply
end

local function unsettled()
  local found = {}
  for _, field in ipairs(redis.call('HKEYS', WORK)) do
    if string.sub(field, 1, 4) == 'rec:' then
      found[#found + 1] = string.sub(field, 5)
    end
  end
  return found
end
