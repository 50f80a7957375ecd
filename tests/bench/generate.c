/* generate -- made-up scored fans for the benches: the same bytes for the same arguments, on any machine. */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKETS = 60, LISTED = 5000, SMALL = 20000, MILLION = 1000000, LINE = 512, BLOCK = 1 << 20 };
enum mode { SCORED, RANKED, BANDED };

struct options {
	uint64_t n, seed;
	enum mode mode;
	bool no_phone;
	uint32_t quoted, malformed, non_ascii, duplicates;	/* records per million */
};

struct fan {
	char id[25];
	char email[80];
	char phone[24];
	uint32_t market;
	uint32_t score;			/* millionths, 0 to 1000000 */
	uint64_t rank;
	uint32_t seconds;		/* since 2026-01-01 */
	bool confirmed;
};

static const char *const first[] = {
	"ada", "ben", "carla", "dario", "elena", "farid", "greta", "hugo", "ines", "jonas", "kim", "lena", "mateo",
	"nora", "oscar", "priya", "quinn", "rosa", "samir", "tessa", "umar", "vera", "wanda", "xavier", "yuki", "zoe",
};
static const char *const last[] = {
	"abbott", "baker", "castillo", "dubois", "eriksen", "fischer", "garcia", "hansen", "ito", "jansen", "keller",
	"lopez", "moreau", "novak", "okafor", "petrov", "quist", "rossi", "schmidt", "tanaka", "ueda", "vargas",
	"weber", "xu", "young", "zimmer",
};
static const char *const accented[] = { "zo\303\253", "jos\303\251", "bj\303\266rn", "\305\201ukasz", "n\303\272ria" };
static const char *const popular[] = {
	"mailbox.example", "post.example", "inbox.example", "letters.example", "mail.example.org",
};
static const char *const area[] = {
	"201", "202", "206", "212", "213", "214", "215", "216", "303", "305", "310", "312", "313", "404", "407", "408",
	"412", "415", "416", "480", "503", "512", "514", "602", "604", "612", "615", "617", "619", "646", "702", "703",
	"713", "718", "720", "773", "801", "818", "917", "949",
};
/* Mobile ranges abroad: what is written before the random digits, and how many of those. */
static const struct { const char *prefix; int digits; } abroad[] = {
	{ "+44771", 7 }, { "+49151", 8 }, { "+3361", 7 }, { "+3461", 7 }, { "+5511", 9 }, { "+4670", 7 },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* SplitMix64's finaliser: a bijection, so that mixed indexes are distinct ids. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t
next(uint64_t *state)
{
	return mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

static uint32_t
below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(((next(state) >> 32) * n) >> 32);
}

static bool
chance(uint64_t *state, uint32_t ppm)
{
	return ppm > 0 && below(state, MILLION) < ppm;
}

static char *
put(char *p, const char *text)
{
	size_t n = strlen(text);

	memcpy(p, text, n);
	return p + n;
}

static char *
put_number(char *p, uint64_t value, int width)
{
	char digits[20];
	int n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0 || n < width);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static char *
put_hex(char *p, uint64_t value, int width)
{
	int i;

	for (i = width - 1; i >= 0; i--)
		*p++ = "0123456789abcdef"[value >> (4 * i) & 15];
	return p;
}

static void
make_email(const struct options *opt, uint64_t *state, char *p)
{
	uint32_t kind;

	if (chance(state, opt->non_ascii))
		p = put(p, accented[below(state, COUNT(accented))]);
	else
		p = put(p, first[below(state, COUNT(first))]);
	*p++ = '.';
	p = put(p, last[below(state, COUNT(last))]);
	p = put_number(p, below(state, 10000), 1);
	*p++ = '@';
	kind = below(state, 100);
	if (kind < 2) {		/* of the list that the filter is given */
		p = put(p, "throw");
		p = put_number(p, below(state, LISTED), 4);
		p = put(p, ".example");
	} else if (kind < 20) {
		p = put(p, "w");
		p = put_number(p, below(state, SMALL), 5);
		p = put(p, ".example.net");
	} else {
		p = put(p, popular[below(state, COUNT(popular))]);
	}
	*p = '\0';
}

static char *
put_nanp(uint64_t *state, char *p, const char *before, const char *between)
{
	uint32_t exchange;

	p = put(p, before);
	p = put(p, area[below(state, COUNT(area))]);
	p = put(p, between);
	do
		exchange = 200 + below(state, 800);
	while (exchange % 100 == 11 || exchange == 555 || exchange == 950 || exchange == 976);
	p = put_number(p, exchange, 3);
	if (*between != '\0')
		*p++ = '-';
	return put_number(p, below(state, 10000), 4);
}

static void
make_phone(uint64_t *state, char *p)
{
	uint32_t kind = below(state, 100), which;
	int i;

	if (kind < 85) {
		p = put_nanp(state, p, "+1", "");
	} else if (kind < 88) {
		p = put_nanp(state, p, "(", ") ");
	} else if (kind < 97) {
		which = below(state, COUNT(abroad));
		p = put(p, abroad[which].prefix);
		for (i = 0; i < abroad[which].digits; i++)
			*p++ = (char)('0' + below(state, 10));
	}
	*p = '\0';		/* the rest has none */
}

static void
make_fan(const struct options *opt, uint64_t index, struct fan *fan)
{
	uint64_t seed = mix(opt->seed), state = mix(index ^ seed) + seed, step;

	*put_hex(put_hex(fan->id, mix(index + seed), 16), mix(index ^ ~seed) >> 32, 8) = '\0';
	make_email(opt, &state, fan->email);
	make_phone(&state, fan->phone);
	fan->market = below(&state, MARKETS);
	fan->score = below(&state, MILLION + 1);
	fan->confirmed = below(&state, 100) < 92;
	fan->seconds = below(&state, 300 * 86400);
	/* A step without a common factor with any n below it: each rank once. */
	step = UINT64_C(4294967291) % opt->n;
	fan->rank = (index % opt->n * (step == 0 ? 1 : step) + seed % opt->n) % opt->n + 1;
}

static char *
put_time(char *p, uint32_t seconds)
{
	static const uint32_t length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	uint32_t day = seconds / 86400, month = 0;

	for (; day >= length[month]; month++)
		day -= length[month];
	p = put_number(put(p, "2026-"), month + 1, 2);
	*p++ = '-';
	p = put_number(p, day + 1, 2);
	*p++ = 'T';
	p = put_number(p, seconds / 3600 % 24, 2);
	*p++ = ':';
	p = put_number(p, seconds / 60 % 60, 2);
	*p++ = ':';
	p = put_number(p, seconds % 60, 2);
	*p++ = 'Z';
	return p;
}

static const char *
band(uint32_t score)
{
	return score >= 950000 ? "high" : score >= 800000 ? "mid" : score >= 220000 ? "low" : "none";
}

static char *
put_merit(const struct options *opt, const struct fan *fan, char *p)
{
	if (opt->mode == RANKED)
		return put_number(p, fan->rank, 1);
	p = put_number(p, fan->score / MILLION, 1);
	*p++ = '.';
	return put_number(p, fan->score % MILLION, 6);
}

/* One record. Quotes are needless ones; faults are a field too few or too many, no id, or a score that is no number. */
static char *
put_record(const struct options *opt, const struct fan *fan, uint64_t *state, char *p)
{
	bool quoted = chance(state, opt->quoted), faulty = chance(state, opt->malformed);
	uint32_t which = below(state, 4);
	const char *quote_email = quoted && which % 2 == 0 ? "\"" : "", *quote_market = quoted && which % 2 == 1 ? "\"" : "";

	p = put(p, faulty && which == 0 ? "" : fan->id);
	p = put(put(put(put(p, ","), quote_email), fan->email), quote_email);
	if (!opt->no_phone)
		p = put(put(p, ","), fan->phone);
	p = put(put(put(p, ","), quote_market), "M");
	p = put(put_number(p, fan->market, 2), quote_market);
	p = put(p, ",");
	p = faulty && which == 1 ? put(p, "n/a") : put_merit(opt, fan, p);
	p = put(p, fan->confirmed ? ",true" : ",false");
	if (!(faulty && which == 2))
		p = put_time(put(p, ","), fan->seconds);
	if (faulty && which == 3)
		p = put(p, ",surplus");
	if (opt->mode == BANDED)
		p = put(put(p, ","), band(fan->score));
	*p++ = '\n';
	return p;
}

static int
generate(const struct options *opt)
{
	static char block[BLOCK + LINE];
	char *p = block;
	struct fan fan;
	uint64_t i, state = mix(~opt->seed);

	p = put(p, opt->no_phone ? "globalUserId,email,market," : "globalUserId,email,phone,market,");
	p = put(p, opt->mode == RANKED ? "rank" : "score");
	p = put(p, ",phoneConfirmed,registeredAt");
	p = put(p, opt->mode == BANDED ? ",band\n" : "\n");
	for (i = 0; i < opt->n; i++) {
		make_fan(opt, i > 0 && chance(&state, opt->duplicates) ? below(&state, (uint32_t)i) : i, &fan);
		p = put_record(opt, &fan, &state, p);
		if (p - block < BLOCK)
			continue;
		if (fwrite(block, 1, (size_t)(p - block), stdout) != (size_t)(p - block))
			return -1;
		p = block;
	}
	if (fwrite(block, 1, (size_t)(p - block), stdout) != (size_t)(p - block))
		return -1;
	return fclose(stdout);
}

static const char usage[] =
	"Usage: generate [OPTION]...\n"
	"Writes made-up fans as CSV: globalUserId,email,phone,market,score,phoneConfirmed,registeredAt\n\n"
	"  -n N               records (1000000; at most 4000000000)\n"
	"  --seed N           another set of fans (1)\n"
	"  --ranked           a column rank instead of score\n"
	"  --banded           a column band after the others\n"
	"  --no-phone         without the column phone\n"
	"  --quoted PPM       records with a quoted field, per million (10000)\n"
	"  --malformed PPM    broken records, per million (1000)\n"
	"  --non-ascii PPM    records with an accented letter, per million (0)\n"
	"  --duplicates PPM   records of an earlier fan, per million (0)\n";

enum { SEED = 256, IS_RANKED, IS_BANDED, NO_PHONE, QUOTED, MALFORMED, NON_ASCII, DUPLICATES };

static const struct option long_options[] = {
	{ "seed", required_argument, NULL, SEED },
	{ "ranked", no_argument, NULL, IS_RANKED },
	{ "banded", no_argument, NULL, IS_BANDED },
	{ "no-phone", no_argument, NULL, NO_PHONE },
	{ "quoted", required_argument, NULL, QUOTED },
	{ "malformed", required_argument, NULL, MALFORMED },
	{ "non-ascii", required_argument, NULL, NON_ASCII },
	{ "duplicates", required_argument, NULL, DUPLICATES },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static uint64_t
number(const char *text, uint64_t max)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value > max) {
		fprintf(stderr, "generate: %s: not a number up to %" PRIu64 "\n", text, max);
		exit(2);
	}
	return value;
}

int
main(int argc, char **argv)
{
	struct options opt = { .n = MILLION, .seed = 1, .quoted = 10000, .malformed = 1000 };
	int c;

	while ((c = getopt_long(argc, argv, "hn:", long_options, NULL)) != -1)
		switch (c) {
		case 'n': opt.n = number(optarg, UINT64_C(4000000000)); break;
		case SEED: opt.seed = number(optarg, UINT64_MAX); break;
		case IS_RANKED: opt.mode = RANKED; break;
		case IS_BANDED: opt.mode = BANDED; break;
		case NO_PHONE: opt.no_phone = true; break;
		case QUOTED: opt.quoted = (uint32_t)number(optarg, MILLION); break;
		case MALFORMED: opt.malformed = (uint32_t)number(optarg, MILLION); break;
		case NON_ASCII: opt.non_ascii = (uint32_t)number(optarg, MILLION); break;
		case DUPLICATES: opt.duplicates = (uint32_t)number(optarg, MILLION); break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return 2;
		}
	if (optind != argc || opt.n == 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (generate(&opt) != 0) {
		perror("generate");
		return 1;
	}
	return 0;
}
