import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';

export interface SampleOptions {
  /** Roughly how large the database gets, in MiB (20); takes about a second for each 6. */
  sizeMiB?: number;
  /** The same seed and size make the same rows on every version. */
  seed?: number;
  onProgress?: (what: string) => void;
}

/**
 * Helpers that live for one session. All chance comes from hashes of the seed and a row's number, so that rows do not
 * depend on the server's version; `bytes` does not compress, as pictures and PDFs do not.
 */
const helpers = (seed: number) => `
  CREATE FUNCTION pg_temp.h(what text, i bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS
    $$ SELECT sha256(convert_to('${seed}/' || what || '/' || i, 'UTF8')) $$;
  CREATE FUNCTION pg_temp.n(what text, i bigint, below bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
    $$ SELECT (('x' || substr(md5('${seed}/' || what || '/' || i), 1, 15))::bit(60)::bigint) % below $$;
  CREATE FUNCTION pg_temp.pick(words text[], what text, i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT words[1 + pg_temp.n(what, i, cardinality(words))] $$;
  CREATE FUNCTION pg_temp.bytes(what text, i bigint, length int) RETURNS bytea LANGUAGE sql IMMUTABLE AS
    $$ SELECT substr(string_agg(sha512(convert_to('${seed}/' || what || '/' || i || '/' || k, 'UTF8')), ''), 1, length)
       FROM generate_series(0, length / 64) k $$;
  CREATE FUNCTION pg_temp.moment(what text, i bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
    $$ SELECT '2023-01-01Z'::timestamptz + pg_temp.n(what, i, 1095 * 86400) * interval '1 second' $$;
  CREATE FUNCTION pg_temp.prose(what text, i bigint, words int) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT string_agg(pg_temp.pick(ARRAY['${vocabulary().join("','")}'], what || k, i)
         || CASE WHEN pg_temp.n(what || 'n' || k, i, 3) = 0 THEN ' ' || pg_temp.n(what || 'd' || k, i, 100000) ELSE '' END, ' ')
       FROM generate_series(1, words) k $$;
`;

function vocabulary(): string[] {
  return (
    'oak beech walnut steel linen copper ceramic glass wool leather table chair lamp shelf kettle blanket mirror clock ' +
    'light heavy round narrow folding stackable washable small large north harbour river mountain garden kitchen hall ' +
    'made used painted polished waxed carved woven with without under over for from two three seven twelve late early'
  ).split(' ');
}

interface Step {
  what: string;
  sql: string;
}

