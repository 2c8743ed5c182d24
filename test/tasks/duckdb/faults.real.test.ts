/** What must never cost a row: each of these has been seen to fail without the line that holds it. */
import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, open, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../core/backup.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { isNewerLibrary, NEWEST_STORAGE, newestStorageOf, readStorage } from '../../../tasks/engines/duckdb/storage.ts';
import { listeningReporter, memoryBackup, memorySource } from '../../contracts/doubles.ts';
import { codeOf, failure } from '../../contracts/engine-bench.ts';
import { run, targetAt, withFile } from './harness.ts';
import { brokenSession, crashedWriter, killedAt, leave, room, writer, type Room } from './room.ts';

const ROWS = [
  'CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR)',
  "INSERT INTO t SELECT i, 'v' || i FROM range(3000) r(i)",
];

let here: Room;
let counter = 0;
beforeAll(async () => {
  here = await room();
});
afterAll(() => leave(here));

/** A new file of these statements; its name. */
async function made(statements: readonly string[] = ROWS): Promise<string> {
  const name = `shop${(counter += 1)}.duckdb`;
  await run(here.file(name), statements);
  return name;
}
const count = (name: string, table = 't'): Promise<number> =>
  withFile(here.file(name), true, async (sql) => Number((await sql(`SELECT count(*) AS n FROM ${table}`))[0]!.n));
const left = async (): Promise<string[]> =>
  (await readdir(here.bench.scratch)).filter((one) => one.startsWith('duckdb-'));

describe('a file that somebody else has open', () => {
  it('is not dumped while a process writes; the error names the process, and all is as it was', async () => {
    const name = await made();
    const other = await writer(here.file(name));
    try {
      const { code, detail } = await failure(here.bench.dump(name));
      expect(code).toBe('FILE_LOCKED');
      expect(detail).toContain(String(other.pid));
      const { findings } = await here.bench.engine.probe(here.bench.context(name));
      expect(findings.filter((one) => one.level === 'bad')).toHaveLength(1);
    } finally {
      await other.end();
    }
    expect(await count(name)).toBe(3000);
  });

  it('is dumped while others read', async () => {
    const name = await made();
    const reader = await here.server.busySession(name);
    expect((await here.bench.dump(name)).manifest.consistency).toBe('locked');
    await reader.wasEnded();
  });

  it('is not swapped away or overwritten under a process that writes', async () => {
    const name = await made();
    const { manifest, backup } = await here.bench.dump(name);
    const other = await writer(here.file(name), ["INSERT INTO t VALUES (-1, 'late')"]);
    try {
      for (const mode of ['swap', 'overwrite'] as const) {
        const job = here.bench.restoreJob(name, mode);
        expect(await codeOf(here.bench.restore(job, memorySource(manifest, backup))), mode).toBe('FILE_LOCKED');
        expect(await here.server.databases()).not.toContain(replacedDatabase(name, job.id));
        await rm(here.file(aliasDatabase(name, job.id)), { force: true });
      }
    } finally {
      await other.end();
    }
    expect(await count(name)).toBe(3001);
  });

  it('may be written again as soon as it is copied; what is written then is not in the backup', async () => {
    const name = await made();
    const during: Promise<void>[] = [];
    const report = listeningReporter((phase) => {
      if (phase === 'dumping')
        during.push(
          run(here.file(name), ['DELETE FROM t WHERE a > 10', 'CREATE TABLE new (a INTEGER)', 'ALTER TABLE t DROP b']),
        );
    });
    const { manifest, backup } = await here.bench.dump(name, { report });
    await Promise.all(during);
    expect(during).toHaveLength(1);
    await here.bench.restore(here.bench.restoreJob('during.duckdb', 'new'), memorySource(manifest, backup));
    expect(await count('during.duckdb')).toBe(3000);
    expect(await count(name)).toBe(11);
  });
});

