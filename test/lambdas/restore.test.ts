import { beforeEach, describe, expect, it } from 'vitest';
import type { Comparison } from '../../core/backup.ts';
import type { ExchangeState } from '../../core/exchange.ts';
import { parseJob } from '../../core/job.ts';
import { aliasDatabase, replacedDatabase, restoredDatabase } from '../../core/names.ts';
import type { OpenEvent, RestoreInput } from '../../core/payloads.ts';
import { leftDatabase } from '../../core/retention.ts';
import { makeCheckThaw } from '../../lambdas/CheckThaw.ts';
import { makeCloseDrop } from '../../lambdas/CloseDrop.ts';
import { makeCloseOrphan } from '../../lambdas/CloseOrphan.ts';
import { makeClosePrune } from '../../lambdas/ClosePrune.ts';
import { makeCloseRestore } from '../../lambdas/CloseRestore.ts';
import { makeCloseRollback } from '../../lambdas/CloseRollback.ts';
import { makeFailRestore } from '../../lambdas/FailRestore.ts';
import { makeFailRollback } from '../../lambdas/FailRollback.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makeOpenDrop } from '../../lambdas/OpenDrop.ts';
import { makeOpenProbe } from '../../lambdas/OpenProbe.ts';
import { refuseForEngine } from '../../core/payloads.ts';
import { makeOpenRestore } from '../../lambdas/OpenRestore.ts';
import { makeOpenRollback } from '../../lambdas/OpenRollback.ts';
import { makePlanPrune } from '../../lambdas/PlanPrune.ts';
import { makeThawObjects } from '../../lambdas/ThawObjects.ts';
import {
  DAY,
  backupEvent,
  badBackup,
  caught,
  configOf,
  execution,
  failTask,
  goodBackup,
  idOf,
  makeWorld,
  ofServer,
  succeed,
  targetOf,
  work,
  type World,
} from './support/world.ts';

let world: World;
let backup: string;
beforeEach(async () => {
  world = makeWorld();
  backup = await goodBackup(world, 'shop');
  world.clock += 3_600_000;
});

const GIB = 1024 ** 3;
type Wish = Partial<RestoreInput> & { mode: RestoreInput['mode'] };
const restoreEvent = (wish: Wish): OpenEvent<RestoreInput> => ({
  ...execution(world, 'restore'),
  input: { target: 'shop', ...wish } as RestoreInput,
});
const open = (wish: Wish) => openDump(restoreEvent(wish));
async function openDump(event: OpenEvent<RestoreInput>) {
  const opened = await makeOpenRestore(world)(event);
  if (opened.way !== 'dump') throw new Error(`${opened.target} is no dump`);
  return opened;
}
const jobOf = (opened: { task: { job: string } }) => parseJob(opened.task.job);
const EQUAL: Comparison = {
  mode: 'counts',
  tablesCompared: 1,
  rowsExpected: 12,
  rowsFound: 12,
  differences: [],
  equal: true,
};

/** The task of a swap says that it came through. */
const swapDone = (id: string, old = 'shop_old_1') =>
  succeed<'restore'>(world, id, {
    kind: 'restore',
    restoredDatabase: 'shop',
    replacedDatabase: old,
    comparison: EQUAL,
    warnings: [],
  });

/** A swap, opened and closed. */
async function swapped() {
  const event = restoreEvent({ mode: 'swap' });
  const opened = await makeOpenRestore(world)(event);
  const old = replacedDatabase('shop', opened.id);
  await swapDone(opened.id, old);
  const closed = await makeCloseRestore(world)({ ...event, opened });
  world.over.add(event.executionArn);
  world.clock += 1_000;
  return { event, opened, closed, old };
}

