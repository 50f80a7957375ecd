// peers -- the work of the benches as DuckDB and polars do it best.
// node peers.mjs duckdb|polars WORK INPUT OUTPUT LISTS LIMIT; node peers.mjs versions
//
// Where equal work would cost a peer more, it is spared: scores are checked but
// not rounded, list look-ups are by the exact domain only, lines with a wrong
// number of fields are dropped without a report.

const [peer, work, input, output, lists, limit] = process.argv.slice(2);

const EMAIL = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*" +
    "@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])";

function quote(text) {
    return `'${text.replaceAll("'", "''")}'`;
}

// ---- DuckDB

const table = `read_csv(${quote(input ?? '')}, header = true, all_varchar = true, delim = ',', quote = '"', ` +
    `escape = '"', auto_detect = false, ignore_errors = true, columns = COLUMNS)`;
const band = "case when s >= 0.95 then 'high' when s >= 0.8 then 'mid' when s >= 0.22 then 'low' else 'none' end as band";

function scored(from) {
    return `select * exclude (s), ${band} from (select *, try_cast(score as double) as s from ${from})
        where s between 0 and 1 and globalUserId is not null and globalUserId <> ''`;
}

function distinct(from) {
    return `select distinct on (globalUserId) * from (${from})`;
}

function filtered(from) {
    return `select * exclude (domain) replace (split_part(email, '@', 1) || '@' || domain as email), '' as tags
        from (select *, lower(split_part(email, '@', 2)) as domain from (${from})
            where globalUserId <> '' and regexp_full_match(email, ${quote(EMAIL)}))
        where domain not in (select column0 from read_csv(${quote(lists + '/disposable')}, header = false, columns = {'column0': 'varchar'}))
        and lower(email) not in (select column0 from read_csv(${quote(lists + '/blacklist')}, header = false, columns = {'column0': 'varchar'}))`;
}

function drawn(from) {
    return `select * exclude (o) from (
        select *, row_number() over (partition by market order by o, md5('seed' || globalUserId)) as drawPosition from (
            select *, case band when 'high' then 1 when 'mid' then 2 when 'low' then 3 end as o from (${from})
            where band <> 'none' and globalUserId <> ''))
        where drawPosition <= ${Number(limit)} order by market, drawPosition`;
}

const queries = {
    'score-all': () => scored(table),
    'score': () => distinct(scored(table)),
    'filter': () => filtered(`select * from ${table}`),
    'draw': () => drawn(`select * from ${table}`),
    'pipeline': () => drawn(filtered(distinct(scored(table)))),
};

async function duckdb() {
    const { createReadStream } = await import('node:fs');
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    if (peer === 'versions')
        return (await (await connection.runAndReadAll('select version()')).getRows())[0][0];
    const stream = createReadStream(input, { end: 4095, encoding: 'utf8' });
    let head = '';
    for await (const chunk of stream)
        head += chunk;
    const columns = head.split('\n')[0].split(',').map((name) => `'${name}': 'varchar'`).join(', ');
    await connection.run(`copy (${queries[work]().replaceAll('COLUMNS', `{${columns}}`)})
        to ${quote(output)} (format csv, header true, delimiter ',')`);
}

// ---- polars

async function polars() {
    const { default: pl } = await import('nodejs-polars');
    if (peer === 'versions')
        return pl.version;
    const valid = new Set(['score-all', 'score', 'filter']);
    if (!valid.has(work))
        throw new Error(`polars: no such work: ${work}`);
    let frame = pl.scanCSV(input, { inferSchemaLength: 0, truncateRaggedLines: true, ignoreErrors: true });
    if (work === 'filter') {
        const names = (file, name) => pl.scanCSV(`${lists}/${file}`, { hasHeader: false, inferSchemaLength: 0 })
            .rename({ column_1: name });
        const domain = pl.col('email').str.replace('^.*@', '').str.toLowerCase();
        frame = frame
            .filter(pl.col('globalUserId').neq(pl.lit('')).and(pl.col('email').str.contains(`^${EMAIL}$`))
                .and(pl.col('registeredAt').isNotNull()))
            .withColumn(domain.alias('domain'))
            .join(names('disposable', 'domain'), { on: 'domain', how: 'anti' })
            .withColumn(pl.col('email').str.toLowerCase().alias('folded'))
            .join(names('blacklist', 'folded'), { on: 'folded', how: 'anti' })
            .withColumns(pl.concatString([pl.col('email').str.replace('@.*$', ''), pl.col('domain')], '@').alias('email'),
                pl.lit('').alias('tags'))
            .drop('domain', 'folded');
    } else {
        const score = pl.col('s');
        frame = frame
            .withColumn(pl.col('score').cast(pl.Float64).alias('s'))
            .filter(score.gtEq(0).and(score.ltEq(1)).and(pl.col('globalUserId').isNotNull())
                .and(pl.col('registeredAt').isNotNull()))
            .withColumn(pl.when(score.gtEq(0.95)).then(pl.lit('high'))
                .when(score.gtEq(0.8)).then(pl.lit('mid'))
                .when(score.gtEq(0.22)).then(pl.lit('low'))
                .otherwise(pl.lit('none')).alias('band'))
            .drop('s');
        if (work === 'score')
            frame = frame.unique({ subset: ['globalUserId'], keep: 'any', maintainOrder: false });
    }
    await frame.sinkCSV(output, { includeHeader: true, maintainOrder: true, syncOnClose: 'none' }).collect('streaming');
}

if (peer === 'versions')
    console.log(`DuckDB ${await duckdb()}\npolars ${await polars()}`);
else if (peer === 'duckdb')
    await duckdb();
else
    await polars();
