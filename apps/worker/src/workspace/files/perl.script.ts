/**
 * Perl is in every Debian and beside most gits, opens files without waiting for a writer of a FIFO, and keeps names as
 * bytes. A script's first word is `ok`, or `no` with the reason.
 */
export const PERL = `use strict; use warnings; use Cwd qw(realpath); use Fcntl;
binmode STDIN; binmode STDOUT;
sub refuse { print "no $_[0]\\n"; exit 0 }
`;
