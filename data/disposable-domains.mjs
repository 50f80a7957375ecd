#!/usr/bin/env node
// disposable-domains.mjs -- make disposable-domains.txt from the two npm packages that list such domains.
//
//   npm install --ignore-scripts --prefix DIR disposable-email-domains disposable-email-domains-js
//   node data/disposable-domains.mjs DIR/node_modules > disposable-domains.txt
//
// A name below another listed name is left out: the list matches everything below a domain.
// Relay services (relay-domains.txt) are left out as well: real people use them. So is any name
// that is no host name even in its ASCII form, or has symbols in its Unicode form: IDNA2008 knows no
// such domain, so no address of it passes anyway. Each is reported on stderr.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { domainToASCII, domainToUnicode, fileURLToPath } from 'node:url';

const sources = [
    { name: 'disposable-email-domains', list: 'index.json', licence: 'MIT' },
    { name: 'disposable-email-domains-js', list: 'dist/dict/disposable_email_blocklist.json', licence: 'CC0-1.0' },
];
const hostName = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$/;

const symbol = /[^\p{L}\p{M}\p{N}.-]/u;

function above(name) {
    const labels = name.split('.');
    return labels.slice(1).map((_, i) => labels.slice(i + 1).join('.'));
}

function readList(path) {
    return readFileSync(path, 'utf8').split('\n').map((line) => line.trim()).filter((line) => line && line[0] !== '#');
}

function collect(folder) {
    const names = new Set();
    for (const source of sources) {
        const meta = JSON.parse(readFileSync(join(folder, source.name, 'package.json'), 'utf8'));
        if (meta.license !== source.licence)
            throw new Error(`${source.name}: licence is ${meta.license}, not ${source.licence}: look at it first`);
        source.version = meta.version;
        for (const entry of JSON.parse(readFileSync(join(folder, source.name, source.list), 'utf8'))) {
            const name = domainToASCII(entry.trim().toLowerCase());
            if (hostName.test(name) && !symbol.test(domainToUnicode(name)))
                names.add(name);
            else
                console.error(`left out, no host name: ${entry}`);
        }
    }
    return names;
}

const folder = process.argv[2];
if (folder === undefined) {
    console.error('usage: disposable-domains.mjs NODE_MODULES');
    process.exit(2);
}
const names = collect(folder);
const relays = readList(join(dirname(fileURLToPath(import.meta.url)), 'relay-domains.txt'));
const kept = [...names].filter((name) => {
    if (relays.some((relay) => relay === name || relay.endsWith(`.${name}`) || name.endsWith(`.${relay}`))) {
        console.error(`left out, a relay service: ${name}`);
        return false;
    }
    return !above(name).some((domain) => names.has(domain));
});
kept.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

process.stdout.write(`# Domains of disposable mailboxes. A name stands for itself and everything below it.
# Made by disposable-domains.mjs from npm packages:
${sources.map((s) => `#   ${s.name} ${s.version}, licence ${s.licence}`).join('\n')}
# version: ${sources.map((s) => s.version).join('+')}
${kept.join('\n')}
`);
