import { describe, expect, it } from 'vitest';
import { failure } from '../../core/errors.ts';
import type { Progress } from '../../core/job.ts';
import { aliasDatabase } from '../../core/names.ts';
import {
  backupShape,
  errorShape,
  pruneShape,
  prunePlannedShape,
  restoreShape,
  rollbackShape,
} from '../../cli/shapes.ts';
import { at, fakeWorld, NOW, putGood, restoreOf, type Play } from './world.ts';

/** A backup workflow that ends as it should. */
const goodBackup =
  (world: () => ReturnType<typeof fakeWorld>): Play =>
  async ({ id, executionArn, startedAt, input }) => {
    await putGood(world().store, 0, { backupId: id, executionArn, startedAt, target: String(input.target) });
    return { status: 'SUCCEEDED' };
  };

describe('nightjar backup', () => {
  it('waits for the end and is 0 only when the record says COMPLETED', async () => {
    const world = fakeWorld({ play: (start) => goodBackup(() => world)(start) });
    expect(await world.run('backup', 'shop', '--json')).toBe(0);
    const json = backupShape.parse(world.json());
    expect(json).toMatchObject({ ok: true, followed: true, failure: null, backup: { status: 'COMPLETED' } });
    expect(json.backup?.backupId).toBe(json.id);
    expect(world.starts[0]).toMatchObject({
      machine: 'backup',
      input: { target: 'shop', trigger: 'user', requestedBy: 'arn:aws:iam::123456789012:user/oncall' },
    });
  });

  it('that failed is never 0, and says the code, the hint and what is lost', async () => {
    const world = fakeWorld({
      play: async ({ id, executionArn, startedAt }) => {
        await world.store.openBackup({
          ...(await putGood(world.store, 20)),
          backupId: id,
          executionArn,
          startedAt,
          status: 'RUNNING',
        });
        await world.store.failBackup('shop', id, failure('AUTH_FAILED', { detail: 'role "app"' }), startedAt);
        return { status: 'FAILED', error: 'AUTH_FAILED', cause: 'x' };
      },
    });
    expect(await world.run('backup', 'shop')).toBe(1);
    expect(world.text()).toContain('AUTH_FAILED');
    expect(world.text()).toContain('role "app"');
    expect(world.text()).toContain('Compare the secret');
    expect(world.text()).toMatch(/lost\s+Nothing: no older backup was touched\. The newest good one is/);
  });

  it('whose execution succeeded without a COMPLETED record is no success', async () => {
    const world = fakeWorld({ play: () => ({ status: 'SUCCEEDED' }) });
    expect(await world.run('backup', 'shop', '--json')).toBe(1);
    expect(backupShape.parse(world.json())).toMatchObject({ ok: false, failure: { code: 'UNEXPECTED' } });
  });

  it.each([
    ['FAILED', 'TARGET_BUSY', 'TARGET_BUSY', 4],
    ['FAILED', 'States.Runtime', 'EXECUTION_FAILED', 1],
    ['ABORTED', undefined, 'EXECUTION_ABORTED', 1],
    ['TIMED_OUT', undefined, 'EXECUTION_TIMED_OUT', 1],
  ] as const)('whose execution is %s with %s without a record fails as %s', async (status, error, code, exit) => {
    const world = fakeWorld({ play: () => ({ status, error, cause: 'because' }) });
    const got = await world.run('backup', 'shop', '--json');
    const json = backupShape.parse(world.json());
    expect([json.failure?.code, got]).toEqual([code, exit]);
    expect(json.failure?.detail).toContain('because');
  });

  it('finds its record by the execution, should Step Functions round its clock', async () => {
    const world = fakeWorld({
      play: async ({ executionArn, startedAt }) => {
        await putGood(world.store, 0, { executionArn, startedAt });
        return { status: 'SUCCEEDED' };
      },
    });
    expect(await world.run('backup', 'shop', '--json')).toBe(0);
  });

  it('with --detach returns at once with the id', async () => {
    const world = fakeWorld();
    expect(await world.run('backup', 'shop', '--detach', '--trigger', 'admin', '--json')).toBe(0);
    expect(backupShape.parse(world.json())).toMatchObject({ ok: true, followed: false, backup: null });
    expect(world.starts[0]?.input.trigger).toBe('admin');
  });

  it('left with Ctrl-C says that it goes on and how to look, and is not 0', async () => {
    const world = fakeWorld({ onSleep: (one) => one.interrupt() });
    expect(await world.run('backup', 'shop')).toBe(130);
    expect(world.text()).toContain('goes on in AWS');
    expect(world.text()).toMatch(/nightjar show [0-9A-Z]{26}/);
    expect(world.text()).toContain('stop-execution');
  });

  it('keeps looking through a stumble of AWS', async () => {
    let calls = 0;
    const world = fakeWorld({
      play: (start) => goodBackup(() => world)(start),
      aws: {
        describe: (executionArn) => {
          calls += 1;
          if (calls < 3) throw Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
          return Promise.resolve({ executionArn, startedAt: at(0), status: 'SUCCEEDED' });
        },
      },
    });
    expect(await world.run('backup', 'shop')).toBe(0);
    expect(world.text()).toContain('Could not look, trying again');
  });

  it('when credentials expire meanwhile says that the work goes on', async () => {
    const world = fakeWorld({
      aws: {
        describe: () => {
          throw Object.assign(new Error('expired'), { name: 'ExpiredTokenException' });
        },
      },
    });
    expect(await world.run('backup', 'shop', '--json')).toBe(5);
    expect(backupShape.parse(world.json())).toMatchObject({
      ok: false,
      followed: false,
      failure: { code: 'AWS_DENIED' },
    });
  });

  it('shows phase and bytes as they come', async () => {
    let looks = 0;
    const world = fakeWorld({
      terminal: true,
      aws: {
        describe: (executionArn) => {
          looks += 1;
          return Promise.resolve({ executionArn, startedAt: at(0), status: looks > 3 ? 'ABORTED' : 'RUNNING' });
        },
      },
      play: async ({ id }) => {
        await world.store.putProgress({
          id,
          attempt: 2,
          status: 'running',
          phase: 'dumping',
          bytes: 50,
          totalBytes: 100,
          updatedAt: at(0),
        });
        return {};
      },
    });
    await world.run('backup', 'shop');
    expect(world.steps[0]).toMatchObject({
      label: 'backup shop',
      phase: 'dumping (attempt 2)',
      bytes: 50,
      totalBytes: 100,
    });
  });

  it('of a target nobody knows starts nothing', async () => {
    const world = fakeWorld();
    expect(await world.run('backup', 'nope', '--json')).toBe(3);
    expect(errorShape.parse(world.json()).failure.code).toBe('TARGET_UNKNOWN');
    expect(world.starts).toEqual([]);
  });

  it('never starts two executions of one name', async () => {
    const world = fakeWorld();
    await world.run('backup', 'shop', '--detach');
    await world.run('backup', 'shop', '--detach');
    const [one, two] = world.starts;
    expect(one!.name).not.toBe(two!.name);
    expect(one!.name.length).toBeLessThanOrEqual(80);
    expect(one!.name).toMatch(/^user-shop-20261121T090000Z-[0-9a-f]{8}$/);
  });
});

