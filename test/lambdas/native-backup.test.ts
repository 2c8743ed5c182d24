import { beforeEach, describe, expect, it } from 'vitest';
import { nativeManifest, type NativeManifest } from '../../core/backup.ts';
import type { ConfigInput } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import { manifestKey, pointName } from '../../core/names.ts';
import type { BackupInput, OpenEvent } from '../../core/payloads.ts';
import { makeCloseBackup } from '../../lambdas/CloseBackup.ts';
import { makeCopyPoint } from '../../lambdas/CopyPoint.ts';
import { makeFailBackup } from '../../lambdas/FailBackup.ts';
import { makeMakePoint } from '../../lambdas/MakePoint.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makeVerifyPoint } from '../../lambdas/VerifyPoint.ts';
import { makeWriteManifest } from '../../lambdas/WriteManifest.ts';
import { rebuildCatalog } from '../../stores/rebuild.ts';
import { memoryCatalog } from '../../stores/memory-catalog.ts';
import { backupEvent, caught, configOf, makeWorld, type World } from './support/world.ts';

const KEY = 'arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555';
const COPIES: ConfigInput['copies'] = [{ region: 'eu-central-1', keyArn: KEY }];
const RDS = { name: 'shop', engine: 'rds', instance: 'shop-db' } as const;
const TABLE = { name: 'orders', engine: 'dynamodb', table: 'orders' } as const;

let world: World;
type Config = Partial<ConfigInput>;
function given(target: ConfigInput['targets'][number] = RDS, more: Config = {}): void {
  world.setConfig(configOf({ targets: [target], ...more }));
}
beforeEach(() => {
  world = makeWorld();
  given();
  world.natives.rds.add('shop-db', { tags: { team: 'shop' } });
});

async function opened(input: Partial<BackupInput> = {}, target = 'shop') {
  const event: OpenEvent<BackupInput> = backupEvent(world, target, input);
  const open = await makeOpenBackup(world)(event);
  return { ...event, opened: open, id: open.id };
}
type Opened = Awaited<ReturnType<typeof opened>>;
const recordOf = async ({ opened: { id, target } }: Opened) => (await world.catalog.getBackup(target, id))!;
const make = (event: Opened) => makeMakePoint(world)(event);
const copy = (event: Opened) => makeCopyPoint(world)(event);
const verify = ({ opened: { id, target } }: Opened) => makeVerifyPoint(world)({ id, target, attempt: 1 });
const close = ({ opened: { id, target } }: Opened) => makeCloseBackup(world)({ id, target, attempt: 1 });

/** Looks until it is done; every point that was asked for is ready at the second look. */
async function whole(event: Opened): Promise<void> {
  const { rds, dynamodb } = world.natives;
  for (const state of [make, copy])
    for (let looks = 0; !(await state(event)).done; looks += 1) {
      if (looks > 20) throw new Error('never done');
      for (const one of [rds, dynamodb]) one.finish();
      for (const one of rds.resources.values()) if (one.state === 'busy') one.state = 'ready';
      world.clock += 60_000;
    }
  await makeWriteManifest(world)(event);
}
async function manifestOf(event: Opened): Promise<NativeManifest> {
  const { opened: own } = event;
  return nativeManifest((await world.vault.readManifest(manifestKey(own.target, own.id))).manifest);
}

