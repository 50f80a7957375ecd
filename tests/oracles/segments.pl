#!/usr/bin/perl
# segments.pl PROGRAM [N [SEED]] -- the size of SMS texts as base/message counts it, against Encode::GSM0338 (which
# characters are in the alphabet, and in how many septets) and the split rules, applied here by cutting texts into parts.
# Texts: every code point of the BMP alone and at a part's end, and N random ones.
use strict;
use warnings;
use Encode;
use Encode::GSM0338;
use IPC::Open2;

my ($program, $n, $seed) = @ARGV;
$n //= 10000;
$seed //= int(rand(2**31));
srand($seed);
print "SEED=$seed\n";

# Septets of a character, 0 when it is not in the alphabet.
my %septets;
sub septets {
	my ($c) = @_;
	return $septets{$c} //= do {
		my $copy = $c;
		my $bytes = eval { Encode::encode('gsm0338', $copy, Encode::FB_CROAK | Encode::LEAVE_SRC) };
		defined $bytes ? length $bytes : 0;
	};
}

# Encoding, units and parts of a text: its characters are put into parts one after the other.
sub size {
	my ($text) = @_;
	my @chars = split //, $text;
	my $gsm = !grep { septets($_) == 0 } @chars;
	my ($single, $several) = $gsm ? (160, 153) : (70, 67);
	my @units = map { $gsm ? septets($_) : length(Encode::encode('UTF-16BE', $_)) / 2 } @chars;
	my $sum = 0;
	$sum += $_ for @units;
	return ($gsm ? 'GSM-7' : 'UCS-2') . " $sum 1" if $sum <= $single;
	my @parts = ([]);
	for my $u (@units) {
		my $used = 0;
		$used += $_ for @{$parts[-1]};
		push @parts, [] if $used + $u > $several;
		push @{$parts[-1]}, $u;
	}
	return ($gsm ? 'GSM-7' : 'UCS-2') . " $sum " . scalar @parts;
}

my @texts = ('');
for my $c (0 .. 0xffff) {
	next if $c >= 0xd800 && $c <= 0xdfff;
	push @texts, chr $c;
}
# At the ends of parts: characters of the alphabet, and some of the others.
my @gsm = grep { septets(chr $_) > 0 } 0 .. 0xffff;
die "only @{[scalar @gsm]} characters in the alphabet\n" if @gsm < 130;
for my $c (@gsm, 0x2019, 0xa0, 0xe7, 0x1f3ab, 0x10ffff, 0xffff) {
	push @texts, ('a' x $_) . chr $c for 66, 68, 69, 151, 152, 158, 159, 160, 305;
	push @texts, ('a' x 152) . chr($c) . ('b' x 152) . chr($c);
	push @texts, ("\x{2019}" x 66) . chr($c) . ('b' x 66);
}
for (1 .. $n) {
	my $kind = int rand 4;
	my $length = int(rand(4)) == 0 ? int rand 700 : int rand 180;
	my $text = join '', map {
		my $r = rand;
		$r < ($kind == 0 ? 1 : $kind == 1 ? 0.7 : 0.98) ? chr $gsm[rand @gsm]
			: $kind == 3 && $r < 0.99 ? chr(0x1f300 + int rand 0x300)
			: $kind == 1 ? chr(0x5b + int rand 3)
			: chr(0x2010 + int rand 0x20);
	} 1 .. $length;
	push @texts, $text;
}

my $pid = open2(my $out, my $in, 'sh', '-c', '"$1" ask >"$2"; cat "$2"; rm "$2"', '-', $program, "/tmp/segments.$$");
print $in unpack('H*', Encode::encode('UTF-8', $_)), "\n" for @texts;
close $in;
my $bad = 0;
for my $text (@texts) {
	my $got = <$out> // die "the program ended early\n";
	chomp $got;
	my $want = size($text);
	next if $got eq $want;
	printf "%s: got %s, want %s\n", unpack('H*', Encode::encode('UTF-8', $text)), $got, $want if $bad++ < 10;
}
waitpid $pid, 0;
die "the program failed\n" if $? != 0 || defined <$out>;
printf "%d texts, %d wrong\n", scalar @texts, $bad;
exit($bad > 0);
