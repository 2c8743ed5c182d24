import { describe, expect, it } from 'vitest';
import { dumpManifest } from '../../core/backup.ts';
import { isDumpTarget } from '../../core/config.ts';
import { isErrorCode, type ErrorCode } from '../../core/errors.ts';
import { EVENTS, MACHINES, type Machine } from '../../core/names.ts';
import { MAX_ATTEMPTS } from '../../core/payloads.ts';
import { DAY, configOf, failTask, makeWorld, type World } from '../lambdas/support/world.ts';
import { FakeServer } from './fake-server.ts';
import { CALLS, DUMP_CALLS, type Ended, type RunTask } from './calls.ts';
import { Harness } from './harness.ts';
import { MISHAPS, befalling } from './mishaps.ts';
import { expectFree } from './restore-promises.ts';
import { SeenError } from './seen-error.ts';
import { sweep } from './sweep.ts';

const SILENT = 'the task is killed without a word, its work done';
const LOST = 'the task says that the connection was lost';

interface Stage {
  readonly world: World;
  readonly server: FakeServer;
  /** Nothing befalls its tasks. */
  readonly calm: Harness;
}
function stage(config = configOf()): Stage {
  const world = makeWorld(undefined, config);
  const server = new FakeServer(world);
  for (const { database } of config.targets.filter(isDumpTarget)) server.set(database, 'first');
  return { world, server, calm: new Harness(world, server.task) };
}
const good = async (harness: Harness, ...[machine, input]: Parameters<Harness['run']>): Promise<Ended> => {
  const ended = await harness.run(machine, input);
  expect(ended).toMatchObject({ status: 'SUCCEEDED' });
  return ended;
};

/** No COMPLETED record may ever promise objects that are gone. */
async function expectPromisedObjects(world: World): Promise<void> {
  for (const record of await world.catalog.listBackups({ limit: 1_000 })) {
    if (record.status !== 'COMPLETED') continue;
    const { manifest } = await world.vault.readManifest(record.manifestKey!, record.manifestVersionId);
    for (const object of dumpManifest(manifest).objects) expect(await world.vault.head(object)).toBeDefined();
  }
}

it('the states that are left out here are those of native targets alone', () => {
  const left = (machine: Machine): string[] =>
    CALLS.filter((one) => one.machine === machine)
      .map((one) => one.state)
      .filter((state) => !DUMP_CALLS.some((one) => one.machine === machine && one.state === state))
      .sort();
  // Those of restores: `restore-server.test.ts`, `restore-table.test.ts`, `restore-table-ways.test.ts`.
  expect(Object.fromEntries(MACHINES.filter((one) => one !== 'restore').map((one) => [one, left(one)]))).toEqual({
    nightly: [],
    backup: ['CopyPoint', 'MakePoint', 'VerifyPoint', 'WriteManifest'],
    rollback: ['RestoreOriginal', 'RollBackNames', 'RollBackNamesAgain', 'RollBackPointer'],
    // Every prune comes to DeletePoints, so it is swept here all the same.
    prune: ['DeletePoints', 'RemoveReplaced'],
    probe: [],
    // It is of tables, and there without them too: `restore-set.test.ts`.
    'restore-set': [],
  });
});

describe('a backup', () => {
  sweep({
    machine: 'backup',
    mishaps: { JudgeTask: LOST, FailBackup: SILENT },
    recorders: ['FailBackup'],
    open: (mishap) => {
      const { world, server, calm } = stage();
      const harness = new Harness(world, befalling(['dump'], MISHAPS[mishap], world, server.task));
      return Promise.resolve({
        harness,
        input: { target: 'shop', trigger: 'user' },
        async promises({ id, status }: Ended) {
          const record = (await world.catalog.getBackup('shop', id))!;
          expect(['COMPLETED', 'FAILED']).toContain(record.status);
          if (status === 'SUCCEEDED') expect(record.status).toBe('COMPLETED');
          if (record.status === 'FAILED') {
            expect(isErrorCode(record.failure?.code ?? '')).toBe(true);
            const told = world.published.filter((one) => one.detail.backupId === id);
            expect(told.map((one) => one.name)).toContain(EVENTS.backupFailed);
          }
          await expectPromisedObjects(world);
        },
        free: () => expectFree({ harness, target: 'shop' }),
        again: async () => void (await good(calm, 'backup', { target: 'shop' })),
      });
    },
  });
});