describe('choosing what to restore', () => {
  it('takes the newest good backup by default and passes by failed ones', async () => {
    await badBackup(world, 'shop', 'AUTH_FAILED');
    expect(await open({ mode: 'new' })).toMatchObject({
      backupId: backup,
      source: 'shop',
      target: 'shop',
      safety: false,
    });
  });

  it('takes the newest one at or before a moment, whatever its time zone', async () => {
    world.clock += DAY;
    await goodBackup(world, 'shop');
    expect((await open({ mode: 'new', at: '2026-11-21T03:30:00+01:00' })).backupId).toBe(backup);
  });

  it('takes the very backup that is named', async () => {
    world.clock += DAY;
    await goodBackup(world, 'shop');
    expect((await open({ mode: 'new', at: backup })).backupId).toBe(backup);
  });

  it.each([
    ['NO_BACKUP', { mode: 'new', at: '2020-01-01T00:00:00Z' }],
    ['NO_BACKUP', { mode: 'new', target: 'billing' }],
    ['BACKUP_UNKNOWN', { mode: 'new', at: '01ARZ3NDEKTSV4RRFFQ69G5FAV' }],
    ['TARGET_UNKNOWN', { mode: 'new', target: 'nobody' }],
    ['TARGET_UNKNOWN', { mode: 'new', destination: 'nobody' }],
    ['SCOPE_REFUSED', { mode: 'swap', scope: { tables: ['public.orders'] } }],
    ['INPUT_INVALID', { mode: 'new', noOwner: true, roleMap: { app: 'other' } }],
    ['CONFIRM_REQUIRED', { mode: 'overwrite' }],
    ['CONFIRM_REQUIRED', { mode: 'overwrite', confirm: 'shops' }],
    ['INPUT_INVALID', { mode: 'overwrite', database: 'other', confirm: 'other' }],
    ['INPUT_INVALID', { mode: 'new', database: 'ä'.repeat(40) }],
    ['INPUT_INVALID', { mode: 'replace' as never }],
    ['INPUT_INVALID', { mode: 'new', at: 'yesterday' }],
  ] as [string, Wish][])('says %s for %o, and touches nothing', async (code, wish) => {
    await expect(open(wish)).rejects.toMatchObject({ name: code });
    expect(await world.catalog.listRestores()).toEqual([]);
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });

  it.each([
    ['SCOPE_REFUSED', 'mongodb', 'mongodb', { dataOnly: true }],
    ['INPUT_INVALID', 'mysql', 'postgres', undefined],
    ['done', 'mysql', 'mariadb', undefined],
    ['done', 'postgres', 'postgres', { dataOnly: true }],
  ] as const)('says %s for a backup of %s into %s with the scope %o', (code, from, to, scope) => {
    const refusal = (): string => {
      try {
        refuseForEngine(to, scope ? { scope } : {}, from);
        return 'done';
      } catch (thrown) {
        return (thrown as Error).name;
      }
    };
    expect(refusal()).toBe(code);
  });

  it('refuses a destination of another family, whatever the backup', async () => {
    const config = configOf({ targets: [targetOf('shop'), targetOf('other', { engine: 'mysql', port: 3306 })] });
    world.setConfig(config);
    await expect(open({ mode: 'new', destination: 'other' })).rejects.toMatchObject({ name: 'INPUT_INVALID' });
    expect(await world.catalog.listRestores()).toEqual([]);
  });

  describe('of a backup of a whole server', () => {
    beforeEach(async () => {
      world.setConfig(configOf({ targets: [targetOf('shop', { engine: 'mongodb', port: 27_017 })] }));
      backup = await goodBackup(world, 'shop', {}, (manifest) => ({
        ...ofServer(['shop', 'log'])(manifest),
        engine: 'mongodb',
      }));
    });
    const recordOf = async (id: string) => world.catalog.getRestore(id);

    it('takes the target’s own database where none is named', async () => {
      const opened = await open({ mode: 'swap' });
      expect(jobOf(opened)).toMatchObject({ database: 'shop', fromDatabase: 'shop' });
      expect(await recordOf(opened.id)).not.toHaveProperty('fromDatabase');
    });

    it('takes another under another name, and the record says so', async () => {
      const opened = await open({ mode: 'new', fromDatabase: 'log', database: 'log_copy' });
      expect(jobOf(opened)).toMatchObject({ database: 'log_copy', fromDatabase: 'log' });
      expect(await recordOf(opened.id)).toMatchObject({ database: 'log_copy', fromDatabase: 'log' });
    });

    it('takes all of them, and the record says so', async () => {
      const opened = await open({ mode: 'new', allDatabases: true });
      expect(jobOf(opened)).toMatchObject({ allDatabases: true, database: 'shop' });
      expect(await recordOf(opened.id)).toMatchObject({ allDatabases: true, database: 'shop' });
    });

    it.each<[string, Wish, string]>([
      ['a database that it does not hold', { mode: 'new', fromDatabase: 'ledger' }, 'INPUT_INVALID'],
      ['all of them by swap', { mode: 'swap', allDatabases: true }, 'SCOPE_REFUSED'],
      ['all of them under one name', { mode: 'new', allDatabases: true, database: 'one' }, 'SCOPE_REFUSED'],
      ['some tables of all of them', { mode: 'new', allDatabases: true, scope: { tables: ['a'] } }, 'SCOPE_REFUSED'],
    ])('refuses %s, before there is a record', async (_, wish, code) => {
      await expect(open(wish)).rejects.toMatchObject({ name: code });
      expect(await world.catalog.listRestores()).toEqual([]);
    });
  });

  it('refuses all databases of a backup of one, and of an engine that has no such backups', async () => {
    await expect(open({ mode: 'new', fromDatabase: 'other' })).rejects.toMatchObject({ name: 'INPUT_INVALID' });
    world.setConfig(configOf({ targets: [targetOf('shop', { engine: 'mongodb', port: 27_017 })] }));
    await goodBackup(world, 'shop', {}, (manifest) => ({ ...manifest, engine: 'mongodb' }));
    await expect(open({ mode: 'new', allDatabases: true })).rejects.toMatchObject({ name: 'SCOPE_REFUSED' });
    expect(() => refuseForEngine('sqlite', { mode: 'new', allDatabases: true })).toThrow(/backups of whole servers/);
    expect(await world.catalog.listRestores()).toEqual([]);
  });

  it('refuses what a backup of a part can not replace, before a safety backup is taken', async () => {
    await goodBackup(world, 'shop', {}, (manifest) => ({ ...manifest, scope: { tables: ['public.orders'] } }));
    await expect(open({ mode: 'swap' })).rejects.toMatchObject({ name: 'SCOPE_REFUSED' });
    expect(await world.catalog.listRestores()).toEqual([]);
    expect((await open({ mode: 'overwrite', confirm: 'shop' })).safety).toBe(true);
  });

  it('refuses part of a backup that comes back as it is only, before a safety backup is taken', async () => {
    await goodBackup(world, 'shop', {}, (manifest) => ({ ...manifest, format: 'plain' }));
    for (const scope of [{ tables: ['public.orders'] }, { schemaOnly: true }, { dataOnly: true }])
      await expect(open({ mode: 'overwrite', confirm: 'shop', scope })).rejects.toMatchObject({
        name: 'SCOPE_REFUSED',
        message: expect.stringContaining('format plain is one script') as string,
      });
    expect(await world.catalog.listRestores()).toEqual([]);
    expect((await open({ mode: 'overwrite', confirm: 'shop' })).safety).toBe(true);
  });

  it('refuses what the engine can not do with the part that a backup holds, before a safety backup is taken', async () => {
    world.setConfig(configOf({ targets: [targetOf('shop', { engine: 'mongodb', port: 27_017 })] }));
    await goodBackup(world, 'shop', {}, (manifest) => ({
      ...manifest,
      engine: 'mongodb',
      scope: { schemaOnly: true },
    }));
    const overwrite = open({ mode: 'overwrite', confirm: 'shop' });
    await expect(overwrite).rejects.toMatchObject({ name: 'SCOPE_REFUSED' });
    await expect(overwrite).rejects.toThrow('empty the living database');
    expect(await world.catalog.listRestores()).toEqual([]);
    expect((await open({ mode: 'new' })).safety).toBe(false);
  });

  it('overwrites nothing that its safety backup would not hold', async () => {
    world.setConfig(configOf({ targets: [targetOf('shop', { scope: { exclude: ['public.log'] } })] }));
    await expect(open({ mode: 'overwrite', confirm: 'shop' })).rejects.toMatchObject({ name: 'SCOPE_REFUSED' });
    expect(await world.catalog.listRestores()).toEqual([]);
    const scope = { tables: ['public.orders'] };
    expect((await open({ mode: 'overwrite', confirm: 'shop', scope })).safety).toBe(true);
  });

  it('hands a map of roles on to the task', async () => {
    const opened = await open({ mode: 'new', roleMap: { app: 'other' } });
    expect(jobOf(opened)).toMatchObject({ roleMap: { app: 'other' } });
  });

  it('refuses a backup that failed', async () => {
    const bad = await badBackup(world, 'shop', 'AUTH_FAILED');
    await expect(open({ mode: 'new', at: bad })).rejects.toMatchObject({ name: 'BACKUP_NOT_GOOD' });
  });

  it('refuses a backup whose manifest is another’s, or whose objects are gone', async () => {
    const record = (await world.catalog.getBackup('shop', backup))!;
    const name = `${record.manifestKey}@${record.manifestVersionId}`;
    const held = world.vault.objects.get(name)!;
    world.vault.objects.set(name, { ...held, body: held.body.replaceAll(backup, '01ARZ3NDEKTSV4RRFFQ69G5FAV') });
    await expect(open({ mode: 'new' })).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
    world.vault.objects.set(name, held);
    for (const key of world.vault.objects.keys()) if (key.includes('archive')) world.vault.objects.delete(key);
    await expect(open({ mode: 'new' })).rejects.toMatchObject({ name: 'OBJECT_MISSING' });
  });

  it('restores a target that left the config into one that is in it', async () => {
    world.setConfig(configOf({ targets: [targetOf('billing')] }));
    const opened = await open({ mode: 'new', destination: 'billing' });
    expect(opened).toMatchObject({ source: 'shop', target: 'billing' });
    expect(jobOf(opened)).toMatchObject({ target: { name: 'billing' }, source: { target: 'shop', backupId: backup } });
  });
});

