#!/usr/bin/env node
// phones.mjs -- what google-libphonenumber says about generated phone numbers.
//
//   phones.mjs                     write tests/data/phones.golden.tsv
//   phones.mjs --check             make it again and compare; compare the metadata, too
//   phones.mjs --generate N SEED   N further numbers to standard output, for test-phone FILE
//
// Lines: input, default region, verdict, E.164, region, type; tabs between.
// The packages are looked for in VF_NODE_MODULES, else in node_modules beside this file.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import * as metadata from '../../data/phone-metadata.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const top = join(here, '..', '..');
const modules = process.env.VF_NODE_MODULES || join(here, 'node_modules');
const require = createRequire(join(modules, '..', 'phones.mjs'));
const golden = join(top, 'tests', 'data', 'phones.golden.tsv');
const installed = join(top, 'data', 'phone-metadata.txt');

const { PhoneNumber, PhoneNumberFormat, PhoneNumberUtil } = require('google-libphonenumber');
const examples = require('libphonenumber-js/examples.mobile.json');
const util = PhoneNumberUtil.getInstance();
const IS_POSSIBLE = PhoneNumberUtil.ValidationResult.IS_POSSIBLE;
const TYPE_NAMES = ['fixed-line', 'mobile', 'fixed-line-or-mobile', 'toll-free', 'premium-rate', 'shared-cost',
	'voip', 'personal-number', 'pager', 'uan', 'voicemail'];

// ---- the oracle ----

// Our conventions on top of libphonenumber's parse (fan/phone.h): the whole field is the number, while
// libphonenumber searches; and the E.164 form, judged again, gives the same, while libphonenumber takes a
// national prefix off at each reading of a few numbers (in a thousand generated ones, about one). The punctuation is libphonenumber's, without x and
// tildes, which begin extensions there.
const DIGIT = '[0-9\uff10-\uff19\u0660-\u0669\u06f0-\u06f9]';
const MARK = '[-\u2010-\u2015\u2212\u30fc\uff0d-\uff0f \u00a0\u00ad\u200b\u2060\u3000()\uff08\uff09\uff3b\uff3d.[\\]/]';
const WHOLE = new RegExp(`^${MARK}*[+\uff0b]*(?:${MARK}*${DIGIT}){3,48}${MARK}*$`);
const BAD = { verdict: 'bad', e164: '', region: '', type: '' };

const digitsOf = (text) => PhoneNumberUtil.normalizeDigitsOnly(text);
const e164Of = (number) => util.format(number, PhoneNumberFormat.E164);

// The number after a plus sign, with nothing taken off, when it is valid so.
function asWritten(field)
{
	const text = new RegExp(`^${MARK}*[+\uff0b]`).test(field) ? digitsOf(field) : '';

	for (let n = 1; n <= 3 && n < text.length && text[0] !== '0'; n++) {
		if (util.getRegionCodesForCountryCode(Number(text.slice(0, n))).length === 0)
			continue;
		const number = new PhoneNumber(), rest = text.slice(n);
		number.setCountryCode(Number(text.slice(0, n)));
		number.setNationalNumber(Number(rest));
		const zeros = /^0*(?=.)/.exec(rest)[0].length;
		if (zeros > 0) {
			number.setItalianLeadingZero(true);
			number.setNumberOfLeadingZeros(zeros);
		}
		return util.isValidNumber(number) ? number : undefined;
	}
	return undefined;
}

// A number that is not valid is read again until its E.164 form stays the same.
function stable(number)
{
	while (!util.isValidNumber(number) && e164Of(number).length <= 16) {
		const again = util.parse(e164Of(number), 'ZZ');
		if (e164Of(again) === e164Of(number))
			break;
		number = again;
	}
	return number;
}

function judge(input, home)
{
	const field = input.replace(/^[ \t]+|[ \t]+$/g, '');
	let number;

	if (!WHOLE.test(field) || Buffer.byteLength(field) > 250)
		return BAD;
	try {
		number = asWritten(field) ?? stable(util.parse(field, home));
	} catch {
		return BAD;
	}
	const e164 = e164Of(number);
	if (e164.length > 16)
		return BAD;
	const region = util.getRegionCodeForNumber(number);
	if (util.isValidNumber(number))
		return { verdict: 'valid', e164, region, type: TYPE_NAMES[util.getNumberType(number)] };
	if (util.isPossibleNumberWithReason(number) !== IS_POSSIBLE)
		return BAD;
	// No region claims it: the default region's when that has this calling code, else the main one's.
	const code = number.getCountryCode();
	const fallback = home && util.getCountryCodeForRegion(home) === code ? home : util.getRegionCodeForCountryCode(code);
	return { verdict: 'possible', e164, region: region ?? fallback, type: '' };
}

