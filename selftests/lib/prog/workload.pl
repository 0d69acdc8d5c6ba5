# SPDX-License-Identifier: MIT
# A mixed load for perl, printing checksums of its results.
use strict;
use warnings;

my $state = 12345;

sub rnd {
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return int($state / 65536) % $_[0];
}

sub checksum {
	return unpack('%32C*', join('|', @_));
}

my (%count, @lines);
for my $i (1 .. 60000) {
	my $word = 'w' . rnd(9000);
	$count{$word} .= chr(97 + $i % 26);
	delete $count{'w' . rnd(9000)} if $i % 3 == 0;
	push @lines, "$word:$i:" . ('x' x rnd(200)) if $i % 4 == 0;
}
print 'hash ', scalar(keys %count), ' ',
	checksum(map { "$_=$count{$_}" } sort keys %count), "\n";

my @sorted = sort { length($a) <=> length($b) || $a cmp $b } @lines;
print 'sort ', checksum(@sorted), "\n";

my $text = join("\n", @lines);
my $hits = () = $text =~ /w(\d)\d*:(\d+)(?=:x{10,}$)/mg;
(my $swapped = $text) =~ s/w(\d+):(\d+)/$2-$1/g;
print "regex $hits ", checksum($swapped), "\n";

my $tree = {};
for my $i (1 .. 30000) {
	my $at = $tree;
	$at = $at->{$_} //= {} for split //, rnd(99999);
}
my $nr = 0;
my @todo = ($tree);
while (my $at = pop @todo) { $nr++; push @todo, values %$at }
print "tree $nr\n";

for my $i (1 .. 4) {
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		my @copy = map { $_ . $i } @sorted;
		exit(@copy == @sorted ? 0 : 1);
	}
	waitpid($pid, 0);
	print "child $i $?\n";
}
print 'sub ', scalar(`echo from a shell`);