describe('opening a restore', () => {
  it('writes a RUNNING record and keeps backups of the destination away', async () => {
    const event = restoreEvent({ mode: 'swap', requestedBy: 'someone' });
    const opened = await makeOpenRestore(world)(event);
    expect(await world.catalog.getRestore(idOf(event))).toMatchObject({
      target: 'shop',
      destination: 'shop',
      backupId: backup,
      mode: 'swap',
      database: 'shop',
      status: 'RUNNING',
      requestedBy: 'someone',
    });
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).rejects.toMatchObject({ name: 'TARGET_BUSY' });
    expect(await makeOpenRestore(world)(event)).toEqual(opened);
  });

  it('names the new database after the old one', async () => {
    const opened = await open({ mode: 'new' });
    expect(jobOf(opened)).toMatchObject({ database: restoredDatabase('shop', opened.id) });
    expect(restoredDatabase('shop', opened.id)).toMatch(/^shop_restored_/);
  });

  it('takes a safety backup before it overwrites, which passes the restore’s own lock', async () => {
    const opened = await open({ mode: 'overwrite', confirm: 'shop' });
    expect(opened.safety).toBe(true);
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).rejects.toMatchObject({ name: 'TARGET_BUSY' });
    const safety = backupEvent(world, 'shop', { trigger: 'admin', safetyFor: opened.id });
    await expect(makeOpenBackup(world)(safety)).resolves.toMatchObject({ target: 'shop' });
  });

  it('waits for a backup that runs, and passes by one whose execution died', async () => {
    const running = backupEvent(world, 'shop');
    const { id } = await makeOpenBackup(world)(running);
    await expect(open({ mode: 'swap' })).rejects.toMatchObject({ name: 'TARGET_BUSY' });
    world.over.add(running.executionArn);
    await expect(open({ mode: 'swap' })).resolves.toMatchObject({ target: 'shop' });
    expect((await world.catalog.getBackup('shop', id))?.status).toBe('FAILED');
  });

  it('into a new database waits for no backup and stops none', async () => {
    await open({ mode: 'new' });
    await makeOpenBackup(world)(backupEvent(world, 'shop'));
    await expect(open({ mode: 'new' })).resolves.toMatchObject({ target: 'shop' });
  });

  it('takes over from a dead restore, whose record it closes', async () => {
    const dead = restoreEvent({ mode: 'swap' });
    const { id } = await makeOpenRestore(world)(dead);
    await work(world, id, 'restoring');
    world.over.add(dead.executionArn);
    await open({ mode: 'swap' });
    expect(await world.catalog.getRestore(id)).toMatchObject({
      status: 'FAILED',
      failure: { code: 'EXECUTION_FAILED' },
    });
    expect(world.stopped).toHaveLength(1);
  });

  it.each([
    ['one job from a stream for a small archive', GIB / 8, {}, { jobs: 1, ephemeralGiB: 21 }],
    ['parallel from the disk for a large one', 20 * GIB, {}, { jobs: 4, ephemeralGiB: 27 }],
    ['one job where no disk is large enough', 300 * GIB, {}, { jobs: 1, ephemeralGiB: 21 }],
    [
      'as many jobs as were asked for, with room for the archive',
      100 * GIB,
      { jobs: 8 },
      { jobs: 8, ephemeralGiB: 115 },
    ],
  ])('uses %s', async (_, bytes, wish, wanted) => {
    await resize(bytes);
    const opened = await open({ mode: 'new', ...wish });
    expect({ jobs: (jobOf(opened) as { jobs?: number }).jobs, ephemeralGiB: opened.task.ephemeralGiB }).toEqual(wanted);
  });

  it('refuses jobs that need more disk than there can be', async () => {
    await resize(300 * GIB);
    await expect(open({ mode: 'new', jobs: 4 })).rejects.toMatchObject({ name: 'DISK_FULL' });
  });

  it('opens a probe without a lock', async () => {
    await makeOpenBackup(world)(backupEvent(world, 'shop'));
    const probe = await makeOpenProbe(world)({ ...execution(world, 'probe'), input: { target: 'shop' } });
    expect(jobOf(probe)).toMatchObject({ kind: 'probe', id: probe.id });
    expect(probe.task.family).toBe('shop-prod-dump');
  });

  it('opens a look at the identity as a restore, because a dump may not read it', async () => {
    const input = { target: 'shop', of: 'identity' } as const;
    const probe = await makeOpenProbe(world)({ ...execution(world, 'probe'), input });
    expect(jobOf(probe)).toMatchObject({ kind: 'identity', id: probe.id });
    expect(probe.task.family).toBe('shop-prod-restore');
  });
});