function line(input, home)
{
	const v = judge(input, home);
	return [input, home, v.verdict, v.e164, v.region, v.type].join('\t');
}

// ---- numbers ----

// A small generator whose numbers are the same everywhere (mulberry32).
function seeded(seed)
{
	let s = seed >>> 0;
	const next = () => {
		s = (s + 0x6d2b79f5) >>> 0;
		let t = Math.imul(s ^ (s >>> 15), s | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	const below = (n) => Math.floor(next() * n);
	return { next, below, one: (list) => list[below(list.length)], chance: (p) => next() < p };
}

// The regions of phone-metadata.txt with what the generator needs.
function readRegions(text)
{
	const regions = [];
	let code, r;

	for (const l of text.split('\n')) {
		const [, key, value] = /^(\S+) ?(.*)$/.exec(l) ?? [];
		if (key === 'code')
			code = value;
		else if (key === 'region')
			regions.push(r = { name: value, code, patterns: [], lengths: [] });
		else if (key === 'idd' || key === 'national' || key === 'prefix' || key === 'leading' || key === 'general')
			r[key] = value;
		else if (key === 'lengths')
			r.lengths = value.split(',').map(Number);
		else if (metadata.TYPES.includes(key))
			r.patterns.push(value.split(' ')[1]);
	}
	return regions;
}

// A random text that a pattern of the metadata matches.
function sample(pattern, rnd)
{
	let at = 0;
	const alternatives = () => {
		const branches = [sequence()];
		while (pattern[at] === '|') {
			at++;
			branches.push(sequence());
		}
		return () => rnd.one(branches)();
	};
	const sequence = () => {
		const parts = [];
		while (at < pattern.length && pattern[at] !== '|' && pattern[at] !== ')')
			parts.push(quantified(atom()));
		return () => parts.map((p) => p()).join('');
	};
	const atom = () => {
		const c = pattern[at++];
		if (c === '\\') {
			at++;
			return () => String(rnd.below(10));
		}
		if (c === '[') {
			const end = pattern.indexOf(']', at), set = [];
			const text = pattern.slice(at, end);
			for (const [, lo, hi] of text.matchAll(/(\d)(?:-(\d))?/g))
				for (let d = Number(lo); d <= Number(hi ?? lo); d++)
					set.push(String(d));
			at = end + 1;
			return () => rnd.one(set);
		}
		if (c === '(') {
			if (pattern.startsWith('?:', at))
				at += 2;
			const inner = alternatives();
			at++;
			return inner;
		}
		return () => c === '$' ? '' : c;
	};
	const quantified = (part) => {
		const q = /^(?:\?|\{(\d+)(?:,(\d+))?\})/.exec(pattern.slice(at));
		if (!q)
			return part;
		at += q[0].length;
		const min = q[1] === undefined ? 0 : Number(q[1]), max = q[1] === undefined ? 1 : Number(q[2] ?? q[1]);
		return () => Array.from({ length: min + rnd.below(max - min + 1) }, part).join('');
	};
	return alternatives()();
}

const digits = (n, rnd) => Array.from({ length: n }, () => rnd.below(10)).join('');

// A national number: of a type's pattern, of the general pattern, or only of a possible length; then perhaps spoilt.
function national(r, rnd)
{
	const how = rnd.next();
	let n;

	if (how < 0.62 && r.patterns.length > 0)
		n = sample(rnd.one(r.patterns), rnd);
	else if (how < 0.75)
		n = sample(r.general, rnd);
	else if (how < 0.85)
		n = (r.leading ? sample(r.leading, rnd) : '') + digits(rnd.one(r.lengths), rnd);
	else
		n = digits(rnd.one(r.lengths), rnd);
	const at = rnd.below(n.length);
	if (rnd.chance(0.12))
		n = n.slice(0, at) + rnd.below(10) + n.slice(at + 1);
	else if (rnd.chance(0.05))
		n = n.slice(0, at) + n.slice(at + 1);
	else if (rnd.chance(0.05))
		n = n.slice(0, at) + rnd.below(10) + n.slice(at);
	else if (rnd.chance(0.02))
		n = digits(1 + rnd.below(18), rnd);
	return n;
}

// Puts marks between digits, as people write.
function written(text, rnd)
{
	if (rnd.chance(0.4))
		return text;
	let out = '';
	for (let i = 0; i < text.length; i++) {
		if (i > 0 && rnd.chance(0.25) && text[i - 1] !== '+')
			out += rnd.one([' ', '-', '.', ' ', ' - ', '/', '\u2011', '\u00a0']);
		out += text[i];
	}
	if (rnd.chance(0.25) && text.length > 3 && text[0] !== '+') {
		const cut = 1 + rnd.below(Math.min(4, out.length - 1));
		out = `(${out.slice(0, cut)}) ${out.slice(cut)}`;
	}
	return out;
}

const FORMS = ['\uff10', '\u0660', '\u06f0'];
const foreign = (text, rnd) => {
	const zero = rnd.one(FORMS).codePointAt(0);
	return text.replace(/\d/g, (d) => String.fromCodePoint(zero + Number(d)));
};

// One input and its default region.
function make(r, regions, rnd)
{
	const geographic = regions.filter((x) => x.name !== '001');
	const n = national(r, rnd), how = rnd.next();
	let home = r.name === '001' || rnd.chance(0.1) ? rnd.one(geographic) : r;
	let text;

	if (how < 0.35) {
		text = `+${r.code}${rnd.chance(0.06) && r.national ? r.national : ''}${n}`;
		if (rnd.chance(0.3))
			home = rnd.chance(0.7) ? geographic.find((x) => x.name === 'US') : { name: '' };
	} else if (how < 0.55) {
		text = n;
	} else if (how < 0.78) {
		text = (r.prefix && rnd.chance(0.6) ? sample(r.prefix, rnd) : r.national ?? '') + n;
	} else if (how < 0.9) {
		home = rnd.one(geographic);
		text = sample(home.idd, rnd) + r.code + n;
	} else if (how < 0.97) {
		text = r.code + n;
	} else {
		text = rnd.one(['+', '', '0', '00', '+0', '011', '++', '1']) + digits(1 + rnd.below(20), rnd);
	}
	text = written(text, rnd);
	if (rnd.chance(0.01))
		text = foreign(text, rnd);
	if (rnd.chance(0.01))
		text = rnd.one([`${text} x12`, `${text};ext=5`, `tel:${text}`, `${text}a`, `${text}#`, `*${text}`, `${text}+1`,
			`${text},`, `a${text}`, `${text}.`, `(${text})`, ` ${text} `, `${text}\u3000`, `~${text}`]);
	return line(text, home.name);
}

// Written by hand: the rules of the field, and what is easily got wrong.
const BY_HAND = [
	['', 'US'], ['+', 'US'], ['1', 'US'], ['12', 'US'], ['+1', 'US'], ['---', 'US'], ['+12125550123', ''], ['2125550123', ''],
	['2125550123', 'US'], ['(212) 555-0123', 'US'], ['1-212-555-0123', 'US'], ['212.555.0123', 'US'],
	['+1 (212) 555-0123', 'DE'], ['001 212 555 0123', 'DE'], ['011 49 30 901820', 'US'], ['+49 (0)30 901820', 'US'],
	['555-0123', 'US'], ['1-800-FLOWERS', 'US'], ['212-555-0123 x5', 'US'], ['212-555-0123 ext. 5', 'US'],
	['212-555-0123 or 4', 'US'], ['tel:+12125550123', 'US'], ['+1 212 555 0123;ext=3', 'US'], ['2125550123+', 'US'],
	['+1+2125550123', 'US'], ['+ 1 212 555 0123', 'US'], ['+-+12125550123', 'US'], ['++12125550123', 'US'],
	['(+1) 212 555 0123', 'US'], ['\uff0b\uff11\uff12\uff11\uff12\uff15\uff15\uff15\uff10\uff11\uff12\uff13', 'DE'],
	['\u0662\u0661\u0662\u0665\u0665\u0665\u0660\u0661\u0662\u0663', 'US'],
	['\u06f2\u06f1\u06f2\u06f5\u06f5\u06f5\u06f0\u06f1\u06f2\u06f3', 'US'],
	['\u0968\u0967\u0968\u096b\u096b\u096b\u0966\u0967\u0968\u0969', 'US'], ['212\u2013555\u20130123', 'US'],
	['212\t555\t0123', 'US'].map((s) => s.replaceAll('\t', ',')), ['212*555*0123', 'US'], ['#2125550123', 'US'],
	['06 698 12345', 'IT'], ['06 123 4567', 'IT'], ['+39 06 123 4567', 'US'], ['+39 6 123 4567', 'US'],
	['312 345 6789', 'IT'], ['0549 886377', 'SM'], ['886377', 'SM'], ['+378 0549 886377', 'US'],
	['011 15 2345-6789', 'AR'], ['0343 15 555 1212', 'AR'], ['+54 9 343 555 1212', 'US'], ['+54 343 15 555 1212', 'US'],
	['0 15 11 96123 4567', 'BR'], ['044 55 1234 5678', 'MX'], ['+52 1 55 1234 5678', 'US'], ['8 701 234 5678', 'KZ'],
	['+7 701 234 5678', 'RU'], ['+7 912 345 67 89', 'KZ'], ['+800 1234 5678', 'US'], ['+979 123 456 789', 'US'],
	['+883 510 000 000 000', 'US'], ['+999 123 456', 'US'], ['+0 212 555 0123', 'US'], ['+011 49 30 901820', 'US'],
	['+0049 30 901820', 'DE'], ['0111 212 555 0123', 'US'], ['01112125550123', 'US'], ['011', 'US'], ['0110', 'US'],
	['(555) 010-0123', 'US'], ['900 234 5678', 'US'], ['800 234 5678', 'US'], ['472 234 5678', 'US'], ['983 234 5678', 'US'],
	['+1 999 234 5678', 'CA'], ['+1 999 234 5678', 'DE'], ['340 642 1234', 'VI'], ['642 1234', 'VI'], ['+44 7781 123456', 'GB'],
	['+44 1481 256789', 'GG'], ['256789', 'GG'], ['+44 7624 123456', 'IM'], ['+35818 12345', 'FI'], ['+47 79 12 34 56', 'NO'],
	['+4930123456789012', 'DE'], ['+49301234567890', 'DE'], ['+4930123456789', 'DE'], ['491234567890123', 'DE'],
	['1'.repeat(48), 'US'], ['1'.repeat(49), 'US'], ['+1' + ' '.repeat(100) + '2125550123', 'US'],
	['+1' + ' '.repeat(300) + '2125550123', 'US'], ['2125550123', 'ZZ'], ['2125550123', 'us'.toUpperCase()],
	['00000000', 'US'], ['0000000000', 'IT'], ['+3900000000', 'IT'], ['+1 1 212 555 0123', 'US'], ['11 212 555 0123', 'US'],
	['+375 8 10 388 3225', 'BY'], ['+3758103883225', 'US'], ['8 8 10 388 3225', 'BY'], ['0 0822125197', 'CC'],
	['+610822125197', 'US'], ['+6100822125197', 'US'], ['00072144809', 'MY'], ['+4400007912345678', 'US'],
	['+44 0 7912 345678', 'US'], ['00 44 7912 345678', 'GB'], ['44 7912 345678', 'GB'], ['7912345678', 'GB'],
];

// Every mark between digits, and characters that are none.
const MARKS = ' -()[]./\u00a0\u00ad\u200b\u2010\u2011\u2012\u2013\u2014\u2015\u2060\u2212\u3000\u30fc'
	+ '\uff08\uff09\uff0d\uff0e\uff0f\uff3b\uff3d';
const STRAYS = '!"#$%&\'*,:;<=>?@\\^_`{|}~Aax\u2053\u223c\uff5e\u00a1\u00b7\u200a\u200c\u2009\u2016\u2052\u2061\u2211\u223b\u3001\u30fb'
	+ '\u066a\u06fa\uff0a\uff0c\uff1a\uff5d\u{1d7ce}\ufeff';
for (const mark of MARKS + STRAYS)
	BY_HAND.push([`212${mark}555${mark}0123`, 'US'], [`${mark}+12125550123${mark}`, 'US']);

function* numbers(count, seed)
{
	const regions = readRegions(readFileSync(installed, 'utf8'));
	const rnd = seeded(seed);

	for (let i = 0; i < count; i++)
		yield make(regions[i % regions.length], regions, rnd);
}

function goldenText()
{
	const lines = BY_HAND.map(([input, home]) => line(input, home));

	for (const [region, number] of Object.entries(examples)) {
		const e164 = `+${util.getCountryCodeForRegion(region)}${number}`;
		lines.push(line(number, region), line(e164, region), line(e164, 'US'));
	}
	for (const l of numbers(21000, 20260929))
		lines.push(l);
	const good = lines.filter((l) => l.split('\t')[2] === 'valid').length;
	if (good * 3 > lines.length * 2)
		throw new Error(`${good} of ${lines.length} are valid: less than a third is not`);
	return lines.join('\n') + '\n';
}

// ---- whether oracle and installed metadata are of one version ----

// The table `name` inside google-libphonenumber's one file, from its text.
function embedded(name)
{
	const text = readFileSync(join(modules, 'google-libphonenumber', 'dist', 'libphonenumber.js'), 'utf8');
	const mark = `i18n.phonenumbers.metadata.${name}=`;
	const start = text.indexOf(mark);
	if (start < 0)
		throw new Error(`google-libphonenumber: no ${name}`);
	const end = /;\s*i18n\.|\};/g;
	end.lastIndex = start;
	const stop = end.exec(text);
	return vm.runInNewContext(`(${text.slice(start + mark.length, stop.index + (stop[0] === '};' ? 1 : 0))})`);
}

// Its lines for a region, by the same writer as the installed file's. Field numbers: its phonemetadata.proto.
function embeddedRegion(name, m)
{
	const FIELDS = [2, 3, 4, 5, 7, 28, 25, 21, 8, 6];
	const types = FIELDS.map((f) => m[f] && m[f][2] ? [m[f][2], m[f][9]?.length ? m[f][9] : undefined] : 0);
	return metadata.region(name, [m[10], m[11], m[1][2], m[1][9], , m[12], , m[15], m[16], , m[23], types]);
}

function embeddedLines()
{
	const tables = embedded('countryToMetadata'), map = embedded('countryCodeToRegionCodeMap');
	const lines = [];

	for (const code of Object.keys(map).map(Number).sort((a, b) => a - b)) {
		lines.push(`code ${code}`);
		for (const name of map[code])
			lines.push(...embeddedRegion(name, tables[name === '001' ? code : name]));
	}
	return lines;
}

function differences(what, a, b)
{
	const found = [];

	for (let i = 0; i < Math.max(a.length, b.length); i++)
		if (a[i] !== b[i])
			found.push(`${what}:${i + 1}: ${a[i] ?? '(missing)'} -- now: ${b[i] ?? '(missing)'}`);
	for (const l of found.slice(0, 20))
		process.stderr.write(`phones.mjs: ${l}\n`);
	if (found.length > 20)
		process.stderr.write(`phones.mjs: ${what}: and ${found.length - 20} more\n`);
	return found.length;
}

function check()
{
	const lines = (text) => text.split('\n');
	const ours = readFileSync(installed, 'utf8');
	const bare = lines(ours).filter((l) => l !== '' && !l.startsWith('#')).slice(2);
	let n = 0;

	n += differences('phone-metadata.txt from libphonenumber-js', lines(ours),
		lines(metadata.generate(join(modules, 'libphonenumber-js'))));
	n += differences('phone-metadata.txt and google-libphonenumber', bare, embeddedLines());
	n += differences('phones.golden.tsv', lines(readFileSync(golden, 'utf8')), lines(goldenText()));
	return n;
}

const [command, count, seed] = process.argv.slice(2);
if (command === undefined) {
	writeFileSync(golden, goldenText());
} else if (command === '--check') {
	const n = check();
	process.stdout.write(n === 0 ? 'phones: golden file and metadata agree with google-libphonenumber\n'
		: `phones: ${n} differences\n`);
	process.exitCode = n === 0 ? 0 : 1;
} else if (command === '--generate' && Number(count) > 0 && seed !== undefined) {
	for (const l of numbers(Number(count), Number(seed)))
		process.stdout.write(l + '\n');
} else {
	process.stderr.write('usage: phones.mjs [--check | --generate N SEED]\n');
	process.exitCode = 2;
}
