/** What is done of a server's globals, by what is there already. */
import { describe, expect, it } from 'vitest';
import { aliasDatabase } from '../../../core/names.ts';
import { definitionOf } from '../../../tasks/engines/postgres/definition.ts';
import { archiveFile } from '../../../tasks/engines/postgres/dump-server.ts';
import { planGlobals } from '../../../tasks/engines/postgres/globals-plan.ts';

const ID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const SCRAM = 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy';
const GLOBALS = `--
-- Roles
--
\\restrict abc
SET standard_conforming_strings = on;
CREATE ROLE "a; b";
ALTER ROLE "a; b" WITH NOSUPERUSER NOINHERIT NOCREATEROLE CREATEDB LOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 7 PASSWORD '${SCRAM}' VALID UNTIL '2099-01-01 00:00:00+00';
COMMENT ON ROLE "a; b" IS 'it''s; WITH SUPERUSER';
CREATE ROLE old;
ALTER ROLE old WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS PASSWORD '${SCRAM}';
COMMENT ON ROLE old IS 'other';
SECURITY LABEL FOR selinux ON ROLE old IS 'x';
CREATE ROLE other;
CREATE ROLE quiet;
ALTER ROLE quiet WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS;
ALTER ROLE quiet SET search_path TO 'WITH', 'x';
ALTER ROLE old SET work_mem TO '1GB';
GRANT old TO other WITH ADMIN OPTION, INHERIT TRUE GRANTED BY postgres;
GRANT old TO "a; b" WITH INHERIT TRUE GRANTED BY postgres;
GRANT SET ON PARAMETER log_statement TO old;
GRANT SET ON PARAMETER log_statement TO quiet;
CREATE TABLESPACE here OWNER old LOCATION '/srv/here';
CREATE TABLESPACE gone OWNER old LOCATION '/srv/gone; x';
ALTER TABLESPACE here SET (seq_page_cost=2);
GRANT ALL ON TABLESPACE gone TO quiet;
DROP ROLE old;
`;
const plan = planGlobals(
  GLOBALS,
  {
    roles: new Set(['old', 'other', 'postgres']),
    tablespaces: new Map([
      ['here', '/srv/here'],
      ['pg_default', ''],
    ]),
  },
  ID,
);

describe('roles and tablespaces of a backup', () => {
  it('are made where they are missing, with all that is theirs', () => {
    expect(plan.roles.map((one) => one.sql)).toEqual([
      'CREATE ROLE "a; b"',
      'ALTER ROLE "a; b" NOINHERIT',
      'ALTER ROLE "a; b" CREATEDB',
      'ALTER ROLE "a; b" LOGIN',
      'ALTER ROLE "a; b" CONNECTION LIMIT 7',
      `ALTER ROLE "a; b" PASSWORD '${SCRAM}'`,
      `ALTER ROLE "a; b" VALID UNTIL '2099-01-01 00:00:00+00'`,
      `COMMENT ON ROLE "a; b" IS 'it''s; WITH SUPERUSER'`,
      'CREATE ROLE quiet',
      'ALTER ROLE "quiet" LOGIN',
      `ALTER ROLE quiet SET search_path TO 'WITH', 'x'`,
      'GRANT old TO "a; b" WITH INHERIT TRUE GRANTED BY postgres',
      'GRANT SET ON PARAMETER log_statement TO quiet',
    ]);
    expect(plan.tablespaces).toMatchObject([
      {
        name: 'gone',
        create: { sql: `CREATE TABLESPACE "${aliasDatabase('gone', ID)}" OWNER old LOCATION '/srv/gone; x'` },
        rename: { sql: `ALTER TABLESPACE "${aliasDatabase('gone', ID)}" RENAME TO "gone"` },
        steps: [{ sql: 'GRANT ALL ON TABLESPACE gone TO quiet' }],
      },
    ]);
  });

  it('are left alone where they are there, and that is known', () => {
    expect(plan.leftAlone).toEqual(['old', 'other']);
    expect(plan.spacesLeftAlone).toEqual(['here']);
    expect(plan.untouched).toEqual([{ role: 'old', member: 'other' }]);
    expect(plan.withoutPassword).toEqual(['quiet']);
  });

  it('are finished where another restore has begun them, at the very place', () => {
    const there = (location: string) =>
      planGlobals(
        `CREATE TABLESPACE "it's" LOCATION '/srv/it''s';\nCREATE TABLESPACE back LOCATION E'/srv/\\\\back';`,
        {
          roles: new Set(),
          tablespaces: new Map([
            [aliasDatabase("it's", ID), location],
            ['back_nj_0000000000', '/srv/\\back'],
          ]),
        },
        '01BX5ZZKBKACTAV9WEVGEMMVRZ',
      ).tablespaces.map(({ working, create }) => [working.slice(-10), create === undefined]);
    expect(there("/srv/it's")).toEqual([
      ['ffq69g5fav', true],
      ['0000000000', true],
    ]);
    expect(there('/srv/its')[0]).toEqual(['9wevgemmvrz'.slice(-10), false]);
  });

  it('say what they are in words without a password, and go without their grantor where it is none here', () => {
    expect(plan.roles.map((one) => one.what).join()).not.toContain('SCRAM');
    expect(plan.roles.find((one) => one.sql.startsWith('GRANT old'))?.otherwise).toBe(
      'GRANT old TO "a; b" WITH INHERIT TRUE',
    );
  });
});

it('a database’s security label comes back under its new name', () => {
  const statements = [
    `SECURITY LABEL FOR selinux ON DATABASE shop IS 'secret'`,
    'ALTER DATABASE shop CONNECTION LIMIT 3',
  ];
  expect(definitionOf(JSON.stringify(statements), { from: 'shop', to: 'a "b"' }).properties).toEqual([
    'ALTER DATABASE "a ""b""" CONNECTION LIMIT 3',
    `SECURITY LABEL FOR selinux ON DATABASE "a ""b""" IS 'secret'`,
  ]);
});

it('an archive’s file is safe to write whatever the database is called, and no two are the same', () => {
  const names = ['shop', '../../etc', 'Ä/ö\n', '', '*', 'a b', 'a_b'];
  const files = names.map((name, index) => archiveFile('archive.dump.zst', index + 1, name));
  for (const file of files) expect(file).toMatch(/^archive-\d+-[A-Za-z0-9_-]*\.dump\.zst$/);
  expect(new Set(files).size).toBe(names.length);
});
