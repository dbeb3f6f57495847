import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { REVISIONS, runSuite, type SuiteResult } from './suite.js';
import { type ConformanceSystem, startConformanceSystem } from './system.js';

jest.setTimeout(240_000);

/** Of @modelcontextprotocol/conformance at the pinned version: a suite that ran in part would be whole otherwise. */
const CHECKS = { '2025-11-25': 84, '2026-07-28': 196 };

describe('the official conformance suite, through a balancer over three edges', () => {
  let system: ConformanceSystem | undefined;
  const results: SuiteResult[] = [];

  beforeAll(async () => {
    const { url } = (system = await startConformanceSystem());
    for (const revision of REVISIONS) results.push(await runSuite(url, revision));
  });
  afterAll(() => system?.stop());

  it.each(REVISIONS.map((revision, index) => ({ revision, index })))('passes for $revision', ({ revision, index }) => {
    const { passed, total, failures } = results[index] as SuiteResult;
    expect({ failures, passed, total }).toEqual({ failures: [], passed: CHECKS[revision], total: CHECKS[revision] });
  });

  it('asked every edge', () => {
    expect(Math.min(...(system?.counts ?? [0]))).toBeGreaterThan(0);
  });
});
