/** A database with everything that has ever been lost between a dump and a restore. */
export const AWKWARD_ROLES = ['shop owner', 'reader', 'Röle "q" 😀'] as const;

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Run once for each server. */
export const AWKWARD_ROLES_SQL = AWKWARD_ROLES.map((name) => {
  const quoted = `"${name.replaceAll('"', '""')}"`;
  return `DO $$ BEGIN CREATE ROLE ${quoted}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;`;
}).join('\n');

/** `name` is quoted already. */
export const awkwardDatabaseSql = (name: string): string[] => [
  `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' OWNER "shop owner"`,
  `ALTER DATABASE ${name} SET search_path TO "$user", public, 'odd schema'`,
  `ALTER DATABASE ${name} SET work_mem TO '5MB'`,
  `ALTER DATABASE ${name} CONNECTION LIMIT 77`,
  `ALTER ROLE reader IN DATABASE ${name} SET statement_timeout TO '1234'`,
  `COMMENT ON DATABASE ${name} IS 'the ''shop'' with \\ and; a semicolon
-- and a second line'`,
  `REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`,
  `GRANT CONNECT ON DATABASE ${name} TO reader`,
];

/** Both quotes, a dot, a space, an emoji, a line's end and a percent sign; quoted. */
export const odd = (what: string): string => `"${what} o""d'd. 😀\n%s \\"`;

