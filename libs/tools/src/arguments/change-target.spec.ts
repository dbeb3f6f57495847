import { describe, expect, it } from '@jest/globals';
import { changeTarget } from './change-target.js';

describe('what to review', () => {
  it.each([
    ['uncommitted', { kind: 'uncommitted' }],
    [' uncommitted\n', { kind: 'uncommitted' }],
    ['branch:main', { kind: 'branch', name: 'main' }],
    ['branch: origin/feature/x', { kind: 'branch', name: 'origin/feature/x' }],
    ['commit:1a2b3c4', { kind: 'commit', name: '1a2b3c4' }],
    ['commit:HEAD~2', { kind: 'commit', name: 'HEAD~2' }],
  ])('%j names a change', (text, target) => {
    expect(changeTarget(text)).toEqual(target);
  });

  it.each(['the uncommitted changes', 'uncommitted src', 'src/auth', 'branch:', 'branch: main and more', 'branch:main\ncommit:1a2b3c4', 'const branch:string'])('%j is itself what to review', (text) => {
    expect(changeTarget(text)).toBeUndefined();
  });
});
