import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { repositoryRoot } from '../stack/launched.process.js';
import { owner } from './host-repository.js';

/** What is built or installed is no part of a project. */
const LEFT_OUT = /(?:^|\/)(?:node_modules|dist|\.git|\.nx|coverage|[^/]*\.tsbuildinfo)(?:\/|$)/;

const COMMIT = `git init -q . && git config gc.auto 0 && git -c core.looseCompression=0 add -A && git -c user.name=Ada -c user.email=ada@example.test commit -qm 'The first commit'`;

/** $1 directory: 10,000 files in 100 directories, each tenth binary, with names and contents of every odd kind, a submodule, and a change that is not committed. */
const LARGE = `set -e
mkdir -p "$1/module" "$1/tree" && cd "$1/module" && echo inner > inner.txt && ${COMMIT} && cd ../tree
perl -e 'for my $d (0..99) { mkdir "d$d"; for my $f (0..98) { my $bin = $f % 10 == 0; open my $o, ">", "d$d/f$f." . ($bin ? "bin" : "txt"); binmode $o; print $o $bin ? join("", map { chr(($_ * 7 + $d + $f) % 256) } 0..600) : join("", map { "line $_ of $d/$f\\n" } 0..20) } open my $x, ">", "d$d/README.md"; print $x "# $d\\n" }'
printf 'a\\r\\nb\\r\\n' > crlf.txt; printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:0\\nsize 1\\n' > big.psd; printf '*.psd filter=lfs diff=lfs merge=lfs -text\\n*.txt text=auto\\n' > .gitattributes
printf 'lower' > case.txt; printf 'upper' > CASE.txt; printf 'x' > "$(printf 'caf\\351.txt')"; ln -s d1/f1.txt link; ln -s nowhere dangling; printf '#!/bin/sh\\n' > run.sh; chmod +x run.sh
git init -q . && git config gc.auto 0 && git -c protocol.file.allow=always submodule --quiet add ../module sub
${COMMIT}
echo 'not committed' >> d2/f2.txt`;

/** Such a repository; the directory that may be a workspace is returned. */
export function makeLargeRepository(directory: string): string {
  execFileSync('sh', ['-c', LARGE, 'sh', directory], { stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync('chown', ['-Rh', `${owner}:${owner}`, directory]);
  return join(directory, 'tree');
}

/** This very project, as somebody has it who has cloned it. */
export async function copyOfThisProject(directory: string): Promise<string> {
  await cp(repositoryRoot, directory, { recursive: true, filter: (path) => !LEFT_OUT.test(relative(repositoryRoot, path)) });
  execFileSync('sh', ['-c', COMMIT], { cwd: directory });
  execFileSync('chown', ['-Rh', `${owner}:${owner}`, directory]);
  return directory;
}

/** One id for names, types, modes and contents of all that is there, byte for byte, without repositories' own files. */
export function treeId(directory: string): string {
  const hash = createHash('sha256');
  const walk = (path: Buffer, below: string) => {
    const entries = readdirSync(path, { withFileTypes: true, encoding: 'buffer' }).filter(({ name }) => name.toString('latin1') !== '.git');
    for (const entry of entries.toSorted((one, two) => Buffer.compare(one.name, two.name))) {
      const name = `${below}/${entry.name.toString('latin1')}`;
      const at = Buffer.concat([path, Buffer.from('/'), entry.name]);
      if (entry.isDirectory()) walk(at, name);
      else hash.update(`${name}\0${entry.isSymbolicLink() ? 'link' : lstatSync(at).mode & 0o100}\0`).update(entry.isSymbolicLink() ? readlinkSync(at, 'buffer') : readFileSync(at));
    }
  };
  walk(Buffer.from(directory), '');
  return hash.digest('hex');
}
