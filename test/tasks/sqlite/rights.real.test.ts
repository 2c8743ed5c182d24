/** A task that is not root, as behind an access point: what it may not read or write is named, and nothing has changed. */
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RestoreMode } from '../../../core/engines.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { sqlite } from '../../../tasks/engines/sqlite.ts';
import { memoryBackup, memorySource } from '../../contracts/doubles.ts';
import { codeOf } from '../../contracts/engine-bench.ts';
import { targetAt } from './harness.ts';
import { leave, room, shop, type Room } from './room.ts';

const NOBODY = 65_534;
let here: Room;
let scratch: string;
beforeEach(async () => {
  here = await room();
  await shop(here, 'shop.db', 50);
  scratch = await mkdtemp(join(tmpdir(), 'nightjar-nobody-'));
  await chown(scratch, NOBODY, NOBODY);
  for (const above of ['../../..', '../..', '..', '.']) await chmod(join(here.server.directory, above), 0o755);
});
afterEach(async () => {
  await leave(here);
  await rm(scratch, { recursive: true });
});

async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid!(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
  }
}
const dumped = async (): Promise<string> => {
  const backup = memoryBackup();
  const code = await codeOf(sqlite.dump(here.bench.context('shop.db', { scratch }), backup.sink));
  expect(backup.finished.has('archive')).toBe(!code.startsWith('STORAGE'));
  return code;
};

describe('a task with few rights', () => {
  it('needs no more than to read for a backup', async () => {
    await chmod(here.server.path('shop.db'), 0o644);
    expect(await asNobody(dumped)).toMatch(/^no error.*"consistency":"transaction"/);
  });

  it.each([
    ['the file', 'shop.db', 0o600],
    ['the directory', '.', 0o700],
  ])('says that it may not read %s, and keeps nothing', async (_what, name, mode) => {
    await chmod(join(here.server.directory, name), mode);
    expect(await asNobody(dumped)).toBe('STORAGE_DENIED');
    const job = { kind: 'check', id: 'x', target: targetAt('shop.db'), idleMinutes: 5 } as const;
    const checked = () => codeOf(sqlite.check(here.bench.context('shop.db', { scratch }), { ...job, queries: [] }));
    expect(await asNobody(checked)).toBe('STORAGE_DENIED');
    expect(await asNobody(() => codeOf(sqlite.probe(here.bench.context('shop.db', { scratch }))))).toBe(
      'STORAGE_DENIED',
    );
  });

  it.each<[RestoreMode, string, Partial<RestoreJob>]>([
    ['new', 'beside.db', {}],
    ['swap', 'shop.db', {}],
    ['overwrite', 'shop.db', {}],
    ['overwrite', 'shop.db', { scope: { tables: ['orders'] } }],
  ])('says that it may not write, and leaves all as it is (%s %s %o)', async (mode, name, wanted) => {
    const made = await here.bench.dump('shop.db');
    await here.sql('shop.db', 'DELETE FROM orders;');
    await chmod(here.server.path('shop.db'), 0o644);
    const rows = await here.server.rowsOf('shop.db');
    const restored = () => {
      const job = here.bench.restoreJob(name, mode, wanted);
      return codeOf(here.bench.restore(job, memorySource(made.manifest, made.backup), { scratch }));
    };
    expect(await asNobody(restored)).toBe('STORAGE_DENIED');
    // The directory alone is not enough where the file itself is to be locked.
    await chmod(here.server.directory, 0o777);
    if (mode !== 'new') expect(await asNobody(restored)).toBe('STORAGE_DENIED');
    expect(await here.server.rowsOf('shop.db')).toEqual(rows);
    expect(await here.server.databases()).toEqual(['shop.db']);
  });
});
