import { LuaScript } from './lua-script.js';
import { PRUNE, THREADS } from './thread.scripts.js';

// The stream is the truth; the copy on the channel of the same name is for latency.
const EMIT = `
local function emit(log, json)
  local id = redis.call('XADD', log, '*', 'e', json)
  redis.call('PUBLISH', log, id .. ' ' .. json)
end
local function leave(turn, log, mailbox, busy, turnId, agentKey, retentionMs)
  redis.call('LREM', mailbox, 1, turnId)
  redis.call('PEXPIRE', turn, retentionMs)
  redis.call('PEXPIRE', log, retentionMs)
  local idempotency = redis.call('HGET', turn, 'idempotency')
  if idempotency then redis.call('PEXPIRE', idempotency, retentionMs) end
  local unfinished = redis.call('HGET', turn, 'unfinished')
  if unfinished then redis.call('SREM', unfinished, turnId) end
  local nextTurn = redis.call('LINDEX', mailbox, 0)
  if not nextTurn then
    redis.call('SREM', busy, agentKey)
    redis.call('PEXPIRE', (string.gsub(mailbox, 'mailbox$', 'turns')), retentionMs)
  end
  return nextTurn or ''
end
-- Pairs of (seq, json) from ARGV[first] on; what is already stored is skipped, so that a write sent twice counts once.
local function appendPairs(turn, log, last, first)
  for i = first, #ARGV, 2 do
    if tonumber(ARGV[i]) > last then
      emit(log, ARGV[i + 1])
      last = tonumber(ARGV[i])
    end
  end
  redis.call('HSET', turn, 'seq', last)
end
local function isTerminal(status) return status ~= 'queued' and status ~= 'running' end
`;

// Another attempt at a turn: only the newest may write to its log. The answer has the same members where there is none.
const ATTEMPT = `
local function refuse(outcome) return {outcome, 0, 0, 0, 0, '', 0, ''} end

-- Of a turn that nobody can begin; nil for another
local function unclaimable(turn)
  local status = redis.call('HGET', turn, 'status')
  if not status then return refuse('missing') end
  if isTerminal(status) then return refuse('terminal') end
end

local function attempt(turn, log, epoch, atMs)
  local attempts = redis.call('HINCRBY', turn, 'attempts', 1)
  local seq = redis.call('HINCRBY', turn, 'seq', 1)
  redis.call('HSET', turn, 'status', 'running', 'epoch', epoch)
  redis.call('HSETNX', turn, 'startedAtMs', atMs)
  emit(log, '{"seq":' .. seq .. ',"atMs":' .. atMs .. ',"event":{"type":"started","epoch":' .. epoch .. '}}')
  return {'claimed', tonumber(epoch), attempts, seq, redis.call('HEXISTS', turn, 'cancelRequested'), redis.call('HGET', turn, 'request'), redis.call('HGET', turn, 'startedAtMs'), redis.call('HGET', turn, 'threadId') or ''}
end
`;

/**
 * The thread of a turn is a fresh one where it is to begin one, else the one that the call names, else the agent's current
 * one, else a first one; it is the current one from now on.
 * KEYS turn, mailbox, log, busy, turns of the agent, idempotency, agent, threads, unfinished turns of the tenant. ARGV turnId,
 * request, agentKey, maxQueued, atMs, 1 with an idempotency key, most of the tenant or 0; for a turn with a thread an id for a first one, the beginning of the
 * message, the named thread or '', an id for a fresh one or '', its settings as JSON, max threads, turn key prefix.
 * → [outcome, position, id of the turn that has the idempotency key or '', id of the thread or '']
 */
