/** Everything that is awkward about a DuckDB database. */
import { Buffer } from 'node:buffer';

/** One value of each type at the edge of what it holds, and NULL. */
export const TYPES: Readonly<Record<string, readonly [type: string, value: string]>> = {
  b: ['BOOLEAN', 'true'],
  t: ['TINYINT', '-128'],
  ut: ['UTINYINT', '255'],
  s: ['SMALLINT', '-32768'],
  us: ['USMALLINT', '65535'],
  i: ['INTEGER', '-2147483648'],
  ui: ['UINTEGER', '4294967295'],
  bi: ['BIGINT', '-9223372036854775808'],
  ubi: ['UBIGINT', '18446744073709551615'],
  h: ['HUGEINT', '-170141183460469231731687303715884105728'],
  uh: ['UHUGEINT', '340282366920938463463374607431768211455'],
  hs: ['HUGEINT[]', '[170141183460469231731687303715884105727, NULL]'],
  f: ['FLOAT', "'NaN'"],
  d: ['DOUBLE', "'-Infinity'"],
  de: ['DECIMAL(38,10)', '1234567890123456789012345678.0123456789'],
  da: ['DATE', "'infinity'"],
  ti: ['TIME', "'24:00:00'"],
  ts: ['TIMESTAMP', "'294246-01-10 04:00:54.775806'"],
  tss: ['TIMESTAMP_S', "'1969-12-31 23:59:59'"],
  tsm: ['TIMESTAMP_MS', "'1970-01-01 00:00:00.001'"],
  tsn: ['TIMESTAMP_NS', "'1970-01-01 00:00:00.000000001'"],
  tz: ['TIMESTAMPTZ', "'2000-01-01 00:00:00+13:45'"],
  ttz: ['TIMETZ', "'12:00:00+05:30'"],
  tn: ['TIME_NS', "'12:00:00.123456789'"],
  iv: ['INTERVAL', "INTERVAL '1 year 2 months 3 days 4.000005 seconds'"],
  negative: ['INTERVAL', "INTERVAL '-5 days'"],
  bl: ['BLOB', "'\\x00\\xFF'"],
  vc: ['VARCHAR', "'ü😀' || chr(0) || 'z'"],
  u: ['UUID', "'00000000-0000-0000-0000-000000000001'"],
  bt: ['BIT', "'10101'"],
  l: ['INTEGER[]', '[1, NULL]'],
  ar: ['INTEGER[3]', '[1, 2, 3]'],
  st: ['STRUCT(a INTEGER, b VARCHAR[])', "{'a': 1, 'b': ['x', NULL]}"],
  ma: ['MAP(VARCHAR, INTEGER)', "MAP {'a': 1, 'b': NULL}"],
  un: ['UNION(num INTEGER, str VARCHAR)', "union_value(str := 's')"],
  e: ['mood', "'happy 😀'"],
  deep: ['STRUCT(x INTEGER)[][]', "[[{'x': 1}, NULL], []]"],
  vi: ['BIGNUM', '12345678901234567890123456789012345678901234567890'],
  js: ['JSON', `'{"a": [1, null]}'`],
  geo: ['GEOMETRY', "'POINT(1 2)'"],
};

const types = Object.entries(TYPES);
const WIDE = Array.from({ length: 300 }, (_, index) => `c${index} INTEGER`).join(', ');

