#!/usr/bin/perl
# Runs a command whose / is the root of its mount namespace: unshare --mount --propagation unchanged perl own_root.pl COMMAND...
#
# In a chroot it is not, and there the kernel lets nobody change how mounts spread or make a user namespace
# (user_namespaces(7)): what tests do all the time. Nothing is mounted outside. Perl, for a fresh Debian has it.
use strict;
use warnings;

my ($open_tree, $move_mount, $mount_setattr) = (428, 429, 442);  # the same on every machine that Linux runs on
my ($at_fdcwd, $clone_recursive_cloexec, $recursive, $empty_path) = (-100, 0x1 | 0x8000 | 0x80000, 0x8000, 0x4);
my $private = pack("Q4", 0, 0, 1 << 18, 0);  # struct mount_attr with propagation MS_PRIVATE
my $root = "/";
my $nothing = "";

sub try { $_[0] or die "own_root.pl: $_[1]: $!\n" }
sub place { my @status = stat $_[0]; "$status[0]:$status[1]" }

my $seen = syscall($open_tree, $at_fdcwd, $root, $clone_recursive_cloexec);
try($seen >= 0, "take the root");
opendir my $here, "/" or die "own_root.pl: /: $!\n";
try(chroot("/usr"), "leave the chroot");  # a working directory outside the root is not held by it: chroot(2), NOTES
try(chdir($here), "leave the chroot");
for (1 .. 4096) {
  last if place(".") eq place("..");
  try(chdir(".."), "leave the chroot");
}
try(chroot("."), "leave the chroot");
try(syscall($mount_setattr, $at_fdcwd, $root, $recursive, $private, length $private) == 0, "make the mounts private");
try(syscall($move_mount, $seen, $nothing, $at_fdcwd, $root, $empty_path) == 0, "put the root in its place");
open my $new_root, "<&=", $seen or die "own_root.pl: $!\n";
try(chdir($new_root), "enter the root");
try(chroot("."), "enter the root");
try(syscall($mount_setattr, $at_fdcwd, $root, $recursive, $private, length $private) == 0, "make the mounts private");
try(chdir($ENV{PWD} // "/"), "go back");
exec {$ARGV[0]} @ARGV or die "own_root.pl: $ARGV[0]: $!\n";
