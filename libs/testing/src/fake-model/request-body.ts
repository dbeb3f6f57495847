import type { IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

export interface RequestBody {
  /** Parsed JSON, else the form's fields, else the text; undefined when empty. */
  readonly value: unknown;
  readonly bytes: number;
}

const decompressors: Readonly<Record<string, (data: Buffer) => Buffer>> = {
  identity: (data) => data,
  gzip: (data) => gunzipSync(data),
  br: (data) => brotliDecompressSync(data),
};

/** Reads a whole request body. Throws for a content encoding that it cannot read (zstd needs Node 22.15). */
export async function readBody(request: IncomingMessage): Promise<RequestBody> {
  const received: Buffer[] = [];
  for await (const part of request) received.push(part as Buffer);
  const raw = Buffer.concat(received);
  const encoding = request.headers['content-encoding'] ?? 'identity';
  const decompress = decompressors[encoding];
  if (!decompress) throw new Error(`cannot read content-encoding "${encoding}"; set features.enable_request_compression=false in Codex`);
  return { value: parse(decompress(raw).toString('utf8'), request.headers['content-type']), bytes: raw.length };
}

function parse(text: string, contentType = ''): unknown {
  if (text === '') return undefined;
  try {
    // Whatever the content type says: `curl -d` calls everything a form.
    return JSON.parse(text) as unknown;
  } catch {
    return contentType.includes('x-www-form-urlencoded') ? Object.fromEntries(new URLSearchParams(text)) : text;
  }
}
