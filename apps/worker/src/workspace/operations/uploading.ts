import { AppError } from '@codex-mcp/contracts';
import { PUT } from '../files/put.script.js';
import { parseTar } from '../files/tar.parser.js';
import { recorded, type Operation } from './operation.js';

const MAX_FILES = 1000;
const MAX_BYTES = 8 * 1024 * 1024;

type Upload = { path: string; content: Buffer; executable?: boolean | undefined };

export const putFiles: Operation<'put_files'> = async (context, { files, tar }) => {
  if ((files === undefined) === (tar === undefined)) throw refusal('give files or tar');
  const uploads = tar === undefined ? (files ?? []).map(fromList) : parseTar(fromBase64('tar', tar), MAX_BYTES);
  refuseUnsuitable(uploads);
  const { workspace } = context.session;
  const answer = await recorded(context, async () => {
    const upload = await workspace.repository.upload(Buffer.concat(uploads.flatMap(toRecord)));
    const said = await workspace.repository.shell(PUT, [upload], { sandboxPolicy: context.session.sandboxPolicy('write') });
    await workspace.repository.shell('rm -f "$1"', [upload]);
    return said;
  });
  const [word, ...rest] = answer.split(' ');
  if (word !== 'ok') throw refusal(word === 'no' ? `nothing was written, as ${rest.join(' ').trim()}` : 'nothing was written: Perl is missing where the agent lives');
  return { files: uploads.map(({ path, content }, at) => ({ path, size: content.length, created: rest[0]?.[at] === '+' })) };
};

const refusal = (problem: string): AppError => new AppError('invalid_arguments', `put_files: ${problem}.`);

function fromList({ path, content, base64, executable }: { path: string; content?: string | undefined; base64?: string | undefined; executable?: boolean | undefined }): Upload {
  return { path, content: base64 === undefined ? Buffer.from(content ?? '') : fromBase64(path, base64), executable };
}

function fromBase64(what: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== text.replaceAll(/\s|=+\s*$/g, '')) throw refusal(`"${what}" is not valid base64`);
  return bytes;
}

/** Paths of an archive are checked here for the first time. */
function refuseUnsuitable(uploads: Upload[]): void {
  if (uploads.length === 0 || uploads.length > MAX_FILES) throw refusal(`it takes 1 to ${MAX_FILES} files, not ${uploads.length}`);
  if (uploads.reduce((sum, { content }) => sum + content.length, 0) > MAX_BYTES) throw refusal(`the files are larger than ${MAX_BYTES} bytes together`);
  const seen = new Set<string>();
  const directories = new Set<string>();
  for (const { path } of uploads) {
    const parts = path.split('/');
    if (path.length > 4096 || path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')) throw refusal(`"${path}" is no plain path relative to the workspace`);
    if (parts.some(isGitDirectory)) throw refusal(`"${path}" would be in a .git directory`);
    if (seen.has(path)) throw refusal(`"${path}" is given twice`);
    seen.add(path);
    for (let length = 1; length < parts.length; length++) directories.add(parts.slice(0, length).join('/'));
  }
  for (const path of seen) if (directories.has(path)) throw refusal(`"${path}" is given as a file and as a directory`);
}

/** Also in the spellings that file systems of macOS and Windows take for it. */
const isGitDirectory = (part: string): boolean => /^(?:\.git|git~1)[. ]*$/i.test(part.replaceAll(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, ''));

/** What the script that writes files reads. */
export function toRecord({ path, content, executable }: Upload): Buffer[] {
  const mode = executable === undefined ? '?' : executable ? 'x' : '-';
  return [Buffer.from(`${path}\0${mode}\0${content.length}\0`), content];
}
