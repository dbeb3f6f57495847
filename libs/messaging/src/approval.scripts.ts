import { LuaScript } from './lua-script.js';

// One clock for all who ask and answer: Redis's.
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * Opens an approval, or finds it as it stands, also after the loss of its record; after its deadline the default is the
 * answer. Only the newest attempt of a running turn may ask.
 * KEYS turn, approval, open ones, those of the turn. ARGV approvalId, attempt, approval json, timeoutMs, how long it is kept beyond that in ms,
 * default answer json. → [outcome, deadlineMs, ms left, answer json or '']
 */
export const askApproval = new LuaScript(`${NOW}
local turn = redis.call('HMGET', KEYS[1], 'status', 'attempts')
if turn[1] ~= 'running' or turn[2] ~= ARGV[2] then return {'fenced', 0, 0, ''} end
local standing = redis.call('HMGET', KEYS[2], 'deadlineMs', 'answer')
local deadline, answer = tonumber(standing[1]), standing[2]
if not deadline then
  deadline = now + math.floor(tonumber(ARGV[4]))
  redis.call('HSET', KEYS[2], 'approval', ARGV[3], 'deadlineMs', string.format('%.0f', deadline))
  redis.call('PEXPIRE', KEYS[2], string.format('%.0f', deadline - now + ARGV[5]))
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now - ARGV[5]))
  redis.call('ZADD', KEYS[3], string.format('%.0f', deadline), ARGV[1])
end
if not answer and now >= deadline then
  answer = ARGV[6]
  redis.call('HSET', KEYS[2], 'answer', answer)
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('ZREM', KEYS[4], ARGV[1])
end
-- Each time: an earlier version has opened approvals without.
if not answer then
  redis.call('ZADD', KEYS[4], string.format('%.0f', deadline), ARGV[1])
  local lasts = deadline - now + ARGV[5]
  if redis.call('PTTL', KEYS[4]) < lasts then redis.call('PEXPIRE', KEYS[4], string.format('%.0f', lasts)) end
end
return {answer and 'answered' or 'open', deadline, deadline - now, answer or ''}`);

/**
 * The first answer in time is the one that counts, while the turn runs.
 * KEYS approval, open ones, turn, open ones of the turn. ARGV approvalId, answer json, control channel, command. → [outcome, standing answer json or '']
 */
export const answerApproval = new LuaScript(`${NOW}
local standing = redis.call('HMGET', KEYS[1], 'deadlineMs', 'answer')
if not standing[1] then return {'missing', ''} end
if standing[2] then return {'answered', standing[2]} end
if redis.call('HGET', KEYS[3], 'status') ~= 'running' then return {'turn_ended', ''} end
if now >= tonumber(standing[1]) then return {'expired', ''} end
redis.call('HSET', KEYS[1], 'answer', ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return {'taken', ARGV[2]}`);