describe('a .wal beside a file', () => {
  it('is in the backup: rows whose writer was killed before its checkpoint come back', async () => {
    const name = await made();
    crashedWriter(here.file(name), ["INSERT INTO t SELECT i, 'late' FROM range(3000, 5000) r(i)"]);
    const before = await readFile(here.file(`${name}.wal`));
    const report = listeningReporter();
    const { manifest, backup } = await here.bench.dump(name, { report });
    expect(report.warnings.join()).toContain('.wal');
    expect(manifest.fingerprint.tables).toEqual([{ schema: 'main', table: 't', rows: 5000 }]);
    // A dump reads: what is there stays as it is.
    expect(await readFile(here.file(`${name}.wal`))).toEqual(before);
    await here.bench.restore(here.bench.restoreJob('wal.duckdb', 'new'), memorySource(manifest, backup));
    expect(await count('wal.duckdb')).toBe(5000);
  });

  it('is never replayed into the file that a swap brings, and is kept with the file that it is of', async () => {
    const name = await made();
    const { manifest, backup } = await here.bench.dump(name);
    crashedWriter(here.file(name), ["INSERT INTO t SELECT i, 'late' FROM range(3000, 5000) r(i)"]);
    const job = here.bench.restoreJob(name, 'swap');
    const outcome = await here.bench.restore(job, memorySource(manifest, backup));
    expect(await count(name)).toBe(3000);
    expect(await count(outcome.replacedDatabase!)).toBe(5000);
  });

  it('of a file that is gone goes aside before another takes the name', async () => {
    const name = await made();
    const { manifest, backup } = await here.bench.dump(name);
    crashedWriter(here.file(name), ["INSERT INTO t SELECT i, 'late' FROM range(3000, 5000) r(i)"]);
    await rm(here.file(name));
    const beside = here.bench.restoreJob(name, 'new');
    expect(await codeOf(here.bench.restore(beside, memorySource(manifest, backup)))).toBe('DESTINATION_EXISTS');
    const job = here.bench.restoreJob(name, 'swap');
    await here.bench.restore(job, memorySource(manifest, backup));
    expect(await count(name)).toBe(3000);
    expect(await here.server.databases()).toContain(`${replacedDatabase(name, job.id)}.wal`);
  });

  it('of a file that can not be opened goes aside with it', async () => {
    const name = await made();
    const { manifest, backup } = await here.bench.dump(name);
    crashedWriter(here.file(name), ["INSERT INTO t SELECT i, 'late' FROM range(3000, 5000) r(i)"]);
    await writeFile(here.file(name), 'no database any more');
    const report = listeningReporter();
    const job = here.bench.restoreJob(name, 'swap');
    await here.bench.restore(job, memorySource(manifest, backup), { report });
    expect(report.warnings.join()).toContain('could not be opened');
    expect(await count(name)).toBe(3000);
    expect(await here.server.databases()).toContain(`${replacedDatabase(name, job.id)}.wal`);
  });
});