export const AWKWARD: readonly string[] = [
  'CREATE SCHEMA "select"',
  'CREATE SCHEMA "Lager ""é"" 😀"',
  'CREATE SCHEMA "with.dot"',
  "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy 😀')",
  'CREATE TYPE "select".addr AS STRUCT(street VARCHAR, "no" INTEGER)',
  'CREATE SEQUENCE lone START 5 INCREMENT BY 3',
  'CREATE SEQUENCE "select"."order" START 100',
  `CREATE TABLE "select"."table" ("from" INTEGER PRIMARY KEY, "where" VARCHAR DEFAULT 'x''y', m mood DEFAULT 'ok', a "select".addr, CHECK ("from" > 0))`,
  `CREATE TABLE "select".child (id BIGINT DEFAULT nextval('lone') UNIQUE, t INTEGER REFERENCES "select"."table" ("from"))`,
  'CREATE TABLE tree (id INTEGER PRIMARY KEY, up INTEGER REFERENCES tree (id))',
  'CREATE TABLE gen (a INTEGER DEFAULT 7, b INTEGER GENERATED ALWAYS AS (a * 2), c VARCHAR NOT NULL)',
  'CREATE TABLE "Lager ""é"" 😀"."😀 tab""le\u2028" ("😀" INTEGER, "sp ace" VARCHAR)',
  'CREATE TABLE "with.dot"."a.b" (x INTEGER)',
  // Names that one file name would hold.
  'CREATE TABLE "a b" (x INTEGER)',
  'CREATE TABLE a_b (x INTEGER)',
  'CREATE TABLE empty (a INTEGER)',
  `CREATE TABLE wide (${WIDE})`,
  'CREATE TABLE big (i BIGINT, t VARCHAR)',
  `CREATE TABLE types (${types.map(([name, [type]]) => `"${name}" ${type}`).join(', ')})`,
  'CREATE TABLE blobs (id INTEGER, data BLOB)',
  'CREATE INDEX gen_i ON gen (a)',
  'CREATE UNIQUE INDEX "gen u" ON gen (c, a)',
  'CREATE INDEX expr_i ON gen ((a + 1))',
  'CREATE VIEW v AS SELECT a, b FROM gen',
  // By name it comes before the view that it reads.
  'CREATE VIEW a_early AS SELECT * FROM v',
  'CREATE VIEW "select"."view" AS SELECT * FROM main.v',
  'CREATE MACRO add1(x) AS x + 1',
  'CREATE MACRO below(n) AS TABLE SELECT * FROM gen WHERE a < n',
  'CREATE MACRO "select".over(a) AS a, (a, b) AS a + b',
  'CREATE VIEW of_macro AS SELECT add1(a) AS z FROM gen',
  "COMMENT ON TABLE gen IS 'it''s 😀'",
  "COMMENT ON COLUMN gen.a IS 'a column'",
  "COMMENT ON VIEW v IS 'a view'",
  "COMMENT ON SEQUENCE lone IS 'a sequence'",
  "COMMENT ON INDEX gen_i IS 'an index'",
  "COMMENT ON TYPE mood IS 'a type'",
  "COMMENT ON MACRO add1 IS 'a macro'",
  `INSERT INTO "select"."table" SELECT i + 1, 'v' || i, 'sad', {'street': 's', 'no': i} FROM range(100) r(i)`,
  'INSERT INTO "select".child (t) SELECT (i % 100) + 1 FROM range(50) r(i)',
  // Children lie before their parents in the end: the tree was grown from below.
  'INSERT INTO tree VALUES (1, NULL)',
  'INSERT INTO tree VALUES (2, 1)',
  'INSERT INTO tree VALUES (3, 2), (4, 2)',
  'INSERT INTO tree VALUES (10, 4)',
  "INSERT INTO gen (a, c) SELECT i, 'c' || i FROM range(1000) r(i)",
  `INSERT INTO "Lager ""é"" 😀"."😀 tab""le\u2028" VALUES (1, '😀'), (NULL, NULL), (2, 'x\u2028y\u2029z')`,
  'INSERT INTO "with.dot"."a.b" VALUES (1)',
  'INSERT INTO "a b" VALUES (1)',
  'INSERT INTO a_b VALUES (2), (2)',
  'INSERT INTO wide (c0, c299) VALUES (1, 2)',
  "INSERT INTO big SELECT i, repeat('x', 20) || i FROM range(50000) r(i)",
  `INSERT INTO types VALUES (${types.map(([, [, value]]) => value).join(', ')}), (${types.map(() => 'NULL').join(', ')})`,
  `INSERT INTO blobs VALUES (1, from_hex('${Buffer.alloc(70_000, 0xa5).toString('hex')}')), (2, ''), (3, NULL)`,
];

/** As an accident would. */
export const DAMAGE: readonly string[] = [
  'DELETE FROM gen WHERE a > 50',
  'INSERT INTO big VALUES (-1, NULL)',
  'DROP TABLE blobs',
  "SELECT nextval('lone')",
  'UPDATE types SET bl = NULL',
  'CREATE TABLE stranger (a INTEGER)',
];

/** What there is besides rows: each answers with one text per thing. */
export const STRUCTURE: Readonly<Record<string, string>> = {
  schemas: 'SELECT schema_name FROM duckdb_schemas() WHERE NOT internal',
  tables: "SELECT schema_name || table_name || sql || coalesce(comment, '-') FROM duckdb_tables()",
  columns:
    "SELECT schema_name || table_name || column_name || coalesce(comment, '-') || coalesce(column_default, '-') FROM duckdb_columns() WHERE NOT internal",
  constraints:
    "SELECT schema_name || table_name || constraint_type || constraint_column_names::VARCHAR || coalesce(referenced_table, '-') || constraint_text FROM duckdb_constraints()",
  indexes: "SELECT schema_name || index_name || sql || coalesce(comment, '-') FROM duckdb_indexes()",
  views: "SELECT schema_name || view_name || sql || coalesce(comment, '-') FROM duckdb_views() WHERE NOT internal",
  sequences:
    "SELECT schema_name || sequence_name || sql || coalesce(last_value::VARCHAR, '-') || coalesce(comment, '-') FROM duckdb_sequences()",
  macros:
    "SELECT schema_name || function_name || parameters::VARCHAR || macro_definition || coalesce(comment, '-') FROM duckdb_functions() WHERE NOT internal",
  types:
    "SELECT schema_name || type_name || logical_type || coalesce(labels::VARCHAR, '-') || coalesce(comment, '-') FROM duckdb_types() WHERE NOT internal",
};
