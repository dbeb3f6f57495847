import { constants, crc32, deflateRawSync } from 'node:zlib';
import type { Pieces } from './whole-answer.js';

/** Of bytes within a gzip stream: whole blocks of deflate, and what the checksum of all before becomes behind them. */
type Form = { readonly deflated: Buffer; checksum(before: number): number };

const forms = new WeakMap<Buffer, Form>();

/** The bytes of a large text that is part of many answers; they are compressed once. */
export function sharedBytes(text: string): Buffer {
  const bytes = Buffer.from(text);
  // A checksum continues linearly in its bits, so that those of 32 single bits tell that of any.
  const fromZero = crc32(bytes, 0);
  const byBit = Array.from({ length: 32 }, (_, bit) => crc32(bytes, (1 << bit) >>> 0) ^ fromZero);
  forms.set(bytes, {
    deflated: deflateRawSync(bytes, { level: constants.Z_BEST_COMPRESSION, finishFlush: constants.Z_SYNC_FLUSH }),
    checksum: (before) => byBit.reduce((sum, change, bit) => ((before >>> bit) & 1 ? sum ^ change : sum), fromZero) >>> 0,
  });
  return bytes;
}

/** Whether compressing these costs next to nothing. */
export const haveShared = (pieces: Pieces): boolean => pieces.some((piece) => typeof piece !== 'string' && forms.has(piece));

const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
const LAST_BLOCK = Buffer.from([1, 0, 0, 0xff, 0xff]);
const MAX_STORED_BYTES = 0xffff;

/** The pieces as gzip, in pieces; only what is shared is compressed, and that is not copied. */
export function gzipOf(pieces: Pieces): Buffer[] {
  const whole: Buffer[] = [];
  let parts: Buffer[] = [HEADER];
  let [checksum, length] = [0, 0];
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    const form = forms.get(bytes);
    if (form) {
      whole.push(Buffer.concat(parts), form.deflated);
      parts = [];
    } else parts.push(...stored(bytes));
    checksum = form ? form.checksum(checksum) : crc32(bytes, checksum);
    length += bytes.length;
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(length % 2 ** 32, 4);
  return [...whole, Buffer.concat([...parts, LAST_BLOCK, trailer])];
}

/** Blocks of deflate that hold bytes as they are. */
function stored(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += MAX_STORED_BYTES) {
    const block = bytes.subarray(start, start + MAX_STORED_BYTES);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(block.length, 1);
    head.writeUInt16LE(block.length ^ 0xffff, 3);
    blocks.push(head, block);
  }
  return blocks;
}
