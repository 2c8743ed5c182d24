/** A backup of a whole server: one manifest for many databases, and of each the one it would have alone. */
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../core/backup.ts';
import {
  archiveFacts,
  chooseDatabase,
  databasesIn,
  joinedComparison,
  manifestOfDatabase,
} from '../../core/server-backup.ts';

const SHA = (letter: string): string => letter.repeat(64);
const AT = '2026-11-21T02:00:00.000Z';
const object = (role: 'archive' | 'globals', key: string, database?: string) => ({
  role,
  key,
  versionId: 'v1',
  bytes: 10,
  sha256: SHA('a'),
  crc32: 'AAAAAA==',
  part: 1,
  ...(database === undefined ? {} : { database }),
});
const held = (database: string, letter: string) => ({
  database,
  snapshotAt: AT,
  databaseBytes: 100,
  details: { encoding: letter },
  extensions: [{ name: `of ${database}`, version: '1' }],
});
const whole = {
  manifestVersion: 1,
  backupId: 'B',
  target: 'shop',
  engine: 'postgres',
  snapshotAt: '2026-11-21T01:59:00.000Z',
  source: {
    place: 'h:1',
    database: 'shop',
    serverVersion: '16',
    serverMajor: 16,
    owner: 'x',
    databaseBytes: 200,
    details: { both: true },
  },
  objects: [object('globals', 'g'), object('archive', 's', 'shop'), object('archive', 'l', 'log')],
  archive: { bytes: 20, sha256: SHA('f') },
  databases: [
    { ...held('shop', 'UTF8'), archive: { bytes: 10, sha256: SHA('b') } },
    { ...held('log', 'LATIN1'), owner: 'logger', archive: { bytes: 10, sha256: SHA('c') } },
  ],
  fingerprint: {
    mode: 'counts',
    seconds: 1,
    tables: [
      { database: 'shop', schema: 'public', table: 'orders', rows: 3 },
      { database: 'log', schema: 'public', table: 'orders', rows: 9 },
    ],
  },
  extensions: [],
} as unknown as Manifest;

describe('the manifest of one of several databases', () => {
  it('is what it would be if that one had been backed up alone', () => {
    const log = manifestOfDatabase(whole, 'log');
    expect(log.databases).toBeUndefined();
    expect(log.snapshotAt).toBe(AT);
    expect(log.source).toMatchObject({ database: 'log', owner: 'logger', databaseBytes: 100 });
    expect(log.source.details).toEqual({ both: true, encoding: 'LATIN1' });
    expect(log.archive.sha256).toBe(SHA('c'));
    expect(log.objects.map((one) => one.key)).toEqual(['g', 'l']);
    expect(log.fingerprint.tables).toEqual([{ schema: 'public', table: 'orders', rows: 9 }]);
    expect(log.extensions).toEqual([{ name: 'of log', version: '1' }]);
  });

  it('does not lend one database the owner of another', () => {
    expect(manifestOfDatabase(whole, 'shop').source.owner).toBeUndefined();
  });

  it('shares the archive where one holds them all', () => {
    const shop = { ...whole.databases![0]! };
    delete shop.archive;
    const shared = { ...whole, databases: [shop], objects: [object('archive', 'all')] } as Manifest;
    const { archive, objects } = manifestOfDatabase(shared, 'shop');
    expect([archive, objects.length]).toEqual([whole.archive, 1]);
  });

  it('of a backup of one database is its own, and of no other', () => {
    const alone = { ...whole };
    delete alone.databases;
    expect(manifestOfDatabase(alone, 'shop')).toBe(alone);
    expect(() => manifestOfDatabase(alone, 'log')).toThrow(/holds no database log; it holds shop/);
  });
});

describe('the database that comes back', () => {
  it('is the one that was named, else the one of the serving name, else that of the target', () => {
    expect(chooseDatabase(whole, { database: 'log', fromDatabase: 'shop' })).toBe('shop');
    expect(chooseDatabase(whole, { database: 'log' })).toBe('log');
    expect(chooseDatabase(whole, { database: 'shop_restored_1' })).toBe('shop');
  });

  it('that is not in the backup is refused with those that are', () => {
    expect(() => chooseDatabase(whole, { database: 'shop', fromDatabase: 'ledger' })).toThrow(/it holds shop, log/);
    expect(databasesIn(whole)).toEqual(['shop', 'log']);
  });
});

describe('the archives of a dump', () => {
  const archive = { bytes: 5, sha256: SHA('d') };
  it('belong to one database each', () => {
    const facts = archiveFacts(
      [
        { database: 'a', archive },
        { database: 'b', archive },
      ],
      [held('a', 'x'), held('b', 'x')],
    );
    expect(facts.archive.bytes).toBe(10);
    expect(facts.databases?.map((one) => one.archive)).toEqual([archive, archive]);
  });

  it.each([
    ['one is missing', [{ database: 'a', archive }], [held('a', 'x'), held('b', 'x')]],
    [
      'one is of nothing',
      [
        { database: 'a', archive },
        { database: 'c', archive },
      ],
      [held('a', 'x')],
    ],
    [
      'two are of one',
      [
        { database: 'a', archive },
        { database: 'a', archive },
      ],
      [held('a', 'x')],
    ],
    ['one of all stands beside', [{ archive }, { database: 'a', archive }], [held('a', 'x')]],
    ['several are of no database', [{ archive }, { archive }], undefined],
    ['there is none', [], undefined],
    ['there is no database', [{ archive }], []],
  ] as const)('are refused when %s', (_, archives, databases) => {
    expect(() => archiveFacts(archives, databases)).toThrow(expect.objectContaining({ code: 'UNEXPECTED' }) as Error);
  });
});

it('differences are told with their database', () => {
  const comparison = {
    mode: 'counts' as const,
    tablesCompared: 1,
    rowsExpected: 3,
    rowsFound: 2,
    differences: [{ schema: 'public', table: 'orders', expected: '3', found: '2' }],
    equal: false,
  };
  const joined = joinedComparison([
    { database: 'shop', comparison: { ...comparison, differences: [], equal: true } },
    { database: 'log', comparison },
  ]);
  expect(joined).toMatchObject({ tablesCompared: 2, rowsExpected: 6, rowsFound: 4, equal: false });
  expect(joined.differences[0]?.schema).toBe('log.public');
});