export const awkwardSql = (major: number): string => String.raw`
SET search_path = public;
CREATE EXTENSION pgcrypto; CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION btree_gist;
CREATE SCHEMA "odd schema" AUTHORIZATION "shop owner"; CREATE SCHEMA "select";
COMMENT ON SCHEMA "odd schema" IS 'with; a $$ comment';

-- Names.
CREATE TABLE "select"."table" ("from" int PRIMARY KEY, "order by" text, "quote""d" text, "дата" date, "😀" text);
INSERT INTO "select"."table" SELECT i, 'v' || i, NULL, date '2020-01-01' + i, '😀' || i FROM generate_series(1, 100) i;
CREATE TABLE "odd schema"."dots.and spaces" (id int); INSERT INTO "odd schema"."dots.and spaces" VALUES (1), (1), (NULL);
CREATE TABLE "odd schema"."new
line" (id int); INSERT INTO "odd schema"."new
line" VALUES (7);
CREATE TABLE "odd schema"."row" ("row" int, t text, "t.*" int); INSERT INTO "odd schema"."row" VALUES (1, 'x', 2);
CREATE SCHEMA ${odd('schema')};
CREATE TABLE ${odd('schema')}.${odd('table')} (${odd('column')} int CONSTRAINT ${odd('key')} PRIMARY KEY, "null" text, b int);
CREATE INDEX ${odd('index')} ON ${odd('schema')}.${odd('table')} ("null", (b + 1)) INCLUDE (b) WHERE b > 0;
INSERT INTO ${odd('schema')}.${odd('table')} SELECT i, 'v' || i, -i FROM generate_series(1, 30) i;
CREATE SEQUENCE ${odd('schema')}.${odd('sequence')}; SELECT setval(${literal(`${odd('schema')}.${odd('sequence')}`)}, 77);
CREATE VIEW ${odd('schema')}.${odd('view')} AS SELECT ${odd('column')} AS "user" FROM ${odd('schema')}.${odd('table')};
COMMENT ON TABLE ${odd('schema')}.${odd('table')} IS ${literal(odd('comment'))}; COMMENT ON COLUMN ${odd('schema')}.${odd('table')}.${odd('column')} IS '"quoted"';
CREATE TABLE no_columns (); INSERT INTO no_columns SELECT FROM generate_series(1, 3);
CREATE TABLE empty (id int PRIMARY KEY);
DO $$ BEGIN EXECUTE 'CREATE TABLE wide (' || (SELECT string_agg('c' || i || ' int', ', ') FROM generate_series(1, 1600) i) || ')'; END $$;
INSERT INTO wide (c1, c1600) SELECT i, -i FROM generate_series(1, 10) i;
CREATE TABLE dropped (a int, b text, c int); INSERT INTO dropped VALUES (1, 'b', 3); ALTER TABLE dropped DROP COLUMN b;
ALTER TABLE dropped ADD d timestamptz DEFAULT '2020-02-02 02:02:02.123456+03';

-- Types.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "fine"');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE point3 AS (x float8, y numeric, "z z" text);
CREATE TYPE mood_range AS RANGE (SUBTYPE = float8);
CREATE TABLE kinds (
  id bigint GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5) PRIMARY KEY,
  b bool, i2 smallint, i8 bigint, f4 float4, f8 float8, n numeric, m money, t text, vc varchar(10), ch char(5), name name,
  ba bytea, d date, ti time, tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid, j json, jb jsonb, x xml,
  ip inet, ci cidr, mac macaddr, mac8 macaddr8, bi bit(5), vb varbit, p point, li line, ls lseg, bx box, pa path, pg polygon,
  cr circle, tv tsvector, tq tsquery, ir int4range, tr tstzrange, im int4multirange, ia int[], ta text[][], e mood, ea mood[], dom positive,
  co point3, coa point3[], mr mood_range, ct citext, hs hstore, rc regclass, lsn pg_lsn, oi oid
);
INSERT INTO kinds (b) VALUES (NULL);
INSERT INTO kinds (b, i2, i8, f4, f8, n, m, t, vc, ch, name, ba, d, ti, tz, ts, tstz, iv, u, j, jb, x, ip, ci, mac, mac8, bi, vb, p, li, ls, bx, pa, pg,
  cr, tv, tq, ir, tr, im, ia, ta, e, ea, dom, co, coa, mr, ct, hs, rc, lsn, oi) VALUES
 (true, -32768, 9223372036854775807, 'NaN', '-Infinity', '-12345678901234567890.123456789000', '12.34', E'tab\t nl\n cr\r bs\\ \\. \\N ''q'' "dq" é 😀', '', 'ab',
  'n', '\x00ff5c0a', 'infinity', '24:00', '12:00+14', '-infinity', '0044-03-15 12:00:00+00 BC', '-1 year 2 mons -3 days 04:05:06.7',
  '00000000-0000-0000-0000-000000000000', '{"a" : 1, "a":2}', '{"k": [1, null, "\u00e9", 1e400]}', '<a>b</a>', '::1/64', '10.0.0.0/8',
  '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'10101', B'', '(1.5,-0)', '{1,2,3}', '((0,0),(1,1))', '((1,1),(0,0))', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))',
  '<(0,0),5>', 'a fat cat', 'fat & (rat | !cat)', 'empty', '[2020-01-01,)', '{[1,3),[5,7)}', '[-1:1]={1,NULL,3}', '{{"a","b,c"},{NULL,"\"q\""}}',
  'it''s "fine"', '{sad,ok}', 1, ROW(0.1, 1e-20, 'z'), ARRAY[ROW(1, 2, NULL)::point3], '[1.5,2.5)', 'CiText', 'a=>1, "b c"=>NULL', 'kinds', '16/B374D848', 4294967295),
 (false, 0, 0, 1e-38, 0.1::float8 + 0.2, 'NaN', '-1', '', NULL, '', '', '', '0001-01-01 BC', '00:00', '00:00-12', '9999-12-31', 'infinity', '0', gen_random_uuid(),
  'null', 'null', NULL, '1.2.3.4', '::/0', NULL, NULL, NULL, B'1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '', '(,)', 'empty', '{}', '{}', '{}', 'sad', '{}', NULL,
  ROW(NULL, NULL, NULL), '{}', NULL, NULL, '', NULL, '0/0', 0);
CREATE TABLE big (id int PRIMARY KEY, body bytea, txt text);
INSERT INTO big SELECT 1, string_agg(sha512(i::text::bytea), ''::bytea), NULL FROM generate_series(1, 131072) i;
INSERT INTO big SELECT i, NULL, repeat(md5(i::text), 20000) FROM generate_series(2, 5) i;
INSERT INTO big SELECT i, gen_random_bytes(500), md5(i::text) FROM generate_series(10, 2000) i;

-- Generated values.
CREATE TABLE generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED, s serial, id2 int GENERATED BY DEFAULT AS IDENTITY);
INSERT INTO generated (a) SELECT generate_series(1, 50);
${major >= 18 ? 'ALTER TABLE generated ADD v int GENERATED ALWAYS AS (a * 3) VIRTUAL;' : ''}
CREATE SEQUENCE lone MINVALUE -100 START -5 INCREMENT -1 CYCLE; SELECT nextval('lone'), nextval('lone');
CREATE SEQUENCE untouched START 42;

-- Partitions and inheritance.
CREATE TABLE events (at timestamptz NOT NULL, kind text, note text) PARTITION BY RANGE (at);
CREATE TABLE entries (id int, amount numeric, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE entries_1 PARTITION OF entries FOR VALUES FROM (0) TO (100);
INSERT INTO entries SELECT i, i * 1.5 FROM generate_series(1, 90) i;
CREATE TABLE events_2020 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT PARTITION BY LIST (kind);
CREATE TABLE events_rest_a PARTITION OF events_rest FOR VALUES IN ('a');
CREATE TABLE events_rest_other (note text, kind text, at timestamptz NOT NULL); ALTER TABLE events_rest ATTACH PARTITION events_rest_other DEFAULT;
CREATE INDEX ON events (at);
INSERT INTO events SELECT timestamptz '2020-06-01' + i * interval '9 days', (ARRAY['a', 'b'])[1 + i % 2], 'n' || i FROM generate_series(1, 80) i;
CREATE TABLE parent (id int, v text); CREATE TABLE child (extra int) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', 3); ALTER TABLE parent ADD late int DEFAULT 9;

-- Keys, circular too.
CREATE TABLE hen (id int PRIMARY KEY, egg int); CREATE TABLE egg (id int PRIMARY KEY, hen int NOT NULL REFERENCES hen);
ALTER TABLE hen ADD CONSTRAINT hen_egg FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
BEGIN; INSERT INTO hen SELECT i, i FROM generate_series(1, 20) i; INSERT INTO egg SELECT i, 21 - i FROM generate_series(1, 20) i; COMMIT;
CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree); INSERT INTO tree SELECT i, nullif(i - 1, 0) FROM generate_series(1, 30) i;
CREATE TABLE booked (room int, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO booked VALUES (1, '[2020-01-01,2020-01-02)');

-- Functions, triggers, views.
CREATE TABLE log (what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.log VALUES (TG_OP || ' on ' || TG_TABLE_NAME); RETURN NEW; END $f$;
CREATE TABLE watched (id int, v text); INSERT INTO watched VALUES (1, 'before the trigger');
CREATE TRIGGER watch AFTER INSERT OR UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO watched VALUES (2, 'seen');
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 * 2;
CREATE INDEX generated_twice ON generated (twice(a)) WHERE a > 10;
CREATE VIEW v1 AS SELECT a, b FROM generated WHERE a < 5; CREATE VIEW v2 AS SELECT sum(a) AS s FROM v1;
CREATE MATERIALIZED VIEW mv AS SELECT s FROM v2; CREATE UNIQUE INDEX ON mv (s);
CREATE MATERIALIZED VIEW mv_empty AS SELECT 1 AS one WITH NO DATA;
CREATE RULE quiet AS ON DELETE TO empty DO INSTEAD NOTHING;
CREATE STATISTICS stat_ab ON a, b FROM generated;
CREATE UNLOGGED TABLE unlogged (id int); INSERT INTO unlogged VALUES (1);

-- Functions that return nothing, sum up, and act for somebody else.
CREATE PROCEDURE ${odd('schema')}.${odd('procedure')}(INOUT a int, b text DEFAULT 'it''s; "b"') LANGUAGE plpgsql AS $p$ BEGIN a := a + 1; COMMIT; END $p$;
CREATE FUNCTION times(numeric, int) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1 * $2';
CREATE FUNCTION in_words(numeric) RETURNS text LANGUAGE sql IMMUTABLE RETURN 'about ' || $1;
CREATE AGGREGATE product(int) (SFUNC = times, STYPE = numeric, FINALFUNC = in_words, INITCOND = '1', PARALLEL = SAFE);
CREATE AGGREGATE ${odd('schema')}.${odd('aggregate')}(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
CREATE FUNCTION as_owner(OUT who text, OUT n int) RETURNS SETOF record LANGUAGE sql SECURITY DEFINER STABLE COST 7 ROWS 3
  SET search_path = pg_catalog, "odd schema" SET work_mem = '7MB' AS $f$ SELECT current_user::text, 1 $f$;
ALTER FUNCTION as_owner() OWNER TO "shop owner"; GRANT EXECUTE ON FUNCTION as_owner() TO reader;

-- What is named by signs: operators with their classes, and casts.
CREATE FUNCTION apart(int, int) RETURNS int LANGUAGE sql IMMUTABLE RETURN abs($1 - $2);
CREATE OPERATOR <#-> (LEFTARG = int, RIGHTARG = int, FUNCTION = apart, COMMUTATOR = <#->);
CREATE OPERATOR FAMILY "own family" USING hash;
CREATE OPERATOR CLASS "own class" FOR TYPE int USING hash FAMILY "own family" AS OPERATOR 1 =, FUNCTION 1 hashint4(int);
CREATE INDEX tree_own ON tree USING hash (id "own class");
CREATE FUNCTION number_of(mood) RETURNS int LANGUAGE sql IMMUTABLE RETURN length($1::text);
CREATE CAST (mood AS int) WITH FUNCTION number_of(mood) AS ASSIGNMENT;

-- Types of types.
ALTER TYPE mood ADD VALUE 'so so' BEFORE 'ok';
CREATE DOMAIN small AS positive DEFAULT 3 NOT NULL CONSTRAINT "at most" CHECK (VALUE < 1000);
CREATE TYPE pair AS (a small, b mood[]); COMMENT ON TYPE pair IS 'two';
CREATE FUNCTION span_apart(int8, int8) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN $1 - $2;
CREATE TYPE span AS RANGE (SUBTYPE = int8, SUBTYPE_DIFF = span_apart, MULTIRANGE_TYPE_NAME = "spans 😀");
CREATE TABLE typed OF point3 (x NOT NULL); INSERT INTO typed VALUES (1, 2, 'three');
CREATE TABLE spans (s span, m "spans 😀", p pair[], few small); INSERT INTO spans VALUES ('[1,9)', '{[1,3),[5,7)}', ARRAY[ROW(1, '{ok}')::pair], 2);
CREATE COLLATION ${odd('collation')} (PROVIDER = libc, LOCALE = 'C');
CREATE TABLE collated (t text COLLATE ${odd('collation')}); CREATE INDEX ON collated (t COLLATE "POSIX" DESC NULLS LAST); INSERT INTO collated VALUES ('ä'), ('Z');

-- How text is read, and where other data lies.
CREATE TEXT SEARCH DICTIONARY plain_words (TEMPLATE = simple, ACCEPT = false);
CREATE TEXT SEARCH CONFIGURATION "own search" (COPY = simple); ALTER TEXT SEARCH CONFIGURATION "own search" ALTER MAPPING FOR word WITH plain_words, simple;
CREATE CONVERSION "own latin" FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE FOREIGN DATA WRAPPER "own wrapper" OPTIONS (debug 'true');
CREATE SERVER ${odd('server')} TYPE 't' VERSION '1' FOREIGN DATA WRAPPER "own wrapper" OPTIONS (host 'db.example.org');
CREATE USER MAPPING FOR reader SERVER ${odd('server')} OPTIONS (name 'it''s "me"');
CREATE FOREIGN TABLE far (id int OPTIONS (at '1'), t text) SERVER ${odd('server')} OPTIONS (place 'x.y');
CREATE ACCESS METHOD own_heap TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE heaped (id int) USING own_heap; INSERT INTO heaped VALUES (5);

-- How tables are kept.
ALTER TABLE tree SET (fillfactor = 50, autovacuum_enabled = false); ALTER TABLE tree REPLICA IDENTITY FULL; ALTER TABLE hen CLUSTER ON hen_pkey;
ALTER TABLE kinds ALTER t SET STATISTICS 500, ALTER t SET STORAGE EXTERNAL, ALTER ba SET COMPRESSION pglz, ALTER vc SET (n_distinct = -0.5);
ALTER TABLE watched ADD CONSTRAINT later CHECK (id > 1) NOT VALID; ALTER TABLE watched DISABLE TRIGGER watch;
CREATE TRIGGER always BEFORE DELETE ON watched FOR EACH ROW WHEN (OLD.id > 5) EXECUTE FUNCTION note(); ALTER TABLE watched ENABLE ALWAYS TRIGGER always;
ALTER TABLE empty DISABLE RULE quiet; ALTER STATISTICS stat_ab SET STATISTICS 50;
CREATE VIEW guarded WITH (security_barrier = true) AS SELECT id FROM tree WHERE id < 9 WITH LOCAL CHECK OPTION;
${major >= 15 ? `CREATE TABLE nulls (n int, UNIQUE NULLS NOT DISTINCT (n)); ALTER VIEW guarded SET (security_invoker = true);` : ''}
${major >= 18 ? `CREATE TABLE stays (room int, during tstzrange, PRIMARY KEY (room, during WITHOUT OVERLAPS)); ALTER TABLE hen ADD CONSTRAINT loose FOREIGN KEY (egg) REFERENCES egg NOT ENFORCED;` : ''}

-- Publications, and what happens at every change of a definition.
CREATE PUBLICATION ${odd('publication')} FOR TABLE tree, "select"."table" WITH (publish = 'insert');
CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert, truncate', publish_via_partition_root = true);
${major >= 15 ? `CREATE PUBLICATION part FOR TABLE hen (id) WHERE (id > 3) WITH (publish = 'insert'); CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA "odd schema" WITH (publish = 'insert');` : ''}
CREATE TABLE ddl_log (what text);
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.ddl_log VALUES (TG_EVENT || ' ' || TG_TAG); END $f$;
CREATE EVENT TRIGGER ${odd('event')} ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'REFRESH MATERIALIZED VIEW') EXECUTE FUNCTION note_ddl();
CREATE EVENT TRIGGER asleep ON sql_drop EXECUTE FUNCTION note_ddl(); ALTER EVENT TRIGGER asleep DISABLE; COMMENT ON EVENT TRIGGER asleep IS 'sleeps';
CREATE TABLE since_then (id int);

-- Rights.
CREATE TABLE secrets (owner name, v text); INSERT INTO secrets VALUES ('reader', 'r'), ('other', 'o');
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON secrets FOR SELECT TO "Röle ""q"" 😀" USING (owner = current_user);
ALTER TABLE "select"."table" OWNER TO "shop owner";
GRANT USAGE ON SCHEMA "select" TO reader; GRANT SELECT, UPDATE ("order by") ON "select"."table" TO reader WITH GRANT OPTION;
GRANT SELECT ("from") ON "select"."table" TO PUBLIC; REVOKE EXECUTE ON FUNCTION twice(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() TO reader; REVOKE USAGE ON TYPE span FROM PUBLIC; GRANT USAGE ON FOREIGN SERVER ${odd('server')} TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE "shop owner" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE POLICY writes ON secrets AS RESTRICTIVE FOR INSERT TO PUBLIC WITH CHECK (owner = current_user);
ALTER DEFAULT PRIVILEGES IN SCHEMA "odd schema" GRANT SELECT ON TABLES TO reader;
COMMENT ON COLUMN kinds.t IS E'a column''s comment \\ with a backslash';
COMMENT ON TABLE kinds IS 'first line
second line';

-- Large objects.
SELECT lo_from_bytea(700001, decode(repeat('00ff', 300000), 'hex')), lo_from_bytea(700002, ''), lo_from_bytea(700003, '\x01');
GRANT SELECT ON LARGE OBJECT 700003 TO reader; COMMENT ON LARGE OBJECT 700001 IS 'large';
`;
