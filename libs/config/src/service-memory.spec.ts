import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { serviceMemory } from './service-memory.js';

const read = (file: string): string => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');

it('is the same in compose', () => {
  const [, edge = ''] = /^ {2}mcp-edge:\n((?: {4}.*\n|\n)+)/m.exec(read('docker-compose.yml')) ?? [];
  const { flags, env } = serviceMemory('mcp-edge');
  expect(/command: \[codex-mcp-service, mcp-edge, (.*)\]/.exec(edge)?.[1]?.split(', ')).toEqual(flags);
  for (const [name, value] of Object.entries(env)) expect(edge).toContain(`\n      ${name}: "${value}"\n`);
  expect(/NODE_OPTIONS="(.*)"/.exec(read('images/service/Dockerfile'))?.[1]?.split(' ')).toEqual(serviceMemory('worker').flags);
});
