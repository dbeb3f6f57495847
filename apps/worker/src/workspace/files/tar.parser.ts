import { gunzipSync } from 'node:zlib';
import { AppError } from '@codex-mcp/contracts';

const BLOCK = 512;

export type TarFile = { path: string; content: Buffer; executable: boolean };

/**
 * The regular files of a tar archive (ustar, pax, GNU), which may be gzipped. Throws `invalid_arguments` for one that is
 * damaged, has more than files and directories, or unpacks to more than `maxBytes`.
 */
export function parseTar(archive: Buffer, maxBytes: number): TarFile[] {
  const tar = archive[0] === 0x1f && archive[1] === 0x8b ? unzipped(archive, maxBytes) : archive;
  const files: TarFile[] = [];
  let longPath: string | undefined;
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const header = tar.subarray(at, at + BLOCK);
    if (!hasChecksum(header)) throw damaged();
    const size = octal(header, 124, 12);
    const body = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (body.length !== size) throw damaged();
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'L') longPath = text(body);
    else if (type === 'x') longPath = paxPath(body) ?? longPath;
    else if (type !== 'g') {
      const path = (longPath ?? ustarPath(header)).replace(/^(?:\.\/)+/, '');
      if (!'0\x007'.includes(type) && type !== '5') throw new AppError('invalid_arguments', `put_files: the archive holds "${path}", which is neither a file nor a directory.`);
      if (type !== '5') files.push({ path, content: Buffer.from(body), executable: (octal(header, 100, 8) & 0o100) !== 0 });
      longPath = undefined;
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function unzipped(archive: Buffer, maxBytes: number): Buffer {
  try {
    return gunzipSync(archive, { maxOutputLength: maxBytes });
  } catch {
    throw new AppError('invalid_arguments', `put_files: the archive is damaged or unpacks to more than ${maxBytes} bytes.`);
  }
}

const text = (field: Buffer): string => field.toString('utf8').replace(/\0[^]*$/, '');
const damaged = (): AppError => new AppError('invalid_arguments', 'put_files: tar is no tar archive in base64, or a damaged one.');

function octal(header: Buffer, start: number, length: number): number {
  const digits = header.toString('latin1', start, start + length).replaceAll(/[\0 ]/g, '');
  if (!/^[0-7]+$/.test(digits)) throw damaged();
  return Number.parseInt(digits, 8);
}

/** The sum of all bytes, those of the checksum itself taken as spaces. */
function hasChecksum(header: Buffer): boolean {
  if (header.length < BLOCK) return false;
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return sum === octal(header, 148, 8);
}

function ustarPath(header: Buffer): string {
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? text(header.subarray(345, 500)) : '';
  return `${prefix}${prefix === '' ? '' : '/'}${text(header.subarray(0, 100))}`;
}

/** Records of the form `<length> path=<value>\n`. */
function paxPath(body: Buffer): string | undefined {
  for (let at = 0; at < body.length; ) {
    const [whole = '', length = ''] = /^(\d+) /.exec(body.toString('latin1', at, at + 20)) ?? [];
    if (Number(length) <= whole.length) throw damaged();
    const record = body.toString('utf8', at + whole.length, at + Number(length) - 1);
    if (record.startsWith('path=')) return record.slice('path='.length);
    at += Number(length);
  }
  return undefined;
}