/** Makes the good backup's manifest speak of so many bytes. */
async function resize(bytes: number): Promise<void> {
  const record = (await world.catalog.getBackup('shop', backup))!;
  const name = `${record.manifestKey}@${record.manifestVersionId}`;
  const held = world.vault.objects.get(name)!;
  const manifest = JSON.parse(held.body) as { archive: { bytes: number } };
  manifest.archive.bytes = bytes;
  world.vault.objects.set(name, { ...held, body: JSON.stringify(manifest) });
}

describe('objects in Glacier', () => {
  const freeze = (access: 'here' | 'frozen' | 'thawing') => {
    for (const [key, held] of world.vault.objects) if (key.includes('archive')) held.access = access;
  };

  it('are thawed, asked for once, and waited for', async () => {
    freeze('frozen');
    const { frozen, source, backupId } = await open({ mode: 'new' });
    expect(frozen).toBe(true);
    const event = { source, backupId };
    expect(await makeThawObjects(world)(event)).toEqual({ thawed: false, objects: 1, ready: 0 });
    await makeThawObjects(world)(event);
    expect(world.vault.thawed).toHaveLength(1);
    const check = { ...event, startedAt: world.now().toISOString() };
    expect((await makeCheckThaw(world)(check)).thawed).toBe(false);
    freeze('here');
    expect(await makeCheckThaw(world)(check)).toEqual({ thawed: true, objects: 1, ready: 1 });
  });

  it('are thawed of the one database that is wanted, and of all when all are', async () => {
    let keys: string[] = [];
    backup = await goodBackup(world, 'shop', {}, (manifest) => {
      const [first] = manifest.objects;
      const objects = ['shop', 'log'].map((database) => ({ ...first!, database, key: `${first!.key}-${database}` }));
      keys = objects.map((one) => one.key);
      for (const { key, versionId } of objects)
        world.vault.objects.set(`${key}@${versionId}`, {
          ...world.vault.objects.get(`${first!.key}@${versionId}`)!,
          access: 'frozen',
        });
      return { ...ofServer(['shop', 'log'])(manifest), objects };
    });
    const thaw = async (wish: Wish) => makeThawObjects(world)(await open(wish));
    expect(await thaw({ mode: 'new', fromDatabase: 'log' })).toEqual({ thawed: false, objects: 1, ready: 0 });
    expect(world.vault.thawed).toEqual([keys[1]]);
    for (const [key, held] of world.vault.objects) if (key.startsWith(keys[1]!)) held.access = 'here';
    const one = await open({ mode: 'new', fromDatabase: 'log', database: 'log_copy' });
    expect(one.frozen).toBe(false);
    const check = { ...one, startedAt: world.now().toISOString() };
    expect(await makeCheckThaw(world)(check)).toEqual({ thawed: true, objects: 1, ready: 1 });
    // An execution that an earlier version began names none.
    expect((await makeCheckThaw(world)({ ...check, fromDatabase: undefined })).thawed).toBe(false);
    expect(await thaw({ mode: 'new', allDatabases: true })).toEqual({ thawed: false, objects: 2, ready: 1 });
    expect(world.vault.thawed).toEqual([keys[1], keys[0]]);
  });

  it('are given up after three days', async () => {
    freeze('thawing');
    const check = { source: 'shop', backupId: backup, startedAt: world.now().toISOString() };
    world.clock += 3 * DAY + 1;
    await expect(makeCheckThaw(world)(check)).rejects.toMatchObject({ name: 'THAW_TIMED_OUT' });
    freeze('here');
    expect((await makeCheckThaw(world)(check)).thawed).toBe(true);
  });
});

describe('closing a restore', () => {
  it('keeps what the comparison found and until when a rollback is possible', async () => {
    const { closed, opened, old } = await swapped();
    expect(closed).toMatchObject({ status: 'COMPLETED', restoredDatabase: 'shop', replacedDatabase: old, rows: 12 });
    const record = (await world.catalog.getRestore(opened.id))!;
    expect(record.comparison).toEqual(EQUAL);
    expect(Date.parse(record.replacedUntil!) - Date.parse(record.endedAt!)).toBe(7 * DAY);
    expect(world.published.at(-1)).toMatchObject({ name: 'Nightjar Restore Completed' });
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });

  it('remembers the safety backup', async () => {
    const event = restoreEvent({ mode: 'overwrite', confirm: 'shop' });
    const opened = await makeOpenRestore(world)(event);
    await succeed<'restore'>(world, opened.id, {
      kind: 'restore',
      restoredDatabase: 'shop',
      comparison: EQUAL,
      warnings: [],
    });
    await makeCloseRestore(world)({ ...event, opened, safety: { Output: { backupId: 'SAFE' } } });
    expect((await world.catalog.getRestore(opened.id))?.safetyBackupId).toBe('SAFE');
  });

  it('completes no restore whose rows differ, and none that said nothing', async () => {
    const event = restoreEvent({ mode: 'new' });
    const opened = await makeOpenRestore(world)(event);
    await expect(makeCloseRestore(world)({ ...event, opened })).rejects.toMatchObject({ name: 'TASK_DIED' });
    const differences = [{ schema: 'public', table: 'orders', expected: '12', found: '11' }];
    await succeed<'restore'>(world, opened.id, {
      kind: 'restore',
      restoredDatabase: 'x',
      comparison: { ...EQUAL, rowsFound: 11, differences, equal: false },
      warnings: [],
    });
    await expect(makeCloseRestore(world)({ ...event, opened })).rejects.toMatchObject({ name: 'FINGERPRINT_DIFFERS' });
    expect((await world.catalog.getRestore(opened.id))?.status).toBe('RUNNING');
  });
});

