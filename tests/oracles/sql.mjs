// Is each statement one that Athena's parsers would take? sql.mjs FILE...: Trino's grammar for queries, Hive's for tables.
//
// UNLOAD is Athena's own and in neither: its query is judged by Trino's grammar, what is around it by its form here.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.env.VF_NODE_MODULES + '/');
const { HiveSQL, TrinoSQL } = await import(pathToFileURL(require.resolve('dt-sql-parser')));
const unload = /^UNLOAD \(\n(SELECT [^]*)\n\)\nTO 's3:\/\/[A-Za-z0-9._/=+-]+\/'\nWITH \(format = 'AVRO', compression = 'SNAPPY'\)\n$/;
const judged = {};

// errors TEXT: what is wrong with it; what it was judged as is counted.
function errors(text) {
	const [kind, parser, sql] =
		text.startsWith('UNLOAD') ? ['unload', new TrinoSQL(), text.match(unload)?.[1]] :
		text.startsWith('SELECT') ? ['query', new TrinoSQL(), text] : ['table', new HiveSQL(), text];
	judged[kind] = (judged[kind] ?? 0) + 1;
	if (sql === undefined)
		return [{ message: 'not the form of an UNLOAD' }];
	return parser.validate(sql);
}

const keep = console.error;
console.error = () => {};	// the parsers tell each error there, too
let bad = 0;
for (const name of process.argv.slice(2)) {
	const text = readFileSync(name, 'utf8').replace(/^--.*\n/gm, '');
	for (const error of errors(text)) {
		console.log(`${name}: ${error.message}`);
		bad++;
	}
	// The judge is one: with another word in the place of one of these no statement passes.
	for (const word of ['FROM', 'WHERE', 'PARTITIONED BY', 'WITH SERDEPROPERTIES', 'IF NOT EXISTS']) {
		if (text.includes(word) && errors(text.replace(word, 'WHERE WHERE')).length === 0) {
			console.log(`${name}: ${word} may be missing`);
			bad++;
		}
	}
}
console.error = keep;
console.log(Object.keys(judged).sort().join(' '));
process.exit(bad === 0 ? 0 : 1);