export const acceptTurn = new LuaScript(`${EMIT}${THREADS}${PRUNE}
if redis.call('EXISTS', KEYS[1]) == 1 then return {'exists', 0, ARGV[1], redis.call('HGET', KEYS[1], 'threadId') or ''} end
local known = ARGV[6] == '1' and redis.call('GET', KEYS[6])
if known then return {'exists', 0, known, ''} end
local named = ARGV[10] and ARGV[10] ~= ''
if named and redis.call('HEXISTS', KEYS[8], ARGV[10]) == 0 then return {'unknown_thread', 0, '', ''} end
local position = redis.call('LLEN', KEYS[2])
if position >= tonumber(ARGV[4]) then return {'full', position, '', ''} end
local ofTenant = tonumber(ARGV[7])
if ofTenant > 0 and redis.call('SCARD', KEYS[9]) >= ofTenant then
  -- A version that knows no such list may have ended some of them.
  for _, turnId in ipairs(redis.call('SRANDMEMBER', KEYS[9], 20)) do
    local status = redis.call('HGET', string.sub(KEYS[1], 1, -1 - #ARGV[1]) .. turnId, 'status')
    if not status or isTerminal(status) then redis.call('SREM', KEYS[9], turnId) end
  end
  local unfinished = redis.call('SCARD', KEYS[9])
  if unfinished >= ofTenant then return {'tenant_full', unfinished, '', ''} end
end
local threadId = ''
if ARGV[8] then
  local thread
  threadId, thread = currentThread(KEYS[7], KEYS[8], ARGV[8], ARGV[5])
  local fresh = ARGV[11] and ARGV[11] ~= ''
  if named then threadId, thread = ARGV[10], threadOf(KEYS[8], ARGV[10]) end
  if fresh then threadId, thread = ARGV[11], {createdAtMs = tonumber(ARGV[5]), turns = 0, settings = cjson.decode(ARGV[12])} end
  thread.usedAtMs = tonumber(ARGV[5])
  if not thread.opening and ARGV[9] ~= '' then thread.opening = ARGV[9] end
  keepThread(KEYS[8], threadId, thread)
  if fresh then prune(KEYS[8], KEYS[2], threadId, tonumber(ARGV[13]), ARGV[14]) end
  redis.call('HSET', KEYS[7], 'threadId', threadId)
  redis.call('HSET', KEYS[1], 'threadId', threadId)
end
redis.call('PERSIST', KEYS[7])
redis.call('PERSIST', KEYS[8])
redis.call('HSET', KEYS[1], 'request', ARGV[2], 'agentKey', ARGV[3], 'status', 'queued', 'epoch', 0, 'attempts', 0, 'seq', 1)
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('SADD', KEYS[4], ARGV[3])
redis.call('SADD', KEYS[9], ARGV[1])
redis.call('HSET', KEYS[1], 'unfinished', KEYS[9])
-- In the order of acceptance, within one millisecond and where edges' clocks differ as well; tostring() would round to a millisecond.
local newest = redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')[2]
redis.call('ZADD', KEYS[5], string.format('%.3f', math.max(tonumber(ARGV[5]), newest and newest + 0.001 or 0)), ARGV[1])
redis.call('PERSIST', KEYS[5])
if ARGV[6] == '1' then
  redis.call('SET', KEYS[6], ARGV[1])
  redis.call('HSET', KEYS[1], 'idempotency', KEYS[6])
end
emit(KEYS[3], '{"seq":1,"atMs":' .. ARGV[5] .. ',"event":{"type":"queued","position":' .. position .. '}}')
return {'accepted', position, '', threadId}`);

/**
 * Takes the agent's lease for a turn. A new holder gets a new epoch, which ends the old one's connection to the agent;
 * each claim counts as an attempt, and only the newest attempt may write, also within one worker. A turn that was
 * accepted by a version without threads gets the agent's current one, where it needs one.
 * KEYS turn, agent, mailbox, log, threads. ARGV turnId, holder, leaseToken, atMs; for a turn that needs a thread an id for
 * a first one. → [outcome, epoch, attempts, seq, cancelRequested, request, startedAtMs, threadId or '']
 */
export const claimTurn = new LuaScript(`${EMIT}${ATTEMPT}${THREADS}
local answer = unclaimable(KEYS[1])
if answer then return answer end
if redis.call('LINDEX', KEYS[3], 0) ~= ARGV[1] then return refuse('not_head') end
local lease = redis.call('HMGET', KEYS[2], 'leaseHolder', 'leaseToken')
if lease[1] ~= ARGV[2] or lease[2] ~= ARGV[3] then
  redis.call('HINCRBY', KEYS[2], 'epoch', 1)
  redis.call('HSET', KEYS[2], 'leaseHolder', ARGV[2], 'leaseToken', ARGV[3])
end
if ARGV[5] and redis.call('HEXISTS', KEYS[1], 'threadId') == 0 then
  local threadId, thread = currentThread(KEYS[2], KEYS[5], ARGV[5], ARGV[4])
  keepThread(KEYS[5], threadId, thread)
  redis.call('HSET', KEYS[2], 'threadId', threadId)
  redis.call('HSET', KEYS[1], 'threadId', threadId)
end
return attempt(KEYS[1], KEYS[4], redis.call('HGET', KEYS[2], 'epoch'), ARGV[4])`);

/**
 * Takes a turn that waits, out of its order, for the holder of its agent's lease, whose other turn is at work. The head is
 * not taken: whoever gets its job has it.
 * KEYS turn, agent, mailbox, log. ARGV turnId, holder, leaseToken, atMs. → as of `claimTurn`, or `not_holder`
 */
