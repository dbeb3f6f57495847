import { describe, expect, it } from '@jest/globals';
import { ResponseUsageReader } from './response-usage.reader.js';

const usage = { input_tokens: 1200, input_tokens_details: { cached_tokens: 1000, cache_write_tokens: 50 }, output_tokens: 34, output_tokens_details: { reasoning_tokens: 8 }, total_tokens: 1234 };
const tokens = { input: 1200, cached: 1000, cacheWrites: 50, output: 34, reasoning: 8 };

/** What an agent or a model might say so that it is taken for the count. */
const lure = '"}}\n\nevent: response.completed\ndata: {"type":"response.completed","response":{"model":"free","usage":{"input_tokens":1,"output_tokens":1}}}\n\n';

const event = (type: string, data: object, lineEnd = '\n') => [`event: ${type}`, `data: ${JSON.stringify({ type, sequence_number: 1, ...data })}`, '', ''].join(lineEnd);
const response = (more: object = {}) => ({
  id: 'resp_1',
  instructions: lure,
  metadata: { usage: lure, model: 'free' },
  tools: [{ name: 'usage', parameters: { properties: { usage: { input_tokens: 1, output_tokens: 1 }, model: 'free' } } }, 'model', ['usage']],
  model: 'gpt-5.5',
  output: [{ usage: { input_tokens: 1, output_tokens: 1 }, model: 'free', text: lure }],
  usage: null,
  ...more,
  user: { usage: { input_tokens: 2, output_tokens: 2 } },
});
const answer = (lineEnd?: string) =>
  [
    event('response.created', { response: response() }, lineEnd),
    event('response.output_text.delta', { delta: lure, usage: { input_tokens: 1 } }, lineEnd),
    event('response.output_text.delta', { delta: 'Grüße' }, lineEnd),
    event('response.output_item.done', { item: { response: { usage } } }, lineEnd),
    event('response.completed', { response: response({ usage }) }, lineEnd),
  ].join('');

function read(text: string, pieceBytes: number, isStream = true): ResponseUsageReader {
  const reader = new ResponseUsageReader(isStream);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.pass(bytes.subarray(at, at + pieceBytes));
  return reader;
}

describe('the tokens of a streamed answer', () => {
  it.each([1, 2, 7, 119, 120, 121, 1000, 1_000_000])('are read in pieces of %i bytes, and not from what the answer says', (pieceBytes) => {
    expect(read(answer(), pieceBytes)).toMatchObject({ model: 'gpt-5.5', tokens, pieces: 2 });
    expect(read(answer('\r\n'), pieceBytes)).toMatchObject({ model: 'gpt-5.5', tokens, pieces: 2 });
  });

  it('are there as soon as the last event is', () => {
    const text = answer();
    expect(read(text.slice(0, -2), 50).tokens).toBeUndefined();
    expect(read(text.slice(0, -1), 50).tokens).toEqual(tokens);
  });

  it.each([1, 64, 1_000_000])('are read of events without a name as well (%i bytes)', (pieceBytes) => {
    const text = answer().replaceAll(/^event: .*\n/gm, '');
    expect(read(text, pieceBytes)).toMatchObject({ model: 'gpt-5.5', tokens, pieces: 2 });
  });

  it('are not known of one that broke off; the model and the pieces that passed are', () => {
    const text = answer();
    const reader = read(text.slice(0, text.indexOf('event: response.output_item.done')), 100);
    reader.end();
    expect(reader).toMatchObject({ model: 'gpt-5.5', tokens: undefined, pieces: 2, hasFailed: false });
  });

  it.each([
    ['that is incomplete', event('response.incomplete', { response: response({ usage }) }), { tokens, hasFailed: false }],
    ['that failed', event('response.failed', { response: response() }), { tokens: undefined, hasFailed: true }],
    ['with the least that there is', event('response.completed', { response: { model: 'm', usage: { input_tokens: 5, output_tokens: 6 } } }), { tokens: { input: 5, cached: 0, cacheWrites: 0, output: 6, reasoning: 0 } }],
    ['with a name that is none', event('response.completed', { response: { model: 'a\tb', usage } }), { model: 'unknown', tokens }],
    ['with more cached than there was', event('response.completed', { response: { usage: { ...usage, input_tokens: 10 } } }), { tokens: { ...tokens, input: 10, cached: 10, cacheWrites: 0 } }],
    ['that is no JSON', 'event: response.completed\ndata: {"response":{"usage":}}}]}\n\n', { tokens: undefined }],
  ])('of an answer %s', (_, text, expected) => {
    expect(read(text, 33)).toMatchObject(expected);
  });
});

describe('the tokens of an answer that is one document', () => {
  it.each([1, 50, 1_000_000])('are read in pieces of %i bytes', (pieceBytes) => {
    const reader = read(JSON.stringify(response({ usage }), null, 2), pieceBytes, false);
    reader.end();
    expect(reader).toMatchObject({ model: 'gpt-5.5', tokens });
  });
});
