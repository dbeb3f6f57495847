import { describe, expect, it } from '@jest/globals';
import { directoriesInMemory, SessionWorkspaces } from './session-workspaces.js';

const says = (...paths: string[]) => async () => paths.map((path) => `file://${path}`);
const saysNothing = () => Promise.reject(new Error('too late'));
const allowed = async () => ['/home/ada'];

describe('the directory that names the agent of a session', () => {
  it('is decided once, wherever the session is served and whatever becomes of its client', async () => {
    const session = directoriesInMemory();
    expect(await new SessionWorkspaces(session).directory(undefined, says('/srv/x', '/home/ada/project'), allowed)).toBe('/home/ada/project');
    const elsewhere = new SessionWorkspaces(session);
    expect(await elsewhere.directory(undefined, saysNothing, allowed)).toBe('/home/ada/project');
    expect(await elsewhere.directory(undefined, says('/home/ada/other'), async () => undefined)).toBe('/home/ada/project');
  });

  it('is decided anew when the client says that its roots have changed', async () => {
    const workspaces = new SessionWorkspaces(directoriesInMemory());
    await workspaces.directory(undefined, says('/home/ada/project'), allowed);
    await workspaces.forgetRoots();
    expect(await workspaces.directory(undefined, says('/home/ada/other'), allowed)).toBe('/home/ada/other');
  });

  it('is none where agents may work on none of them, which is not decided before a supervisor has said so', async () => {
    const workspaces = new SessionWorkspaces(directoriesInMemory());
    expect(await workspaces.directory(undefined, says('/home/ada/project'), async () => undefined)).toBeUndefined();
    expect(await workspaces.directory(undefined, says('/home/ada/project'), async () => ['/home/adam'])).toBeUndefined();
    expect(await workspaces.directory(undefined, says('/home/ada/project'), allowed)).toBeUndefined();
    expect(await workspaces.directory('/named/by/the/connection', says('/home/ada/project'), allowed)).toBe('/named/by/the/connection');
  });
});
