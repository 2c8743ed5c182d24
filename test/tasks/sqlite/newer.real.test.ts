/** Files that a newer SQLite than the image's wrote; as 3.51 left them, whose number a header carries at byte 96. */
import { open } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isNewer } from '../../../tasks/engines/sqlite/newer.ts';
import { sqlite } from '../../../tasks/engines/sqlite.ts';
import { memoryBackup, memorySource } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { targetAt } from './harness.ts';
import { leave, room, type Room } from './room.ts';

let here: Room;
beforeAll(async () => void (here = await room()));
afterAll(() => leave(here));

async function written(database: string, byVersion: number): Promise<void> {
  const handle = await open(here.server.path(database), 'r+');
  const number = Buffer.alloc(4);
  number.writeUInt32BE(byVersion);
  await handle.write(number, 0, 4, 96);
  await handle.close();
}
const levels = async (database: string): Promise<[string, string, string][]> =>
  (await sqlite.probe(here.bench.context(database))).findings
    .filter((one) => one.level !== 'ok')
    .map(({ level, what, hint }) => [level, what, hint ?? '']);

/** An aggregate with ORDER BY is a syntax error before 3.44. */
const NEW_VIEW = `INSERT INTO sqlite_schema VALUES ('view', 'v', 'v', 0, 'CREATE VIEW v AS SELECT group_concat(a ORDER BY a) FROM t');`;

describe('a file that a newer SQLite wrote', () => {
  beforeEach(() => here.sql('shop.db', 'DROP TABLE IF EXISTS t; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2);'));

  it('is told by the probe, and backed up as long as its schema can be read', async () => {
    expect(await levels('shop.db')).toEqual([]);
    await written('shop.db', 3_051_001);
    expect(await levels('shop.db')).toEqual([
      ['warn', expect.stringMatching(/^SQLite 3\.51\.1 wrote it last, newer than the image’s 3\./), expect.any(String)],
    ]);
    const { manifest, backup } = await here.bench.dump('shop.db');
    expect(manifest.source.serverVersion).toBe('3.51.1');
    expect(isNewer(manifest.source.serverVersion, manifest.tool.version)).toBe(true);
    const job = here.bench.restoreJob('copy.db', 'new');
    expect((await here.bench.restore(job, memorySource(manifest, backup))).comparison.equal).toBe(true);
    await here.server.dropDatabase('copy.db');
  });

  it('whose schema can not be read is no damaged one: both versions are named, nothing is kept, and what to do is said', async () => {
    await here.sql('new.db', `CREATE TABLE t (a); PRAGMA writable_schema = ON; ${NEW_VIEW}`);
    const dump = async () => {
      const backup = memoryBackup();
      const thrown = await failure(sqlite.dump(here.bench.context('new.db'), backup.sink));
      expect(backup.finished.has('archive')).toBe(false);
      return thrown;
    };
    // The same from the image's own version is damage.
    expect((await dump()).code).toBe('DATABASE_DAMAGED');
    await written('new.db', 3_051_001);
    const thrown = await dump();
    expect(thrown.code).toBe('SERVER_UNSUPPORTED');
    expect(thrown.detail).toMatch(/^SQLite 3\.51\.1 wrote .* the image's 3\.\d+\.\d+ can read: .*near "ORDER"/);
    const found = await levels('new.db');
    expect(found.map(([level]) => level)).toEqual(['warn', 'bad']);
    expect(found[1]).toEqual(['bad', expect.stringContaining('3.51.1'), expect.stringContaining('image')]);
    const check = { kind: 'check', id: 'x', target: targetAt('new.db'), idleMinutes: 5, queries: [] } as const;
    const checked = await failure(sqlite.check(here.bench.context('new.db'), { ...check, queries: [] }));
    expect(checked.code).toBe('SERVER_UNSUPPORTED');
  });

  it('with an index over a function that the image has not is kept, and it is said what was not checked', async () => {
    await here.sql(
      'function.db',
      `CREATE TABLE t (a); CREATE TABLE other (a); CREATE INDEX i ON t (length(a)); INSERT INTO t VALUES ('x');
       PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'length', 'octet_length_of') WHERE name = 'i';`,
    );
    const context = here.bench.context('function.db');
    const { manifest } = await here.bench.dump('function.db', { report: context.report });
    expect(context.report.warnings.join()).toContain('not checked: t (unknown function: octet_length_of()');
    expect(manifest.fingerprint.tables.map((one) => one.rows)).toEqual([0, 1]);
  });
});

it.each([
  ['3.40.1', '3.40.1', false],
  ['3.40.2', '3.40.1', true],
  ['3.41', '3.40.1', true],
  ['3.9.3', '3.40.1', false],
  ['3.100.0', '3.40.1', true],
  ['3', '3.40.1', false],
])('%s against the image’s %s: newer is %s', (written, tool, newer) => expect(isNewer(written, tool)).toBe(newer));
