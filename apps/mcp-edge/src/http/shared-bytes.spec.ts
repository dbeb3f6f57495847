import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { gzipOf, haveShared, sharedBytes } from './shared-bytes.js';

const shared = sharedBytes('ä list of tools, '.repeat(10_000));
const another = sharedBytes('');

describe('gzip of pieces', () => {
  it.each<[string, (string | Buffer)[]]>([
    ['between others', ['{"id":1,"result":', shared, '}']],
    ['first', [shared, '\n\n']],
    ['alone', [shared]],
    ['more than once', ['x', shared, shared, 'ö', another, shared]],
    ['behind much', ['x'.repeat(200_000), shared, 'y'.repeat(65_535), Buffer.from('z')]],
    ['nowhere', ['only ', Buffer.from('text')]],
    ['of nothing', []],
  ])('is what they say together, with what is shared %s', (_, pieces) => {
    expect(gunzipSync(Buffer.concat(gzipOf(pieces))).toString()).toBe(pieces.join(''));
  });

  it('takes up little of what is shared', () => {
    expect(Buffer.concat(gzipOf(['{', shared, '}'])).length).toBeLessThan(shared.length / 100);
  });

  it('tells what is shared by its identity', () => {
    expect([['a', shared], [Buffer.from(shared), 'a'], []].map(haveShared)).toEqual([true, false, false]);
  });
});
