#!/usr/bin/perl
# Runs a command that, like all that it starts, can change no file: codex-mcp-read-only COMMAND [ARGUMENT...]
# Landlock refuses what opens, makes, moves or removes files. It knows no modes, owners, times and attributes, so seccomp
# refuses to change those, and to reach Codex's own socket, whose commands are held by nothing. Needs no privilege and no
# user namespace. Ends with 76 where the kernel or the engine offers too little; the command has not been run then.
use strict;
use warnings;
use Config;

# Numbers of the kernel's interface. `metadata`: chmod, chown, utime, setxattr, removexattr and their kin.
my %MACHINES = (
  x86_64 => { audit => 0xC000003E, prctl => 157, socket => 41, ioctl => 16, metadata => [90 .. 94, 132, 188 .. 190, 197 .. 199, 235, 260, 261, 268, 280] },
  aarch64 => { audit => 0xC00000B7, prctl => 167, socket => 198, ioctl => 29, metadata => [5 .. 7, 14 .. 16, 52 .. 55, 88] },
);
my $IO_URING_SETUP = 425; # or its rings would pass by seccomp
my @REFUSED = ($IO_URING_SETUP, 452, 463, 466, 469); # fchmodat2, setxattrat, removexattrat, file_setattr
# Of ioctl, what changes a file that is open for reading. FS_IOC_: SETFLAGS and its 32-bit kin, FSSETXATTR, SETVERSION and its
# kin, ENABLE_VERITY, SET_ENCRYPTION_POLICY; EXT4_IOC_SETVERSION, FAT_IOCTL_SET_ATTRIBUTES; all that btrfs has, such as subvolumes.
my @ATTRIBUTES = (0x40086602, 0x40046602, 0x401C5820, 0x40087602, 0x40047602, 0x40806685, 0x800C6613, 0x40086604, 0x40047211);
my $BTRFS = 0x9400;
my ($CREATE_RULESET, $ADD_RULE, $RESTRICT_SELF, $CLOSE_RANGE) = (444, 445, 446, 436);
my ($O_PATH, $AF_UNIX, $EPERM, $EAFNOSUPPORT) = (010000000, 1, 1, 97);

sub refuse { print STDERR "codex-mcp-read-only: $_[0]\n"; exit 76 }

my ($name) = $Config{archname} =~ /^(x86_64|aarch64)-/ or refuse("made for other machines than $Config{archname}");
my $machine = $MACHINES{$name};
sub prctl { syscall($machine->{prctl}, @_) == 0 or refuse("prctl $_[0]: $!") }

sub restrict_files {
  my $abi = syscall($CREATE_RULESET, 0, 0, 1);
  refuse("Landlock is not offered: $!") if $abi < 0;
  refuse("Landlock $abi does not hold back truncation; 3 does (Linux 6.2)") if $abi < 3;
  my $write = 1 << 1 | 1 << 14; # of what is there, truncation included
  my $handled = $write;
  $handled |= 1 << $_ for 4 .. 13; # removing, making and moving
  # From 6 on also signals to, and abstract sockets of, processes outside.
  my $attributes = $abi < 6 ? pack('Q', $handled) : pack('QQQ', $handled, 0, 3);
  my $ruleset = syscall($CREATE_RULESET, $attributes, length $attributes, 0);
  refuse("landlock_create_ruleset: $!") if $ruleset < 0;
  sysopen(my $devices, '/dev', $O_PATH) or refuse("/dev: $!"); # null, terminals
  my $rule = pack('Ql', $write, fileno $devices);
  syscall($ADD_RULE, $ruleset, 1, $rule, 0) == 0 or refuse("landlock_add_rule: $!");
  syscall($RESTRICT_SELF, $ruleset, 0) == 0 or refuse("landlock_restrict_self: $!");
}

sub instruction { pack('SCCL', @_) }
sub load { instruction(0x20, 0, 0, $_[0]) }
sub unless_equal { instruction(0x15, 0, $_[1], $_[0]) }
sub only_bits { instruction(0x54, 0, 0, $_[0]) }
sub result { instruction(0x06, 0, 0, $_[0]) }

sub restrict_calls {
  my ($allow, $error, $kill) = (0x7fff0000, 0x00050000, 0x80000000);
  my @program = (load(4), instruction(0x15, 1, 0, $machine->{audit}), result($kill)); # another machine's numbers
  push @program, load(0), instruction(0x35, 0, 1, 0x40000000), result($kill); # those of x32
  push @program, unless_equal($_, 1), result($error | $EPERM) for @{ $machine->{metadata} }, @REFUSED;
  my @attributes = (load(24), map { unless_equal($_, 1), result($error | $EPERM) } @ATTRIBUTES);
  push @attributes, only_bits(0xFF00), unless_equal($BTRFS, 1), result($error | $EPERM), result($allow);
  push @program, unless_equal($machine->{ioctl}, scalar @attributes), @attributes;
  push @program, unless_equal($machine->{socket}, 3), load(16), unless_equal($AF_UNIX, 1), result($error | $EAFNOSUPPORT), result($allow);
  my $instructions = join '', @program;
  my $filter = pack('Sx![P]P', scalar @program, $instructions);
  prctl(22, 2, unpack('Q', pack('P', $filter)), 0, 0); # PR_SET_SECCOMP
}

refuse('no command') unless @ARGV;
prctl(38, 1, 0, 0, 0); # PR_SET_NO_NEW_PRIVS
restrict_files();
restrict_calls();
syscall($CLOSE_RANGE, 3, 0xFFFFFFFF, 0); # what is open already is not held; nobody is known to leave anything
exec { $ARGV[0] } @ARGV or refuse("$ARGV[0]: $!");
