import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { WorkspaceRoots } from './workspace-roots.js';

let directory: TemporaryDirectory;
let base: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  base = await realpath(directory.path);
  for (const name of ['root/project', 'root-evil', 'secret', '..odd/inside']) mkdirSync(join(base, name), { recursive: true });
  mkdirSync(join(base, 'root/..hidden'));
  writeFileSync(join(base, 'root/file.txt'), '');
  symlinkSync(join(base, 'secret'), join(base, 'root/link-out'));
  symlinkSync(join(base, 'root/project'), join(base, 'root/link-in'));
  symlinkSync(join(base, 'root'), join(base, 'link-to-root'));
});

afterAll(() => directory.remove());

const host = (path: string) => ({ kind: 'host' as const, path });
const refusal = (path: string) => resolve(path).then(() => 'not refused', (error: Error) => error.message);
const resolve = (path: string, roots = [join(base, 'root')]) => new WorkspaceRoots(roots).resolve(host(path));

describe('a directory is a workspace', () => {
  it.each(['root', 'root/project', 'root/project/', 'root/./project/../project', 'root/..hidden'])('when it is %s', async (name) => {
    await expect(resolve(join(base, name))).resolves.toMatchObject({ kind: 'host' });
  });

  it('by its real path, through links that stay inside', async () => {
    expect(await resolve(join(base, 'root/link-in'))).toEqual(host(join(base, 'root/project')));
    expect(await resolve(join(base, 'root/project'), [join(base, 'link-to-root')])).toEqual(host(join(base, 'root/project')));
  });
});

describe('a choice', () => {
  const choose = (choice: Parameters<WorkspaceRoots['choose']>[0], present?: Parameters<WorkspaceRoots['choose']>[1]) => new WorkspaceRoots([join(base, 'root')]).choose(choice, present);
  const project = () => join(base, 'root/project');

  it('is a copy, unless it says otherwise or the agent has the directory itself', async () => {
    expect(await choose({ path: project() })).toEqual({ kind: 'isolated', path: project() });
    expect(await choose({ path: project(), mode: 'direct' })).toEqual(host(project()));
    expect(await choose({ path: join(base, 'root/link-in') }, host(project()))).toEqual(host(project()));
    expect(await choose({ path: project() }, host(join(base, 'root')))).toEqual({ kind: 'isolated', path: project() });
    expect(await choose({ path: project(), mode: 'isolated' }, host(project()))).toEqual({ kind: 'isolated', path: project() });
  });

  it('by hints is the first that may be, else what the agent has', async () => {
    expect(await choose({ hints: [join(base, 'secret'), join(base, 'nothing'), project()] })).toEqual({ kind: 'isolated', path: project() });
    expect(await choose({ hints: [join(base, 'secret')] }, host(project()))).toEqual(host(project()));
    expect(await choose({ hints: [] })).toEqual({ kind: 'volume' });
  });

  it('of its own workspace needs no directory', async () => {
    expect(await choose({ own: true }, host(project()))).toEqual({ kind: 'volume' });
  });
});

describe('a directory is refused', () => {
  it.each([
    ['is elsewhere', 'secret'],
    ['leaves by dots', 'root/../secret'],
    ['leaves by a link', 'root/link-out'],
    ['only shares the root’s first letters', 'root-evil'],
    ['is the root’s parent', '.'],
    ['is a file', 'root/file.txt'],
    ['does not exist', 'root/nothing'],
  ])('when it %s', async (_, name) => {
    await expect(resolve(join(base, name))).rejects.toMatchObject({ code: 'workspace_not_allowed' });
  });

  it('when the path is relative, and when there are no roots, with what to do', async () => {
    await expect(resolve('root/project')).rejects.toThrow(/absolute/);
    await expect(resolve(join(base, 'root'), [])).rejects.toThrow(/WORKSPACE_ROOTS/);
  });

  it('in the same words whether it exists or not', async () => {
    const words = async (name: string) => (await refusal(join(base, name))).replace(name, 'NAME');
    expect(await words('secret')).toBe(await words('missing'));
  });
});
