/** From DuckDB's files to MyDuck and back: every row, and what is refused with its reason. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../core/backup.ts';
import { isKin } from '../../../core/engines.ts';
import { memorySource, type MemorySource } from '../../contracts/doubles.ts';
import { benchOf, failure, type Bench, type Rows } from '../../contracts/engine-bench.ts';
import { AWKWARD } from '../duckdb/awkward.ts';
import { rowsOf, run, targetAt } from '../duckdb/harness.ts';
import { leave, room, type Room } from '../duckdb/room.ts';
import { harness, type MyduckServer } from './harness.ts';

let server: MyduckServer;
let ducks: Bench<'myduck'>;
let files: Room;
let original: Rows;

beforeAll(async () => {
  const made = harness();
  server = await made.start();
  ducks = await benchOf({ ...made, start: () => Promise.resolve(server) });
  files = await room();
  await server.seed('shop');
  original = await server.rowsOf('shop');
  await run(files.file('files.duckdb'), AWKWARD);
});
afterAll(async () => {
  await server.stop();
  await rm(ducks.scratch, { recursive: true, force: true });
  await leave(files);
});

/** A file of this name, backed up as DuckDB does. */
async function fileBackup(format: 'file' | 'parquet', change: (manifest: Manifest) => Manifest = (one) => one) {
  const { manifest, backup } = await files.bench.dump('files.duckdb', {
    target: targetAt('files.duckdb', { format, fingerprint: 'checksums' }),
  });
  return memorySource(change(manifest), backup);
}
const ofStorage =
  (storageVersion: number) =>
  (manifest: Manifest): Manifest => ({
    ...manifest,
    source: { ...manifest.source, details: { ...manifest.source.details, storageVersion } },
  });
const unread = (source: MemorySource): MemorySource => ({ ...source, openArchive: () => expect.unreachable() });

it('MyDuck’s backup becomes a DuckDB file, beside and in the place of another, with every row', async () => {
  expect(isKin('myduck', 'duckdb')).toBe(true);
  const { manifest, backup } = await ducks.dump('shop');
  for (const mode of ['new', 'swap'] as const) {
    const outcome = await files.bench.restore(
      files.bench.restoreJob('from-myduck.duckdb', mode),
      memorySource(manifest, backup),
    );
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: manifest.fingerprint.tables.length });
    expect(await rowsOf(files.file('from-myduck.duckdb'))).toEqual(original);
  }
});

describe.each(['file', 'parquet'] as const)('a DuckDB backup as %s', (format) => {
  it('becomes a database of MyDuck with every row', async () => {
    const source = await fileBackup(format);
    const name = `from_${format}`;
    const outcome = await ducks.restore(ducks.restoreJob(name, 'new'), source);
    expect(outcome).toMatchObject({ restoredDatabase: name, comparison: { equal: true, mode: 'checksums' } });
    expect(await server.rowsOf(name)).toEqual(await rowsOf(files.file('files.duckdb')));
    expect(await server.exchanged()).toEqual([]);
    expect(server.keys.alive.size).toBe(0);
  });

  it('of a newer storage version is refused by a server whose DuckDB is older, before it is read', async () => {
    server.standIn.mood.version = 'v1.1.3';
    const made = server.keys.made.length;
    try {
      const source = unread(await fileBackup(format, ofStorage(66)));
      const { code, detail } = await failure(ducks.restore(ducks.restoreJob('older', 'new'), source));
      expect(code).toBe('RESTORE_REFUSED');
      expect(detail).toMatch(/storage version 66.*DuckDB v1\.1\.3 reads up to 64.*update the server/);
      expect(server.keys.made).toHaveLength(made);
      expect(await server.databases()).not.toContain('older');
    } finally {
      delete server.standIn.mood.version;
    }
  });
});

it('a backup of rows alone is refused by MyDuck, which has no place for them', async () => {
  const { manifest, backup } = await files.bench.dump('files.duckdb', {
    target: targetAt('files.duckdb', { scope: { dataOnly: true } }),
  });
  const source = unread(memorySource(manifest, backup));
  expect((await failure(ducks.restore(ducks.restoreJob('rows', 'new'), source))).code).toBe('SCOPE_REFUSED');
});

it('a server whose DuckDB is newer than the image’s is told by its probe, and one that is not is well', async () => {
  const levels = async (): Promise<string[]> => {
    const { findings } = await ducks.engine.probe(ducks.context('shop'));
    return findings.filter((one) => one.what.includes('DuckDB')).map((one) => one.level);
  };
  expect(await levels()).toEqual(['ok']);
  server.standIn.mood.version = 'v1.9.0';
  expect(await levels()).toEqual(['warn']);
  delete server.standIn.mood.version;
});