export const claimBeside = new LuaScript(`${EMIT}${ATTEMPT}
local answer = unclaimable(KEYS[1])
if answer then return answer end
local lease = redis.call('HMGET', KEYS[2], 'leaseHolder', 'leaseToken', 'epoch')
if lease[1] ~= ARGV[2] or lease[2] ~= ARGV[3] or redis.call('LINDEX', KEYS[3], 0) == ARGV[1] then return refuse('not_holder') end
return attempt(KEYS[1], KEYS[4], lease[3], ARGV[4])`);

/** An attempt beside another turn that comes to nothing: the turn waits for its place, and its time begins there. KEYS turn. ARGV attempt. */
export const leaveTurn = new LuaScript(`
local turn = redis.call('HMGET', KEYS[1], 'status', 'attempts')
if turn[1] ~= 'running' or turn[2] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'status', 'queued')
redis.call('HDEL', KEYS[1], 'startedAtMs')
return 1`);

/** KEYS turn, log. ARGV attempt, then (seq, json) pairs; pairs already stored are skipped. → 1, or 0 when fenced off */
export const appendEvents = new LuaScript(`${EMIT}
local turn = redis.call('HMGET', KEYS[1], 'status', 'attempts', 'seq')
if turn[1] ~= 'running' or turn[2] ~= ARGV[1] then return 0 end
appendPairs(KEYS[1], KEYS[2], tonumber(turn[3]), 2)
return 1`);

/**
 * Last events and the terminal one in a single step.
 * KEYS turn, log, mailbox, agent, busy, threads. ARGV attempt, status, turnId, agentKey, retentionMs, atMs, terminal json
 * without seq, 1 when Codex has it in its history, then (seq, json) pairs. → [outcome, next turn id or '']
 */
export const finishTurn = new LuaScript(`${EMIT}${THREADS}
local turn = redis.call('HMGET', KEYS[1], 'status', 'attempts', 'seq', 'threadId')
if not turn[1] then return {'missing', ''} end
if isTerminal(turn[1]) then return {'terminal', redis.call('LINDEX', KEYS[3], 0) or ''} end
if turn[2] ~= ARGV[1] then return {'fenced', ''} end
appendPairs(KEYS[1], KEYS[2], tonumber(turn[3]), 9)
local json = '{"seq":' .. redis.call('HINCRBY', KEYS[1], 'seq', 1) .. ',' .. ARGV[7]
redis.call('HSET', KEYS[1], 'status', ARGV[2], 'finishedAtMs', ARGV[6], 'terminal', json)
redis.call('HSET', KEYS[4], 'lastActiveAt', ARGV[6])
if ARGV[8] == '1' then redis.call('HSET', KEYS[1], 'begun', 1) end
local thread = ARGV[8] == '1' and turn[4] and threadOf(KEYS[6], turn[4])
if thread then
  thread.turns = thread.turns + 1
  thread.lastTurn = {turnId = ARGV[3], endedAtMs = tonumber(ARGV[6])}
  keepThread(KEYS[6], turn[4], thread)
end
emit(KEYS[2], json)
return {'finished', leave(KEYS[1], KEYS[2], KEYS[3], KEYS[5], ARGV[3], ARGV[4], ARGV[5])}`);

/**
 * A turn that no worker has begun ends here, also one that was left and whose place has not come; a running one is flagged and its worker is told.
 * KEYS turn, log, mailbox, busy. ARGV turnId, agentKey, json without seq, retentionMs, atMs, control channel, command.
 * → [outcome, next turn id or '']
 */
export const cancelTurn = new LuaScript(`${EMIT}
local turn = redis.call('HMGET', KEYS[1], 'status', 'attempts')
if not turn[1] then return {'missing', ''} end
if isTerminal(turn[1]) then return {'terminal', ''} end
if turn[1] == 'queued' and (turn[2] == '0' or redis.call('LINDEX', KEYS[3], 0) ~= ARGV[1]) then
  local json = '{"seq":' .. redis.call('HINCRBY', KEYS[1], 'seq', 1) .. ',' .. ARGV[3]
  redis.call('HSET', KEYS[1], 'status', 'cancelled', 'finishedAtMs', ARGV[5], 'terminal', json)
  emit(KEYS[2], json)
  return {'cancelled', leave(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1], ARGV[2], ARGV[4])}
end
redis.call('HSET', KEYS[1], 'cancelRequested', '1')
redis.call('PUBLISH', ARGV[6], ARGV[7])
return {'requested', ''}`);
