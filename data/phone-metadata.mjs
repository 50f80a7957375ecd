#!/usr/bin/env node
// phone-metadata.mjs -- write phone-metadata.txt from the npm package libphonenumber-js.
//
//   npm pack libphonenumber-js@VERSION && tar xzf libphonenumber-js-*.tgz
//   node data/phone-metadata.mjs package > data/phone-metadata.txt
//
// The argument is the unpacked package (or node_modules/libphonenumber-js).
// Take the version whose metadata version is that of the google-libphonenumber
// pinned in tests/oracles: tests/oracles/phones.mjs --check compares the two
// pattern by pattern, and the golden file is written from the latter.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// In the order of metadata.max.json; the words are those of libvf/fan/phone.c.
export const TYPES = ['fixed-line', 'mobile', 'toll-free', 'premium-rate', 'personal-number',
	'voicemail', 'uan', 'pager', 'voip', 'shared-cost'];

// What libvf/fan/phone.c understands: digits, classes, groups, alternatives, ?, {n,m}, and $ in a prefix.
const PATTERN = /^(?:\d|\\d|\[[\d-]+\]|\((?:\?:)?|\)|\||\?|\{\d+(?:,\d+)?\})+$/;
const PREFIX = /^(?:\d|\\d|\[[\d-]+\]|\((?:\?:)?|\)|\||\?|\{\d+(?:,\d+)?\}|\$(?=\||$))+$/;
const RULE = /^\d*\$\d$/;

function need(ok, where, what)
{
	if (!ok)
		throw new Error(`${where}: ${what}`);
}

// A region's lines, from its array in metadata.max.json (see METADATA.md of that package).
export function region(name, m)
{
	const [, idd, general, lengths, , national, , parse, rule, , leading, types] = m;
	const lines = [`region ${name}`];
	const put = (key, value, form) => {
		if (!value)
			return;
		need(form.test(value), `${name} ${key}`, 'a form that phone.c does not know');
		lines.push(`${key} ${value}`);
	};

	put('idd', idd, PREFIX);
	put('national', national, /^\d+$/);
	put('prefix', parse || national, PREFIX);
	put('rule', rule, RULE);
	put('leading', leading, PATTERN);
	put('lengths', lengths.join(), /^\d+(,\d+)*$/);
	put('general', general, PATTERN);
	TYPES.forEach((type, i) => {
		const t = types && types[i];
		if (!t)
			return;
		// An empty mobile pattern says: the same as fixed-line.
		const pattern = t[0] === '' && type === 'mobile' ? types[0][0] : t[0];
		const own = t[0] === '' && type === 'mobile' && !t[1] ? types[0][1] : t[1];
		put(type, `${(own || lengths).join()} ${pattern}`, /^\d+(,\d+)* ./);
		need(PATTERN.test(pattern), `${name} ${type}`, 'a form that phone.c does not know');
	});
	return lines;
}

// The whole text, from the package's folder.
export function generate(folder)
{
	const read = (file) => readFileSync(join(folder, file), 'utf8');
	const m = JSON.parse(read('metadata.max.json'));
	const pkg = JSON.parse(read('package.json')).version;
	const version = /^\* Updated metadata to version (\d+(?:\.\d+)*)/m.exec(read('CHANGELOG.md'));
	need(m.version === 4, 'metadata.max.json', `structure version ${m.version}, 4 is known`);
	need(version, 'CHANGELOG.md', 'no metadata version');

	const codes = new Map();
	for (const [code, names] of Object.entries(m.country_calling_codes))
		codes.set(Number(code), names.map((n) => [n, m.countries[n]]));
	for (const [code, meta] of Object.entries(m.nonGeographic))
		codes.set(Number(code), [['001', meta]]);

	const lines = [
		'vf-phone-metadata 1',
		`version ${version[1]}`,
		'# Written by data/phone-metadata.mjs; do not edit.',
		`# Source: npm package libphonenumber-js ${pkg}, metadata.max.json (MIT), derived from the`,
		`# metadata of Google's libphonenumber ${version[1]} (Apache-2.0). Notices: COPYING.phone-metadata.`,
		'# code: a calling code; its regions follow, the main one first.',
		'# idd: international prefix. national: national prefix. prefix: what is taken off when a number is',
		'# parsed, and rule: what takes its place when its last group matched. leading: a number that begins',
		'# so is the region\'s. lengths: possible lengths of national numbers. general, then one line a type:',
		'# possible lengths and the pattern of the whole national number.',
	];
	for (const code of [...codes.keys()].sort((a, b) => a - b)) {
		lines.push(`code ${code}`);
		for (const [name, meta] of codes.get(code)) {
			need(Number(meta[0]) === code, name, 'listed under another calling code');
			lines.push(...region(name, meta));
		}
	}
	return lines.join('\n') + '\n';
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
	if (process.argv.length !== 3) {
		process.stderr.write('usage: phone-metadata.mjs FOLDER-OF-LIBPHONENUMBER-JS\n');
		process.exit(2);
	}
	process.stdout.write(generate(process.argv[2]));
}
