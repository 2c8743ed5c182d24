/** What a restore that died in the middle of its exchange leaves of a file: put in order by the next, or dropped with its record. */
import { copyFile, link } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { listeningReporter, memorySource } from '../../contracts/doubles.ts';
import { dropOf, type Bench, type Rows } from '../../contracts/engine-bench.ts';
import { crashedWriter, leave as leaveDuckdb, room as duckdbRoom } from '../duckdb/room.ts';
import { leave as leaveSqlite, room as sqliteRoom } from '../sqlite/room.ts';

const ROOMS = {
  async sqlite() {
    const here = await sqliteRoom();
    return { bench: here.bench, directory: here.server.directory, leave: () => leaveSqlite(here) };
  },
  async duckdb() {
    const here = await duckdbRoom();
    return { bench: here.bench, directory: here.server.directory, leave: () => leaveDuckdb(here) };
  },
};
let nights = 0;

describe.each(['sqlite', 'duckdb'] as const)('%s: a restore that died', (engine) => {
  let here: { bench: Bench<'sqlite'> | Bench<'duckdb'>; directory: string; leave(): Promise<void> };
  let bench: Bench<'sqlite'>;
  let made: Awaited<ReturnType<Bench<'sqlite'>['dump']>>;
  let before: Rows;
  /** What serves; the names of the one that died; and what it had brought. */
  let name: string;
  let dead: RestoreJob;
  let alias: string;
  let old: string;
  const at = (one: string): string => join(here.directory, one);
  const restore = (job: RestoreJob, report = listeningReporter()): Promise<unknown> =>
    bench.restore(job, memorySource(made.manifest, made.backup), { report });
  const names = async (): Promise<string[]> => (await bench.server.databases()).sort();

  beforeAll(async () => {
    here = await ROOMS[engine]();
    bench = here.bench as Bench<'sqlite'>;
    await bench.server.seed('origin.db');
    made = await bench.dump('origin.db');
    await bench.server.damage('origin.db');
    before = await bench.server.rowsOf('origin.db');
  });
  afterAll(() => here.leave());
  beforeEach(async () => {
    name = `shop${(nights += 1)}.db`;
    await copyFile(at('origin.db'), at(name));
    dead = bench.restoreJob(name, 'swap');
    [alias, old] = [aliasDatabase(name, dead.id), replacedDatabase(name, dead.id)];
    await restore(bench.restoreJob(alias, 'new'));
  });
  const drop = (asked: string): Promise<unknown> =>
    bench.engine.drop(bench.context(name), dropOf(dead, asked, { database: name }));
  const ours = async (): Promise<string[]> => (await names()).filter((one) => one.startsWith(name));

  it.each(['swap', 'overwrite'] as const)('before it gave the name away is taken back by the next %s', async (mode) => {
    await link(at(name), at(old));
    const job = bench.restoreJob(name, mode);
    const report = listeningReporter();
    await restore(job, report);
    expect(report.warnings.join()).toContain(`before it gave ${name} away`);
    const kept = replacedDatabase(name, job.id);
    expect(await ours()).toEqual(mode === 'swap' ? [name, kept] : [name]);
    if (mode === 'swap') expect(await bench.server.rowsOf(kept)).toEqual(before);
    expect(await bench.server.rowsOf(name)).not.toEqual(before);
  });

  it('when it had given a name that nobody had is finished', async () => {
    await copyFile(at(alias), at(`${name}.made`));
    const other = bench.restoreJob(`${name}.made`, 'swap');
    await link(at(other.database), at(aliasDatabase(other.database, other.id)));
    const report = listeningReporter();
    await restore(bench.restoreJob(other.database, 'swap'), report);
    expect(report.warnings.join()).toContain(`when it had given ${other.database} its name`);
    expect(await names()).not.toContain(aliasDatabase(other.database, other.id));
  });

  it('is left to the pruner where somebody may still want what it left: rows that differ, an old file that serves no more', async () => {
    await restore(bench.restoreJob(name, 'swap'));
    expect(await names()).toContain(alias);
    await copyFile(at(name), at(old));
    await restore(bench.restoreJob(name, 'swap'));
    expect(await names()).toEqual(expect.arrayContaining([alias, old]));
  });

  it('leaves nothing behind the drop of one of its names; what serves stays', async () => {
    await link(at(name), at(old));
    await bench.server.damage(alias);
    expect(await drop(old)).toEqual({ dropped: true });
    expect(await ours()).toEqual([name]);
    expect(await bench.server.rowsOf(name)).toEqual(before);
    expect(await drop(old)).toEqual({ dropped: false });
    // An overwrite that died has the same names, and no word of it.
    await copyFile(at(name), at(alias));
    await copyFile(at(name), at(old));
    expect(await drop(alias)).toEqual({ dropped: true });
    expect(await ours()).toEqual([name]);
  });

  if (engine !== 'duckdb') return;

  it('gives what serves its .wal back, which had left the name first', async () => {
    crashedWriter(at(name), ['CREATE TABLE late AS SELECT 1 AS one']);
    const late = await bench.server.rowsOf(name);
    await link(at(name), at(old));
    await copyFile(at(`${name}.wal`), at(`${old}.wal`));
    await bench.server.dropDatabase(`${name}.wal`);
    const job = bench.restoreJob(name, 'swap');
    await restore(job);
    expect(late).toHaveProperty(['main.late']);
    expect(await bench.server.rowsOf(replacedDatabase(name, job.id))).toEqual(late);
  });
});
