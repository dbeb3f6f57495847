/** Numbers of ioctl that change attributes, also of a file that is open for reading; made with zeros, which change little where they come through. */
const ATTRIBUTE_CALLS = ['0x40086602', '0x40046602', '0x401c5820', '0x40087602', '0x40806685', '0x800c6613', '0x40086604', '0x40047211', '0x5000940e'];

/** Commands that would change something, each in a way of its own, and fail where they cannot. In a repository with a.txt in it. None says `rm -f`: Codex would run nothing of a script that has it. */
const ATTEMPTS = [
  'echo x > a.txt',
  'echo x >> a.txt',
  ': > a.txt',
  'truncate -s 1 a.txt',
  'touch a.txt',
  'touch -d 2020-01-01 a.txt',
  'chmod 755 a.txt',
  'perl -e \'exit !syscall(452, -100, "a.txt", 0755, 0)\' && false || [ -x a.txt ]',
  'chattr +d a.txt',
  `perl -e 'open my $file, "<", "a.txt"; exit !grep { $! = 0; ioctl $file, $_, my $value = "\\0" x 4096; $! != 1 } ${ATTRIBUTE_CALLS.join(', ')}'`,
  'mv a.txt b.txt',
  'rm a.txt',
  'ln a.txt b.txt',
  'ln -s a.txt b.txt',
  'mkdir d',
  'mkfifo p',
  'cp a.txt b.txt',
  'sed -i s/a/b/ a.txt',
  'git add --all',
  'git commit --quiet --all --message planted',
  'git config user.name planted',
  'git stash',
  'echo planted > .git/hooks/pre-commit',
  'echo x > /codex-home/planted',
  'echo x > /codex-home/config.toml',
  'echo x > /codex-home/codex-mcp/planted',
  'echo x > /tmp/planted',
  'find /tmp/codex-daemon-*/* -delete',
  'curl -s -m 5 -o /dev/null --unix-socket "$(echo /tmp/codex-daemon-*/*)" http://localhost/readyz',
  'kill -9 1',
  'kill -9 "$(pgrep -f app-server)"',
  'cat /proc/1/environ > /dev/null',
  'setsid --wait sh -c "echo x > a.txt"',
  'perl -MSocket -e \'socket(my $s, AF_UNIX, SOCK_STREAM, 0) or exit 1\'',
];

/** Reads as a model would look around. */
const LOOKS = ['ls -la', 'cat a.txt', 'rg --quiet a .', 'git status', 'git diff', 'git log --oneline', 'find . -name a.txt', 'echo x > /dev/null', 'wc -l < a.txt | sort', 'curl -s -o /dev/null http://127.0.0.1:8080/'];

/** A command line that makes all attempts and prints `WROTE` and its text for each that succeeds, then looks around and prints `FAILED` for each look that does not. */
export function attemptsScript(): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const each = (commands: string[], said: string) => commands.map((command) => `sh -c ${quoted(command)} >/dev/null 2>&1 </dev/null ${said} ${quoted(command)}`);
  return [...each(ATTEMPTS, '&& echo WROTE'), ...each(LOOKS, '|| echo FAILED'), 'echo ATTEMPTS-ARE-OVER'].join('\n');
}

/** Patches that add, change, delete and move, one for each call of the tool. */
export const PATCHES = ['*** Add File: b.txt\n+x', '*** Update File: a.txt\n@@\n-a\n+x', '*** Delete File: a.txt', '*** Update File: a.txt\n*** Move to: c.txt\n@@\n-a\n+x', '*** Add File: /codex-home/planted\n+x', '*** Add File: /tmp/planted\n+x'].map(
  (change) => `*** Begin Patch\n${change}\n*** End Patch`,
);
