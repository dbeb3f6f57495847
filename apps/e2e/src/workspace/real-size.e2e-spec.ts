import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { describeWithDocker, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { Changes } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { call, directive, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { applyDiff, fingerprintOf } from './file-tree.js';
import { makeRepository } from './host-repository.js';
import { copyOfThisProject, makeLargeRepository, treeId } from './large-repository.fixture.js';

jest.setTimeout(180_000); // on a busy machine

const SEED = Number(process.env['SEED'] ?? 20_261_122);
const [FILES, ROUNDS, EDITS] = [12, 4, 6];
/** Where changes are prepared, in the directory itself, and how often an edit comes right then in one call. */
const [STAGING, DISTURBED] = ['.codex-mcp-apply-', 2];
const answer = { summary: 's', explanation: 'e', integration_notes: [] };

describeWithDocker('a repository of real size', () => {
  let directory: TemporaryDirectory;
  let stack: Stack;
  let client: Client;
  let roots: string;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    roots = join(directory.path, 'roots');
    stack = await startStack({ env: { WORKSPACE_ROOTS: roots } });
    client = await stack.httpClient('worker');
  });
  afterAll(async () => {
    await stack.stop();
    await directory.remove();
  });

  const implement = async (args: Record<string, unknown>, ...steps: Parameters<typeof directive>) =>
    Changes.parse((await outputOf(client, 'implement', { task: directive(...steps, { json: answer }), target_files: ['.'], ...args }))['changes']);

  it('with 10,000 files, binaries, odd names and a submodule is copied, changed, compared and changed back into exactly', async () => {
    const workspace = makeLargeRepository(join(roots, 'large'));
    const expected = join(directory.path, 'expected');
    execFileSync('sh', ['-c', 'mkdir "$2" && tar -C "$1" --exclude=.git -cf - . | tar -C "$2" -xf -', 'sh', workspace, expected]);
    const before = treeId(workspace);
    const patch = '*** Begin Patch\n*** Update File: d1/f1.txt\n@@\n-line 3 of 1/1\n+line three\n*** Add File: added.txt\n+new\n*** Delete File: d9/f9.txt\n*** End Patch\n';
    const shell = "mv d5 moved; for f in 0 10 20; do printf '\\001\\000\\377' >> d7/f$f.bin; done; printf 'c\\r\\n' >> crlf.txt; printf y >> \"$(printf 'caf\\351.txt')\"; printf z >> CASE.txt; chmod -x run.sh; ln -sfn d3 link; echo touched >> big.psd";
    const agent = { agent_id: 'large', workspace };
    const changes = await implement(agent, { patch }, { shell });
    expect(treeId(workspace)).toBe(before);
    const count = (kind: string) => changes.files.filter(({ status }) => status === kind).length;
    expect({ renamed: count('renamed'), added: count('added'), deleted: count('deleted'), modified: count('modified'), truncated: changes.truncated }).toEqual({ renamed: 100, added: 1, deleted: 1, modified: 10, truncated: false });
    await applyDiff(expected, changes.diff);
    expect(await outputOf(client, 'apply', { agent_id: 'large' })).toMatchObject({ applied: true });
    expect(treeId(workspace)).toBe(treeId(expected));
    expect(await outputOf(client, 'get_diff', { agent_id: 'large' })).toMatchObject({ files: [] });
  });

  it('this project itself is worked on, and tools that only look leave it and its repository as they are', async () => {
    const workspace = await copyOfThisProject(join(roots, 'this-project'));
    const [title = ''] = readFileSync(join(workspace, 'README.md'), 'utf8').split('\n');
    const patch = `*** Begin Patch\n*** Update File: README.md\n@@\n-${title}\n+${title}, changed\n*** End Patch\n`;
    const changes = await implement({ agent_id: 'self', workspace }, { patch });
    expect(changes.files).toEqual([{ path: 'README.md', status: 'modified', additions: 1, deletions: 1 }]);
    expect(await outputOf(client, 'apply', { agent_id: 'self' })).toMatchObject({ applied: true });
    const before = await fingerprintOf(workspace);
    const look = directive({ shell: 'git status --short; git diff | head -5; git log --oneline | head -3; grep -rn LOGGER apps | head' }, { json: { summary: 's', findings: [] } });
    await outputOf(client, 'audit', { agent_id: 'self', code: look });
    await outputOf(client, 'audit', { agent_id: 'looker', workspace, workspace_mode: 'direct', code: look });
    expect(await fingerprintOf(workspace)).toEqual(before);
  });

  it('that its user edits while changes are applied loses no byte of either', async () => {
    const names = Array.from({ length: FILES }, (_, at) => `f${at}.txt`);
    const middle = Array.from({ length: 20 }, (_, at) => `line ${at}\n`).join('');
    const workspace = await makeRepository(join(roots, 'edited'), Object.fromEntries(names.map((name) => [name, `top\n${middle}`])));
    const random = seeded(SEED);
    const written = new Map<string, string[]>(names.map((name) => [name, []]));
    const agent = { agent_id: 'racer', workspace };
    let applied = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      await implement(agent, { shell: `for f in f*.txt; do sed -i '1s/.*/top ${round}/' $f; done` });
      let edits = 0;
      const burst = async () => {
        for (let count = 0; count < EDITS; count++) await userEdit(workspace, names[random(FILES)] ?? '', `user ${round}.${edits++}`, written);
      };
      const applying = call(client, 'apply', { agent_id: 'racer' }).then(({ isError }) => (isError ? 'refused' : 'applied'));
      await burst();
      const seen = new Set<string>();
      for (let outcome: string | undefined; outcome === undefined; ) {
        const staging = (await readdir(workspace)).find((name) => name.startsWith(STAGING));
        if (staging !== undefined && seen.size < DISTURBED && !seen.has(staging)) {
          seen.add(staging);
          await burst();
        }
        outcome = await Promise.race([applying, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))]);
        if (outcome === 'applied') applied += 1;
      }
    }
    // Nobody edits any more; what was refused before goes through now.
    await outputOf(client, 'apply', { agent_id: 'racer' });
    const kept = (name: string) => [name, `${name}.before-apply`].map((one) => tryRead(join(workspace, one)) ?? '').join('');
    for (const [name, lines] of written) expect({ SEED, applied, name, lost: lines.filter((line) => !kept(name).includes(`${line}\n`)) }).toEqual({ SEED, applied, name, lost: [] });
    for (const name of names) expect(readFileSync(join(workspace, name), 'utf8')).toMatch(/^top /);
    expect((await readdir(workspace)).filter((name) => name.startsWith(STAGING))).toEqual([]);
  });
});

/** A line more, put in place as editors do: never in the middle of a file that somebody else may read. */
async function userEdit(workspace: string, name: string, line: string, written: Map<string, string[]>): Promise<void> {
  // A file that is being replaced is not there for a moment.
  for (let text: string | undefined; text === undefined; await new Promise(setImmediate)) {
    text = tryRead(join(workspace, name));
    if (text === undefined) continue;
    writeFileSync(join(workspace, '.edit.tmp'), `${text}${line}\n`);
    renameSync(join(workspace, '.edit.tmp'), join(workspace, name));
    written.get(name)?.push(line);
  }
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