describe('a backup that can not be good', () => {
  it('is not made of a file that is no database, or of one that was cut', async () => {
    await writeFile(here.file('junk.duckdb'), Buffer.alloc(100_000, 65));
    await writeFile(here.file('nothing.duckdb'), '');
    const good = await readFile(here.file(await made()));
    await writeFile(here.file('cut.duckdb'), good.subarray(0, good.length / 2));
    for (const name of ['junk.duckdb', 'nothing.duckdb', 'cut.duckdb'])
      expect(await codeOf(here.bench.dump(name)), name).toBe('DATABASE_DAMAGED');
  });

  it('is not made of a file with one wrong byte in a row', async () => {
    const name = await made([
      'CREATE TABLE t (b VARCHAR)',
      'INSERT INTO t SELECT md5(i::VARCHAR) FROM range(100000) r(i)',
      'CHECKPOINT',
    ]);
    const [segment] = await withFile(here.file(name), true, (sql) =>
      sql(
        "SELECT block_id::INT AS block, block_offset::INT AS at FROM pragma_storage_info('t') WHERE segment_type = 'VARCHAR' AND block_id > 0 LIMIT 1",
      ),
    );
    const { block, at } = segment as { block: number; at: number };
    // Behind the three headers; counting the rows alone would not read it.
    const position = 3 * 4096 + block * 262_144 + at + 100;
    const file = await open(here.file(name), 'r+');
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, position);
    await file.write(Buffer.from([byte[0]! ^ 0xff]), 0, 1, position);
    await file.close();
    expect(await codeOf(here.bench.dump(name))).toBe('DATABASE_DAMAGED');
  });

  it.each(['file', 'parquet'] as const)('is not made when DuckDB’s process is killed (%s)', async (format) => {
    const name = await made();
    const target = targetAt(name, { format });
    for (const at of format === 'file' ? ['hash(row'] : ['hash(row', 'EXPORT DATABASE', 'INSERT INTO']) {
      const env = await killedAt(here, at);
      const backup = memoryBackup();
      const { code, detail } = await failure(
        here.bench.engine.dump(here.bench.context(name, { env, target }), backup.sink),
      );
      expect([at, code]).toEqual([at, at === 'INSERT INTO' ? 'READ_THROUGH_FAILED' : 'DUMP_FAILED']);
      expect(detail).toContain('SIGKILL');
      expect(backup.finished.has('archive')).toBe(false);
    }
    expect(await left()).toEqual([]);
  });

  it('is not made of an export that lacks a row', async () => {
    const name = await made();
    const target = targetAt(name, { format: 'parquet' });
    const env = await brokenSession(
      here,
      'sql.replace(/^COPY \\(SELECT .*\\)(?= TO )/, (all) => `${all.slice(0, -1)} LIMIT 2999)`)',
    );
    const backup = memoryBackup();
    expect(await codeOf(here.bench.engine.dump(here.bench.context(name, { env, target }), backup.sink))).toBe(
      'READ_THROUGH_FAILED',
    );
    expect(backup.finished.has('archive')).toBe(false);
  });
});

