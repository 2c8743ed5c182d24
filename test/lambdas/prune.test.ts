import { dumpManifest } from '../../core/backup.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { manifestKey, objectKey, prunePlanKey } from '../../core/names.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { DeleteResult } from '../../core/payloads.ts';
import { makeClosePrune, type DropEnd } from '../../lambdas/ClosePrune.ts';
import { makeDeleteExpired } from '../../lambdas/DeleteExpired.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makeOpenRestore } from '../../lambdas/OpenRestore.ts';
import { makePlanPrune } from '../../lambdas/PlanPrune.ts';
import { rebuildCatalog } from '../../stores/rebuild.ts';
import { memoryCatalog } from '../../stores/memory-catalog.ts';
import {
  DAY,
  backupEvent,
  badBackup,
  caught,
  configOf,
  dump,
  execution,
  goodBackup,
  idOf,
  makeWorld,
  targetOf,
  type World,
} from './support/world.ts';

let world: World;
beforeEach(() => (world = makeWorld()));

const event = () => ({ ...execution(world, 'prune'), input: {} });

/** A whole prune, as the workflow runs it. */
async function prune(drops: DropEnd[] = []) {
  const one = event();
  const plan = await makePlanPrune(world)(one);
  let deleted: DeleteResult;
  do deleted = await makeDeleteExpired(world)(one);
  while (!deleted.done);
  return makeClosePrune(world)({ ...one, plan, deleted, drops });
}
const statusOf = async (target: string, id: string) => (await world.catalog.getBackup(target, id))?.status;
const keysOf = (id: string) => [...world.vault.objects.keys()].filter((key) => key.includes(id));

/** No COMPLETED record may ever promise objects that are gone. */
async function promisesHold() {
  for (const record of await world.catalog.listBackups({ limit: 1_000 }))
    if (record.status === 'COMPLETED') {
      const { manifest } = await world.vault.readManifest(record.manifestKey!, record.manifestVersionId);
      for (const object of dumpManifest(manifest).objects) expect(await world.vault.head(object)).toBeDefined();
    }
}

