import { beforeEach, describe, expect, it } from 'vitest';
import type { RestoreRecord } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { BackupInput, ExecutionFacts } from '../../core/payloads.ts';
import { LEFTOVER_DAYS } from '../../core/retention.ts';
import { makeCloseBackup } from '../../lambdas/CloseBackup.ts';
import { makeClosePrune } from '../../lambdas/ClosePrune.ts';
import { makeCopyPoint } from '../../lambdas/CopyPoint.ts';
import { makeDeleteExpired } from '../../lambdas/DeleteExpired.ts';
import { makeDeletePoints } from '../../lambdas/DeletePoints.ts';
import { makeFailBackup } from '../../lambdas/FailBackup.ts';
import { makeMakePoint } from '../../lambdas/MakePoint.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makePlanPrune } from '../../lambdas/PlanPrune.ts';
import { makeWriteManifest } from '../../lambdas/WriteManifest.ts';
import { DAY, backupEvent, caught, configOf, execution, makeWorld, type World } from './support/world.ts';

let world: World;
beforeEach(() => {
  world = makeWorld();
  world.setConfig(
    configOf({
      targets: [{ name: 'shop', engine: 'rds', instance: 'shop', points: { nightly: 2, weekly: 0 } }],
      copies: [
        {
          region: 'eu-central-1',
          keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555',
        },
      ],
    }),
  );
  world.natives.rds.add('shop');
});

async function backup(input: Partial<BackupInput> = {}): Promise<string> {
  const event = backupEvent(world, 'shop', input);
  const opened = await makeOpenBackup(world)(event);
  const state = { ...event, opened };
  for (const make of [makeMakePoint(world), makeCopyPoint(world)])
    while (!(await make(state)).done) world.natives.rds.finish();
  await makeWriteManifest(world)(state);
  await makeCloseBackup(world)({ id: opened.id, target: 'shop', attempt: 1 });
  world.clock += DAY;
  return opened.id;
}
/** One whole night of the pruner; answers with what it listed. */
async function prune(event: ExecutionFacts = execution(world, 'prune')) {
  const plan = await makePlanPrune(world)({ ...event, input: {} });
  const deleted = await makeDeleteExpired(world)(event);
  let looks = 0;
  while (!(await makeDeletePoints(world)(event)).done) {
    if ((looks += 1) > 200) throw new Error('never done');
    world.clock += 30_000;
  }
  return { plan, deleted, looks, close: () => makeClosePrune(world)({ ...event, plan, deleted, drops: [] }) };
}
const record = async (id: string) => (await world.catalog.getBackup('shop', id))!;
const arns = () => [...world.natives.rds.points.keys()];
const manifests = () => [...world.vault.objects.keys()];

