import { execFileSync } from 'node:child_process';
import { appendFile, copyFile, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replacedDatabase } from '../../../core/names.ts';
import { holdSqlite } from '../../../local/sqlite.ts';
import { sqlite } from '../../../tasks/engines/sqlite.ts';
import { copyOf } from '../../../tasks/engines/sqlite/copy.ts';
import { withWork } from '../../../tasks/engines/sqlite/work.ts';
import { listeningReporter, memoryBackup, memorySource } from '../../contracts/doubles.ts';
import { codeOf, dropOf, failure } from '../../contracts/engine-bench.ts';
import { rowsOf, targetAt } from './harness.ts';
import { leave, room, shop, tampered, type Room } from './room.ts';

const QUICK = { busyTimeoutSeconds: 1 };
const KILLED = 'kill -9 $$';
/** The kernel ends it in the middle of its writes, beyond so many blocks of 512 bytes. */
const HALFWAY = 'ulimit -c 0; ulimit -f 100';
/** Takes what it is given, if it is given anything. */
const SILENT = 'timeout 0.2 cat >/dev/null; exit 0';

describe('dumping under trouble', () => {
  let here: Room;
  beforeAll(async () => {
    here = await room();
    await shop(here, 'shop.db');
  });
  afterAll(() => leave(here));
  /** The dump's code; nothing may have been kept. */
  const refused = async (database: string, more: Parameters<Room['bench']['context']>[1] = {}): Promise<string> => {
    const backup = memoryBackup();
    const code = await codeOf(sqlite.dump(here.bench.context(database, more), backup.sink));
    expect(backup.finished.has('archive')).toBe(false);
    return code;
  };

  it.each([
    ['sqlite3', 'file'],
    ['sqlite3', 'sql'],
    ['zstd', 'file'],
    ['zstd', 'sql'],
  ] as const)('keeps nothing when any one start of %s dies or does nothing (%s)', async (tool, format) => {
    const target = targetAt('shop.db', { format });
    const calm = await tampered(here, tool, 0, '');
    await here.bench.dump('shop.db', { target, env: calm.env });
    const starts = await calm.starts();
    expect(starts).toBeGreaterThan(1);
    for (let at = 1; at <= starts; at += 1)
      for (const instead of [KILLED, SILENT]) {
        const { env } = await tampered(here, tool, at, instead);
        const code = await refused('shop.db', { target, env });
        expect(
          ['DUMP_FAILED', 'DUMP_EMPTY', 'READ_THROUGH_FAILED', 'DATABASE_DAMAGED'],
          `${instead} at ${at}`,
        ).toContain(code);
      }
  });

  it.each([
    ['that copies', 'file', '*/shop.db', HALFWAY, 'DUMP_FAILED'],
    ['that writes SQL', 'sql', '*.dump*', 'sqlite3 "$@" | head -c 300000; kill -9 $$', 'DUMP_FAILED'],
    ['that reads SQL', 'sql', '*/read-through.db', HALFWAY, 'READ_THROUGH_FAILED'],
  ] as const)(
    'keeps nothing when the shell %s dies in the middle of its work',
    async (_what, format, like, how, code) => {
      const tool = await tampered(here, 'sqlite3', like, how);
      expect(await refused('shop.db', { target: targetAt('shop.db', { format }), env: tool.env })).toBe(code);
      expect(await tool.starts()).toBeGreaterThan(0);
    },
  );

  it('keeps nothing of a damaged database, and says what is wrong', async () => {
    const source = here.server.path('shop.db');
    const { size } = await stat(source);
    const damaged = here.server.path('damaged.db');
    await copyFile(source, damaged);
    await truncate(damaged, size - 8192);
    expect(await refused('damaged.db')).toBe('DATABASE_DAMAGED');
    const probed = await sqlite.probe(here.bench.context('damaged.db'));
    expect(probed.findings.find((one) => one.level === 'bad')?.what).toContain('its end is missing');
    await copyFile(source, damaged);
    const handle = await open(damaged, 'r+');
    for (let page = 2; page < 40; page += 1) await handle.write(Buffer.alloc(64, 0xa5), 0, 64, page * 4096 + 100);
    await handle.close();
    const thrown = await failure(sqlite.dump(here.bench.context('damaged.db'), memoryBackup().sink));
    expect(thrown).toMatchObject({ code: 'DATABASE_DAMAGED' });
    expect(thrown.detail).toMatch(/row|page|Page|malformed/);
    for (const content of ['', 'no database at all '.repeat(20)]) {
      await writeFile(damaged, content);
      expect(await refused('damaged.db')).toBe('DATABASE_DAMAGED');
      expect((await sqlite.probe(here.bench.context('damaged.db'))).findings.map((one) => one.level)).toContain('bad');
    }
    await rm(damaged);
  });

  it('refuses WAL mode on a mounted file system, and tells how to leave it', async () => {
    await here.sql('wal.db', 'PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);');
    const before = await readFile(here.server.path('wal.db'));
    expect(await refused('wal.db')).toBe('WAL_REFUSED');
    const { findings } = await sqlite.probe(here.bench.context('wal.db'));
    expect(findings.find((one) => one.level === 'bad')?.hint).toContain('journal_mode = DELETE');
    const job = { kind: 'check', id: 'x', target: targetAt('wal.db'), idleMinutes: 5, queries: [] } as const;
    expect(await codeOf(sqlite.check(here.bench.context('wal.db'), { ...job, queries: [] }))).toBe('WAL_REFUSED');
    expect((await readFile(here.server.path('wal.db'))).equals(before)).toBe(true);
    await here.sql('wal.db', 'PRAGMA journal_mode = DELETE;');
    await here.bench.dump('wal.db');
    await rm(here.server.path('wal.db'));
  });

  it('waits for a lock as long as it is told, and no longer', async () => {
    const writer = await holdSqlite(here.server.path('shop.db'), 'BEGIN EXCLUSIVE;');
    try {
      expect(await refused('shop.db', { target: targetAt('shop.db', QUICK) })).toBe('FILE_LOCKED');
      const waiting = here.bench.dump('shop.db', { target: targetAt('shop.db', { busyTimeoutSeconds: 60 }) });
      await writer.ask('ROLLBACK;');
      expect((await waiting).manifest.consistency).toBe('transaction');
    } finally {
      await writer.kill();
    }
  });

  it('undoes in the copy what a crashed writer left half done, and does not touch the file', async () => {
    await shop(here, 'crashed.db');
    const before = await here.server.rowsOf('crashed.db');
    const path = here.server.path('crashed.db');
    const writer = await holdSqlite(
      path,
      `PRAGMA synchronous = OFF; PRAGMA cache_size = 2; PRAGMA cache_spill = 2; BEGIN; UPDATE filling SET v = randomblob(400);`,
    );
    await writer.kill();
    expect((await stat(`${path}-journal`)).size).toBeGreaterThan(0);
    const files = await Promise.all([readFile(path), readFile(`${path}-journal`)]);
    const context = here.bench.context('crashed.db');
    const made = await here.bench.dump('crashed.db', { report: context.report });
    expect(context.report.warnings.join()).toContain('A writer had crashed');
    const after = await Promise.all([readFile(path), readFile(`${path}-journal`)]);
    expect(after.map((one, index) => one.equals(files[index]!))).toEqual([true, true]);
    await here.bench.restore(here.bench.restoreJob('mended.db', 'new'), memorySource(made.manifest, made.backup));
    expect(await here.server.rowsOf('mended.db')).toEqual(before);
    // A swap takes the lock, which mends the file; no journal is left to be played into the new one.
    const job = here.bench.restoreJob('crashed.db', 'swap');
    await here.bench.restore(job, memorySource(made.manifest, made.backup));
    expect(await here.server.rowsOf('crashed.db')).toEqual(before);
    expect(await here.server.rowsOf(replacedDatabase('crashed.db', job.id))).toEqual(before);
    expect((await here.server.databases()).filter((name) => name.includes('-journal'))).toEqual([]);
  });

  it('is not made of what only the files of a broken commit over several can settle', async () => {
    await shop(here, 'several.db');
    const path = here.server.path('several.db');
    const writer = await holdSqlite(
      path,
      `PRAGMA synchronous = OFF; PRAGMA cache_size = 2; PRAGMA cache_spill = 2; BEGIN; UPDATE filling SET v = randomblob(400);`,
    );
    await writer.kill();
    // As SQLite ends the journal of a transaction over several files.
    await appendFile(`${path}-journal`, Buffer.from('d9d505f920a163d7', 'hex'));
    const thrown = await failure(sqlite.dump(here.bench.context('several.db'), memoryBackup().sink));
    expect(thrown.code).toBe('DUMP_FAILED');
    expect(thrown.detail).toContain('other files at once');
    await here.server.dropDatabase('several.db');
    await rm(`${path}-journal`);
  });

  it('goes on when the journal that it found is gone or idle when it is fetched: its writer lives', async () => {
    await shop(here, 'living.db');
    const says = 'echo "Error: attempt to write a readonly database (8)" >&2; exit 1';
    const journal = here.server.path('living.db-journal');
    for (const ends of ['gone', 'idle'] as const) {
      await writeFile(journal, ends === 'gone' ? 'x' : Buffer.alloc(512));
      const { env } = await tampered(here, 'sqlite3', 1, says);
      const context = here.bench.context('living.db', { env });
      const { consistency } = await withWork(context, (work) => {
        const fetch: typeof work.place.fetch = async (name, file, bytes) => {
          if (ends === 'gone') await rm(journal, { force: true });
          await work.place.fetch(name, file, bytes);
        };
        return copyOf({ ...work, place: { ...work.place, fetch } }, 'living.db');
      });
      expect([ends, consistency]).toEqual([ends, 'locked']);
      expect(context.report.warnings.join()).not.toContain('crashed');
    }
    await rm(journal, { force: true });
  });

  it('says that the task’s disk is full, and leaves nothing on it', async () => {
    const small = await mkdtemp(join(tmpdir(), 'nightjar-small-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    try {
      const { size } = await stat(here.server.path('shop.db'));
      for (const format of ['file', 'sql'] as const) {
        const report = listeningReporter();
        const target = targetAt('shop.db', { format });
        expect(await refused('shop.db', { scratch: small, target, report })).toBe('DISK_FULL');
        // The next task's disk goes by it.
        expect(report.sizes).toEqual([size]);
      }
      // The copy fits, and what the scope leaves of it does not fit beside it.
      execFileSync('mount', ['-o', `remount,size=${Math.ceil(size * 1.2)}`, small]);
      const target = targetAt('shop.db', { scope: { exclude: ['log'] } });
      expect(await refused('shop.db', { scratch: small, target })).toBe('DISK_FULL');
      execFileSync('mount', ['-o', 'remount,size=1m', small]);
      for (const format of ['file', 'sql'] as const) {
        const made = await here.bench.dump('shop.db', { target: targetAt('shop.db', { format }) });
        const job = here.bench.restoreJob('shop.db', 'swap');
        const before = await here.server.databases();
        const restored = here.bench.restore(job, memorySource(made.manifest, made.backup), { scratch: small });
        expect(await codeOf(restored), format).toBe('DISK_FULL');
        expect(await here.server.databases()).toEqual(before);
      }
      expect(execFileSync('ls', ['-A', small]).toString()).toBe('');
    } finally {
      execFileSync('umount', [small]);
      await rm(small, { recursive: true });
    }
  });

  it('names a file that the task may not read', async () => {
    const { env } = await tampered(
      here,
      'sqlite3',
      2,
      `chmod 600 "${here.server.path('shop.db')}"; exec setpriv --reuid 65534 --clear-groups sqlite3 "$@"`,
    );
    const thrown = await failure(sqlite.dump(here.bench.context('shop.db', { env }), memoryBackup().sink));
    expect(thrown.code).toBe('STORAGE_DENIED');
  });

  it('passes a failing upload on as it is, and ends', async () => {
    for (const format of ['file', 'sql'] as const) {
      const backup = memoryBackup((bytes) => {
        if (bytes > 500_000) throw new Error('S3 is away');
      });
      const context = here.bench.context('shop.db', { target: targetAt('shop.db', { format }) });
      await expect(sqlite.dump(context, backup.sink)).rejects.toThrow('S3 is away');
      expect(backup.finished.has('archive')).toBe(false);
    }
  });

  it('keeps a database whose collation or module only the application has, and says so', async () => {
    await here.sql(
      'custom.db',
      `CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a COLLATE NOCASE); INSERT INTO t VALUES ('x'), ('y');
      PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'GERMAN') WHERE name = 'i';
      INSERT INTO sqlite_schema VALUES ('table', 'theirs', 'theirs', 0, 'CREATE VIRTUAL TABLE theirs USING ours (a)');`,
    );
    const context = here.bench.context('custom.db');
    const made = await here.bench.dump('custom.db', { report: context.report });
    expect(context.report.warnings.join()).toContain('not checked: t (no such collation sequence: GERMAN)');
    expect(context.report.warnings.join()).toContain('theirs could not be counted');
    expect(made.manifest.source.details.modules).toBe('ours');
    expect(made.manifest.fingerprint.tables).toMatchObject([{ table: 't', rows: 2 }]);
    await here.bench.restore(here.bench.restoreJob('custom2.db', 'new'), memorySource(made.manifest, made.backup));
    expect((await readFile(here.server.path('custom2.db'))).length).toBe(
      (await readFile(here.server.path('custom.db'))).length,
    );
  });

  it('refuses to keep as SQL what SQL would lose', async () => {
    await here.sql('zero.db', `CREATE TABLE t (a); INSERT INTO t VALUES ('before' || char(0) || 'behind');`);
    const target = targetAt('zero.db', { format: 'sql', fingerprint: 'counts' });
    const thrown = await failure(sqlite.dump(here.bench.context('zero.db', { target }), memoryBackup().sink));
    expect(thrown).toMatchObject({ code: 'READ_THROUGH_FAILED' });
    expect(thrown.detail).toContain('zero byte');
    await here.bench.dump('zero.db');
  });

  it('tells rows whose foreign key finds nothing, and keeps them', async () => {
    await here.sql(
      'orphans.db',
      'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p); INSERT INTO c VALUES (7);',
    );
    const context = here.bench.context('orphans.db');
    await here.bench.dump('orphans.db', { report: context.report });
    expect(context.report.warnings.join()).toContain('c 1');
  });
});

describe('restoring under trouble', () => {
  let here: Room;
  let made: Awaited<ReturnType<Room['bench']['dump']>>;
  let asSql: typeof made;
  beforeAll(async () => {
    here = await room();
    await shop(here, 'shop.db', 500);
    made = await here.bench.dump('shop.db');
    asSql = await here.bench.dump('shop.db', { target: targetAt('shop.db', { format: 'sql' }) });
    await here.sql('shop.db', 'DELETE FROM orders WHERE id > 5; UPDATE customers SET name = NULL;');
  });
  afterAll(() => leave(here));
  const source = (stored?: Buffer): ReturnType<typeof memorySource> => memorySource(made.manifest, made.backup, stored);

  it.each([
    ['swap', 'file'],
    ['overwrite', 'file'],
    ['new', 'file'],
    ['swap', 'sql'],
    ['overwrite', 'sql'],
    ['new', 'sql'],
  ] as const)(
    'harms nothing when any one start of the shell dies, at once or in the middle of its work, or does nothing (%s, %s)',
    async (mode, format) => {
      const { manifest, backup } = format === 'file' ? made : asSql;
      const source = () => memorySource(manifest, backup);
      let died = 0;
      const name = mode === 'new' ? 'fresh.db' : 'shop.db';
      const damaged = await here.server.rowsOf('shop.db');
      const before = await here.server.databases();
      await copyFile(here.server.path('shop.db'), `${here.server.directory}/../keep`);
      const calm = await tampered(here, 'sqlite3', 0, '');
      await here.bench.restore(here.bench.restoreJob(name, mode), source(), { env: calm.env });
      const restored = await here.server.rowsOf(name);
      const starts = await calm.starts();
      for (let at = 1; at <= starts; at += 1)
        for (const instead of [KILLED, SILENT, HALFWAY]) {
          for (const left of await here.server.databases())
            if (!before.includes(left)) await rm(here.server.path(left));
          await rm(here.server.path('shop.db'));
          await copyFile(`${here.server.directory}/../keep`, here.server.path('shop.db'));
          const { env } = await tampered(here, 'sqlite3', at, instead);
          const code = await codeOf(here.bench.restore(here.bench.restoreJob(name, mode), source(), { env }));
          const now = await here.server.rowsOf('shop.db');
          if (code.startsWith('no error'))
            expect(await here.server.rowsOf(name), `${instead} at ${at}`).toEqual(restored);
          else {
            expect(now, `${instead} at ${at}: ${code}`).toEqual(damaged);
            if (instead === HALFWAY) died += 1;
          }
        }
      // Who reads the SQL writes; who writes into the living file, too.
      expect(died).toBe(Number(format === 'sql') + Number(mode === 'overwrite'));
      for (const left of await here.server.databases()) if (!before.includes(left)) await rm(here.server.path(left));
      await rm(here.server.path('shop.db'));
      await copyFile(`${here.server.directory}/../keep`, here.server.path('shop.db'));
    },
  );

  it('takes no archive that ends early', async () => {
    const good = made.backup.finished.get('archive')!;
    for (const algorithm of ['zstd', 'none'] as const) {
      const one =
        algorithm === 'zstd'
          ? made
          : await here.bench.dump('shop.db', { target: targetAt('shop.db', { compression: { algorithm, level: 0 } }) });
      const stored = algorithm === 'zstd' ? good : one.backup.finished.get('archive')!;
      const before = await here.server.databases();
      const restored = here.bench.restore(
        here.bench.restoreJob('never.db', 'new'),
        memorySource(one.manifest, one.backup, stored.subarray(0, stored.length - 5_000)),
      );
      expect(['CHECKSUM_MISMATCH', 'RESTORE_FAILED']).toContain(await codeOf(restored));
      expect(await here.server.databases()).toEqual(before);
    }
  });

  it('waits for a writer as long as it is told, changes nothing, and takes the name once it is gone', async () => {
    const before = await here.server.databases();
    const rows = await here.server.rowsOf('shop.db');
    const target = targetAt('shop.db', QUICK);
    const writer = await holdSqlite(here.server.path('shop.db'), 'BEGIN IMMEDIATE;');
    const job = here.bench.restoreJob('shop.db', 'swap');
    for (const mode of ['swap', 'overwrite'] as const) {
      expect(await codeOf(here.bench.restore({ ...job, mode }, source(), { target })), mode).toBe('FILE_LOCKED');
      expect(await here.server.rowsOf('shop.db')).toEqual(rows);
      expect((await here.server.databases()).filter((name) => !name.endsWith('-journal'))).toEqual(before);
    }
    await writer.kill();
    const reader = await holdSqlite(here.server.path('shop.db'), 'BEGIN; SELECT count(*) FROM orders;');
    expect(await codeOf(here.bench.restore({ ...job, mode: 'overwrite' }, source(), { target }))).toBe('FILE_LOCKED');
    expect((await here.bench.restore(job, source(), { target })).comparison.equal).toBe(true);
    // Whoever had it open reads the old content on, and may not write to a file that nobody looks at any more.
    expect((await reader.ask('SELECT count(*) FROM orders; COMMIT;')).trim()).toBe('5');
    await expect(reader.ask(`INSERT INTO log VALUES ('lost');`)).rejects.toThrow('readonly');
    await reader.kill();
    expect(await here.sql('shop.db', 'SELECT count(*) FROM orders')).toBe('300');
    await here.server.dropDatabase(replacedDatabase('shop.db', job.id));
  });

  it('lets no journal of a lost or damaged file into the new one', async () => {
    await shop(here, 'other.db', 50);
    const path = here.server.path('other.db');
    const writer = await holdSqlite(
      path,
      'PRAGMA synchronous = OFF; PRAGMA cache_size = 2; PRAGMA cache_spill = 2; BEGIN; UPDATE filling SET v = randomblob(400);',
    );
    await writer.kill();
    for (const loss of ['lost', 'damaged']) {
      const name = `${loss}.db`;
      await copyFile(`${path}-journal`, here.server.path(`${name}-journal`));
      if (loss === 'damaged') await writeFile(here.server.path(name), 'rubbish '.repeat(2_000));
      const job = here.bench.restoreJob(name, 'swap');
      const report = listeningReporter();
      await here.bench.restore(job, source(), { report });
      expect(await here.sql(name, 'SELECT count(*) FROM orders; PRAGMA integrity_check;')).toBe('300\nok');
      expect(report.warnings.join()).toContain('set aside');
      expect(await here.server.databases()).toContain(`${replacedDatabase(name, job.id)}-journal`);
      await sqlite.drop(here.bench.context(name), dropOf(job, replacedDatabase(name, job.id)));
      expect((await here.server.databases()).filter((one) => one.startsWith(loss))).toEqual([name]);
    }
  });

  it('does not take a WAL file away from whoever has it open', async () => {
    await here.sql('wal.db', 'PRAGMA journal_mode = WAL; CREATE TABLE t (a);');
    const user = await holdSqlite(here.server.path('wal.db'), 'INSERT INTO t VALUES (1);');
    const job = here.bench.restoreJob('wal.db', 'swap');
    expect(await codeOf(here.bench.restore(job, source()))).toBe('WAL_REFUSED');
    expect(await codeOf(here.bench.restore({ ...job, mode: 'overwrite' }, source()))).toBe('WAL_REFUSED');
    await user.kill();
    expect(await codeOf(here.bench.restore(job, source()))).toBe('WAL_REFUSED');
    expect(await here.sql('wal.db', 'SELECT count(*) FROM t')).toBe('1');
    // Closed well, nothing lies beside it.
    await here.bench.restore(job, source());
    expect(await here.sql('wal.db', 'SELECT count(*) FROM orders')).toBe('300');
  });

  it('knows its own work again when the answer was lost, and never somebody else’s', async () => {
    const job = here.bench.restoreJob('again.db', 'new');
    await here.bench.restore(job, source());
    expect((await here.bench.restore(job, source())).restoredDatabase).toBe('again.db');
    await here.sql('again.db', 'DELETE FROM log;');
    expect(await codeOf(here.bench.restore(job, source()))).toBe('DESTINATION_EXISTS');
  });

  it('has no name for what is no plain file name', async () => {
    const job = { ...here.bench.restoreJob('escape.db', 'new'), database: '../escape.db' };
    expect(await codeOf(sqlite.restore(here.bench.context('shop.db'), job, source()))).toBe('INPUT_INVALID');
  });

  it('brings a WAL database out of a bucket to a mounted file system without WAL', async () => {
    await here.sql('wal2.db', 'PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);');
    const bytes = await readFile(here.server.path('wal2.db'));
    const backup = memoryBackup();
    const stream = backup.sink.open('archive', 'archive.db');
    await new Promise<void>((done) => stream.end(bytes, () => done()));
    const plain = await here.bench.dump('shop.db', {
      target: targetAt('shop.db', { compression: { algorithm: 'none', level: 0 } }),
    });
    const archive = {
      bytes: bytes.length,
      sha256: (await import('node:crypto')).createHash('sha256').update(bytes).digest('hex'),
    };
    const fingerprint = { mode: 'counts', tables: [{ schema: '', table: 't', rows: 1 }], seconds: 0 } as const;
    const manifest = { ...plain.manifest, archive, fingerprint: { ...fingerprint, tables: [...fingerprint.tables] } };
    const outcome = await here.bench.restore(here.bench.restoreJob('unwal.db', 'new'), memorySource(manifest, backup));
    expect(outcome.warnings.join()).toContain('WAL');
    expect((await rowsOf(here.server.path('unwal.db')))['(settings)']).toContain('delete');
  });
});
