import { PERL } from './perl.script.js';
import { PUT } from './put.script.js';

/** $1 path, $2 first line, $3 lines, $4 bytes → as base64: \`ok <size> <lines> <lines shown> <cut in a line>\`, newline, bytes. */
export const READ = `perl -e '${PERL}
my ($path, $first, $limit, $cap) = @ARGV;
lstat $path or refuse("There is no file");
my ($root, $real) = (realpath("."), realpath($path));
refuse("A link that leads nowhere is") unless defined $real && -e $real;
refuse("A link out of the workspace is") unless $real eq $root || index($real, "$root/") == 0;
refuse("A directory is") if -d $real;
sysopen(my $in, $real, O_RDONLY | O_NONBLOCK | O_NOFOLLOW) or refuse("A file that cannot be read is");
refuse("No regular file is") unless -f $in;
my $size = -s $in;
refuse("A file larger than 64 MiB is") if $size > 64 * 1024 * 1024;
my ($lines, $shown, $full, $cut, $out) = (0, 0, 0, 0, "");
while (my $line = <$in>) {
  $lines++;
  next if $lines < $first || $shown >= $limit || $full;
  if (length($out) + length($line) <= $cap) { $out .= $line; $shown++; next }
  $full = 1;
  ($out, $shown, $cut) = (substr($line, 0, $cap), 1, 1) if $out eq "";
}
print "ok $size $lines $shown $cut\\n", $out;
' -- "$@" | base64`;

/** Names of all files, NUL after each, and \`//ok\` at the end of a whole list. $include: whether ignored ones too. Arguments are pathspecs. */
const NAMES = `names() {
  rules=--exclude-standard; [ "$include" = false ] || rules=
  GIT_INDEX_FILE="$GIT_DIR/none" git ls-files -z --others $rules -- "$@" && printf '//ok\\0'
}`;

/** $1 whether ignored files too, $2 limit, then pathspecs → as base64, NUL after each: \`<type> <size> <executable> <path>\`, at the end \`ok <total>\`. */
export const LIST = `include=$1 limit=$2; shift 2
${NAMES}
names "$@" | perl -e '${PERL}
$/ = "\\0";
my ($limit, $total, $whole) = ($ARGV[0], 0, 0);
while (my $name = <STDIN>) {
  chomp $name;
  if ($name eq "//ok") { $whole = 1; next }
  my @stat = lstat $name or next;
  my $type = -l _ ? "link" : -d _ ? "repository" : -f _ ? "file" : next;
  print "$type $stat[7] ", ($type eq "file" && $stat[2] & 0100 ? 1 : 0), " $name\\0" if ++$total <= $limit;
}
print $whole ? "ok $total\\0" : "no\\0";
' "$limit" | base64`;

/** Arguments `e<path>` must exist or, as a glob, match; `t<path>` may be new; both inside → `missing|outside NUL path NUL` for each that is not so. */
export const CHECK = `command -v perl >/dev/null || exit 0
GIT_INDEX_FILE="$GIT_DIR/none" perl -e '${PERL}
my $root = realpath(".");
sub leads_in { my $real = realpath($_[0]); defined $real && ($real eq $root || index($real, "$root/") == 0) }
sub matches {
  open(my $names, "-|", "git", "ls-files", "-z", "--others", "--", ":(glob)$_[0]") or return 0;
  local $/ = "\\0";
  return defined <$names>;
}
for my $word (@ARGV) {
  my ($kind, $path) = (substr($word, 0, 1), substr($word, 1));
  if ($kind eq "t") {
    my $near = $path;
    until (lstat $near) { $near =~ s{/?[^/]*$}{}; $near = "." if $near eq "" }
    print "outside\\0$path\\0" unless leads_in($near);
    next;
  }
  (my $plain = $path) =~ s/(?::\\d+(?:[-:]\\d+)*|#L\\d+(?:-L?\\d+)?)$//;
  my ($there) = grep { lstat $_ } $path, $plain;
  if (!defined $there) { print "missing\\0$path\\0" unless $path =~ /[*?[]/ && matches($path) }
  elsif (!-e $there) { print "missing\\0$path\\0" }
  elsif (!leads_in($there)) { print "outside\\0$path\\0" }
}
' -- "$@"`;

/** Text that a search prints at most; it has found more than anybody asked for by then. */
export const SEARCH_BYTES = 4 * 1024 * 1024;

/** $1 pattern, $2 -F or -E, $3 whether case is ignored, $4 lines of context, $5 whether ignored files too, then pathspecs → \`ok\`, newline, \`path NUL line [:-] text\`. */
export const SEARCH = `pattern=$1 kind=$2 fold=$3 context=$4 include=$5; shift 5
${NAMES}
fold_option=; [ "$fold" = false ] || fold_option=-i
# Begins with the words that run it; grep's kinds are rg's default and -F.
search() {
  if command -v rg >/dev/null; then
    [ "$kind" = -F ] || kind=--no-fixed-strings
    "$@" rg --no-config --no-heading --with-filename --null --line-number --color never --threads 1 --max-columns 1000 --max-columns-preview $fold_option $kind -C "$context" -e "$pattern" -- /dev/null
  else
    "$@" grep -n -H --null -I $fold_option $kind -C "$context" -e "$pattern" -- /dev/null
  fi
}
problem=$(search env 2>&1); [ $? -le 1 ] || { printf 'no %s' "$problem"; exit 0; }
echo ok
names "$@" | perl -0 -ne 'chomp; print "$_\\0" if $_ ne "//ok" && lstat $_ && -f _' | search xargs -0 | head -c ${SEARCH_BYTES}`;

/** How many turns' inputs are kept: a conversation may come back to them. */
const KEPT_INPUTS = 20;

/** $1 a directory of ours for one turn's inputs, $2 records as `PUT` takes them. */
export const PUT_INPUTS = `inputs=$1; set -- "$2"
rm -rf "$inputs" && mkdir -p "$inputs" && cd "$inputs" || exit 1
${PUT}
cd .. && ls -t | tail -n +${KEPT_INPUTS + 1} | while read -r old; do rm -rf "./$old"; done`;
