#!/usr/bin/env node
// avrofile.mjs -- Avro files by avsc, in the plain form of avrofile.py.
//
//   avrofile.mjs read FILE.avro
//   avrofile.mjs write SCHEMA CODEC FILE.plain OUT.avro [BYTES]   blocks of BYTES bytes
//   avrofile.mjs text FILE.avro FILE.csv   the CSV's doubles are written as JavaScript writes them
//
// avsc has the codecs null and deflate.
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = process.env.VF_NODE_MODULES || join(dirname(fileURLToPath(import.meta.url)), 'node_modules');
const avro = createRequire(join(modules, '..', 'avrofile.mjs'))('avsc');

// All 64 bits of a long.
const long = avro.types.LongType.__with({
	fromBuffer: (buffer) => buffer.readBigInt64LE(),
	toBuffer: (value) => { const buffer = Buffer.alloc(8); buffer.writeBigInt64LE(value); return buffer; },
	fromJSON: BigInt,
	toJSON: Number,
	isValid: (value) => typeof value === 'bigint',
	compare: (a, b) => (a === b ? 0 : a < b ? -1 : 1),
});
// Milliseconds as they are; known by name, so that the schema that is written keeps its logical type.
class Millis extends avro.types.LogicalType {
	_fromValue(value) { return value; }
	_toValue(value) { return value; }
	_export(attributes) { attributes.logicalType = 'timestamp-millis'; }
}
const parseHook = (schema) => avro.Type.forSchema(schema, {
	logicalTypes: { 'timestamp-millis': Millis },
	typeHook: (attributes) => (attributes === 'long' ? long : undefined),
	wrapUnions: true,
});

function bits(value, size)
{
	const buffer = Buffer.alloc(size);
	size === 8 ? buffer.writeDoubleBE(value) : buffer.writeFloatBE(value);
	return buffer.toString('hex');
}

const joined = (items) => items.map((item) => '\x1f' + item).join('');
// What is in a union comes as {type: value}.
const optional = (value, form = String) => (value === null ? '\\N' : form(Object.values(value)[0]));

function plain(r)
{
	return [r.id, optional(r.note), r.n, optional(r.big), optional(r.score, (v) => bits(v, 8)), bits(r.ratio, 4), optional(r.ok), r.band,
		joined(r.tags), optional(r.more, joined), r.at, optional(r.when), r.raw.toString('utf8')].join('\t');
}

function each(file, record)
{
	return new Promise((resolve, reject) => createReadStream(file).on('error', reject).pipe(new avro.streams.BlockDecoder({ parseHook }))
		.on('data', record).on('end', resolve).on('error', reject));
}

async function read(file)
{
	const lines = [];
	await each(file, (r) => lines.push(plain(r)));
	process.stdout.write(lines.map((line) => line + '\n').join(''));
}

function recordOf(line)
{
	const v = line.split('\t');
	const value = (type, text, form = String) => (text === '\\N' ? null : { [type]: form(text) });
	const words = (text) => text.split('\x1f').slice(1);
	return { id: v[0], note: value('string', v[1]), n: Number(v[2]), big: value('long', v[3], BigInt),
		score: value('double', v[4], (t) => Buffer.from(t, 'hex').readDoubleBE()), ratio: Buffer.from(v[5], 'hex').readFloatBE(),
		ok: value('boolean', v[6], (t) => t === 'true'), band: v[7], tags: words(v[8]), more: value('array', v[9], words), at: Number(v[10]),
		when: value('long', v[11], Number), raw: Buffer.from(v[12], 'utf8') };
}

function write(schema, codec, source, target, bytes)
{
	const encoder = new avro.streams.BlockEncoder(parseHook(JSON.parse(readFileSync(schema, 'utf8'))),
		{ codec, writeHeader: 'always', ...(bytes === undefined ? {} : { blockSize: Number(bytes) }) });
	const done = new Promise((resolve, reject) => encoder.pipe(createWriteStream(target)).on('finish', resolve).on('error', reject));
	for (const line of readFileSync(source, 'utf8').split('\n').slice(0, -1))
		encoder.write(recordOf(line));
	encoder.end();
	return done;
}

// The CSV has one column, the scores.
async function text(file, csv)
{
	const want = [];
	await each(file, (r) => want.push(optional(r.score, (v) => (Object.is(v, -0) ? '-0' : String(v)))));
	const got = readFileSync(csv, 'utf8').split('\n').slice(1, -1);
	const wrong = want.filter((v, i) => v !== (got[i] || '\\N'));
	process.stdout.write(`${want.length} numbers, ${wrong.length} differ${wrong.length > 0 ? `: ${wrong[0]}` : ''}\n`);
	process.exitCode = wrong.length === 0 && got.length === want.length ? 0 : 1;
}

const [work, ...args] = process.argv.slice(2);
const works = { read, write, text };
if (works[work] === undefined) {
	process.stderr.write(`usage: avrofile.mjs ${Object.keys(works).join('|')} ...\n`);
	process.exit(2);
}
await works[work](...args);