/** What fills the tables, for so many "units" of roughly one MiB each. */
function steps(units: number): Step[] {
  const count = (perUnit: number) => Math.max(1, Math.round(perUnit * units));
  const customers = count(110);
  const products = count(9);
  const orders = count(250);
  const documents = count(22);
  const first = `ARRAY['Ada','Bela','Chiara','Dmitri','Emre','Fatou','Grace','Hiro','Inés','Jürgen','Kofi','Łukasz','Mei','Noor','Olga','Priya']`;
  const last = `ARRAY['Álvarez','Brown','Chen','Dubois','Eriksen','Fischer','García','Huber','Ivanova','Jensen','Kowalski','Li','Müller','Okafor','Rossi','Suzuki']`;
  const cities = `ARRAY['Zürich','Lagos','Kraków','São Paulo','Osaka','Tromsø','Dublin','Pune']`;
  return [
    {
      what: 'customers',
      sql: `INSERT INTO shop.customers (email, name, home, password_hash, tags, credit, joined)
        SELECT lower(md5('m' || i)) || i || '@example.' || pg_temp.pick(ARRAY['com','org','net'], 'tld', i),
          pg_temp.pick(${first}, 'first', i) || ' ' || pg_temp.pick(${last}, 'last', i),
          ROW(pg_temp.prose('street', i, 2) || ' ' || pg_temp.n('house', i, 400), pg_temp.pick(${cities}, 'city', i),
            pg_temp.pick(ARRAY['CH','NG','PL','BR','JP','NO','IE','IN'], 'city', i))::shop.address,
          '$2b$12$' || translate(encode(pg_temp.h('pw', i), 'base64'), '+=', './'),
          ARRAY[pg_temp.prose('tag', i, 1), NULL, pg_temp.prose('tag2', i, 1)], pg_temp.n('credit', i, 100000) / 100.0,
          pg_temp.moment('joined', i)
        FROM generate_series(1, ${customers}) i`,
    },
    {
      what: 'products',
      sql: `INSERT INTO shop.products (sku, title, description, price, attributes)
        SELECT upper(substr(encode(pg_temp.h('sku', i), 'hex'), 1, 10)) || i, pg_temp.prose('title', i, 3), pg_temp.prose('text', i, 60),
          (100 + pg_temp.n('price', i, 90000)) / 100.0,
          jsonb_build_object('weight', pg_temp.n('weight', i, 20000) / 1000.0, 'ean', pg_temp.n('ean', i, 9999999999999),
            'colours', jsonb_build_array(pg_temp.prose('c', i, 1), pg_temp.prose('d', i, 1)), 'stock', NULL)
        FROM generate_series(1, ${products}) i`,
    },
    {
      what: 'orders',
      sql: `INSERT INTO shop.orders (id, customer_id, state, placed, note)
        SELECT i, 1 + pg_temp.n('buyer', i, ${customers}), pg_temp.pick(ARRAY['new','paid','sent','returned'], 'state', i)::shop.order_state,
          pg_temp.moment('placed', i), CASE WHEN i % 3 = 0 THEN pg_temp.prose('note', i, 8) END
        FROM generate_series(1, ${orders}) i`,
    },
    {
      what: 'order lines',
      sql: `INSERT INTO shop.order_lines (order_placed, order_id, line, product_id, quantity, price)
        SELECT pg_temp.moment('placed', i), i, line, 1 + pg_temp.n('p' || line, i, ${products}), 1 + pg_temp.n('q' || line, i, 9),
          (100 + pg_temp.n('paid' || line, i, 90000)) / 100.0
        FROM generate_series(1, ${orders}) i, generate_series(1, 1 + (i % 5)) line`,
    },
    {
      what: 'events',
      sql: `INSERT INTO shop.events
        SELECT pg_temp.moment('event', i), substr(encode(pg_temp.h('session', i), 'hex'), 1, 32)::uuid,
          ('10.' || pg_temp.n('a', i, 256) || '.' || pg_temp.n('b', i, 256) || '.' || pg_temp.n('c', i, 256))::inet,
          jsonb_build_object('type', pg_temp.pick(ARRAY['view','search','basket','pay'], 'type', i), 'product', pg_temp.n('vp', i, ${products}),
            'ms', pg_temp.n('ms', i, 100000), 'trace', encode(pg_temp.h('trace', i), 'hex'), 'cookie', encode(pg_temp.bytes('ck', i, 90), 'base64'),
            'query', pg_temp.prose('search', i, 3))
        FROM generate_series(1, ${count(420)}) i`,
    },
    {
      what: 'documents',
      sql: `INSERT INTO shop.documents (id, customer_id, kind, content)
        SELECT i, CASE WHEN i % 10 > 0 THEN 1 + pg_temp.n('reader', i, ${customers}) END, pg_temp.pick(ARRAY['invoice','contract','photo'], 'kind', i),
          pg_temp.bytes('document', i, (1000 + pg_temp.n('length', i, 30000))::int)
        FROM generate_series(1, ${documents}) i`,
    },
    {
      what: 'large objects',
      sql: `INSERT INTO shop.photos SELECT i, lo_from_bytea((2000000 + i)::oid, pg_temp.bytes('photo', i, (20000 + pg_temp.n('size', i, 200000))::int))
        FROM generate_series(1, least(${products}, ${count(0.5)})) i`,
    },
    {
      what: 'odd things',
      sql: `INSERT INTO "Archive 2019"."odd ""things"" with a \\ and a ' in it" VALUES
          ('tab	and
newline and \\. and \\N', 'NaN', 'infinity', 'empty', '', NULL), ('', '-0', '4713-01-01 BC', '[2019-01-01,)', B'10110', ''),
          ('日本語 🐦 ''"\\', 1e-300, '0001-01-01 00:00:00.000001', '(,)', NULL, 'NULL'), (NULL, 'Infinity', NULL, NULL, NULL, NULL);
        INSERT INTO shop.secrets VALUES ('shop_reader', 'seen by one'), ('nobody', 'seen by nobody')`,
    },
    {
      what: 'changes',
      sql: `UPDATE shop.customers SET credit = credit + 1 WHERE id % 10 = 0;
        UPDATE audit.changes SET at = '2025-06-01Z';
        REFRESH MATERIALIZED VIEW shop.best_sellers; ANALYZE`,
    },
  ];
}