describe('a restore that failed says which place serves', () => {
  const fail = async (wish: Wish, act: (id: string) => Promise<void>) => {
    const event = restoreEvent(wish);
    const opened = await makeOpenRestore(world)(event);
    await act(opened.id);
    const failed = await makeFailRestore(world)({ ...event, opened, failure: caught('States.TaskFailed') });
    return { ...failed, id: opened.id };
  };

  it('the old one, when a swap’s task said that it failed', async () => {
    const { cause, code, id } = await fail({ mode: 'swap' }, (one) => failTask(world, one, 'CHECKSUM_MISMATCH'));
    expect(code).toBe('CHECKSUM_MISMATCH');
    expect(cause).toContain('The old data serves under shop');
    expect(await world.catalog.getRestore(id)).toMatchObject({ status: 'FAILED', failure: { code } });
    expect(world.published.at(-1)).toMatchObject({ name: 'Nightjar Restore Failed', detail: { restoreId: id } });
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });

  it('not known, and how to tell, when a swap’s task fell silent', async () => {
    const { cause, id } = await fail({ mode: 'swap' }, (one) => work(world, one, 'exchanging names'));
    expect(cause).toContain(`if the server has a database ${replacedDatabase('shop', id)}`);
    expect(world.stopped).toHaveLength(1);
  });

  const exchange = (id: string, more: Partial<ExchangeState> = {}): ExchangeState => ({
    name: 'shop',
    incoming: aliasDatabase('shop', id),
    keepAs: replacedDatabase('shop', id),
    serves: 'incoming',
    underway: true,
    ...more,
  });
  /** As a task says that it failed, or was cut off, in the midst of an exchange. */
  const brokenAt = async (id: string, state: ExchangeState, { attempt = 1, silent = false } = {}): Promise<void> => {
    await (silent ? work(world, id, 'renaming', attempt) : failTask(world, id, 'SWAP_UNFINISHED', 'words', attempt));
    await world.catalog.putProgress({ ...(await world.catalog.getProgress(id, attempt))!, exchange: state });
  };

  it.each([
    ['the restored data serves', 'incoming', /The restored data serves under shop, but not all .*shop_old_/],
    ['a mixture serves', 'mixed', /A MIXTURE SERVES UNDER shop.*Nothing is lost.*Start the restore/],
    ['nobody knows which data serves', 'either', /Whether the old data or the restored data serves under shop is not/],
  ] as const)('and where the rest is, when an exchange broke off and %s', async (_, serves, words) => {
    for (const silent of [false, true]) {
      world.clock += 60_000;
      const { cause, id } = await fail({ mode: 'swap' }, (one) => brokenAt(one, exchange(one, { serves }), { silent }));
      expect(cause).toMatch(words);
      expect(cause).not.toContain('The old data serves under');
      expect(world.published.at(-1)?.detail.serving).toMatch(words);
      const old = replacedDatabase('shop', id);
      const record = await world.catalog.getRestore(id);
      expect(record).toMatchObject({ status: 'FAILED', replacedDatabase: old, exchange: { serves, underway: true } });
      // So it can be taken back, and the pruner asks for the old one, never for what the exchange still needs.
      const input = { restoreId: id };
      const task = await makeOpenRollback(world)({ ...execution(world, 'rollback'), input });
      expect(jobOf(task as never)).toMatchObject({ kind: 'rollback', replacedDatabase: old });
      await world.catalog.unlock('shop', 'restore', task.id);
      expect(leftDatabase(record!, [])).toBe(old);
    }
  });

  it('as an earlier attempt said, when the last one did not reach the server', async () => {
    const { cause, id } = await fail({ mode: 'swap' }, async (one) => {
      await brokenAt(one, exchange(one, { serves: 'mixed' }));
      await failTask(world, one, 'CONNECT_FAILED', 'its own words', 2);
    });
    expect(cause).toContain('A MIXTURE SERVES UNDER shop');
    expect((await world.catalog.getRestore(id))?.exchange).toMatchObject({ serves: 'mixed' });
  });

  it('the old one, when an exchange was given up; and another restore’s database is not taken for its own', async () => {
    const given = { serves: 'before', underway: false } as const;
    const { cause, id } = await fail({ mode: 'swap' }, (one) => brokenAt(one, exchange(one, given)));
    expect(cause).toContain('The old data serves under shop');
    expect((await world.catalog.getRestore(id))?.replacedDatabase).toBeUndefined();
    const other = await fail({ mode: 'swap' }, (one) => brokenAt(one, exchange(id)));
    expect(other.cause).toContain(replacedDatabase('shop', id));
    expect((await world.catalog.getRestore(other.id))?.replacedDatabase).toBeUndefined();
  });

  it('also after an overwrite whose names broke off', async () => {
    const { cause } = await fail({ mode: 'overwrite', confirm: 'shop' }, (one) =>
      brokenAt(one, exchange(one, { serves: 'mixed' })),
    );
    expect(cause).toContain('A MIXTURE SERVES UNDER shop');
    expect(cause).not.toMatch(/rolled back|never a mixture/);
  });

  it('the new one, when the swap was done and only its closing failed', async () => {
    const { cause } = await fail({ mode: 'swap' }, (one) => swapDone(one));
    expect(cause).toContain('The restored data serves under shop; the old data is kept as shop_old_1');
  });

  it('nothing was touched, when it never began', async () => {
    const { cause } = await fail({ mode: 'overwrite', confirm: 'shop' }, () => Promise.resolve());
    expect(cause).toContain('Nothing was touched');
    const event = restoreEvent({ mode: 'overwrite' });
    const failed = await makeFailRestore(world)({ ...event, failure: caught('CONFIRM_REQUIRED') });
    expect(failed).toMatchObject({ code: 'CONFIRM_REQUIRED' });
    expect(failed.cause).toContain('Nothing was touched');
    expect(await world.catalog.getRestore(idOf(event))).toBeUndefined();
  });

  it('the old one, rolled back, and where the safety backup is, when an overwrite broke', async () => {
    const event = restoreEvent({ mode: 'overwrite', confirm: 'shop' });
    const opened = await makeOpenRestore(world)(event);
    await failTask(world, opened.id, 'RESTORE_FAILED');
    const safety = { Output: { backupId: 'SAFE' } };
    const { cause } = await makeFailRestore(world)({ ...event, opened, safety, failure: caught('x') });
    expect(cause).toContain('was rolled back: the old data serves under shop. Its state before is the backup SAFE');
  });

  it('stays COMPLETED when it was', async () => {
    const { event, opened } = await swapped();
    const { cause } = await makeFailRestore(world)({ ...event, opened, failure: caught('UNEXPECTED') });
    expect(cause).toContain('COMPLETED');
    expect((await world.catalog.getRestore(opened.id))?.status).toBe('COMPLETED');
  });

  it('also when its execution was stopped from outside', async () => {
    const event = restoreEvent({ mode: 'swap' });
    const opened = await makeOpenRestore(world)(event);
    await work(world, opened.id, 'restoring');
    await makeCloseOrphan(world)(ended(event, 'restore'));
    expect(await world.catalog.getRestore(opened.id)).toMatchObject({
      status: 'FAILED',
      failure: { code: 'EXECUTION_ABORTED' },
    });
    expect(world.stopped).toHaveLength(1);
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });
});

