import { LuaScript } from './lua-script.js';

/**
 * Forgets what an agent's oldest finished turns left, where there are more than are kept; what stands for unfinished
 * ones stays. A forgotten turn leaves the list, and its idempotency key is free again.
 * KEYS turns of the agent, mailbox. ARGV what the keys of turns begin with, most finished turns, how many of the oldest
 * are looked at. → how many were forgotten
 */
export const sweepTurns = new LuaScript(`
local kept = redis.call('ZCARD', KEYS[1]) - redis.call('LLEN', KEYS[2])
local forgotten = 0
for _, turnId in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[3] - 1)) do
  local turn = ARGV[1] .. turnId
  local status = redis.call('HGET', turn, 'status')
  if not status then
    redis.call('ZREM', KEYS[1], turnId)
    kept = kept - 1
  elseif status ~= 'queued' and status ~= 'running' then
    if kept <= tonumber(ARGV[2]) then break end
    local idempotency = redis.call('HGET', turn, 'idempotency')
    if idempotency and redis.call('GET', idempotency) == turnId then redis.call('DEL', idempotency) end
    redis.call('UNLINK', turn, turn .. ':log')
    redis.call('ZREM', KEYS[1], turnId)
    kept = kept - 1
    forgotten = forgotten + 1
  end
end
return forgotten`);
