import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import { containerOf, docker } from '../stack/agent-containers.js';
import { outputOf } from '../stack/calls.js';
import { composeCommand, ComposeStack } from './compose.fixture.js';

const isMissing = !composeCommand() && process.env['REQUIRE_DOCKER'] !== '1';
if (isMissing) process.stderr.write('\nSKIPPED: "the compose file" needs docker-compose or docker compose.\n');

(isMissing ? describe.skip : describeWithDocker)('the compose file', () => {
  let stack: ComposeStack;

  beforeAll(async () => {
    stack = await ComposeStack.prepare();
    await stack.up(2);
  }, 240_000);
  afterAll(() => stack.stop(), 120_000);

  it('serves a call with two workers, the key added by the gateway alone', async () => {
    const client = await stack.clients.sse('composed');
    await eventually(async () => expect(await outputOf(client, 'health_check')).toMatchObject({ status: 'ok', workers: 2, supervisors: 1 }));
    expect(await outputOf(client, 'chat', { message: 'hello' })).toMatchObject({ answer: expect.stringContaining('hello') });
    expect(stack.fake.responsesRequests().at(-1)?.headers['authorization']).toBe('Bearer sk-fake-of-compose');
  });

  it('publishes one port, on loopback, and lets only the gateway out', async () => {
    const containers = await docker.listContainers({ filters: { label: [`com.docker.compose.project=${stack.deployment}`] } });
    const published = containers.flatMap(({ Ports, Labels }) => Ports.filter(({ PublicPort }) => PublicPort).map(({ IP, PublicPort }) => [Labels['com.docker.compose.service'], IP, PublicPort]));
    expect(published).toEqual([['mcp-edge', '127.0.0.1', stack.port]]);
    const outside = containers.filter(({ NetworkSettings }) => Object.keys(NetworkSettings.Networks).some((name) => name.endsWith('_outside')));
    expect(outside.map(({ Labels }) => Labels['com.docker.compose.service'])).toEqual(['gateway']);
  });

  it('leaves no agent running when it is taken down, and finds the conversation again afterwards', async () => {
    await stack.clients.closeAll();
    await stack.compose('down');
    expect(await (await containerOf(stack.deployment, 'composed')).inspect()).toMatchObject({ State: { Running: false } });
    await stack.up(1);
    const client = await stack.clients.http('composed');
    await outputOf(client, 'chat', { message: 'what did I say' });
    expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).toContain('hello');
  }, 180_000);
});