const ended = (event: OpenEvent<unknown>, machine: string) => ({
  detail: {
    executionArn: event.executionArn,
    stateMachineArn: `arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-${machine}`,
    status: 'ABORTED',
    startDate: Date.parse(event.startedAt),
    input: JSON.stringify(event.input),
  },
});

describe('rolling a swap back', () => {
  const rollbackEvent = (restoreId: string) => ({ ...execution(world, 'rollback'), input: { restoreId } });

  it('gives the old data its name back, once', async () => {
    const { opened, old } = await swapped();
    const event = rollbackEvent(opened.id);
    const task = await makeOpenRollback(world)(event);
    if (task.way !== 'dump') throw new Error('no dump');
    expect(jobOf(task)).toMatchObject({ kind: 'rollback', database: 'shop', replacedDatabase: old });
    await succeed<'rollback'>(world, task.id, { kind: 'rollback', serving: 'shop', setAside: 'shop_undone_1' });
    const close = () => makeCloseRollback(world)({ ...event, opened: task });
    expect(await close()).toEqual({ restoreId: opened.id, serving: 'shop', setAside: 'shop_undone_1' });
    expect(await close()).toEqual({ restoreId: opened.id, serving: 'shop', setAside: 'shop_undone_1' });
    const record = (await world.catalog.getRestore(opened.id))!;
    expect(record).toMatchObject({ status: 'ROLLED_BACK', restoredDatabase: 'shop_undone_1' });
    expect(record.replacedDatabase).toBeUndefined();
    await expect(makeOpenRollback(world)(rollbackEvent(opened.id))).rejects.toMatchObject({
      name: 'ROLLBACK_IMPOSSIBLE',
    });
  });

  it('is refused for a restore that kept nothing, that failed, that is unknown, that was swapped again', async () => {
    const kept = restoreEvent({ mode: 'new' });
    await makeOpenRestore(world)(kept);
    await expect(makeOpenRollback(world)(rollbackEvent(idOf(kept)))).rejects.toMatchObject({
      name: 'ROLLBACK_IMPOSSIBLE',
    });
    await expect(makeOpenRollback(world)(rollbackEvent(backup))).rejects.toMatchObject({ name: 'RESTORE_UNKNOWN' });
    world.over.add(kept.executionArn);
    const first = await swapped();
    const second = await swapped();
    await expect(makeOpenRollback(world)(rollbackEvent(first.opened.id))).rejects.toMatchObject({
      name: 'ROLLBACK_IMPOSSIBLE',
      message: expect.stringContaining(second.opened.id) as string,
    });
    await expect(makeOpenRollback(world)(rollbackEvent(second.opened.id))).resolves.toBeDefined();
  });

  it('brings back what a swap replaced whose record could not be closed', async () => {
    const event = restoreEvent({ mode: 'swap' });
    const opened = await makeOpenRestore(world)(event);
    await swapDone(opened.id);
    await makeFailRestore(world)({ ...event, opened, failure: caught('Lambda.Unknown') });
    const back = rollbackEvent(opened.id);
    const task = await makeOpenRollback(world)(back);
    await succeed<'rollback'>(world, task.id, { kind: 'rollback', serving: 'shop', setAside: 'shop_undone_1' });
    await makeCloseRollback(world)({ ...back, opened: task });
    expect((await world.catalog.getRestore(opened.id))?.status).toBe('ROLLED_BACK');
  });

  it('is possible also after a swap whose execution died before it was recorded', async () => {
    const dead = restoreEvent({ mode: 'swap' });
    const { id } = await makeOpenRestore(world)(dead);
    await swapDone(id);
    world.over.add(dead.executionArn);
    await makeOpenBackup(world)(backupEvent(world, 'shop')).then(({ id: backupId }) =>
      world.catalog.unlock('shop', 'backup', backupId),
    );
    await expect(makeOpenRollback(world)(rollbackEvent(id))).resolves.toBeDefined();
  });

  it('that failed leaves the swap as it was and frees the target', async () => {
    const { opened } = await swapped();
    const event = rollbackEvent(opened.id);
    const task = await makeOpenRollback(world)(event);
    await failTask(world, task.id, 'SWAP_FAILED');
    const failed = await makeFailRollback(world)({ ...event, opened: task, failure: caught('States.TaskFailed') });
    expect(failed.code).toBe('SWAP_FAILED');
    expect(failed.cause).toContain('The restored data serves on under shop');
    expect((await world.catalog.getRestore(opened.id))?.status).toBe('COMPLETED');
    await expect(makeOpenRollback(world)(rollbackEvent(opened.id))).resolves.toBeDefined();
  });

  it.each([
    ['its own exchange', 'replaced', 'The old data serves under shop, but not all'],
    ['the swap’s, which it had to finish first', 'alias', 'The restored data serves under shop, but not all'],
  ] as const)('that broke off in %s says what serves', async (_, which, words) => {
    const { opened } = await swapped();
    const event = rollbackEvent(opened.id);
    const task = await makeOpenRollback(world)(event);
    await failTask(world, task.id, 'SWAP_UNFINISHED');
    const old = (await world.catalog.getRestore(opened.id))!.replacedDatabase!;
    const incoming = which === 'replaced' ? old : aliasDatabase('shop', opened.id);
    const state = { name: 'shop', incoming, keepAs: 'shop_x', serves: 'incoming', underway: true } as const;
    await world.catalog.putProgress({ ...(await world.catalog.getProgress(task.id))!, exchange: state });
    const { cause } = await makeFailRollback(world)({ ...event, opened: task, failure: caught('States.TaskFailed') });
    expect(cause).toContain(words);
  });

  it('that was stopped from outside frees the target', async () => {
    const { opened } = await swapped();
    const event = rollbackEvent(opened.id);
    const task = await makeOpenRollback(world)(event);
    await work(world, task.id);
    await makeCloseOrphan(world)(ended(event, 'rollback'));
    expect(world.stopped).toHaveLength(1);
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });
});

