import { PERL } from './perl.script.js';

/** What the names of all files begin with that a put needs for a moment. */
export const PUT_PREFIX = '.codex-mcp-put-';

/**
 * A put says what it is about to do in a file of its own, the journal: `<count> (path new)… ok`, and, when all new files
 * lie beside their places, `<inode>… staged`, NUL after each. When the last one is in its place, the journal is renamed.
 * `settle` takes back what a put that was killed has begun, or tidies up after one that was as good as done. A file that
 * somebody has made in the meantime stays, with the former one beside it.
 */
const SETTLE = `
sub through_link {
  my $above = ".";
  for my $part (split m{/}, $_[0]) { $above .= "/$part"; return 1 if $part eq ".." || -l $above }
  return 0;
}
sub at_work { open(my $in, "<", "/proc/$_[0]/cmdline") or return 0; local $/; return (<$in> || "") =~ /^perl/ }
sub settle_one {
  my ($journal, $is_done) = @_;
  return if -l $journal;
  sysopen(my $in, $journal, O_RDONLY | O_NONBLOCK | O_NOFOLLOW) or return;
  local $/;
  my @words = split /\\0/, (<$in> || "");
  close $in;
  my $count = shift @words;
  if (defined $count && $count =~ /^\\d+$/ && @words > 2 * $count && $words[2 * $count] eq "ok") {
    my $is_staged = @words > 3 * $count + 1 && $words[3 * $count + 1] eq "staged";
    for my $at (reverse 0 .. $count - 1) {
      my ($path, $new, $inode) = @words[2 * $at, 2 * $at + 1, 2 * $count + 1 + $at];
      next unless $new =~ m{^\\./(?:.*/)?\\${PUT_PREFIX}\\d+-\\d+$}s;
      next if through_link($path =~ m{^(.*)/}s ? $1 : "") || through_link($new =~ m{^\\./(.*)/}s ? $1 : "");
      $path = "./$path";
      if ($is_done) { unlink "$new.old" }
      elsif ($is_staged) {
        my @now = lstat $path;
        my $is_ours = @now && $now[1] == $inode;
        if (lstat "$new.old") { rename "$new.old", @now && !$is_ours ? "$path.before-put" : $path }
        elsif ($is_ours) { unlink $path }
      }
      unlink $new;
    }
  }
  unlink $journal;
}
sub settle {
  for my $journal (glob "${PUT_PREFIX}*.journal ${PUT_PREFIX}*.done") {
    my ($pid, $kind) = $journal =~ /^\\${PUT_PREFIX}(\\d+)\\.(\\w+)$/ or next;
    for (1 .. 100) { last unless at_work($pid); select undef, undef, undef, 0.1 }
    settle_one($journal, $kind eq "done") unless at_work($pid);
  }
}
`;

/** Takes back, or tidies up, what puts that were killed have left in the directory. */
export const SETTLE_PUTS = `for journal in ${PUT_PREFIX}*; do
  [ -e "$journal" ] || exit 0
  perl -e '${PERL}${SETTLE} settle();'
  exit 0
done`;

/**
 * $1 a file of records `path NUL x|-|? NUL size NUL bytes` (? keeps the mode) → for each `+` created or `=` replaced. All are
 * written beside their places before the first one is moved there; what fails is undone, what is killed by whoever comes next.
 */
export const PUT = `perl -e '${PERL}${SETTLE}
my ($source) = @ARGV;
settle();
open(my $in, "<", $source) or refuse("the upload is gone");
binmode $in; my $all = do { local $/; <$in> }; close $in;
my ($at, @files) = (0);
while ($at < length $all) {
  substr($all, $at) =~ /^([^\\0]+)\\0(.)\\0(\\d+)\\0/ or refuse("the upload is damaged");
  $at += length $&;
  push @files, { path => $1, mode => $2, content => substr($all, $at, $3) };
  $at += $3;
}
for my $file (@files) {
  my $above = ".";
  for my $part (split m{/}, $file->{path} =~ m{^(.*)/}s ? $1 : "") {
    $above .= "/$part";
    lstat $above or last;
    refuse("\\"$file->{path}\\" leads through a link") if -l _;
    refuse("\\"$file->{path}\\" leads through something that is no directory") unless -d _;
  }
  my @stat = lstat $file->{path} or next;
  refuse("\\"$file->{path}\\" is a link, a directory or something else than a file") unless -f _;
  $file->{old} = $stat[2] & 07777;
}
my @undo;
sub undo { $_->() for reverse @undo; refuse($_[0]) }
umask 022;
for my $at (0 .. $#files) { $files[$at]{new} = ($files[$at]{path} =~ m{^(.*)/}s ? "./$1" : ".") . "/${PUT_PREFIX}$$-$at" }
my $journal = "${PUT_PREFIX}$$.journal";
sysopen(my $told, $journal, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or refuse("the directory cannot be written: $!");
push @undo, sub { unlink $journal };
binmode $told; $told->autoflush(1);
print $told join("\\0", scalar @files, (map { ($_->{path}, $_->{new}) } @files), "ok", "") or undo("the directory cannot be written: $!");
for my $file (@files) {
  my ($above, $mode) = (".", $file->{mode} eq "x" ? 0755 : $file->{mode} eq "?" && defined $file->{old} ? $file->{old} : 0644);
  for my $part (split m{/}, $file->{path} =~ m{^(.*)/}s ? $1 : "") {
    my $dir = $above .= "/$part";
    next if -d $dir;
    mkdir $dir or undo("\\"$dir\\" cannot be made: $!");
    push @undo, sub { rmdir $dir };
  }
  my $new = $file->{new};
  sysopen(my $out, $new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or undo("\\"$file->{path}\\" cannot be written: $!");
  push @undo, sub { unlink $new };
  binmode $out;
  print $out $file->{content} or undo("\\"$file->{path}\\" cannot be written: $!");
  close $out or undo("\\"$file->{path}\\" cannot be written: $!");
  chmod $mode, $new;
}
print $told join("\\0", (map { (lstat $_->{new})[1] } @files), "staged", "") or undo("the directory cannot be written: $!");
for my $file (@files) {
  my ($path, $new) = ("./$file->{path}", $file->{new});
  if (defined $file->{old}) {
    rename $path, "$new.old" or undo("\\"$file->{path}\\" cannot be replaced: $!");
    push @undo, sub { rename "$new.old", $path };
  }
  rename $new, $path or undo("\\"$file->{path}\\" cannot be written: $!");
  push @undo, sub { unlink $path };
}
(my $done = $journal) =~ s/journal$/done/;
rename $journal, $done or undo("the directory cannot be written: $!");
print "ok ", join("", map { defined $_->{old} ? "=" : "+" } @files);
unlink map { defined $_->{old} ? "$_->{new}.old" : () } @files;
unlink $done;
' -- "$@"`;