describe('a native backup', () => {
  it('needs no task: it is opened, locked and recorded as native', async () => {
    const event = await opened();
    expect(event.opened).toEqual({ method: 'native', id: event.id, target: 'shop', attempt: 1 });
    expect(await recordOf(event)).toMatchObject({ method: 'native', engine: 'rds', status: 'RUNNING' });
    await expect(opened()).rejects.toMatchObject({ name: 'TARGET_BUSY' });
  });

  it('is a point of its own with a manifest that brings every setting back', async () => {
    const event = await opened({ trigger: 'weekly' });
    await whole(event);
    const name = pointName('shop', event.id);
    const manifest = await manifestOf(event);
    expect(manifest).toMatchObject({
      method: 'native',
      engine: 'rds',
      trigger: 'weekly',
      window: { on: true },
      points: [{ name, region: 'eu-west-1', encrypted: true }],
      settings: { name: 'shop-db', values: { MultiAZ: true }, tags: { team: 'shop' } },
      warnings: [],
    });
    expect([...world.natives.rds.points.values()][0]!.tags).toEqual({
      'nightjar:target': 'shop',
      'nightjar:backup': event.id,
    });
    const { manifestVersionId, ...verified } = await verify(event);
    expect(verified).toEqual({ objects: 1, storedBytes: 20_000_000_000 });
    const closed = await close(event);
    // The very manifest that was proven, should anybody write another one after it.
    expect(closed.manifestVersionId).toBe(manifestVersionId);
    expect(closed).toMatchObject({ status: 'COMPLETED', points: [manifest.points[0]!.arn], window: { on: true } });
    expect(closed).not.toHaveProperty('draft');
    expect(await world.catalog.newestGood('shop')).toMatchObject({
      backupId: event.id,
      snapshotAt: manifest.snapshotAt,
    });
    expect(world.published.map((one) => one.name)).toEqual(['Nightjar Backup Completed']);
    await expect(opened()).resolves.toBeDefined();
  });

  it('comes back from its manifest when the catalog is lost', async () => {
    const event = await opened();
    await whole(event);
    await verify(event);
    const closed = await close(event);
    const catalog = memoryCatalog();
    expect(await rebuildCatalog(world.vault, catalog)).toEqual({
      recovered: [await catalog.getBackup('shop', event.id)],
      known: 0,
      unreadable: [],
    });
    expect(await catalog.getBackup('shop', event.id)).toMatchObject({
      ...closed,
      endedAt: expect.any(String) as string,
      executionArn: 'recovered-from-manifest',
    });
  });

  it('knows of its point before it asks for it: an execution that dies in between leaves none that nobody removes', async () => {
    const event = await opened();
    const { service, points } = world.natives.rds;
    const noted: unknown[] = [];
    const createPoint = service.createPoint.bind(service);
    service.createPoint = async (...of) => {
      const made = await createPoint(...of);
      noted.push((await recordOf(event)).points);
      return made;
    };
    await make(event);
    expect(noted).toEqual([[...points.keys()]]);
  });

  it('waits longer and longer, asks once, and says what it waits for', async () => {
    const event = await opened();
    const waits: number[] = [];
    for (let looks = 0; looks < 8; looks += 1) {
      waits.push((await make(event)).waitSeconds);
      world.clock += 60_000;
    }
    expect(waits).toEqual([...waits].sort((left, right) => left - right));
    expect(waits[0]).toBe(2);
    expect(waits.at(-1)).toBeGreaterThan(waits[0]!);
    expect(world.natives.rds.calls).toEqual([`createPoint ${pointName('shop', event.id)}`]);
    expect(await world.catalog.getProgress(event.id)).toMatchObject({
      status: 'running',
      phase: expect.stringContaining('creating') as string,
    });
  });

  it('takes the settings of right before its point, not of when it came', async () => {
    const shop = world.natives.rds.resources.get('shop-db')!;
    Object.assign(shop, { state: 'busy', stateWord: 'modifying' });
    const event = await opened();
    expect((await make(event)).done).toBe(false);
    expect(world.natives.rds.calls).toEqual([]);
    Object.assign(shop, { state: 'ready', settings: { ...shop.settings, values: { MultiAZ: false } } });
    await whole(event);
    expect((await manifestOf(event)).settings.values).toEqual({ MultiAZ: false });
  });

  it('asks again when RDS dropped the request because it was busy', async () => {
    const event = await opened();
    await make(event);
    world.natives.rds.points.clear();
    world.clock += 60_000;
    await make(event);
    expect(world.natives.rds.points.size).toBe(1);
  });

  it('makes one point also when an answer was lost or a look comes twice', async () => {
    const event = await opened();
    const { catalog } = world;
    let calls = 0;
    const broken: World = {
      ...world,
      catalog: {
        ...catalog,
        noteDraft: (...args) => ((calls += 1) === 2 ? Promise.reject(new Error('lost')) : catalog.noteDraft(...args)),
      },
    };
    await expect(makeMakePoint(broken)(event)).rejects.toThrow('lost');
    expect(world.natives.rds.points.size).toBe(1);
    await whole(event);
    await make(event);
    expect(world.natives.rds.points.size).toBe(1);
    expect(await verify(event)).toMatchObject({ objects: 1 });
  });
});