/** A backup, a change, and a swap back: `first` serves, `second` is kept as `old`. */
async function swapped({ server, calm, world }: Stage, target: string) {
  await good(calm, 'backup', { target });
  server.set(target, 'second');
  const { id } = await good(calm, 'restore', { target, mode: 'swap' });
  return { restoreId: id, old: (await world.catalog.getRestore(id))!.replacedDatabase! };
}

describe('a rollback', () => {
  sweep({
    machine: 'rollback',
    mishaps: { FailRollback: SILENT },
    recorders: ['FailRollback'],
    async open(mishap) {
      const set = stage();
      const { world, server, calm } = set;
      const { restoreId, old } = await swapped(set, 'shop');
      const harness = new Harness(world, befalling(['rollback'], MISHAPS[mishap], world, server.task));
      return {
        harness,
        input: { restoreId },
        async promises({ status, cause }) {
          const serves = await server.holds('shop');
          const record = (await world.catalog.getRestore(restoreId))!;
          if (record.status === 'ROLLED_BACK') expect(serves).toBe('second');
          else expect(record).toMatchObject({ status: 'COMPLETED', replacedDatabase: old });
          if (status === 'SUCCEEDED') expect(record.status).toBe('ROLLED_BACK');
          const rows = await Promise.all((await server.databases()).map((name) => server.holds(name)));
          expect(rows).toEqual(expect.arrayContaining(['first', 'second']));
          const said = /: while the server has a database|The old data serves|The restored data serves on|Nothing was/;
          const sentence = said.exec(cause ?? '')?.[0] ?? '';
          if (sentence === 'The old data serves') expect(serves).toBe('second');
          if (sentence.startsWith('The restored') || sentence.startsWith('Nothing')) expect(serves).toBe('first');
        },
        free: () => expectFree({ harness, target: 'shop' }),
        async again() {
          const done = (await world.catalog.getRestore(restoreId))!.status === 'ROLLED_BACK';
          const again = await calm.run('rollback', { restoreId });
          expect(again).toMatchObject(done ? { error: 'ROLLBACK_IMPOSSIBLE' } : { status: 'SUCCEEDED' });
          expect(await server.holds('shop')).toBe('second');
          expect(await world.catalog.getRestore(restoreId)).toMatchObject({ status: 'ROLLED_BACK' });
        },
      };
    },
  });
});

describe('a prune', () => {
  sweep({
    machine: 'prune',
    mishaps: {},
    recorders: [],
    also: ['DeletePoints'],
    async open(mishap) {
      const set = stage();
      const { world, server, calm } = set;
      const shop = await swapped(set, 'shop');
      const billing = await swapped(set, 'billing');
      world.clock += 100 * DAY;
      for (const target of ['shop', 'billing']) await good(calm, 'backup', { target });
      const harness = new Harness(world, befalling(['drop'], MISHAPS[mishap], world, server.task));
      return {
        harness,
        input: {},
        async promises({ status, output }) {
          await expectPromisedObjects(world);
          const databases = await server.databases();
          const gone = [shop, billing].filter((one) => !databases.includes(one.old)).length;
          if (status === 'SUCCEEDED') expect(output).toMatchObject({ deleted: 2, dropped: gone });
          for (const target of ['shop', 'billing']) {
            expect(await server.holds(target)).toBe('first');
            expect(await world.catalog.newestGood(target)).toBeDefined();
          }
          for (const { restoreId, old } of [shop, billing])
            if ((await world.catalog.getRestore(restoreId))!.replacedDroppedAt !== undefined)
              expect(await server.holds(old)).toBeUndefined();
        },
        // A dead drop's lock falls to whoever wants it next.
        free: async () => void (await good(calm, 'backup', { target: 'shop' })),
        async again() {
          await good(calm, 'prune', {});
          expect((await server.databases()).sort()).toEqual(['billing', 'ledger', 'shop']);
          const records = await world.catalog.listBackups({ limit: 100 });
          expect(records.filter((one) => one.status === 'DELETED')).toHaveLength(2);
          for (const target of ['shop', 'billing']) await expectFree({ harness, target });
        },
      };
    },
  });
});