describe('a restore whose task can not be stopped', () => {
  const REFUSED = Object.assign(new Error('not authorized to perform ecs:StopTask'), { name: 'AccessDeniedException' });
  /** Answers with how to mend it. */
  const refuseToStop = () => {
    const { tasks } = world;
    Object.assign(world, { tasks: { stop: () => Promise.reject(REFUSED) } });
    return () => Object.assign(world, { tasks });
  };
  const begun = async (wish: Wish = { mode: 'swap' }) => {
    const event = restoreEvent(wish);
    const opened = await makeOpenRestore(world)(event);
    await work(world, opened.id, 'restoring');
    return { event, opened, id: opened.id };
  };
  const failing = ({ event, opened }: Awaited<ReturnType<typeof begun>>) =>
    makeFailRestore(world)({ ...event, opened, failure: caught('States.Timeout') });

  it('is FAILED and told of all the same, and the failing is loud', async () => {
    const one = await begun();
    refuseToStop();
    await expect(failing(one)).rejects.toMatchObject({
      name: 'UNEXPECTED',
      operation: 'stop task',
      detail: expect.stringMatching(/task\/nightjar\/.* could not be stopped.*AccessDeniedException/) as string,
    });
    expect(await world.catalog.getRestore(one.id)).toMatchObject({ status: 'FAILED', failure: { code: 'TIMED_OUT' } });
    expect(world.published.at(-1)).toMatchObject({ name: 'Nightjar Restore Failed' });
  });

  it.each(['swap', 'overwrite'] as const)('keeps others away while its task may still write (%s)', async (mode) => {
    const one = await begun({ mode, confirm: 'shop' });
    refuseToStop();
    await expect(failing(one)).rejects.toThrow();
    world.over.add(one.event.executionArn);
    for (const next of [() => open({ mode: 'swap' }), () => makeOpenBackup(world)(backupEvent(world, 'shop'))])
      await expect(next()).rejects.toMatchObject({
        name: 'TARGET_BUSY',
        detail: expect.stringContaining('could not be stopped') as string,
      });
  });

  it('lets go as soon as its task can be stopped', async () => {
    const one = await begun();
    const mend = refuseToStop();
    await expect(failing(one)).rejects.toThrow();
    world.over.add(one.event.executionArn);
    mend();
    await expect(open({ mode: 'swap' })).resolves.toBeDefined();
    expect(world.stopped).toHaveLength(1);
  });

  it('lets go when its task has said its last word, which is not forgotten', async () => {
    const one = await begun();
    refuseToStop();
    await expect(failing(one)).rejects.toThrow();
    world.over.add(one.event.executionArn);
    const old = replacedDatabase('shop', one.id);
    await swapDone(one.id, old);
    await expect(open({ mode: 'swap' })).resolves.toBeDefined();
    expect(await world.catalog.getRestore(one.id)).toMatchObject({
      status: 'FAILED',
      failure: { code: 'TIMED_OUT' },
      replacedDatabase: old,
    });
  });

  it('lets go when its task has been silent for longer than a living one can be', async () => {
    const one = await begun();
    refuseToStop();
    await expect(failing(one)).rejects.toThrow();
    world.over.add(one.event.executionArn);
    world.clock += 25 * 3_600_000;
    await expect(open({ mode: 'swap' })).rejects.toMatchObject({ name: 'TARGET_BUSY' });
    world.clock += 2 * 3_600_000;
    await expect(open({ mode: 'swap' })).resolves.toBeDefined();
  });

  it('keeps others away also when nobody failed it before, its record closed', async () => {
    const one = await begun();
    refuseToStop();
    world.over.add(one.event.executionArn);
    await expect(open({ mode: 'swap' })).rejects.toMatchObject({ name: 'TARGET_BUSY' });
    expect((await world.catalog.getRestore(one.id))?.status).toBe('FAILED');
  });

  it('keeps others away from a rollback too, and says so', async () => {
    const { opened } = await swapped();
    const event = { ...execution(world, 'rollback'), input: { restoreId: opened.id } };
    const task = await makeOpenRollback(world)(event);
    await work(world, task.id);
    const mend = refuseToStop();
    const failed = { ...event, opened: task, failure: caught('States.Timeout') };
    await expect(makeFailRollback(world)(failed)).rejects.toMatchObject({ name: 'UNEXPECTED' });
    await expect(open({ mode: 'swap' })).rejects.toMatchObject({ name: 'TARGET_BUSY' });
    mend();
    await makeCloseOrphan(world)(ended(event, 'rollback'));
    await expect(open({ mode: 'swap' })).resolves.toBeDefined();
  });
});

