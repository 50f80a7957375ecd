// avsc -- CSV into Avro and Avro into CSV as npm's avsc does it best, for the file and schema of the benches only.
// node avsc.mjs write SCHEMA CODEC CSV AVRO; node avsc.mjs read AVRO CSV; node avsc.mjs version
import { once } from 'node:events';
import { closeSync, createReadStream, createWriteStream, openSync, readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const avro = require('avsc');

function unquoted(text) {
    return text.charCodeAt(0) === 34 ? text.slice(1, -1) : text;
}

function recordOf(line) {
    const f = line.split(',');
    return { globalUserId: f[0], email: unquoted(f[1]) || null, phone: f[2] || null, market: unquoted(f[3]), score: Number(f[4]),
        phoneConfirmed: f[5] === 'true', registeredAt: Date.parse(f[6]) };
}

async function write(schema, codec, source, target) {
    const encoder = new avro.streams.BlockEncoder(avro.Type.forSchema(JSON.parse(readFileSync(schema, 'utf8'))), { codec, blockSize: 256000 });
    const done = once(encoder.pipe(createWriteStream(target, { highWaterMark: 1 << 20 })), 'finish');
    let rest = '', head = true;
    for await (const chunk of createReadStream(source, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        let room = true;
        for (const line of lines) {
            if (head)
                head = false;
            else
                room = encoder.write(recordOf(line));
        }
        if (!room)
            await once(encoder, 'drain');
    }
    encoder.end();
    await done;
}

async function read(source, target) {
    const out = openSync(target, 'w');
    const decoder = avro.createFileDecoder(source);
    let text = 'globalUserId,email,phone,market,score,phoneConfirmed,registeredAt\n';
    decoder.on('data', (r) => {
        text += `${r.globalUserId},${r.email ?? ''},${r.phone ?? ''},${r.market},${r.score},${r.phoneConfirmed},${new Date(r.registeredAt).toISOString()}\n`;
        if (text.length > 1 << 18) {
            writeSync(out, text);
            text = '';
        }
    });
    await once(decoder, 'end');
    writeSync(out, text);
    closeSync(out);
}

const [work, ...args] = process.argv.slice(2);
if (work === 'write')
    await write(...args);
else if (work === 'read')
    await read(...args);
else
    console.log(`avsc ${require('avsc/package.json').version}`);
