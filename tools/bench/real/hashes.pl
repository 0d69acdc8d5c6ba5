# SPDX-License-Identifier: MIT
# Load for the perl row: word counts, string growth, nested data, sorting.
use strict;
use warnings;

my $scale = shift;
my $seed = 12345;

sub next_random {
	$seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
	return $seed >> 8;
}

for my $round (1 .. $scale) {
	my (%count, %nested, @lines);
	for my $i (1 .. 60000) {
		my $word = "w" . next_random() % 9000;
		$count{$word}++;
		push @{ $nested{ $i % 500 }{$word} }, $i;
		push @lines, join(",", $i, $word, "x" x ($i % 60));
	}
	my @fields = map { [split /,/] } @lines;
	my $text = join "\n", @lines;
	$text =~ s/w(\d+)/<$1>/g;
	my @sorted = sort { $count{$b} <=> $count{$a} } keys %count;
	die "lost words" if @sorted < 8000;
}