describe('the pruner and recovery points', () => {
  it('deletes the points beyond the number in every region first, and their manifest in the next night', async () => {
    const ids = [await backup(), await backup(), await backup()];
    expect(arns()).toHaveLength(6);
    const first = await record(ids[0]!);
    await prune();
    expect(await record(ids[0]!)).toMatchObject({ status: 'DELETED', pointsGoneAt: expect.any(String) as string });
    expect(arns()).toHaveLength(4);
    for (const arn of first.points!) expect(arns()).not.toContain(arn);
    expect(manifests()).toHaveLength(3);
    world.clock += DAY;
    await prune();
    expect(manifests()).toHaveLength(2);
    expect(await record(ids[0]!)).toMatchObject({ objectsGoneAt: expect.any(String) as string });
    for (const id of ids.slice(1)) expect((await record(id)).status).toBe('COMPLETED');
    world.clock += DAY;
    const { plan } = await prune();
    expect(plan.backups).toBe(0);
  });

  it('keeps the manifest as long as a point is there, and says which point would not go', async () => {
    const [old] = [await backup(), await backup(), await backup()];
    world.natives.rds.breaks.set('deletePoint', new NightjarError('SERVICE_REFUSED', { detail: 'shared with others' }));
    const { close } = await prune();
    await expect(close()).rejects.toMatchObject({ detail: expect.stringContaining('shared with others') as string });
    expect(await record(old)).not.toHaveProperty('pointsGoneAt');
    expect(manifests()).toHaveLength(3);
    world.clock += DAY;
    await (await prune()).close();
    expect(await record(old)).toHaveProperty('pointsGoneAt');
    expect(manifests()).toHaveLength(3);
  });

  it('tells once of a failed snapshot that AWS lets nobody delete, fails no night for it, and goes on trying', async () => {
    const [old] = [await backup(), await backup(), await backup()];
    const [arn, copy] = (await record(old)).points!;
    Object.assign(world.natives.rds.points.get(arn!)!, { status: 'failed', stateWord: 'failed' });
    const refusal = new NightjarError('SERVICE_REFUSED', {
      detail: `${arn}: InvalidDBSnapshotStateFault: not available`,
    });
    for (let nights = 0; nights < 2; nights += 1) {
      world.natives.rds.breaks.set('deletePoint', refusal);
      const { close, looks } = await prune();
      expect(looks).toBe(0);
      const { stuck } = await close();
      expect(stuck).toEqual([expect.stringMatching(/is 'failed'.*InvalidDBSnapshotState.*console/)]);
      expect(await record(old)).not.toHaveProperty('pointsGoneAt');
      expect(arns()).not.toContain(copy);
      world.clock += DAY;
    }
    expect(await (await prune()).close()).not.toHaveProperty('stuck');
    expect(await record(old)).toHaveProperty('pointsGoneAt');
    expect(arns()).not.toContain(arn);
  });

  it('says how to delete what is of a table that left the config, where its rights end', async () => {
    const config = configOf({ targets: [{ name: 'orders', engine: 'dynamodb', table: 'orders' }] });
    world.setConfig(config);
    world.natives.dynamodb.add('orders');
    const event = backupEvent(world, 'orders');
    const opened = await makeOpenBackup(world)(event);
    await makeMakePoint(world)({ ...event, opened });
    await makeFailBackup(world)({ ...event, opened, failure: caught('POINT_FAILED') });
    world.natives.dynamodb.finish();
    const [arn] = (await world.catalog.getBackup('orders', opened.id))!.points!;
    world.setConfig(configOf({ targets: [{ name: 'shop', engine: 'rds', instance: 'shop' }] }));
    world.natives.dynamodb.breaks.set('deletePoint', new NightjarError('SERVICE_REFUSED', { detail: 'AccessDenied' }));
    world.clock += (LEFTOVER_DAYS + 1) * DAY;
    const command = `orders left the config, and Nightjar may delete backups of the tables in it only: aws dynamodb delete-backup --backup-arn ${arn}`;
    await expect((await prune()).close()).rejects.toMatchObject({
      detail: expect.stringContaining(command) as string,
    });
  });

  it('waits for a point that the service still deletes, and gives it to the next night after an hour', async () => {
    const [old] = [await backup(), await backup(), await backup()];
    const [arn] = (await record(old)).points!;
    Object.assign(world.natives.rds.points.get(arn!)!, { status: 'creating', stateWord: 'deleting' });
    const { looks, close } = await prune();
    expect(looks).toBeGreaterThan(2);
    await close();
    expect(await record(old)).not.toHaveProperty('pointsGoneAt');
    world.natives.rds.points.delete(arn!);
    await prune();
    expect(await record(old)).toHaveProperty('pointsGoneAt');
  });

  it('takes what a failed backup had begun, but not in its first week', async () => {
    await backup();
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    await makeMakePoint(world)({ ...event, opened });
    world.natives.rds.finish();
    await makeFailBackup(world)({ ...event, opened, failure: caught('POINT_FAILED') });
    world.clock += (LEFTOVER_DAYS - 1) * DAY;
    await prune();
    expect(arns()).toHaveLength(3);
    world.clock += 2 * DAY;
    await prune();
    expect(arns()).toHaveLength(2);
    expect(await record(opened.id)).toMatchObject({ status: 'FAILED', pointsGoneAt: expect.any(String) as string });
  });

  it('never takes the newest good one, however old', async () => {
    const id = await backup();
    world.clock += 900 * DAY;
    await prune();
    expect((await record(id)).status).toBe('COMPLETED');
    expect(arns()).toHaveLength(2);
  });

  it('takes nothing that a restore needs', async () => {
    const [old] = [await backup(), await backup(), await backup()];
    const restore: RestoreRecord = {
      restoreId: idOfExecution('restore', world.now().toISOString()),
      target: 'shop',
      destination: 'shop',
      backupId: old,
      mode: 'swap',
      database: 'shop',
      status: 'RUNNING',
      executionArn: 'arn',
      startedAt: world.now().toISOString(),
    };
    await world.catalog.openRestore(restore);
    await prune();
    expect((await record(old)).status).toBe('COMPLETED');
    // Deleted by hand meanwhile: its points are what the restore reads.
    await world.catalog.deleteBackup('shop', old, world.now().toISOString());
    await prune();
    expect(arns()).toHaveLength(6);
    await world.catalog.updateRestore(restore.restoreId, ['RUNNING'], { status: 'COMPLETED' });
    await prune();
    expect(arns()).toHaveLength(4);
  });

  it('takes the last point of a removed server when its time as a backup is over', async () => {
    const { settings } = world.natives.rds.resources.get('shop')!;
    const { arn } = await world.natives.rds.service.createPoint('shop', 'nightjar-shop-last', {});
    world.natives.rds.finish();
    const at = world.now().toISOString();
    const restoreId = idOfExecution('old restore', at);
    const from = {
      kind: 'moment',
      sourceArn: settings.arn,
      sourceResourceId: settings.resourceId,
      at: 'latest',
    } as const;
    await world.catalog.openRestore({
      restoreId,
      target: 'shop',
      destination: 'shop',
      mode: 'swap',
      database: 'shop',
      status: 'COMPLETED',
      executionArn: 'arn',
      startedAt: at,
      endedAt: at,
      replacedUntil: at,
      replacedDroppedAt: at,
      native: { from, alias: 'a', settings, steps: {}, serving: 'restored', backups: { original: arn } },
    });
    world.clock += 89 * DAY;
    await prune();
    expect(arns()).toEqual([arn]);
    world.clock += 2 * DAY;
    await prune();
    expect(arns()).toEqual([]);
    expect((await world.catalog.getRestore(restoreId))?.native?.backups).toEqual({});
  });

  it('lists native restores for removal beside those whose database a task drops', async () => {
    const at = world.now().toISOString();
    const restoreId = idOfExecution('failed restore', at);
    const { settings } = world.natives.rds.resources.get('shop')!;
    await world.catalog.openRestore({
      restoreId,
      target: 'shop',
      destination: 'shop',
      mode: 'swap',
      database: 'shop',
      status: 'FAILED',
      executionArn: 'arn',
      startedAt: at,
      endedAt: at,
      native: {
        from: { kind: 'moment', sourceArn: settings.arn, sourceResourceId: settings.resourceId, at: 'latest' },
        alias: 'a',
        settings,
        steps: {},
        serving: 'original',
      },
    });
    expect((await prune()).plan.drops).toEqual([]);
    world.clock += (LEFTOVER_DAYS + 1) * DAY;
    expect((await prune()).plan.drops).toEqual([{ restoreId, native: true }]);
  });
});