describe('a restore', () => {
  it('leaves nothing behind when DuckDB’s process is killed', async () => {
    const name = await made();
    const { manifest, backup } = await here.bench.dump(name);
    const before = await here.server.databases();
    for (const [at, code] of [
      ['count(*)', 'RESTORE_FAILED'],
      ['CHECKPOINT', 'SWAP_FAILED'],
    ] as const) {
      const env = await killedAt(here, at);
      const job = here.bench.restoreJob(name, 'swap');
      expect(await codeOf(here.bench.restore(job, memorySource(manifest, backup), { env })), at).toBe(code);
      await rm(here.file(aliasDatabase(name, job.id)), { force: true });
      expect(await count(name)).toBe(3000);
    }
    expect(await here.server.databases()).toEqual(before);
    expect(await left()).toEqual([]);
  });

  it('refuses a file that is newer than the library, before it reads the archive', async () => {
    const name = await made();
    const { manifest, backup } = await here.bench.dump(name);
    const { source } = manifest;
    const newer: Manifest = { ...manifest, source: { ...source, details: { ...source.details, storageVersion: 999 } } };
    const job = here.bench.restoreJob('newer.duckdb', 'new');
    const unread = { ...memorySource(newer, backup), openArchive: () => expect.unreachable() };
    expect(await codeOf(here.bench.restore(job, unread))).toBe('RESTORE_REFUSED');
    const probe = here.file('probe.duckdb');
    await withFile(':memory:', false, async (sql) => {
      await sql(`ATTACH '${probe}' AS p (STORAGE_VERSION 'latest')`);
      await sql('CREATE TABLE p.t (a INTEGER)');
    });
    expect((await readStorage(probe, 'probe')).storageVersion).toBe(NEWEST_STORAGE);
    for (const [version, newest] of [
      ['v1.4.0', 67],
      ['v1.3.0', 66],
      ['v1.2.0', 65],
      ['v1.1.0', 64],
    ] as const) {
      const older = here.file(`probe-${version}.duckdb`);
      await withFile(':memory:', false, async (sql) => {
        await sql(`ATTACH '${older}' AS p (STORAGE_VERSION '${version}')`);
        await sql('CREATE TABLE p.t (a INTEGER)');
      });
      expect((await readStorage(older, version)).storageVersion).toBe(newest);
      expect(newestStorageOf(version)).toBe(newest);
    }
    await withFile(':memory:', false, async (sql) => {
      const [row] = await sql('SELECT version() AS v');
      expect(newestStorageOf(row!.v as string)).toBe(NEWEST_STORAGE);
      expect(isNewerLibrary(row!.v as string)).toBe(false);
    });
    expect([newestStorageOf('v1.9.0'), isNewerLibrary('v1.9.0'), isNewerLibrary('v2.0.1')]).toEqual([
      undefined,
      true,
      true,
    ]);
  });

  it('is told by the probe, with both versions', async () => {
    const name = await made();
    const bytes = await readFile(here.file(name));
    bytes.writeBigUInt64LE(999n, 12);
    await writeFile(here.file(name), bytes);
    const { findings } = await here.bench.engine.probe(here.bench.context(name));
    expect(findings.filter((one) => one.level === 'bad').map((one) => one.what)).toEqual([
      expect.stringMatching(/storage version 999.*reads up to \d+/),
    ]);
  });

  it('says that the disk is full, and leaves the old file serving', async ({ skip }) => {
    const small = await mkdtemp(join(tmpdir(), 'nightjar-small-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', small]);
    if (mounted.status !== 0) return skip('no file system can be mounted here');
    try {
      const name = await made([
        'CREATE TABLE t (b VARCHAR)',
        'INSERT INTO t SELECT md5(i::VARCHAR) FROM range(200000) r(i)',
      ]);
      const report = listeningReporter();
      expect(await codeOf(here.bench.dump(name, { scratch: small, report }))).toBe('DISK_FULL');
      expect(report.sizes).toEqual([(await stat(here.file(name))).size]);
      for (const format of ['file', 'parquet'] as const) {
        const { manifest, backup } = await here.bench.dump(name, { target: targetAt(name, { format }) });
        const work = here.bench.restore(here.bench.restoreJob(name, 'swap'), memorySource(manifest, backup), {
          scratch: small,
        });
        expect(await codeOf(work), format).toBe('DISK_FULL');
        expect(await count(name)).toBe(200_000);
      }
      expect(await readdir(small)).toEqual([]);
    } finally {
      spawnSync('umount', [small]);
      await rm(small, { recursive: true });
    }
  });

  it('reads through an archive that was cut as one that is damaged', async () => {
    const name = await made();
    for (const format of ['file', 'parquet'] as const)
      for (const algorithm of ['zstd', 'none'] as const) {
        const target = targetAt(name, { format, compression: { algorithm } });
        const { manifest, backup } = await here.bench.dump(name, { target });
        const cut = backup.finished.get('archive')!.subarray(0, -2000);
        const job = here.bench.restoreJob('cut-again.duckdb', 'new');
        expect(['CHECKSUM_MISMATCH', 'RESTORE_FAILED']).toContain(
          await codeOf(here.bench.restore(job, memorySource(manifest, backup, cut))),
        );
        expect(await here.server.databases()).not.toContain('cut-again.duckdb');
      }
  });
});

describe('checks', () => {
  it('look into the database and nowhere else, and change nothing', async () => {
    const name = await made();
    await copyFile(here.file(name), here.file('other.duckdb'));
    const before = await readFile(here.file(name));
    const queries = [
      `SELECT count(*) > 0 FROM read_text('/etc/passwd')`,
      `ATTACH '${here.file('other.duckdb')}' AS o`,
      'DELETE FROM t',
      `COPY t TO '${here.file('leak.csv')}'`,
      'SELECT count(*) = 3000 FROM t',
    ];
    const job = { kind: 'check', id: 'x', target: targetAt(name), idleMinutes: 5, queries } as const;
    const { answers } = await here.bench.engine.check(here.bench.context(name), { ...job, queries });
    expect(answers.map((one) => one.holds)).toEqual([false, false, false, false, true]);
    expect(await readFile(here.file(name))).toEqual(before);
    expect(await here.server.databases()).not.toContain('leak.csv');
  });
});