describe('nightjar restore', () => {
  const restored =
    (status: 'COMPLETED' | 'FAILED', more: object = {}): Play =>
    async ({ id, executionArn, startedAt }) => {
      const record = restoreOf(0, { restoreId: id, executionArn, startedAt, status, ...more });
      await world.store.openRestore(record);
      return status === 'COMPLETED'
        ? { status: 'SUCCEEDED' }
        : { status: 'FAILED', error: 'RESTORE_FAILED', cause: '' };
    };
  let world: ReturnType<typeof fakeWorld>;

  it('hands the very backup it chose to the workflow', async () => {
    world = fakeWorld({ play: restored('COMPLETED') });
    const good = await putGood(world.store, 10);
    expect(await world.run('restore', 'shop', '--swap', '--json')).toBe(0);
    expect(world.starts[0]).toMatchObject({
      machine: 'restore',
      input: { target: 'shop', at: good.backupId, mode: 'swap' },
    });
    expect(restoreShape.parse(world.json())).toMatchObject({ ok: true, backupId: good.backupId });
  });

  it('takes the newest good backup at or before a moment', async () => {
    world = fakeWorld();
    const older = await putGood(world.store, 50);
    await putGood(world.store, 10);
    await world.run('restore', 'shop', '--at', at(40), '--detach');
    expect(world.starts[0]?.input.at).toBe(older.backupId);
  });

  it('without a mode goes beside what is there', async () => {
    world = fakeWorld();
    await putGood(world.store, 10);
    await world.run('restore', 'shop', '--detach');
    expect(world.starts[0]?.input.mode).toBe('new');
  });

  it('carries every option over', async () => {
    world = fakeWorld();
    await putGood(world.store, 10);
    const argv = ['--database', 'copy', '--to', 'blog', '--table', 'public.a', '--table', 'public.b'];
    argv.push('--map-role', 'app=shop_app', '--map-role', 'a=b=c');
    await world.run('restore', 'shop', '--new', ...argv, '--schema-only', '--jobs', '4', '--detach');
    expect(world.starts[0]?.input).toMatchObject({
      database: 'copy',
      destination: 'blog',
      scope: { tables: ['public.a', 'public.b'], schemaOnly: true },
      roleMap: { app: 'shop_app', a: 'b=c' },
      jobs: 4,
    });
    await world.run('restore', 'shop', '--no-owner', '--detach');
    expect(world.starts[1]?.input).toMatchObject({ noOwner: true });
  });

  it.each(['RUNNING', 'FAILED', 'ROLLED_BACK'] as const)('whose record is %s is no success', async (status) => {
    world = fakeWorld({
      play: async ({ id, executionArn, startedAt }) => {
        await world.store.openRestore(restoreOf(0, { restoreId: id, executionArn, startedAt, status }));
        return { status: 'SUCCEEDED' };
      },
    });
    await putGood(world.store, 10);
    expect(await world.run('restore', 'shop', '--swap', '--json')).toBe(1);
    expect(restoreShape.parse(world.json())).toMatchObject({ ok: false, failure: { code: 'UNEXPECTED' } });
  });

  /** As the task of a failed restore or rollback left its last word. */
  const lastWord = (id: string, more: Partial<Progress> = {}): Progress => ({
    ...{ id, attempt: 1, status: 'failed', phase: 'renaming', bytes: 1, updatedAt: at(0) },
    ...more,
  });
  const exchange = {
    name: 'shop',
    incoming: 'shop_nj_1',
    keepAs: 'shop_old_1',
    serves: 'mixed',
    underway: true,
  } as const;

  it('that failed is never 0 and says which data serves', async () => {
    const restoredDatabase = 'shop_nj_0123456789';
    const failed = { failure: failure('FINGERPRINT_DIFFERS'), restoredDatabase, replacedDatabase: undefined };
    world = fakeWorld({
      play: async (started) => {
        await world.store.putProgress(lastWord(started.id));
        return restored('FAILED', failed)(started);
      },
    });
    await putGood(world.store, 10);
    expect(await world.run('restore', 'shop', '--swap')).toBe(1);
    expect(world.text()).toContain('The old data serves under shop;');
    expect(world.text()).toContain('shop_nj_0123456789');
  });

  it('whose exchange of names broke off says so, and never that the old data serves', async () => {
    world = fakeWorld({
      play: async (started) => {
        await world.store.putProgress(lastWord(started.id, { exchange }));
        return restored('FAILED', { failure: failure('SWAP_UNFINISHED'), exchange })(started);
      },
    });
    await putGood(world.store, 10);
    expect(await world.run('restore', 'shop', '--swap')).toBe(1);
    expect(world.text()).toContain('A MIXTURE SERVES UNDER shop');
    expect(world.text()).not.toMatch(/old data (still )?serves|one transaction/);
  });

  it('is told the same of a rollback', async () => {
    world = fakeWorld({
      play: async ({ id }) => {
        await world.store.putProgress(lastWord(id, { exchange }));
        return { status: 'FAILED', error: 'SWAP_UNFINISHED', cause: '' };
      },
    });
    const record = restoreOf(2, { replacedDatabase: 'shop_old_1' });
    await world.store.openRestore(record);
    expect(await world.run('rollback', record.restoreId)).toBe(1);
    expect(world.text()).toContain('A MIXTURE SERVES UNDER shop');
    expect(world.text()).not.toContain('one transaction');
  });

  it.each([
    ['overwrite without confirm', ['--overwrite'], 'CONFIRM_REQUIRED', 6],
    ['overwrite with another name', ['--overwrite', '--confirm', 'blog'], 'CONFIRM_REQUIRED', 6],
    ['overwrite of another database', ['--overwrite', '--database', 'x', '--confirm', 'x'], 'INPUT_INVALID', 2],
    ['a swap of some tables', ['--swap', '--table', 'public.a'], 'SCOPE_REFUSED', 6],
    ['two modes', ['--swap', '--new'], 'INPUT_INVALID', 2],
    ['schema and data only', ['--schema-only', '--data-only'], 'INPUT_INVALID', 2],
    ['a moment without a zone', ['--at', '2026-11-21 02:30'], 'INPUT_INVALID', 2],
    ['a moment before the first backup', ['--at', '2020-01-01T00:00Z'], 'NO_BACKUP', 3],
    ['an id nobody knows', ['--at', '01ARZ3NDEKTSV4RRFFQ69G5FAV'], 'BACKUP_UNKNOWN', 3],
    ['a destination nobody knows', ['--to', 'nope'], 'TARGET_UNKNOWN', 3],
    ['a role that becomes nobody', ['--map-role', 'app='], 'INPUT_INVALID', 2],
    ['a map of owners that are left out', ['--map-role', 'a=b', '--no-owner'], 'INPUT_INVALID', 2],
    ['a mode nobody knows', ['--mode', 'magic'], 'INPUT_INVALID', 2],
  ])('refuses %s before anything starts', async (_, argv, code, exit) => {
    world = fakeWorld();
    await putGood(world.store, 10);
    expect(await world.run('restore', 'shop', ...argv, '--json')).toBe(exit);
    expect(errorShape.parse(world.json()).failure.code).toBe(code);
    expect(world.starts).toEqual([]);
  });

  it('refuses a backup that is not COMPLETED', async () => {
    world = fakeWorld();
    const good = await putGood(world.store, 50);
    await putGood(world.store, 10);
    await world.store.deleteBackup('shop', good.backupId, at(0));
    expect(await world.run('restore', 'shop', '--at', good.backupId.toLowerCase(), '--json')).toBe(6);
    expect(errorShape.parse(world.json()).failure.code).toBe('BACKUP_NOT_GOOD');
  });
});

