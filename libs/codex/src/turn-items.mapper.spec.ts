import { expect, it } from '@jest/globals';
import { toTurnItem } from './turn-items.mapper.js';

const shown = (command: string) => toTurnItem({ type: 'commandExecution', id: 'i', command, status: 'completed' });

it.each([
  ["/bin/bash -lc 'ls -la'", 'ls -la'],
  ['bash -lc ls', 'ls'],
  ["/bin/zsh -c 'it'\\''s'", "it's"],
  ['/bin/bash -c "printf \'#"\'!/bin/sh\necho "hi"; exit 1\n\'"\' > a"', 'printf \'#!/bin/sh\necho "hi"; exit 1\n\' > a'],
  ['sh -c "echo \\"$HOME\\" \\$x \\n"', 'echo "$HOME" $x \\n'],
  ["bash -lc 'two words' and more", "bash -lc 'two words' and more"],
  ["bash -lc 'no end", "bash -lc 'no end"],
  ['python3 -c "print(1)"', 'python3 -c "print(1)"'],
])('a command that Codex shows as %s is %j', (command, plain) => {
  expect(shown(command)).toMatchObject({ type: 'command', command: plain });
});