describe('what keeps a native backup from being good', () => {
  it.each([
    ['RESOURCE_MISSING', () => world.natives.rds.resources.clear()],
    ['PITR_OFF', () => Object.assign(world.natives.rds.resources.get('shop-db')!, { window: { on: false } })],
    [
      'POINT_FAILED',
      () => Object.assign(world.natives.rds.resources.get('shop-db')!, { state: 'failed', stateWord: 'storage-full' }),
    ],
    [
      'POINT_FAILED',
      () => Object.assign(world.natives.rds.resources.get('shop-db')!, { state: 'stopped', stateWord: 'stopped' }),
    ],
    ['SERVICE_REFUSED', () => world.natives.rds.breaks.set('createPoint', new NightjarError('SERVICE_REFUSED'))],
  ])('is %s, and leaves nothing behind', async (code, act) => {
    const event = await opened();
    act();
    await expect(make(event)).rejects.toMatchObject({ name: code });
    expect(world.natives.rds.points.size).toBe(0);
    await makeFailBackup(world)({ ...event, failure: caught(code) });
    expect(await recordOf(event)).toMatchObject({ status: 'FAILED', failure: { code } });
    await expect(opened()).resolves.toBeDefined();
  });

  it('is a point that the service gives up, which stays known so that it can be removed', async () => {
    const event = await opened();
    await make(event);
    const [arn, point] = [...world.natives.rds.points][0]!;
    Object.assign(point, { status: 'failed', stateWord: 'failed' });
    await expect(make(event)).rejects.toMatchObject({
      name: 'POINT_FAILED',
      detail: expect.stringContaining(arn) as string,
    });
    await makeFailBackup(world)({ ...event, failure: caught('POINT_FAILED') });
    expect(await recordOf(event)).toMatchObject({ status: 'FAILED', points: [arn] });
  });

  it('is a point that takes too long: the message names what is left behind', async () => {
    const event = await opened();
    await make(event);
    world.clock += 24 * 3_600_000;
    const [arn] = [...world.natives.rds.points][0]!;
    await expect(make(event)).rejects.toMatchObject({
      name: 'STEP_TIMED_OUT',
      detail: expect.stringContaining(arn) as string,
    });
  });

  it('is somebody who closed it meanwhile: nothing more is made', async () => {
    const event = await opened();
    await makeFailBackup(world)({ ...event, failure: caught('EXECUTION_ABORTED') });
    world.natives.rds.breaks.set('read', new Error('RDS was asked'));
    await expect(make(event)).rejects.toMatchObject({
      name: 'EXECUTION_ABORTED',
    });
    expect(world.natives.rds.calls).toEqual([]);
  });

  const damage: [string, string, (event: Opened) => void][] = [
    ['POINT_MISSING', 'a point that was deleted', () => world.natives.rds.points.clear()],
    [
      'POINT_MISSING',
      'a point that is not encrypted any more',
      () => [...world.natives.rds.points.values()].forEach(({ point }) => Object.assign(point, { encrypted: false })),
    ],
    [
      'POINT_MISSING',
      'a point that is being deleted',
      () => [...world.natives.rds.points.values()].forEach((one) => Object.assign(one, { status: 'creating' })),
    ],
    [
      'MANIFEST_INVALID',
      'a manifest that vanished',
      () => [...world.vault.objects.keys()].forEach((key) => world.vault.objects.delete(key)),
    ],
    ...(
      [
        ['of another target', { target: 'billing' }],
        ['of another moment', { snapshotAt: '2020-01-01T00:00:00.000Z' }],
        ['without one of its points', { points: [] }],
      ] as const
    ).map(([what, change]): [string, string, (event: Opened) => void] => [
      'MANIFEST_INVALID',
      `a manifest ${what}`,
      () => {
        for (const held of world.vault.objects.values())
          held.body = JSON.stringify({ ...(JSON.parse(held.body) as object), ...change });
      },
    ]),
    [
      'MANIFEST_INVALID',
      'a manifest that lists a stranger’s point',
      () => {
        for (const held of world.vault.objects.values()) held.body = held.body.replaceAll('nightjar-shop-', 'other-');
      },
    ],
  ];
  it.each(damage)('is %s: %s', async (code, _, act) => {
    const event = await opened();
    await whole(event);
    act(event);
    await expect(verify(event)).rejects.toMatchObject({ name: code });
  });
});

describe('point-in-time recovery that is off', () => {
  const off = { window: { on: false } };

  it('is turned on where the config says so, then the point is made, and both are told', async () => {
    given({ ...RDS, pitr: 'enable' });
    world.natives.rds.add('shop-db', off);
    const event = await opened();
    await whole(event);
    expect(world.natives.rds.calls).toEqual(['enablePitr shop-db', `createPoint ${pointName('shop', event.id)}`]);
    expect(await manifestOf(event)).toMatchObject({
      window: { on: true },
      warnings: [expect.stringContaining('was turned on') as string],
    });
  });

  it('is only told of where the config says so', async () => {
    given({ ...RDS, pitr: 'ignore' });
    world.natives.rds.add('shop-db', off);
    const event = await opened();
    await whole(event);
    expect(world.natives.rds.calls).toHaveLength(1);
    expect(await manifestOf(event)).toMatchObject({
      window: { on: false },
      warnings: [expect.stringContaining('is off') as string],
    });
  });
});

describe('the net below a restore', () => {
  it('is made also where PITR is off and the target requires it', async () => {
    world.natives.rds.add('shop-db', { window: { on: false } });
    const event = await opened({ safetyFor: '01JD5ZK7S8Q2M4N6P8R0T2V4W6', trigger: 'admin' });
    await whole(event);
    expect(await verify(event)).toMatchObject({ objects: 1 });
  });
});

