import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { costOf, dearestCostOf, LIST_PRICES, loadPrices } from './model-prices.js';

const request = { input: 1_000_000, cached: 0, cacheWrites: 0, output: 0 };
const flat = { own: { input: 3, cached_input: 1, output: 7 } };
let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

function file(content: string): string {
  writeFileSync(join(directory.path, 'prices.json'), content);
  return join(directory.path, 'prices.json');
}

describe('what a turn costs', () => {
  it('is the price of its tokens, cached ones and written ones at their own', () => {
    expect(costOf(flat, 'own', [request, { input: 1000, cached: 400, cacheWrites: 100, output: 10 }])).toBe(3 + (500 * 3 + 400 + 100 * 3 + 70) / 1_000_000);
    expect(costOf(LIST_PRICES, 'gpt-6.1-sol', [{ input: 100_000, cached: 60_000, cacheWrites: 20_000, output: 5000 }])).toBe(0.146);
    expect(costOf(flat, 'own', [])).toBe(0);
  });

  it('is more for each request with a long context, and for those alone', () => {
    const long = { input: 300_000, cached: 0, cacheWrites: 0, output: 1000 };
    expect(costOf(LIST_PRICES, 'gpt-6.1-sol', [long])).toBe(1.215);
    expect(costOf(LIST_PRICES, 'gpt-6.1-sol', [{ ...long, input: 272_000 }])).toBe(0.554);
  });

  it('is that of the model where a dated version of it answered, unless that has a price of its own', () => {
    expect(costOf(flat, 'own-2026-11-01', [request])).toBe(3);
    expect(costOf({ ...flat, 'own-2026-11-01': { ...flat.own, input: 4 } }, 'own-2026-11-01', [request])).toBe(4);
  });

  it('is not known of a model without a price', () => {
    for (const model of ['gpt-99', 'own-2', 'toString', '__proto__']) expect(costOf(LIST_PRICES, model, [request])).toBeUndefined();
  });
});

describe('the most that a turn costs', () => {
  it('is that of the model that is the dearest for its tokens', () => {
    const prices = { reads: { input: 9, cached_input: 1, output: 1 }, writes: { input: 1, cached_input: 1, output: 9 } };
    expect(dearestCostOf(prices, [request])).toBe(9);
    expect(dearestCostOf(prices, [{ ...request, output: 2_000_000 }])).toBe(19);
    expect(dearestCostOf({}, [request])).toBe(0);
  });
});

describe('the prices of the operator', () => {
  it('take the place of the list prices', () => {
    const prices = loadPrices(file(JSON.stringify(flat)));
    expect(costOf(prices, 'own', [request])).toBe(3);
    expect(costOf(prices, 'gpt-6.1-sol', [request])).toBeUndefined();
    expect(loadPrices(undefined)).toBe(LIST_PRICES);
  });

  it.each(['', '[]', '{"own": {"input": 1}}', '{"own": {"input": -1, "cached_input": 0, "output": 1}}', '{"own": {"input": "1", "cached_input": 0, "output": 1}}', '{"own": {"input": 1, "cached_input": 0, "output": 1, "currency": "EUR"}}'])('that are %j are refused at the start', (content) => {
    expect(() => loadPrices(file(content))).toThrow(/^MODEL_PRICES_FILE cannot be used/);
  });

  it('that are not there are refused as well', () => {
    expect(() => loadPrices(join(directory.path, 'missing.json'))).toThrow(/ENOENT/);
  });
});
