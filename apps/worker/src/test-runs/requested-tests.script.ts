/** The variable that all processes of a turn's tests have: the turn's id, `/`, an id of the run. */
export const MARK = 'CODEX_MCP_TESTS';

/**
 * $1 seconds, $2 bytes, $3 a shell line → `<exit code> <1 if it took too long>`, newline, the last bytes of what it printed.
 * It ends with the shell, whatever goes on in the background and holds its output open.
 */
export const RUN_TESTS = `use strict; use warnings; use POSIX ":sys_wait_h";
binmode STDOUT;
my ($seconds, $keep, $line) = @ARGV;
pipe(my $in, my $out) or die "no pipe";
my $pid = fork; die "no process" unless defined $pid;
if ($pid == 0) {
  setpgrp(0, 0); close $in;
  open(STDIN, "<", "/dev/null"); open(STDOUT, ">&", $out); open(STDERR, ">&", $out); close $out;
  { no warnings; exec { "bash" } "bash", "-lc", $line; }
  exec { "/bin/sh" } "sh", "-c", $line;
  POSIX::_exit(127);
}
close $out;
my ($tail, $late, $open, $limit, $code) = ("", 0, 1, time + $seconds);
sub pull {
  my ($wait) = @_; return 0 unless $open;
  my $set = ""; vec($set, fileno($in), 1) = 1;
  return 0 unless select($set, undef, undef, $wait);
  my $got = sysread($in, $tail, 65536, length $tail);
  $open = 0 unless $got;
  $tail = substr($tail, -$keep) if length $tail > 2 * $keep;
  return $got;
}
until (defined $code) {
  $open ? pull(0.05) : select(undef, undef, undef, 0.05);
  my $done = waitpid($pid, WNOHANG);
  if ($done == $pid) { $code = $? & 127 ? 128 + ($? & 127) : $? >> 8; last }
  if (time >= $limit && !$late) { $late = 1; kill "TERM", -$pid; $limit = time + 2 }
  elsif (time >= $limit) { kill "KILL", -$pid; $limit = time + 2 }
}
for (1 .. 64) { last unless pull(0) }
$tail = substr($tail, -$keep) if length $tail > $keep;
print "$code $late\\n", $tail;
`;

/** $1 mark, as a basic regular expression: ends all that runs under it, also what left its process group. Where there is no /proc, nothing does. */
export const END_TESTS = `for pass in 1 2 3 4 5; do
  found=$(grep -slz "^${MARK}=$1$" /proc/[0-9]*/environ | sed 's|^/proc/||; s|/environ$||')
  [ -n "$found" ] || break
  kill -KILL $found 2>/dev/null
done
exit 0`;