/**
 * Fills an empty database with a shop: several schemas, extensions, partitions, generated columns, sequences, views,
 * triggers, large objects and values that a careless copy changes.
 *
 * @param client A superuser's connection.
 */
export async function makeSample(
  client: pg.Client,
  { sizeMiB = 20, seed = 1, onProgress }: SampleOptions = {},
): Promise<void> {
  await client.query(await readFile(fileURLToPath(new URL('sample-schema.sql', import.meta.url)), 'utf8'));
  await client.query(helpers(seed));
  // An empty database has about 7 MiB; a unit's rows and indexes take about 0.86.
  for (const { what, sql } of steps(Math.max(1, (sizeMiB - 7) / 0.86))) {
    onProgress?.(what);
    await client.query(sql);
  }
}

/** How many rows a table has, and a hash over the content of all of them in whatever order. */
export interface TableHash {
  rows: number;
  hash: string;
}

/**
 * Reads every row of every table, materialized view, large object and sequence of a database.
 *
 * Returns one entry per relation, by `schema.name`; large objects together as `pg_largeobject`, each sequence as one row.
 *
 * @param client A connection that may read everything, row security and large objects included.
 */
export async function tableHashes(client: pg.Client): Promise<Record<string, TableHash>> {
  const hashOf = (text: string) =>
    `coalesce(to_hex((sum(('x' || substr(md5(${text}), 1, 16))::bit(64)::bigint::numeric) % 1000000000000000000)::bigint), '') || '-' ||
     coalesce(to_hex((sum(('x' || substr(md5(${text}), 17, 16))::bit(64)::bigint::numeric) % 1000000000000000000)::bigint), '')`;
  const result: Record<string, TableHash> = {};
  const add = async (name: string, text: string, from: string) => {
    const { rows } = await client.query<{ rows: string; hash: string }>(
      `SELECT count(*) AS rows, ${hashOf(text)} AS hash FROM ${from}`,
    );
    result[name] = { rows: Number(rows[0]?.rows), hash: rows[0]?.hash ?? '' };
  };
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await client.query(
      "SET LOCAL row_security = off; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = 'hex'; SET LOCAL search_path = pg_catalog",
    );
    const { rows } = await client.query<{ name: string; ident: string; kind: string }>(
      `SELECT n.nspname || '.' || c.relname AS name, format('%I.%I', n.nspname, c.relname) AS ident, c.relkind AS kind
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't' AND n.nspname !~ '^(pg_|information_schema$)'
       ORDER BY 1`,
    );
    for (const { name, ident, kind } of rows)
      await add(name, kind === 'S' ? 't.last_value::text || t.is_called' : 't::text', `${ident} t`);
    await add('pg_largeobject', "t.loid || ':' || t.pageno || ':' || md5(t.data)", 'pg_largeobject t');
  } finally {
    await client.query('ROLLBACK');
  }
  return result;
}
