import type { IncomingMessage } from 'node:http';
import { AppError } from '@codex-mcp/contracts';

const MAX_BYTES = 256 * 1024 * 1024;

/** A request's JSON; throws `input_too_large` or `invalid_arguments`. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new AppError('input_too_large', `The changes are larger than ${MAX_BYTES / 1024 / 1024} MiB together. Take over a part of them at a time, with \`paths\`.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new AppError('invalid_arguments', 'The request is not JSON.');
  }
}
