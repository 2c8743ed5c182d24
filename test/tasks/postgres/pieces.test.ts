/** Where a statement ends decides what is counted, and whose owner is changed: cut wrongly, rows would pass for statements. */
import { describe, expect, it } from 'vitest';
import { isChanging, withOwners } from '../../../tasks/engines/postgres/owners.ts';
import { Pieces, type Piece } from '../../../tasks/engines/postgres/pieces.ts';
import { scriptReader } from '../../../tasks/engines/postgres/write-script.ts';

function cut(script: string, size: number): { pieces: Piece[]; open: string | undefined } {
  const pieces = new Pieces();
  const bytes = Buffer.from(script);
  const found: Piece[] = [];
  for (let at = 0; at < bytes.length; at += size) found.push(...pieces.push(bytes.subarray(at, at + size)));
  const { open } = pieces;
  found.push(...pieces.end());
  return { pieces: found, open };
}

const SCRIPT = String.raw`--
-- PostgreSQL database dump; COPY "x" FROM stdin;
--
\restrict aB;c'
SET standard_conforming_strings = on;
CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $_$ BEGIN
COPY t (a) FROM stdin;
COMMIT; x := '$$'; -- it's
\.
END $_$;
COMMENT ON TABLE a IS 'it''s; \';
SELECT E'it\'s; ''x'; /* ; /* ; */ ' */ SELECT 1;
CREATE TABLE "odd;""$$ name" (a$b$c int);
COPY "odd schema"."a.b""c" (id, "x;y") FROM stdin;
1	\\.
\N	'; $$
\.
COPY public.empty (id) FROM stdin;
\.
COPY public.no_columns  FROM stdin;


\.
ALTER TABLE a OWNER TO b;
`;

describe('a script in pieces', () => {
  const texts = (pieces: readonly Piece[]): string[] =>
    pieces.flatMap((one) => (one.kind === 'statement' ? [one.text.trim()] : []));

  it.each([1, 2, 3, 7, 64, 100_000])('is cut alike however it arrives, and loses no byte (by %i)', (size) => {
    const { pieces, open } = cut(SCRIPT, size);
    expect(Buffer.concat(pieces.map((one) => one.bytes)).toString()).toBe(SCRIPT);
    expect(open).toBeUndefined();
    expect(texts(pieces).map((one) => one.split('\n')[0]!.slice(0, 26))).toEqual([
      'SET standard_conforming_st',
      'CREATE FUNCTION f() RETURN',
      "COMMENT ON TABLE a IS 'it'",
      "SELECT E'it\\'s; ''x';",
      "/* ; /* ; */ ' */ SELECT 1",
      'CREATE TABLE "odd;""$$ nam',
      'COPY "odd schema"."a.b""c"',
      'COPY public.empty (id) FRO',
      'COPY public.no_columns  FR',
      'ALTER TABLE a OWNER TO b;',
    ]);
    expect(pieces.reduce((sum, one) => sum + (one.kind === 'rows' ? one.rows : 0), 0)).toBe(4);
  });

  it('takes a backslash for an escape where the script says so', () => {
    const { pieces } = cut(`SET standard_conforming_strings = off;\nSELECT 'a\\'; b';\nSELECT 2;\n`, 5);
    expect(texts(pieces)).toHaveLength(3);
  });

  it('holds no long statement, and never a row', () => {
    const pieces = new Pieces();
    let [largest, count] = [0, 0];
    const push = (text: string): void => {
      for (const piece of pieces.push(Buffer.from(text))) {
        largest = Math.max(largest, piece.bytes.length);
        if (piece.kind === 'part') count += 1;
      }
    };
    push(`SELECT pg_catalog.lowrite(0, '\\x`);
    for (let index = 0; index < 100; index += 1) push('ab'.repeat(32 * 1024));
    push(`');\nSELECT 1;\nCOPY a.b (c) FROM stdin;\n`);
    expect(count).toBeGreaterThan(3);
    for (let index = 0; index < 100; index += 1) push('x'.repeat(64 * 1024));
    push('\n\\.\n');
    expect(pieces.open).toBeUndefined();
    expect(largest).toBeLessThan(2 * 1024 * 1024);
  });

  it.each([
    ['in a string', `SELECT 'a`],
    ['among rows', `COPY a.b (c) FROM stdin;\n1\n2`],
    ['before its last line', `SELECT 1;\n`],
  ])('is refused by the reader when it was cut off %s', async (_, script) => {
    const { outlet } = scriptReader();
    await outlet.write(Buffer.from(script));
    await expect(outlet.end()).rejects.toMatchObject({ code: 'READ_THROUGH_FAILED' });
  });

  it('counts rows by the name that the fingerprint has', async () => {
    const { outlet, found } = scriptReader();
    for (const byte of Buffer.from(`${SCRIPT}-- PostgreSQL database dump complete\n`))
      await outlet.write(Buffer.from([byte]));
    await outlet.end();
    expect([...found.rows]).toEqual([
      ['odd schema.a.b"c', 2],
      ['public.empty', 0],
      ['public.no_columns', 2],
    ]);
  });
});