describe('the pruner', () => {
  it('deletes what is older than the retention, the manifest before the data', async () => {
    const old = await goodBackup(world, 'shop');
    world.clock += 91 * DAY;
    const young = await goodBackup(world, 'shop');
    expect(await prune()).toEqual({ deleted: 1, recovered: 0, dropped: 0, postponed: 0 });
    expect(await statusOf('shop', old)).toBe('DELETED');
    expect((await world.catalog.getBackup('shop', old))?.objectsGoneAt).toBeDefined();
    expect(keysOf(old)).toEqual([]);
    expect(world.vault.deletions[0]).toBe(manifestKey('shop', old));
    expect(await statusOf('shop', young)).toBe('COMPLETED');
    await promisesHold();
  });

  it('keeps a target’s newest good backup whatever its age, also when all younger ones failed', async () => {
    const older = await goodBackup(world, 'shop');
    world.clock += DAY;
    const newest = await goodBackup(world, 'shop');
    for (let day = 0; day < 5; day += 1) {
      world.clock += 100 * DAY;
      await badBackup(world, 'shop', 'AUTH_FAILED');
    }
    world.clock += 400 * DAY;
    await prune();
    expect(await statusOf('shop', newest)).toBe('COMPLETED');
    expect(keysOf(newest)).toHaveLength(2);
    expect(await statusOf('shop', older)).toBe('DELETED');
    await promisesHold();
  });

  it('keeps the newest good backup of a target that left the config', async () => {
    const last = await goodBackup(world, 'billing');
    world.setConfig(configOf({ targets: [targetOf('shop')] }));
    world.clock += 1_000 * DAY;
    await prune();
    expect(await statusOf('billing', last)).toBe('COMPLETED');
  });

  it('keeps a backup that a running restore reads', async () => {
    const old = await goodBackup(world, 'shop');
    world.clock += 100 * DAY;
    await goodBackup(world, 'shop');
    await world.catalog.openRestore({
      restoreId: idOfExecution('r', world.now().toISOString()),
      target: 'shop',
      destination: 'shop',
      backupId: old,
      mode: 'new',
      database: 'x',
      status: 'RUNNING',
      executionArn: 'arn',
      startedAt: world.now().toISOString(),
    });
    await prune();
    expect(await statusOf('shop', old)).toBe('COMPLETED');
    expect(keysOf(old)).toHaveLength(2);
  });

  it('keeps a backup that a restore began to read between plan and deletion', async () => {
    const old = await goodBackup(world, 'shop');
    world.clock += 100 * DAY;
    await goodBackup(world, 'shop');
    const one = event();
    expect((await makePlanPrune(world)(one)).backups).toBe(1);
    await makeOpenRestore(world)({ ...execution(world, 'restore'), input: { target: 'shop', at: old, mode: 'new' } });
    expect(await makeDeleteExpired(world)(one)).toEqual({ deleted: 0, failed: 0, done: true });
    expect(await statusOf('shop', old)).toBe('COMPLETED');
    await promisesHold();
  });

  it('never touches a running backup', async () => {
    const running = backupEvent(world, 'shop');
    await makeOpenBackup(world)(running);
    world.vault.put(objectKey('shop', idOf(running), 1, 'archive.dump'));
    world.clock += 500 * DAY;
    await prune();
    expect(await statusOf('shop', idOf(running))).toBe('RUNNING');
    expect(keysOf(idOf(running))).toHaveLength(1);
  });

  it('finishes the next night what a crash between record and objects left', async () => {
    const old = await goodBackup(world, 'shop');
    world.clock += 91 * DAY;
    await goodBackup(world, 'shop');
    world.vault.breakDelete = new Error('the function was killed');
    await expect(prune()).rejects.toMatchObject({ name: 'UNEXPECTED' });
    expect(await statusOf('shop', old)).toBe('DELETED');
    expect(keysOf(old)).toHaveLength(1);
    await promisesHold();
    // A catalog that is rebuilt now does not bring it back: its manifest went first.
    const rebuilt = memoryCatalog();
    await rebuildCatalog(world.vault, rebuilt);
    expect(await rebuilt.getBackup('shop', old)).toBeUndefined();
    expect(await prune()).toMatchObject({ deleted: 1 });
    expect(keysOf(old)).toEqual([]);
  });

  it('repeats a portion that was cut off without harm', async () => {
    await goodBackup(world, 'shop');
    world.clock += 91 * DAY;
    await goodBackup(world, 'shop');
    const one = event();
    await makePlanPrune(world)(one);
    const first = await makeDeleteExpired(world)(one);
    world.workObjects.delete([...world.workObjects.keys()].find((key) => key.endsWith('progress.json'))!);
    expect(await makeDeleteExpired(world)(one)).toEqual(first);
    await promisesHold();
  });

  it('is loud about versions under Object Lock, and tries them again', async () => {
    const old = await goodBackup(world, 'shop');
    world.clock += 91 * DAY;
    await goodBackup(world, 'shop');
    for (const key of keysOf(old)) world.vault.objects.get(key)!.locked = true;
    await expect(prune()).rejects.toMatchObject({
      name: 'UNEXPECTED',
      message: expect.stringContaining('locked') as string,
    });
    expect(await statusOf('shop', old)).toBe('DELETED');
    for (const key of keysOf(old)) world.vault.objects.get(key)!.locked = false;
    expect(await prune()).toMatchObject({ deleted: 1 });
  });

  it('sweeps what a failed backup left, after a week, and keeps its record', async () => {
    const id = await badBackup(world, 'shop', 'READ_THROUGH_FAILED');
    world.vault.put(objectKey('shop', id, 1, 'archive.dump'));
    world.clock += 2 * DAY;
    await prune();
    expect(keysOf(id)).toHaveLength(1);
    world.clock += 6 * DAY;
    await prune();
    expect(keysOf(id)).toEqual([]);
    expect(await statusOf('shop', id)).toBe('FAILED');
    expect(await prune()).toMatchObject({ deleted: 0 });
  });

  it('takes a backup that the catalog lost back into it instead of deleting it', async () => {
    const lost = idOfExecution('lost', world.now().toISOString());
    await dump(world, { id: lost, target: 'shop' });
    world.clock += 300 * DAY;
    expect(await prune()).toMatchObject({ deleted: 0, recovered: 1 });
    expect(await statusOf('shop', lost)).toBe('COMPLETED');
    expect(keysOf(lost)).toHaveLength(2);
  });

  it('deletes objects without record and manifest only when no task can be writing them any more', async () => {
    const stray = idOfExecution('stray', world.now().toISOString());
    world.vault.put(objectKey('shop', stray, 1, 'archive.dump'));
    world.clock += 20 * DAY;
    await prune();
    expect(keysOf(stray)).toHaveLength(1);
    world.clock += 20 * DAY;
    expect(await prune()).toMatchObject({ deleted: 1 });
  });

  it('deletes nothing whose manifest it can not read, and says so', async () => {
    const odd = idOfExecution('odd', world.now().toISOString());
    world.vault.put(manifestKey('shop', odd), { body: '{"manifestVersion":9}' });
    world.clock += 300 * DAY;
    await expect(prune()).rejects.toMatchObject({ name: 'UNEXPECTED' });
    expect(keysOf(odd)).toHaveLength(1);
  });

  it('leaves keys alone that Nightjar did not make', async () => {
    world.vault.put('somebody/else.txt');
    world.clock += 300 * DAY;
    expect(await prune()).toMatchObject({ deleted: 0 });
    expect(world.vault.objects.size).toBe(1);
  });

  it('does not delete what became the newest good one between plan and deletion', async () => {
    const old = await goodBackup(world, 'shop');
    world.clock += 91 * DAY;
    const one = event();
    await makePlanPrune(world)(one);
    world.workObjects.set(
      prunePlanKey(idOf(one)),
      JSON.stringify({ deletions: [{ target: 'shop', backupId: old, how: 'expire' }] }),
    );
    expect(await makeDeleteExpired(world)(one)).toEqual({ deleted: 0, failed: 0, done: true });
    expect(await statusOf('shop', old)).toBe('COMPLETED');
    await promisesHold();
  });

  it('works through hundreds in portions', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 300; index += 1) {
      ids.push(await goodBackup(world, 'shop', { bytes: 10 }));
      world.clock += 1;
    }
    world.clock += 91 * DAY;
    const one = event();
    expect((await makePlanPrune(world)(one)).backups).toBe(299);
    expect(await makeDeleteExpired(world)(one)).toMatchObject({ deleted: 250, done: false });
    expect(await makeDeleteExpired(world)(one)).toMatchObject({ deleted: 299, failed: 0, done: true });
    expect(await statusOf('shop', ids.at(-1)!)).toBe('COMPLETED');
  });
});

describe('closing a prune', () => {
  it('names a drop that failed, and waits quietly for a target that is in use', async () => {
    const busy: DropEnd = { ok: false, restoreId: 'R1', failure: caught('TARGET_BUSY') };
    expect(await prune([busy])).toMatchObject({ postponed: 1 });
    const broken: DropEnd = { ok: false, restoreId: 'R2', failure: caught('PRIVILEGE_MISSING', 'must be owner') };
    await expect(prune([busy, broken])).rejects.toMatchObject({
      name: 'UNEXPECTED',
      message: expect.stringContaining('must be owner') as string,
    });
  });
});
