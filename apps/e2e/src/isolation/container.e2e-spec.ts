import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithDocker } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containerOf, volumesOf } from '../stack/agent-containers.js';
import { chat, runInAgent } from '../stack/calls.js';
import { API_KEY, type Stack, startStack } from '../stack/stack.fixture.js';

describeWithDocker('from inside, an agent', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ ownRedis: true });
    client = await stack.httpClient('inmate');
    await chat(client, 'hello');
  });
  afterAll(() => stack.stop());

  const inside = (command: string) => runInAgent(client, command);

  it('is not root and cannot become it', async () => {
    expect(await inside('id -u; id -G')).toMatch(/^[1-9]\d*\n[1-9]\d*$/);
    const status = await inside('grep -E "^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):" /proc/self/status');
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) expect(status).toMatch(new RegExp(`Cap${set}:\\s+0{16}\\b`));
    expect(status).toMatch(/NoNewPrivs:\s+1/);
    expect(status).toMatch(/Seccomp:\s+2/);
  });

  it.each(['/', '/etc', '/usr/local/bin', '/run', '/run/gateway', '/var/tmp', '/codex-home/config.toml', '/codex-home/environments.toml'])('cannot write to %s', async (path) => {
    const target = path.endsWith('.toml') ? path : `${path}/planted`;
    expect(await inside(`echo planted >> ${target} && echo IT-WAS-WRITTEN`)).toMatch(/Read-only file system|Permission denied/);
    expect(await inside(`rm -f ${target} && mv /workspace/x ${target}; grep -c planted ${target}`)).not.toMatch(/^[1-9]/m);
  });

  it('can write to its workspace and to a /tmp that runs nothing', async () => {
    expect(await inside('cd /workspace && echo a > a && cat a && echo "echo ran" > /tmp/x && chmod +x /tmp/x && /tmp/x')).toMatch(/a\n[^]*Permission denied/);
  });

  it('has no network but its own loopback', async () => {
    expect(await inside('ls /sys/class/net; tail -n +2 /proc/net/route')).toBe('lo');
    // Codex asks for it, and where it is not known, waits for name servers that it cannot reach.
    expect(await inside('getent hosts "$(hostname)"')).toMatch(/^127\.0\.0\.1\s+agent$/);
    const target = `${new URL(stack.fake.url).host}/v1/responses`;
    expect(await inside(`curl -s -m 5 http://${target}; echo code=$?`)).toMatch(/code=(6|7|28)$/m);
    expect(await inside('curl -s -m 5 https://api.openai.com/; echo code=$?')).toMatch(/code=(5|6|7|28)$/m);
  });

  it('sees no other processes, no engine and no limits that it could raise', async () => {
    expect(await inside('ls -d /proc/[0-9]* | wc -l; tr "\\0" " " < /proc/1/cmdline')).toMatch(/docker-init|codex-mcp-agent/);
    expect(await inside('ls /var/run/docker.sock')).toMatch(/No such file/);
    expect(await inside('mount -t tmpfs none /workspace; unshare -rm true; echo done')).toMatch(/(permission denied|must be superuser|Operation not permitted)[^]*Operation not permitted/i);
    const { HostConfig: limits, Mounts: mounts } = await (await containerOf(stack.deployment, 'inmate')).inspect();
    expect(mounts.filter(({ RW }) => !RW).map(({ Destination }) => Destination).toSorted()).toEqual(['/codex-home/config.toml', '/codex-home/environments.toml', '/run/gateway']);
    expect(limits).toMatchObject({ PidsLimit: 256, Memory: 2048 * 1024 ** 2, MemorySwap: 2048 * 1024 ** 2, NetworkMode: 'none', Privileged: false, ReadonlyRootfs: true, CapDrop: ['ALL'] });
    expect(limits.CapAdd ?? []).toEqual([]);
  });

  it('has limits on open files, core dumps, /tmp and its place when memory is short, and those that the engine holds', async () => {
    expect(await inside('ulimit -Hn; ulimit -Hc; cat /proc/self/oom_score_adj; head -c 70M /dev/zero > /tmp/fill 2>/dev/null; stat -c %s /tmp/fill; rm /tmp/fill')).toMatch(/^4096\n0\n500\n6\d{7}$/);
    expect(await inside('ulimit -n 5000; ulimit -c 1; echo -999 > /proc/self/oom_score_adj; mknod /workspace/disk b 8 0; chroot / true; echo tried')).toMatch(/cannot modify limit[^]*cannot modify limit[^]*Permission denied[^]*Operation not permitted[^]*(Operation not permitted|not found)[^]*tried/);
    const { HostConfig: limits } = await (await containerOf(stack.deployment, 'inmate')).inspect();
    expect(limits).toMatchObject({ Init: true, IpcMode: 'private', CgroupnsMode: 'private', SecurityOpt: ['no-new-privileges'], OomScoreAdj: 500, CpuShares: 512, LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '2' } } });
  });

  it('talks to the model, and only through the gateway, which adds the key', async () => {
    const requests = stack.fake.responsesRequests();
    expect(new Set(requests.map(({ headers }) => headers.authorization))).toEqual(new Set([`Bearer ${API_KEY}`]));
    expect(await inside('curl -s -m 5 -o /dev/null -w "%{http_code}" http://127.0.0.1:8080/v1/files')).toMatch(/^40\d$/);
    expect(stack.fake.requests.every(({ path }) => path === '/v1/responses')).toBe(true);
  });

  it('cannot find the key: not in its environment, its files, its processes, the engine’s records, Redis or the logs', async () => {
    const prefix = API_KEY.slice(0, 12);
    // Written in two parts, so that the search does not find its own command line.
    const pattern = `${prefix.slice(0, 4)}[${prefix.slice(4, 5)}]${prefix.slice(5)}`;
    const found = await inside(`env | grep -c '${pattern}'; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -ac '${pattern}'; grep -rlas '${pattern}' /codex-home /workspace /run /tmp /etc | wc -l`);
    expect(found).toBe('0\n0\n0');
    const inspected = await (await containerOf(stack.deployment, 'inmate')).inspect();
    expect(JSON.stringify(inspected)).not.toContain(prefix);
    expect(inspected.Mounts.filter(({ Type }) => Type === 'volume').map(({ Name }) => Name ?? '').toSorted()).toEqual((await volumesOf(stack.deployment)).toSorted());
    const redis = stack.redis();
    for (const key of await redis.keys('*')) expect((await redis.dumpBuffer(key))?.includes(prefix)).toBe(false);
    const files = await readdir(stack.dataDir, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) expect(await readFile(join(file.parentPath, file.name), 'latin1')).not.toContain(prefix);
  });
});
