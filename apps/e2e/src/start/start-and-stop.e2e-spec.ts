import { afterEach, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeWithDocker } from '@codex-mcp/testing';
import { containersOf } from '../stack/agent-containers.js';
import { chat } from '../stack/calls.js';
import { prepareStack, type Stack, startStack } from '../stack/stack.fixture.js';

/** Processes with this stack's data directory in their environment. */
async function processesOf({ dataDir }: Stack): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['axeww', '-o', 'pid=,command='], { maxBuffer: 64 * 1024 * 1024 });
  return stdout.split('\n').filter((line) => line.includes(`DATA_DIR=${dataDir}`));
}

/** Its Redis gets no environment; it writes its process id and deletes that when it ends. */
const redisRuns = async ({ dataDir }: Stack) => access(join(dataDir, 'redis', 'redis.pid')).then(() => true, () => false);

describeWithDocker('codex-mcp start', () => {
  const stacks: Stack[] = [];
  const prepared = async (...options: Parameters<typeof prepareStack>): Promise<Stack> => {
    const stack = await prepareStack(...options);
    stacks.push(stack);
    return stack;
  };
  afterEach(async () => {
    await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
  });

  async function expectNothingLeft(stack: Stack): Promise<void> {
    expect(await processesOf(stack)).toEqual([]);
    expect(await redisRuns(stack)).toBe(false);
  }

  it('on a port in use says so once, names PORT and leaves nothing running', async () => {
    const stack = await prepared();
    const squatter = createServer().listen(stack.port, '127.0.0.1');
    await once(squatter, 'listening');
    try {
      const launched = stack.launch('cli', 'start');
      expect(await launched.exit()).toBeGreaterThan(0);
      expect(launched.output.match(new RegExp(`PORT ${stack.port}`, 'g'))).toHaveLength(1);
      expect(launched.output).toMatch(/taken by another process\. Set PORT/);
      expect(launched.output).not.toMatch(/\n\s+at /);
      await expectNothingLeft(stack);
    } finally {
      squatter.close();
    }
  });

  // One for each process that reads the environment, and a Redis that is not there.
  it.each([
    ['PORT', 'eighty', /PORT must be a port number/],
    ['CONTAINER_MEMORY_LIMIT', 'lots', /CONTAINER_MEMORY_LIMIT must be a size such as 512m/],
    ['OPENAI_BASE_URL', 'ftp://nowhere', /OPENAI_BASE_URL must be an http\(s\) URL/],
    ['WORKER_CONCURRENCY', '0', /WORKER_CONCURRENCY must be a whole number, 1 or more/],
    ['BIND', '0.0.0.0', /BIND=0\.0\.0\.0 .*MCP_AUTH_TOKENS_FILE/],
    ['REDIS_URL', 'redis://:secret-password@127.0.0.1:1', /Redis does not answer at 127\.0\.0\.1:1.*REDIS_URL/],
  ])('with %s=%s names the variable and ends', async (name, value, words) => {
    const stack = await prepared({ env: { [name]: value } });
    const launched = stack.launch('cli', 'start');
    expect(await launched.exit()).toBeGreaterThan(0);
    expect(launched.output).toMatch(words);
    expect(launched.output).not.toMatch(/\n\s+at |secret-password/);
    await expectNothingLeft(stack);
  });

  it('ends at Ctrl-C without a process left, and with its containers stopped', async () => {
    const stack = await startStack();
    stacks.push(stack);
    await chat(await stack.httpClient('left-behind'), 'hello');
    expect((await processesOf(stack)).length).toBeGreaterThanOrEqual(5);
    expect(await redisRuns(stack)).toBe(true);
    await stack.shutDown('SIGINT');
    await expectNothingLeft(stack);
    expect(await containersOf(stack.deployment)).toMatchObject([{ State: 'exited' }]);
  });

  it('is refused where the data directory is in use, and the first server goes on', async () => {
    const stack = await startStack({ runtime: 'process' });
    stacks.push(stack);
    const second = stack.launch('cli', 'start');
    expect(await second.exit()).toBeGreaterThan(0);
    expect(second.output).toMatch(new RegExp(`already runs with ${stack.dataDir} \\(process ${stack.pid}\\).*DATA_DIR and PORT`));
    expect(await chat(await stack.httpClient(), 'still there?')).toBe('fake: still there?');
  });

  it('starts where an earlier server was killed, and takes its agents over', async () => {
    const stack = await startStack();
    stacks.push(stack);
    await chat(await stack.httpClient('orphan'), 'the orphan is called Oliver');
    await stack.kill();
    await stack.start();
    await chat(await stack.sseClient('orphan'), 'who?');
    expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).toContain('the orphan is called Oliver');
    expect(await containersOf(stack.deployment)).toHaveLength(1);
    await stack.shutDown();
    await expectNothingLeft(stack);
  });

  it('reads .env of the current directory, where the environment wins', async () => {
    const stack = await prepared({ env: { OPENAI_API_KEY: undefined, OPENAI_BASE_URL: undefined, SESSION_TIMEOUT: '60' } });
    await mkdir(stack.dataDir, { recursive: true });
    await writeFile(join(stack.workingDirectory, '.env'), `OPENAI_API_KEY=sk-from-dotenv\nOPENAI_BASE_URL=${stack.fake.baseUrl}\nSESSION_TIMEOUT=nonsense\n`);
    await stack.start();
    await chat(await stack.httpClient(), 'hello');
    expect(stack.fake.responsesRequests()[0]?.headers.authorization).toBe('Bearer sk-from-dotenv');
  });
});
