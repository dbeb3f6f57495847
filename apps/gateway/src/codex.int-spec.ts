import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type FakeModel, startFakeModel, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type GatewayUnderTest, startGateway } from './gateway.fixture.js';

const KEY = 'sk-canary-that-only-the-gateway-knows';
const wrapper = createRequire(import.meta.url).resolve('@openai/codex/bin/codex.js');

let directory: TemporaryDirectory;
let model: FakeModel;
let gateway: GatewayUnderTest;
let home: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  model = await startFakeModel({ requireAuthorization: `Bearer ${KEY}` });
  home = join(directory.path, 'home');
  mkdirSync(home);
});
afterEach(async () => {
  await gateway.stop();
  await model.close();
  await directory.remove();
});

/** Runs one prompt with the real Codex at the gateway's TCP address for an agent without a container. */
async function codexExec(env: Record<string, string>): Promise<{ output: string; exitCode: unknown }> {
  gateway = await startGateway(join(directory.path, 'run'), { OPENAI_BASE_URL: model.baseUrl, ...env });
  const { baseUrl } = await gateway.register('a', 'tcp');
  const settings = ['model_provider = "gateway"', 'check_for_update_on_startup = false', '[analytics]', 'enabled = false', '[features]', 'plugins = false', '[model_providers.gateway]', 'name = "gateway"', `base_url = "${baseUrl}"`, 'wire_api = "responses"'];
  writeFileSync(join(home, 'config.toml'), settings.join('\n'));
  const codex: ChildProcess = spawn(process.execPath, [wrapper, 'exec', '--json', '--skip-git-repo-check', '-m', 'gpt-5.5', 'say hello'], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, CODEX_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (!codex.stdout || !codex.stderr) throw new Error('no output');
  const [stdout, stderr, [exitCode]] = await Promise.all([text(codex.stdout), text(codex.stderr), once(codex, 'exit')]);
  return { output: stdout + stderr, exitCode };
}

const filesOf = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe('the real Codex behind the gateway', () => {
  it('answers with a key that reaches the model and nothing of Codex’s', async () => {
    const { output, exitCode } = await codexExec({ OPENAI_API_KEY: KEY });
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.stringContaining('say hello') });
    expect(model.responsesRequests().map(({ headers }) => headers.authorization)).toEqual([`Bearer ${KEY}`]);
    expect(output).not.toContain('canary');
    const files = filesOf(home);
    expect(files.some((file) => file.includes('rollout'))).toBe(true);
    expect(files.filter((file) => readFileSync(file).includes('canary'))).toEqual([]);
  }, 60_000);

  it('gives up at the first answer where nobody is signed in, and says what to do', async () => {
    const { output, exitCode } = await codexExec({});
    expect({ exitCode, output }).toEqual({ exitCode: 1, output: expect.stringContaining('codex login') });
    expect(gateway.lines().filter((line) => line.includes('"end":"codex_mcp_not_signed_in"'))).toHaveLength(1);
    expect(model.requests).toEqual([]);
  }, 60_000);
});