describe('owners in statements', () => {
  const roleMap = { 'old "x"': 'new', app: 'other', PUBLIC: 'never' };
  it.each([
    ['ALTER TABLE "app"."TO" OWNER TO app;', 'ALTER TABLE "app"."TO" OWNER TO "other";'],
    ['ALTER FUNCTION app.f("OWNER" text) OWNER TO "old ""x""";', 'ALTER FUNCTION app.f("OWNER" text) OWNER TO "new";'],
    [
      'GRANT SELECT ON TABLE app.app TO app WITH GRANT OPTION;',
      'GRANT SELECT ON TABLE app.app TO "other" WITH GRANT OPTION;',
    ],
    ['REVOKE ALL ON SCHEMA "app TO app" FROM PUBLIC;', 'REVOKE ALL ON SCHEMA "app TO app" FROM PUBLIC;'],
    [
      'ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA app GRANT SELECT ON TABLES TO "old ""x""";',
      'ALTER DEFAULT PRIVILEGES FOR ROLE "other" IN SCHEMA app GRANT SELECT ON TABLES TO "new";',
    ],
    [
      `CREATE POLICY app ON app.app FOR SELECT TO app, PUBLIC USING ((app = 'app'::name));`,
      `CREATE POLICY app ON app.app FOR SELECT TO "other", PUBLIC USING ((app = 'app'::name));`,
    ],
    ['CREATE USER MAPPING FOR app SERVER app OPTIONS (', 'CREATE USER MAPPING FOR "other" SERVER app OPTIONS ('],
    ['SET SESSION AUTHORIZATION app;', 'SET SESSION AUTHORIZATION "other";'],
    [`SET SESSION AUTHORIZATION 'app';`, `SET SESSION AUTHORIZATION 'other';`],
    ['ALTER ROLE app IN DATABASE app SET x TO app;', 'ALTER ROLE "other" IN DATABASE app SET x TO app;'],
    [
      'ALTER TABLE ONLY app.app ADD CONSTRAINT app CHECK (app > 1);',
      'ALTER TABLE ONLY app.app ADD CONSTRAINT app CHECK (app > 1);',
    ],
    ['CREATE VIEW app AS SELECT app FROM app;', 'CREATE VIEW app AS SELECT app FROM app;'],
  ])('change where a role is meant: %s', (statement, expected) => {
    expect(withOwners(`\n\n${statement}`, { roleMap })).toBe(`\n\n${expected}`);
  });

  it('go, with every grant, and nothing else does', () => {
    const keep = ['ALTER TABLE a ADD b int;', 'CREATE TABLE a ();', `COMMENT ON TABLE a IS 'x OWNER TO y';`];
    const drop = [
      'ALTER TABLE a OWNER TO "b c";',
      'GRANT ALL ON a TO b;',
      'REVOKE ALL ON a FROM b;',
      'RESET SESSION AUTHORIZATION;',
    ];
    expect(keep.map((one) => withOwners(one, { noOwner: true }))).toEqual(keep);
    expect(drop.map((one) => withOwners(one, { noOwner: true }))).toEqual(drop.map(() => undefined));
    expect(isChanging({})).toBe(false);
  });
});