describe('nightjar rollback', () => {
  it('waits until the restore is ROLLED_BACK', async () => {
    const record = restoreOf(2);
    const world = fakeWorld({
      play: async () => {
        await world.store.updateRestore(record.restoreId, ['COMPLETED'], { status: 'ROLLED_BACK' });
        return { status: 'SUCCEEDED' };
      },
    });
    await world.store.openRestore(record);
    expect(await world.run('rollback', record.restoreId.toLowerCase(), '--json')).toBe(0);
    expect(rollbackShape.parse(world.json()).restore?.status).toBe('ROLLED_BACK');
    expect(world.starts[0]).toMatchObject({ machine: 'rollback', input: { restoreId: record.restoreId } });
  });

  it('brings back also what a swap replaced that only could not be recorded', async () => {
    const record = restoreOf(2, { status: 'FAILED', replacedUntil: undefined });
    const world = fakeWorld({
      play: async () => {
        await world.store.updateRestore(record.restoreId, ['FAILED'], { status: 'ROLLED_BACK' });
        return { status: 'SUCCEEDED' };
      },
    });
    await world.store.openRestore(record);
    expect(await world.run('rollback', record.restoreId, '--json')).toBe(0);
  });

  it.each([
    ['of mode new', { mode: 'new' as const }],
    ['that failed before it was done', { status: 'FAILED' as const, replacedDatabase: undefined }],
    ['rolled back already', { status: 'ROLLED_BACK' as const }],
    ['whose old database was dropped', { replacedDroppedAt: at(1) }],
  ])('refuses a restore %s', async (_, more) => {
    const world = fakeWorld();
    const record = restoreOf(2, more);
    await world.store.openRestore(record);
    expect(await world.run('rollback', record.restoreId, '--json')).toBe(6);
    expect(errorShape.parse(world.json()).failure.code).toBe('ROLLBACK_IMPOSSIBLE');
    expect(world.starts).toEqual([]);
  });
});

