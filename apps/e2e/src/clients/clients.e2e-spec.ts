import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { checkSubject, type Result } from './matrix.js';
import { CHECKS } from './subject.js';
import { bridge, bridgeModern, sdk1Http, sdk1Sse, sdk2Legacy, sdk2Modern } from './subjects/sdk.subject.js';

/** The libraries that every clone has; `npm run clients` checks the others, and long turns. */
const subjects = [bridge, bridgeModern, sdk1Http, sdk1Sse, sdk2Legacy, sdk2Modern];
const checks = CHECKS.filter((check) => check !== 'survives 90 s');

describe('clients', () => {
  let stack: Stack;
  let directory: TemporaryDirectory;
  let results: Result[];

  beforeAll(async () => {
    directory = await temporaryDirectory('clients-');
    stack = await startStack({ runtime: 'process' });
    const installed = () => {
      throw new Error('only clients that are among the packages of this repository');
    };
    const options = { url: stack.url, directory: directory.path, checks, installed, tell: () => undefined };
    results = (await Promise.all(subjects.map((subject) => checkSubject(subject, options)))).flat();
  }, 180_000);
  afterAll(async () => {
    await stack.stop();
    await directory.remove();
  });

  it.each(subjects.map(({ name }) => name))('%s connects, lists, calls, hears of progress and cancels', (name) => {
    const own = results.filter(({ subject }) => subject === name);
    expect(own).toEqual(checks.map((check) => ({ subject: name, check, outcome: 'pass', detail: expect.any(String) })));
  });
});