describe('dropping what a restore left behind', () => {
  const pruneEvent = () => ({ ...execution(world, 'prune'), input: {} });

  it('is planned only when its days are over, and ends the possibility of a rollback', async () => {
    const { opened, old } = await swapped();
    expect((await makePlanPrune(world)(pruneEvent())).drops).toEqual([]);
    world.clock += 8 * DAY;
    const event = pruneEvent();
    const plan = await makePlanPrune(world)(event);
    expect(plan.drops).toEqual([{ restoreId: opened.id, native: false }]);
    const item = { ...event, restoreId: opened.id };
    const task = await makeOpenDrop(world)(item);
    expect(jobOf(task)).toMatchObject({ kind: 'drop', id: task.id, replacedDatabase: old, database: 'shop' });
    await succeed<'drop'>(world, task.id, { kind: 'drop', dropped: true });
    const close = () => makeCloseDrop(world)({ ...item, opened: task });
    expect(await close()).toEqual({ restoreId: opened.id, dropped: true });
    const first = (await world.catalog.getRestore(opened.id))?.replacedDroppedAt;
    world.clock += 1_000;
    await close();
    expect((await world.catalog.getRestore(opened.id))?.replacedDroppedAt).toBe(first);
    expect((await makePlanPrune(world)(pruneEvent())).drops).toEqual([]);
    await expect(
      makeOpenRollback(world)({ ...execution(world, 'rollback'), input: { restoreId: opened.id } }),
    ).rejects.toMatchObject({ name: 'ROLLBACK_IMPOSSIBLE' });
  });

  it('and a rollback of it exclude each other', async () => {
    const { opened } = await swapped();
    world.clock += 8 * DAY;
    const rollback = { ...execution(world, 'rollback'), input: { restoreId: opened.id } };
    const task = await makeOpenRollback(world)(rollback);
    const item = { ...pruneEvent(), restoreId: opened.id };
    await expect(makeOpenDrop(world)(item)).rejects.toMatchObject({ name: 'TARGET_BUSY' });
    await succeed<'rollback'>(world, task.id, { kind: 'rollback', serving: 'shop', setAside: 'x' });
    await makeCloseRollback(world)({ ...rollback, opened: task });
    await expect(makeOpenDrop(world)(item)).rejects.toMatchObject({ name: 'ROLLBACK_IMPOSSIBLE' });
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });

  it('comes also to what a swap replaced that only could not be recorded', async () => {
    const event = restoreEvent({ mode: 'swap' });
    const opened = await makeOpenRestore(world)(event);
    const old = replacedDatabase('shop', opened.id);
    await swapDone(opened.id, old);
    await makeFailRestore(world)({ ...event, opened, failure: caught('Lambda.Unknown') });
    expect((await makePlanPrune(world)(pruneEvent())).drops).toEqual([]);
    world.clock += 8 * DAY;
    expect(await dropped(opened.id)).toBe(old);
    expect(await world.catalog.getRestore(opened.id)).toMatchObject({ status: 'FAILED' });
    expect((await makePlanPrune(world)(pruneEvent())).drops).toEqual([]);
  });

  it.each(['swap', 'new'] as const)('comes to the working database of a killed %s, once', async (mode) => {
    const event = restoreEvent({ mode });
    const opened = await makeOpenRestore(world)(event);
    await work(world, opened.id, 'restoring');
    await makeFailRestore(world)({ ...event, opened, failure: caught('States.TaskFailed') });
    expect((await makePlanPrune(world)(pruneEvent())).drops).toEqual([]);
    world.clock += 8 * DAY;
    const record = (await world.catalog.getRestore(opened.id))!;
    expect(await dropped(opened.id, false)).toBe(aliasDatabase(record.database, opened.id));
    expect((await makePlanPrune(world)(pruneEvent())).drops).toEqual([]);
  });

  it('comes to what was kept because its rows differ; the record names it until then', async () => {
    const event = restoreEvent({ mode: 'swap' });
    const opened = await makeOpenRestore(world)(event);
    await failTask(world, opened.id, 'FINGERPRINT_DIFFERS');
    await makeFailRestore(world)({ ...event, opened, failure: caught('States.TaskFailed') });
    const alias = aliasDatabase('shop', opened.id);
    expect((await world.catalog.getRestore(opened.id))?.restoredDatabase).toBe(alias);
    world.clock += 8 * DAY;
    expect(await dropped(opened.id)).toBe(alias);
  });

  it('comes to whatever a restore of all databases left, of which the record can not know the name', async () => {
    backup = await goodBackup(world, 'shop', {}, ofServer(['shop', 'log']));
    const event = restoreEvent({ mode: 'new', allDatabases: true });
    const opened = await makeOpenRestore(world)(event);
    await failTask(world, opened.id, 'FINGERPRINT_DIFFERS');
    const failed = await makeFailRestore(world)({ ...event, opened, failure: caught('States.TaskFailed') });
    expect(failed.cause).toContain(`What it was at is ${aliasDatabase('*', opened.id)}`);
    expect(failed.cause).toMatch(/MongoDB’s has its own name at once: it is not complete there/);
    expect((await world.catalog.getRestore(opened.id))?.restoredDatabase).toBeUndefined();
    world.clock += 8 * DAY;
    expect(await dropped(opened.id)).toBe(aliasDatabase('*', opened.id));
  });

  /** Plans and runs the one drop that is due. Answers with the database that its task was told to drop. */
  async function dropped(restoreId: string, there = true): Promise<string> {
    const event = pruneEvent();
    expect((await makePlanPrune(world)(event)).drops).toEqual([{ restoreId, native: false }]);
    const item = { ...event, restoreId };
    const task = await makeOpenDrop(world)(item);
    await succeed<'drop'>(world, task.id, { kind: 'drop', dropped: there });
    expect(await makeCloseDrop(world)({ ...item, opened: task })).toEqual({ restoreId, dropped: there });
    await expect(makeOpenDrop(world)(item)).rejects.toMatchObject({ name: 'ROLLBACK_IMPOSSIBLE' });
    await expect(open({ mode: 'swap' })).resolves.toBeDefined();
    return (jobOf(task) as { replacedDatabase: string }).replacedDatabase;
  }

  it('that failed frees the target at the end of the prune, and is planned again', async () => {
    const { opened } = await swapped();
    world.clock += 8 * DAY;
    const event = pruneEvent();
    const plan = await makePlanPrune(world)(event);
    const task = await makeOpenDrop(world)({ ...event, restoreId: opened.id });
    await failTask(world, task.id, 'PRIVILEGE_MISSING', 'must be owner of database');
    const drops = [{ ok: false, restoreId: opened.id, failure: caught('States.TaskFailed') }];
    const deleted = { deleted: 0, failed: 0, done: true };
    await expect(makeClosePrune(world)({ ...event, plan, deleted, drops })).rejects.toMatchObject({
      message: expect.stringContaining('must be owner of database') as string,
    });
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
    expect((await makePlanPrune(world)(pruneEvent())).drops).toHaveLength(1);
  });

  it('of which one can not be let go of lets go of the others', async () => {
    const first = await swapped();
    world.clock += 8 * DAY;
    const event = pruneEvent();
    const item = { ...event, restoreId: first.opened.id };
    const task = await makeOpenDrop(world)(item);
    await failTask(world, task.id, 'SWAP_FAILED');
    const ids = ['01ARZ3NDEKTSV4RRFFQ69G5FAV', first.opened.id];
    const drops = ids.map((restoreId) => ({ ok: false, restoreId, native: false }));
    const { catalog } = world;
    const stumbling: World['catalog'] = {
      ...catalog,
      getRestore: (id) =>
        id === drops[0]!.restoreId ? Promise.reject(new Error('the table is busy')) : catalog.getRestore(id),
    };
    const closing = makeClosePrune({ ...world, catalog: stumbling })({
      ...event,
      plan: { backups: 0, drops },
      deleted: { deleted: 0, failed: 0, done: true },
      drops,
    });
    await expect(closing).rejects.toMatchObject({
      detail: expect.stringMatching(/2 things .*the table is busy.*its own words/) as string,
    });
    await expect(open({ mode: 'swap' })).resolves.toBeDefined();
  });
});
