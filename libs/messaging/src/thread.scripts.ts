import { LuaScript } from './lua-script.js';

/** Threads are JSON in a hash; what scripts write, ThreadRecord reads. */
export const THREADS = `
local function threadOf(threads, threadId)
  local json = redis.call('HGET', threads, threadId)
  return json and cjson.decode(json)
end
local function keepThread(threads, threadId, thread) redis.call('HSET', threads, threadId, cjson.encode(thread)) end
-- Versions without threads had Codex's own id as the agent's current one: that conversation becomes the thread threadId.
-- How many turns it has is not known; one is the least, so that its loss would be told.
local function adopt(agent, threads, threadId, atMs)
  local current = redis.call('HGET', agent, 'threadId')
  if not current or string.sub(current, 1, 7) == 'thread_' or redis.call('HEXISTS', threads, current) == 1 then return end
  keepThread(threads, threadId, {createdAtMs = tonumber(atMs), usedAtMs = tonumber(atMs), turns = 1, codexThreadId = current})
  redis.call('HSET', agent, 'threadId', threadId)
end
-- The agent's current thread, or else a first one.
local function currentThread(agent, threads, firstId, atMs)
  adopt(agent, threads, firstId, atMs)
  local threadId = redis.call('HGET', agent, 'threadId')
  local thread = threadId and threadOf(threads, threadId)
  if thread then return threadId, thread end
  return firstId, {createdAtMs = tonumber(atMs), usedAtMs = tonumber(atMs), turns = 0}
end
`;

// The keys of the turns in the mailbox are computed: one Redis serves all, never a cluster.
export const PRUNE = `
local function prune(threads, mailbox, current, max, turnPrefix)
  local excess = redis.call('HLEN', threads) - max
  if excess <= 0 then return end
  local needed = {[current] = true}
  for _, turnId in ipairs(redis.call('LRANGE', mailbox, 0, -1)) do
    local threadId = redis.call('HGET', turnPrefix .. turnId, 'threadId')
    if threadId then needed[threadId] = true end
  end
  local idle = {}
  local all = redis.call('HGETALL', threads)
  for i = 1, #all, 2 do
    if not needed[all[i]] then table.insert(idle, {id = all[i], usedAtMs = cjson.decode(all[i + 1]).usedAtMs}) end
  end
  table.sort(idle, function(a, b) return a.usedAtMs < b.usedAtMs end)
  for i = 1, math.min(excess, #idle) do redis.call('HDEL', threads, idle[i].id) end
end
`;

/**
 * A new thread, the agent's current one from now on. Beyond the most that are kept, those unused for longest go, never
 * one with an unfinished turn. An agent that no turn ever wakes is forgotten.
 * KEYS agent, threads, mailbox. ARGV threadId, title or '', atMs, max threads, turn key prefix, expiry of an unborn agent
 * in ms, an id for a conversation of a version without threads; for a fork the parent's id, the last turn, and the thread of Codex that has it. → 1
 */
export const createThread = new LuaScript(`${THREADS}${PRUNE}
adopt(KEYS[1], KEYS[2], ARGV[7], ARGV[3])
local thread = {createdAtMs = tonumber(ARGV[3]), usedAtMs = tonumber(ARGV[3]), turns = 0}
if ARGV[2] ~= '' then thread.title = ARGV[2] end
if ARGV[8] then thread.forkedFrom = {threadId = ARGV[8], throughTurnId = ARGV[9], codexThreadId = ARGV[10]} end
keepThread(KEYS[2], ARGV[1], thread)
redis.call('HSET', KEYS[1], 'threadId', ARGV[1])
prune(KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[4]), ARGV[5])
if redis.call('HEXISTS', KEYS[1], 'record') + redis.call('HEXISTS', KEYS[1], 'epoch') + redis.call('LLEN', KEYS[3]) == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
return 1`);

/**
 * Writes down Codex's id of a thread, also of one whose agent was removed under its turn.
 * KEYS agent, threads. ARGV threadId, codexThreadId, epoch, lease token, atMs. → 1, or 0 when another holds the lease
 */
export const bindThread = new LuaScript(`${THREADS}
local lease = redis.call('HMGET', KEYS[1], 'epoch', 'leaseToken')
if lease[1] ~= ARGV[3] or lease[2] ~= ARGV[4] then return 0 end
local thread = threadOf(KEYS[2], ARGV[1]) or {createdAtMs = tonumber(ARGV[5]), usedAtMs = tonumber(ARGV[5]), turns = 0}
thread.codexThreadId = ARGV[2]
keepThread(KEYS[2], ARGV[1], thread)
redis.call('HSETNX', KEYS[1], 'threadId', ARGV[1])
return 1`);