describe('nightjar prune', () => {
  it('--plan keeps a target’s newest good backup whatever its age, and starts nothing', async () => {
    const world = fakeWorld();
    const old = await putGood(world.store, 24 * 200);
    const newest = await putGood(world.store, 24 * 120);
    await putGood(world.store, 24 * 100, { target: 'gone' });
    await world.store.openRestore(restoreOf(24 * 20, { replacedUntil: at(24) }));
    expect(await world.run('prune', '--plan', '--json')).toBe(0);
    const { plan } = prunePlannedShape.parse(world.json());
    expect(plan.expire.map((one) => one.backupId)).toEqual([old.backupId]);
    expect(plan.expire.map((one) => one.backupId)).not.toContain(newest.backupId);
    expect(plan.drops).toEqual([expect.objectContaining({ database: 'shop_old_abcdefghij' })]);
    expect(plan.kept).toBe(2);
    expect(world.starts).toEqual([]);
  });

  it('--plan shows what failed restores left behind, as the pruner would drop it', async () => {
    const world = fakeWorld();
    const failed = { status: 'FAILED', replacedUntil: undefined, replacedDatabase: undefined } as const;
    const killed = restoreOf(24 * 9, failed);
    for (const one of [killed, restoreOf(24 * 2, failed), restoreOf(24 * 20, { ...failed, destination: 'gone' })])
      await world.store.openRestore(one);
    await world.run('prune', '--plan', '--json');
    expect(prunePlannedShape.parse(world.json()).plan.drops).toEqual([
      { restoreId: killed.restoreId, destination: 'shop', database: aliasDatabase('shop', killed.restoreId) },
    ]);
  });

  it('that could not delete everything is not 0', async () => {
    const world = fakeWorld({ play: () => ({ status: 'FAILED', error: 'UNEXPECTED', cause: '2 were locked' }) });
    expect(await world.run('prune', '--json')).toBe(1);
    expect(pruneShape.parse(world.json()).failure?.detail).toContain('2 were locked');
  });

  it('says what the workflow did', async () => {
    const world = fakeWorld({ play: () => ({ status: 'SUCCEEDED', output: '{"deleted":3}' }) });
    expect(await world.run('prune', '--json')).toBe(0);
    expect(pruneShape.parse(world.json()).result).toEqual({ deleted: 3 });
    expect(world.now()).toBe(NOW);
  });
});
