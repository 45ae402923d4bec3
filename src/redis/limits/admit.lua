-- Counts items against their limits. KEYS: what each is counted under. ARGV: `all` to count either every item or none, `each` to count each
-- by itself; then for every item the microseconds between two of its kind. Answers how long each has to wait, in microseconds: 0, if it passes.
--
-- Under a key stands the instant at which its rider or client has no more debts; nobody gets further ahead than a second. Redis's own clock
-- is everybody's. It is told from 2025 on, so that a number keeps its fractions of a microsecond.
local clock = redis.call('TIME')
local now = (clock[1] - 1735689600) * 1000000 + clock[2]
local ahead = 1000000
local waits, due, passes = {}, {}, true

local function count(i)
  redis.call('SET', KEYS[i], string.format('%.3f', due[i]), 'PX', math.ceil((due[i] - now) / 1000) + 1000)
end

for i, key in ipairs(KEYS) do
  local known = tonumber(redis.call('GET', key) or 0) or 0
  -- What lies further ahead than anybody gets was written by a clock that was wrong, and is void.
  if known > now + ahead + 1 then known = 0 end
  due[i] = math.max(now, known) + tonumber(ARGV[i + 1])
  local wait = due[i] - now - ahead
  -- Fractions add up to less than one.
  if wait > 1 then
    waits[i] = math.ceil(wait)
    passes = false
  else
    waits[i] = 0
    if ARGV[1] == 'each' then count(i) end
  end
end

if ARGV[1] == 'all' and passes then
  for i = 1, #KEYS do count(i) end
end
return waits
