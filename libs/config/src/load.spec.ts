import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { choice, count, flag, loadConfig, memorySize, optionalSecret, pathList, port, seconds } from './index.js';

const Schema = z.object({
  PORT: port(8210),
  SESSION_TIMEOUT: seconds(3600),
  CONTAINER_MEMORY_LIMIT: memorySize('2048m'),
  MAX_CONCURRENT_SESSIONS: count(20),
  CODEX_PREFER_OAUTH: flag(true),
  AGENT_RUNTIME: choice(['auto', 'docker', 'process'], 'auto'),
  WORKSPACE_ROOTS: pathList(),
  OPENAI_API_KEY: optionalSecret(),
});

describe('loadConfig', () => {
  it('applies defaults, also to variables that are set but empty', () => {
    const config = loadConfig(Schema, { PORT: '', CODEX_PREFER_OAUTH: '', OPENAI_API_KEY: '', AGENT_RUNTIME: '', SESSION_TIMEOUT: '' });
    expect(config).toEqual({
      PORT: 8210,
      SESSION_TIMEOUT: 3_600_000,
      CONTAINER_MEMORY_LIMIT: 2048 * 1024 ** 2,
      MAX_CONCURRENT_SESSIONS: 20,
      CODEX_PREFER_OAUTH: true,
      AGENT_RUNTIME: 'auto',
      WORKSPACE_ROOTS: [],
      OPENAI_API_KEY: undefined,
    });
  });

  it('names every variable that does not fit, and what it must be, in one error', () => {
    const load = () => loadConfig(Schema, { PORT: '99999', CONTAINER_MEMORY_LIMIT: 'lots', CODEX_PREFER_OAUTH: 'maybe', AGENT_RUNTIME: 'vm', MAX_CONCURRENT_SESSIONS: '0', SESSION_TIMEOUT: 'x' });
    expect(load).toThrow(/PORT must be a port number[^]*SESSION_TIMEOUT must be[^]*CONTAINER_MEMORY_LIMIT must be a size[^]*MAX_CONCURRENT_SESSIONS must be[^]*CODEX_PREFER_OAUTH must be true or false[^]*AGENT_RUNTIME must be one of auto, docker, process/);
  });

  it('reads words in any case', () => {
    expect(loadConfig(Schema, { AGENT_RUNTIME: 'Docker', CODEX_PREFER_OAUTH: 'FALSE', WORKSPACE_ROOTS: '/a:/b' })).toMatchObject({ AGENT_RUNTIME: 'docker', CODEX_PREFER_OAUTH: false, WORKSPACE_ROOTS: ['/a', '/b'] });
  });

  it('never prints a secret', () => {
    const { OPENAI_API_KEY } = loadConfig(Schema, { OPENAI_API_KEY: 'sk-canary' });
    expect(OPENAI_API_KEY?.reveal()).toBe('sk-canary');
    expect(`${OPENAI_API_KEY} ${JSON.stringify({ OPENAI_API_KEY })} ${inspect({ OPENAI_API_KEY })}`).not.toContain('canary');
  });
});
