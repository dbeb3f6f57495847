import type { Scope } from '@codex-mcp/contracts';
import { describe, expect, it } from '@jest/globals';
import { listTools, TOOLS } from './catalogue.js';
import { selectTools, TOOLSETS } from './toolsets.js';

const namesOf = (choice: string | undefined) => selectTools(choice).listed.map(({ name }) => name);

describe('toolsets', () => {
  it.each(Object.keys(TOOLSETS))('%s is what it is', (name) => {
    expect(namesOf(name)).toMatchSnapshot();
  });

  it('have every tool between them', () => {
    expect(namesOf(Object.keys(TOOLSETS).join())).toEqual([...TOOLS.keys()]);
  });

  it.each([undefined, '', ' , ', 'all', 'core,ALL'])('are the whole catalogue for the choice %j, in its own list', (choice) => {
    expect(selectTools(choice).listed).toBe(listTools());
    expect(selectTools(choice).find('codex_plan')).toBe(TOOLS.get('plan'));
  });

  it('come together, each tool once, in the order of the catalogue, the same frozen list each time', () => {
    const both = namesOf('turns, Core');
    expect(both).toEqual([...TOOLS.keys()].filter((name) => namesOf('core').includes(name) || namesOf('turns').includes(name)));
    expect(selectTools('core,turns').listed).toBe(selectTools(' turns,core,').listed);
    expect(Object.isFrozen(selectTools('core').listed)).toBe(true);
  });

  it('leave what changes nothing with readonly', () => {
    expect(namesOf('core,readonly')).toEqual(['plan', 'review', 'audit', 'debug', 'get_turn', 'list_approvals']);
    expect(namesOf('readonly')).toEqual(listTools().filter(({ annotations }) => annotations.readOnlyHint).map(({ name }) => name));
  });

  it('hide the tools that are not among them', () => {
    const { find } = selectTools('workspace');
    expect([find('get_diff')?.name, find('plan'), find('codex_plan'), find('nothing')]).toEqual(['get_diff', undefined, undefined, undefined]);
  });

  it('leave what the scopes of a token allow', () => {
    const allowed = (...scopes: Scope[]) => selectTools(undefined, new Set(scopes)).listed;
    expect(allowed('read').map(({ name }) => name)).toEqual([...TOOLS.values()].filter(({ scope }) => scope === 'read').map(({ name }) => name));
    expect(allowed('run').map(({ name }) => name)).toEqual([...TOOLS.values()].filter(({ scope }) => scope !== 'admin').map(({ name }) => name));
    expect(allowed('run')).toBe(allowed('read', 'run'));
    expect(allowed('read', 'run', 'admin')).toBe(listTools());
    expect(allowed()).toEqual([]);
    expect(selectTools('core,readonly', new Set(['read'])).listed.map(({ name }) => name)).toEqual(['get_turn', 'list_approvals']);
  });

  it.each(['cores', 'core,constructor', 'core;turns'])('do not know %s, and name what there is', (choice) => {
    expect(() => selectTools(choice)).toThrow(/^There is no toolset ".+"\. There are core, workspace, turns, threads, agents, approvals, codex and all/);
  });
});