describe('copies in another region', () => {
  it('are made under that region’s key and waited for', async () => {
    given(RDS, { copies: COPIES });
    const event = await opened();
    await make(event);
    world.natives.rds.finish();
    expect((await make(event)).done).toBe(true);
    expect((await copy(event)).done).toBe(false);
    expect((await copy(event)).done).toBe(false);
    expect(world.natives.rds.calls.filter((one) => one.startsWith('copyPoint'))).toHaveLength(1);
    world.natives.rds.finish();
    expect((await copy(event)).done).toBe(true);
    await makeWriteManifest(world)(event);
    expect((await manifestOf(event)).points).toMatchObject([
      { region: 'eu-west-1' },
      { region: 'eu-central-1', keyArn: KEY },
    ]);
    expect(await verify(event)).toMatchObject({ objects: 2 });
    expect((await close(event)).points).toHaveLength(2);
  });

  it('belong to the manifest: one that leaves a copy out is not to be trusted', async () => {
    given(RDS, { copies: COPIES });
    const event = await opened();
    await whole(event);
    for (const held of world.vault.objects.values()) {
      const manifest = JSON.parse(held.body) as NativeManifest;
      held.body = JSON.stringify({ ...manifest, points: manifest.points.slice(0, 1) });
    }
    await expect(verify(event)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
  });

  it('that fail fail the backup, and both points stay known', async () => {
    given(RDS, { copies: COPIES });
    const event = await opened();
    await make(event);
    world.natives.rds.finish();
    await make(event);
    await copy(event);
    Object.assign([...world.natives.rds.points.values()][1]!, { status: 'failed', stateWord: 'failed' });
    await expect(copy(event)).rejects.toMatchObject({ name: 'POINT_FAILED' });
    await makeFailBackup(world)({ ...event, failure: caught('POINT_FAILED') });
    expect((await recordOf(event)).points).toHaveLength(2);
  });

  it('of tables can not be: the manifest says so, once', async () => {
    given(TABLE, { copies: COPIES });
    world.natives.dynamodb.add('orders', { items: 42 });
    const event = await opened({}, 'orders');
    await make(event);
    world.natives.dynamodb.finish();
    await make(event);
    await copy(event);
    await whole(event);
    const { warnings, items, points } = await manifestOf(event);
    expect(warnings).toEqual([expect.stringContaining('can not be copied') as string]);
    expect({ items, points: points.length }).toEqual({ items: 42, points: 1 });
    await verify(event);
    expect(await close(event)).toMatchObject({ rows: 42, status: 'COMPLETED' });
  });
});

describe('the manifest', () => {
  it('is written once: a retried state changes nothing', async () => {
    const event = await opened();
    await whole(event);
    const before = [...world.vault.objects];
    world.clock += 60_000;
    await makeWriteManifest(world)(event);
    expect([...world.vault.objects]).toEqual(before);
  });

  /** S3 took it, and the function died before it had noted the version. */
  async function unnamed(): Promise<Opened> {
    const event = await opened();
    await whole(event);
    const { outcome, ...progress } = (await world.catalog.getProgress(event.id))!;
    expect(outcome).toBeDefined();
    await world.catalog.putProgress({ ...progress, status: 'running' });
    world.clock += 60_000;
    await makeWriteManifest(world)(event);
    return event;
  }

  it('whose version was lost with the answer is found by what it says, and the backup is good', async () => {
    const event = await unnamed();
    expect(world.vault.objects.size).toBe(1);
    const { manifestVersionId } = await verify(event);
    await expect(close(event)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
    const closed = await makeCloseBackup(world)({ ...event.opened, attempt: 1, manifestVersionId });
    const { points, snapshotAt } = await manifestOf(event);
    expect(closed).toMatchObject({ status: 'COMPLETED', manifestVersionId, snapshotAt, points: [points[0]!.arn] });
    expect((await world.vault.readManifest(closed.manifestKey!, manifestVersionId)).manifest.backupId).toBe(event.id);
  });

  it('that was lost with the answer, and is another than was written, proves nothing', async () => {
    const event = await unnamed();
    const [held] = world.vault.objects.values();
    held!.body = held!.body.replace('"MultiAZ":true', '"MultiAZ":false');
    await expect(verify(event)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
  });

  it('is not written for a backup that somebody closed', async () => {
    const event = await opened();
    await make(event);
    world.natives.rds.finish();
    await make(event);
    await makeFailBackup(world)({ ...event, failure: caught('EXECUTION_ABORTED') });
    await expect(makeWriteManifest(world)(event)).rejects.toBeInstanceOf(NightjarError);
    expect(world.vault.objects.size).toBe(0);
  });
});
