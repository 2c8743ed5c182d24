/** Every database of a backup comes back, or is told. The engine is a double: what is tested is what is asked of it. */
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import type { RestoreJob } from '../../core/job.ts';
import type { Engine, EngineContext, RestoreSource } from '../../tasks/engine.ts';
import { restoreDatabases } from '../../tasks/restore-databases.ts';
import { listeningReporter } from '../contracts/doubles.ts';

const names = ['postgres', 'shop', 'log'];
const whole = {
  backupId: 'B',
  source: { database: 'shop', details: {} },
  objects: [],
  databases: names.map((database) => ({ database, snapshotAt: '', databaseBytes: 1, details: {}, extensions: [] })),
  fingerprint: {
    mode: 'counts',
    seconds: 0,
    tables: ['shop', 'log'].map((database) => ({ database, schema: '', table: 't', rows: 2 })),
  },
} as unknown as Manifest;
const equal = {
  mode: 'counts' as const,
  tablesCompared: 1,
  rowsExpected: 2,
  rowsFound: 2,
  differences: [],
  equal: true,
};

function room(failing: Record<string, NightjarError> = {}) {
  const asked: string[] = [];
  /** For which databases what had to wait was done; `all` once that was said. */
  const back: string[] = [];
  const report = listeningReporter();
  const abort = new AbortController();
  const context = { report, signal: abort.signal, target: { database: 'shop' } } as unknown as EngineContext;
  const engine = {
    restoreGlobals: async (_: unknown, source: RestoreSource) => {
      asked.push(`globals of ${source.manifest.databases?.length ?? 0}`);
      return Promise.resolve({
        bring: async (database: string, restore: () => Promise<unknown>) => {
          const done = await restore();
          back.push(database);
          return done;
        },
        end: () => Promise.resolve(void back.push('all')),
      });
    },
    restore: async (_: unknown, job: RestoreJob, { manifest }: RestoreSource) => {
      asked.push(`${manifest.source.database} as ${job.database}`);
      const error = failing[job.database];
      return error ? Promise.reject(error) : Promise.resolve({ restoredDatabase: job.database, comparison: equal });
    },
  } as unknown as Engine;
  const restore = (job: Partial<RestoreJob>, manifest = whole) =>
    restoreDatabases({
      engine,
      context,
      job: { id: 'R', mode: 'new', database: 'shop', source: { target: 'shop' }, ...job } as RestoreJob,
      manifest,
      open: (part) => ({ manifest: part }) as RestoreSource,
    });
  return { asked, back, report, abort, restore };
}
const exists = new NightjarError('DESTINATION_EXISTS', { operation: 'restore' });

describe('all databases of a backup', () => {
  it('come back under their own names, after the globals', async () => {
    const { restore, asked, back } = room();
    const done = await restore({ allDatabases: true });
    expect(back).toEqual(['postgres', 'shop', 'log', 'all']);
    expect(asked).toEqual(['globals of 3', 'postgres as postgres', 'shop as shop', 'log as log']);
    expect(done.comparison).toMatchObject({ tablesCompared: 3, rowsFound: 6, equal: true });
  });

  it('pass by one that a new server has anyway, when the backup’s holds nothing', async () => {
    const { restore, report } = room({ postgres: exists });
    await restore({ allDatabases: true });
    expect(report.warnings).toEqual(['postgres was there already and was left as it is: the backup’s has no tables.']);
  });

  it('are not said to be back while one of them was in the way; the others are', async () => {
    const { restore, asked, back } = room({ shop: exists });
    await expect(restore({ allDatabases: true })).rejects.toMatchObject({
      code: 'DESTINATION_EXISTS',
      detail: expect.stringMatching(
        /^Back are postgres, log\. .*left as they are: shop\. .*--from-database shop --database shop --swap/,
      ) as string,
    });
    expect(asked.at(-1)).toBe('log as log');
    expect(back).toEqual(['postgres', 'log']);
  });

  it('of a backup without fingerprint take no database for empty', async () => {
    const { restore } = room({ postgres: exists });
    const blind = { ...whole, fingerprint: { mode: 'none', seconds: 0, tables: [] } } as Manifest;
    await expect(restore({ allDatabases: true }, blind)).rejects.toMatchObject({ code: 'DESTINATION_EXISTS' });
  });

  it('stop where all others would fail too, and say how far they came', async () => {
    const { restore, asked } = room({
      shop: new NightjarError('DISK_FULL', { operation: 'load', detail: 'No room.' }),
    });
    await expect(restore({ allDatabases: true })).rejects.toMatchObject({
      code: 'DISK_FULL',
      detail: expect.stringMatching(/^Database shop, 2 of 3: No room\. Back are postgres\./) as string,
    });
    expect(asked).not.toContain('log as log');
  });

  it('come back but for the one that can not, which is told with the way to bring it', async () => {
    const broken = new NightjarError('RESTORE_FAILED', { operation: 'load', detail: 'The view v is broken.' });
    const { restore, back } = room({ postgres: broken });
    await expect(restore({ allDatabases: true })).rejects.toMatchObject({
      code: 'RESTORE_FAILED',
      detail: expect.stringMatching(
        /^Not back: 1 of 3 databases\. postgres: RESTORE_FAILED: The view v is broken\. Back are shop, log\. .*nightjar restore shop --from-database postgres --database postgres\.$/,
      ) as string,
    });
    // Not `all`: who made what is remembered for the next try.
    expect(back).toEqual(['shop', 'log']);
  });

  it('are tried again when one of them may come back so, and name every one that is not back or was in the way', async () => {
    const { restore } = room({
      postgres: new NightjarError('RESTORE_FAILED', { operation: 'load', detail: 'The view v is broken.' }),
      shop: new NightjarError('LOCK_TIMEOUT', { operation: 'rename', detail: 'A session holds t.' }),
      log: exists,
    });
    const thrown = (await restore({ allDatabases: true }).catch((error: unknown) => error)) as NightjarError;
    expect([thrown.code, thrown.entry.retryable]).toEqual(['LOCK_TIMEOUT', true]);
    for (const word of ['postgres: RESTORE_FAILED', 'shop: LOCK_TIMEOUT: A session holds t.', 'as they are: log'])
      expect(thrown.detail).toContain(word);
  });
});

describe('one database of a backup', () => {
  it('comes back under another name', async () => {
    const { restore, asked } = room();
    await restore({ database: 'log_copy', fromDatabase: 'log' });
    expect(asked).toEqual(['log as log_copy']);
  });

  it('that the backup does not hold is refused before the engine hears of it', async () => {
    const { restore, asked } = room();
    await expect(restore({ fromDatabase: 'ledger' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(asked).toEqual([]);
  });
});