describe('a nightly run', () => {
  const input = { trigger: 'daily', scheduledTime: '2026-11-21T01:30:00Z' };
  sweep({
    machine: 'nightly',
    mishaps: {},
    recorders: [],
    open(mishap, state) {
      const { world, server, calm } = stage();
      const harness = new Harness(world, befalling(['dump'], MISHAPS[mishap], world, server.task));
      return Promise.resolve({
        harness,
        input,
        // The report of a broken run is reached when something broke it.
        before: (call, work) => {
          if (state === 'ReportFailure' && call.state === 'SummarizeRun') throw new SeenError('TypeError', '{}');
          return work();
        },
        promises({ status, called }) {
          const mailed = new Set(world.mails.map((one) => one.to)).size === 2;
          // The alarm on executions of this machine rings for every end but this one.
          if (status === 'SUCCEEDED') expect(mailed).toBe(true);
          if (status === 'FAILED') expect(called.some((one) => /^(SendReport|ReportFailure)$/.test(one))).toBe(true);
          return Promise.resolve();
        },
        async free() {
          for (const target of ['shop', 'billing']) await expectFree({ harness, target });
        },
        async again() {
          await good(calm, 'nightly', input);
          const next = await good(calm, 'nightly', { ...input, scheduledTime: '2026-11-22T01:30:00Z' });
          expect(next.output).toMatchObject({ totals: { due: 2, completed: 2 } });
        },
      });
    },
  });
});

describe('a probe', () => {
  sweep({
    machine: 'probe',
    mishaps: { JudgeTask: LOST },
    recorders: [],
    open(mishap) {
      const { world, server, calm } = stage();
      const harness = new Harness(world, befalling(['probe'], MISHAPS[mishap], world, server.task));
      return Promise.resolve({
        harness,
        input: { target: 'shop' },
        promises({ status, error, cause }) {
          if (status === 'FAILED') expect([error, cause]).toEqual([expect.stringMatching(/./), expect.any(String)]);
          return Promise.resolve();
        },
        free: () => expectFree({ harness, target: 'shop' }),
        again: async () => void (await good(calm, 'probe', { target: 'shop' })),
      });
    },
  });
});

describe('a task that fails each time', () => {
  const failing =
    (world: World, code: ErrorCode, seen: number[]): RunTask =>
    async ({ job, attempt }) => {
      seen.push(attempt);
      await failTask(world, job.id, code, 'each time', attempt);
      return 1;
    };
  const all = Array.from({ length: MAX_ATTEMPTS }, (_, index) => index + 1);
  const CASES: [ErrorCode, number[]][] = [
    ['CONNECTION_LOST', all],
    ['AUTH_FAILED', [1]],
  ];

  it.each(CASES)('with %s is tried %j in a backup, and no more', async (code, attempts) => {
    const { world } = stage();
    const seen: number[] = [];
    const ended = await new Harness(world, failing(world, code, seen)).run('backup', { target: 'shop' });
    expect(seen).toEqual(attempts);
    expect(ended).toMatchObject({ status: 'FAILED', error: code });
    expect(await world.catalog.getBackup('shop', ended.id)).toMatchObject({ status: 'FAILED', failure: { code } });
  });

  it.each(CASES)('with %s is tried %j in a restore, and no more', async (code, attempts) => {
    const { world, server, calm } = stage();
    await good(calm, 'backup', { target: 'shop' });
    server.set('shop', 'second');
    const seen: number[] = [];
    const harness = new Harness(world, failing(world, code, seen));
    const ended = await harness.run('restore', { target: 'shop', mode: 'swap' });
    expect(seen).toEqual(attempts);
    expect(ended).toMatchObject({ status: 'FAILED', error: code });
    expect(await server.holds('shop')).toBe('second');
  });
});
