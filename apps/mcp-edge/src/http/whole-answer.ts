import type { Response } from 'express';
import { gzipOf, haveShared } from './shared-bytes.js';

/** The body of an answer in pieces, of which the large ones may be shared: none is copied. */
export type Pieces = readonly (string | Buffer)[];

/** As nearly all say it who take it; what is said of it with weights is another's to read. */
const PLAIN_GZIP = /^(?:[a-z]+, ?)*gzip(?:, ?[a-z]+)*$/;

const LARGE_CHARACTERS = 64 * 1024;

/** Node would keep a large string beside its bytes until the client has taken them. */
export const bytesOf = (piece: string | Buffer): string | Buffer => (typeof piece === 'string' && piece.length > LARGE_CHARACTERS ? Buffer.from(piece) : piece);

/** Answers with status 200, these headers and all of the body in one write; as gzip where that is there already and the client takes it. */
export function answerWhole(response: Response, headers: Record<string, string>, body: Pieces): void {
  if (!haveShared(body)) return write(response, headers, body);
  const isCompressed = PLAIN_GZIP.test(response.req.headers['accept-encoding'] ?? '') || response.req.acceptsEncodings('gzip') === 'gzip';
  write(response, { ...headers, Vary: 'Accept-Encoding', ...(isCompressed && { 'Content-Encoding': 'gzip' }) }, isCompressed ? gzipOf(body) : body);
}

function write(response: Response, headers: Record<string, string>, body: Pieces): void {
  const length = body.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
  response.writeHead(200, { ...headers, 'Content-Length': length });
  response.cork();
  for (const piece of body) response.write(bytesOf(piece));
  response.end();
}
