import { describe, expect, it } from '@jest/globals';
import { type AgentRecord, agentKey } from '@codex-mcp/contracts';
import type { Remains } from '../runtime/agent-runtime.port.js';
import { type Findings, verdictOn } from './reaper.verdict.js';

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const spec = { agent, workspace: { kind: 'volume' } as const };
const [ME, OTHER] = ['me', 'other'];

const record = (more: Partial<AgentRecord> = {}): AgentRecord => ({ ...agent, supervisorId: ME, runtime: 'docker', runtimeId: 'c1', status: 'running', workspace: spec.workspace, cwd: '', createdAt: 1, lastActiveAt: 1, ...more });
const known = (running = true, runtimeId = 'c1') => ({ spec, running, runtimeId, createdAt: 1 });
const remains = (more: Partial<Remains> = {}): Remains => ({ key: agent.key, spec, known: known(), hasFiles: true, createdAt: 1, doubles: [], ...more });
const files = remains({ known: undefined });

const cases: [string, Findings, string][] = [
  ['is the same everywhere', { record: record(), remains: remains(), runDirectory: agent.key }, 'agreed'],
  ['stopped and is known to have', { record: record({ status: 'stopped' }), remains: remains({ known: known(false) }) }, 'agreed'],
  ['stopped by itself', { record: record(), remains: remains({ known: known(false) }) }, 'enter'],
  ['was made anew', { record: record({ runtimeId: 'c0' }), remains: remains() }, 'enter'],
  ['has a container that the registry does not know', { remains: remains() }, 'enter'],
  ['has files that the registry does not know', { remains: files }, 'enter'],
  ['has files that nothing says the owner of', { remains: { ...files, spec: undefined } }, 'unclaimed'],
  ['has lost its container while it ran', { record: record(), remains: files }, 'stopped'],
  ['has lost its container while it was stopped', { record: record({ status: 'stopped' }), remains: files }, 'agreed'],
  ['has lost everything but its entry', { record: record({ status: 'stopped' }) }, 'lost'],
  ['has two containers', { record: record(), remains: remains({ doubles: ['c2'] }) }, 'doubled'],
  ['is a directory of sockets', { runDirectory: agent.key }, 'leftover'],
  ['is a directory of sockets of an agent elsewhere', { record: record({ supervisorId: OTHER }), runDirectory: agent.key }, 'leftover'],
  ['lives elsewhere', { record: record({ supervisorId: OTHER }) }, 'agreed'],
  ['is listed for another supervisor of this engine', { record: record({ supervisorId: OTHER }), remains: remains() }, 'agreed'],
  ['runs here and elsewhere', { record: record({ supervisorId: OTHER, runtimeId: 'c9' }), remains: remains() }, 'elsewhere'],
  ['lives elsewhere and has files here', { record: record({ supervisorId: OTHER, runtimeId: 'c9' }), remains: files }, 'foreign'],
];

describe('an agent that', () => {
  it.each(cases)('%s', (_, findings, verdict) => {
    expect(verdictOn(findings, ME, new Set([OTHER]))).toBe(verdict);
  });

  it('was of a supervisor that is gone belongs to the one that finds its container', () => {
    expect(verdictOn({ record: record({ supervisorId: OTHER }), remains: remains() }, ME, new Set())).toBe('enter');
  });

  it('lives with a supervisor that is gone for the moment is not replaced by what is here', () => {
    expect(verdictOn({ record: record({ supervisorId: OTHER, runtimeId: 'c9' }), remains: remains() }, ME, new Set())).toBe('foreign');
  });
});
