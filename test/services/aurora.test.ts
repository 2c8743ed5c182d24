import { describe, expect, it, vi } from 'vitest';
import { differencesOf, nativeRestoreSchema, type NativeRestore } from '../../core/native.ts';
import { aliasResource, POINT_PREFIX, replacedResource, RESTORE_TAG } from '../../core/names.ts';
import { isGoing } from '../../lambdas/native/serving.ts';
import { eventually, renamingContract } from '../contracts/native.ts';
import { fault } from '../support/fake-rds-store.ts';
import { auroraHarness, type FakeHarness } from './rds-harness.ts';

renamingContract('Aurora', () => Promise.resolve(auroraHarness()));

const ID = '01JD5ZK7S8Q2M4N6P8R0T2V4W6';
const ALIAS = aliasResource('aurora', 'shop', ID);
const OLD = replacedResource('aurora', 'shop', ID);
const tail = (of: string): string => of.slice('shop'.length);

async function planOf({ service }: FakeHarness, more: Partial<NativeRestore> = {}): Promise<NativeRestore> {
  const { settings } = (await service.read('shop'))!;
  return nativeRestoreSchema.parse({
    from: { kind: 'moment', sourceArn: settings.arn, sourceResourceId: settings.resourceId, at: 'latest' },
    alias: ALIAS,
    oldName: OLD,
    original: { arn: settings.arn, resourceId: settings.resourceId },
    settings,
    steps: {},
    serving: 'original',
    ...more,
  });
}
function shop(options: Parameters<FakeHarness['fake']['addCluster']>[1] = {}): FakeHarness {
  const harness = auroraHarness();
  harness.fake.addCluster('shop', options);
  return harness;
}
async function restored(harness: FakeHarness, plan: NativeRestore): Promise<void> {
  await harness.service.startAlias(plan, ID);
  await eventually(harness, async () =>
    (await harness.service.applySettings(plan.alias, plan.settings)).length === 0 ? true : undefined,
  );
}
const renamed = (harness: FakeHarness, id: string, from: string, to: string) =>
  eventually(harness, async () => ((await harness.service.rename(id, from, to)) === 'done' ? true : undefined));
const members = ({ fake }: FakeHarness, cluster: string) =>
  fake
    .region()
    .instances.filter(({ shape }) => shape.DBClusterIdentifier === cluster)
    .map(({ shape }) => shape.DBInstanceIdentifier);

describe('a cluster', () => {
  it('gets its members back, the writer first, each with its class, tier, tags and our tag', async () => {
    const harness = shop({ members: ['shop-2', 'reports', 'shop-10'] });
    await restored(harness, await planOf(harness));
    const made = harness.fake.requests
      .filter(({ operation }) => operation === 'CreateDBInstance')
      .map(({ input }) => input);
    // One that comes while the cluster is busy is refused, and asked for again.
    expect([...new Set(made.map((input) => input.DBInstanceIdentifier))]).toEqual(
      ['shop-2', 'reports', 'shop-10'].map((name) => name + tail(ALIAS)),
    );
    expect(harness.fake.instance(`shop-2${tail(ALIAS)}`)?.shape.DBInstanceClass).toBe('db.r6g.large');
    expect(harness.fake.instance(`reports${tail(ALIAS)}`)?.shape.DBInstanceClass).toBe('db.serverless');
    const tags = [
      { Key: 'team', Value: 'shop' },
      { Key: RESTORE_TAG, Value: ID },
    ];
    for (const input of made) expect(input.Tags).toEqual(tags);
    const writer = harness.fake.cluster(ALIAS)!.shape.DBClusterMembers!.find(({ IsClusterWriter }) => IsClusterWriter);
    expect(writer?.DBInstanceIdentifier).toBe(`shop-2${tail(ALIAS)}`);
  });

  it('comes back under its name with its members’ names, and so does the old one when the names are put back', async () => {
    const harness = shop();
    const plan = await planOf(harness);
    await restored(harness, plan);
    const alias = harness.fake.cluster(ALIAS)!.shape.DbClusterResourceId!;
    const { resourceId } = plan.original!;
    await renamed(harness, resourceId, 'shop', OLD);
    expect(members(harness, OLD)).toEqual(['shop-1', 'shop-2'].map((name) => name + tail(OLD)));
    await renamed(harness, alias, ALIAS, 'shop');
    expect(members(harness, 'shop')).toEqual(['shop-1', 'shop-2']);
    const after = (await harness.service.read('shop'))!;
    expect(after.settings.resourceId).toBe(alias);
    expect(differencesOf(plan.settings, after.settings)).toEqual([]);
    await renamed(harness, alias, 'shop', ALIAS);
    await renamed(harness, resourceId, OLD, 'shop');
    expect(members(harness, 'shop')).toEqual(['shop-1', 'shop-2']);
    expect(harness.fake.cluster('shop')!.data).toBe('rows of shop');
  });

  it('whose members were left under other names has them named after it by a rename to its own name', async () => {
    const harness = shop();
    const { settings } = (await harness.service.read('shop'))!;
    await harness.service.rename(settings.resourceId, 'shop', OLD);
    harness.fake.turn(9);
    expect(members(harness, 'shop')).toEqual(['shop-1', 'shop-2'].map((name) => name + tail(OLD)));
    await renamed(harness, settings.resourceId, 'shop', 'shop');
    expect(members(harness, 'shop')).toEqual(['shop-1', 'shop-2']);
  });

  it('keeps its name when one of its members can not take its own', async () => {
    const harness = shop();
    harness.fake.addInstance(`shop-2${tail(OLD)}`);
    const { settings } = (await harness.service.read('shop'))!;
    await expect(harness.service.rename(settings.resourceId, 'shop', OLD)).rejects.toMatchObject({
      code: 'RENAME_FAILED',
    });
    expect(harness.fake.cluster('shop')).toBeDefined();
  });

  it('serves on while a reader is being deleted, which auto scaling does every day: only its own deletion is one', async () => {
    const harness = shop();
    harness.fake.instance('shop-2')!.goes([{ status: 'deleting', looks: 9 }]);
    const found = (await harness.service.read('shop'))!;
    expect(isGoing(found)).toBe(false);
    expect(found).toMatchObject({ state: 'busy', stateWord: 'available (shop-2: deleting)' });
    harness.fake.cluster('shop')!.goes([{ status: 'deleting', looks: 9 }]);
    expect(isGoing((await harness.service.read('shop'))!)).toBe(true);
  });

  it('that RDS will not stop is said to run on, in RDS’s words', async () => {
    const harness = shop();
    const log = vi.spyOn(console, 'warn').mockReturnValue();
    const error = fault('InvalidDBClusterStateFault', 'Cannot stop a cluster that is part of a global database.');
    harness.fake.fail({ operation: 'StopDBCluster', error });
    expect(await harness.service.stop('shop')).toBe(false);
    expect(log.mock.calls.join()).toContain('shop: InvalidDBClusterStateFault: Cannot stop');
    log.mockRestore();
    expect(await harness.service.stop('shop')).toBe(true);
    expect(await harness.service.stop('shop')).toBe(true);
    harness.fake.cluster('shop')!.goes([{ status: 'modifying', looks: 9 }]);
    expect(await harness.service.stop('shop')).toBe(false);
  });

  it('is named in its recovery points by its id', async () => {
    const harness = shop();
    const { resourceId } = (await harness.service.read('shop'))!.settings;
    const { arn } = await harness.service.createPoint('shop', `${POINT_PREFIX}a`, {});
    harness.fake.turn(5);
    expect((await harness.service.pointState(arn))?.point?.sourceResourceId).toBe(resourceId);
  });

  it('is made from a snapshot in the snapshot’s version, not in the newest', async () => {
    const harness = shop();
    const { arn } = await harness.service.createPoint('shop', `${POINT_PREFIX}a`, {});
    harness.fake.turn(5);
    const from = { kind: 'point', backupId: ID, arn, at: '2026-11-21T02:00:00.000Z' } as const;
    await harness.service.startAlias(await planOf(harness, { from }), ID);
    const [request] = harness.fake.requests.filter(({ operation }) => operation === 'RestoreDBClusterFromSnapshot');
    expect(request?.input).toMatchObject({
      Engine: 'aurora-postgresql',
      EngineVersion: '16.4',
      DeletionProtection: false,
    });
  });

  it('under a name of one’s own has members of that name, and lacks the custom endpoint that the original has', async () => {
    const harness = shop();
    const plan = await planOf(harness, { alias: 'shop-check' });
    await restored(harness, plan);
    expect(members(harness, 'shop-check')).toEqual(['shop-check-1', 'shop-check-2']);
    const { settings } = (await harness.service.read('shop-check'))!;
    expect(differencesOf(plan.settings, settings).map(({ setting }) => setting)).toEqual(['CustomEndpoints']);
  });

  it('is removed with its members, and its rows are in the final snapshot', async () => {
    const harness = shop();
    const finalPoint = `${POINT_PREFIX}final`;
    await harness.service.stop('shop');
    harness.fake.turn(5);
    await eventually(harness, async () => {
      await harness.service.remove('shop', { finalPoint });
      return harness.fake.cluster('shop') ? undefined : true;
    });
    expect(members(harness, 'shop')).toEqual([]);
    expect(harness.fake.region().clusterSnapshots.map(({ data }) => data)).toEqual(['rows of shop']);
  });

  it('whose snapshot is not encrypted is copied without a key, which AWS would refuse', async () => {
    const harness = shop({ shape: { StorageEncrypted: false } });
    const { arn } = await harness.service.createPoint('shop', `${POINT_PREFIX}a`, {});
    harness.fake.turn(5);
    const { point } = (await harness.service.pointState(arn))!;
    const keyArn = 'arn:aws:kms:eu-central-1:123456789012:key/copies';
    const copy = await harness.service.copyPoint(point!, { region: 'eu-central-1', keyArn });
    harness.fake.turn(5);
    const copied = (await harness.service.pointState(copy.arn))?.point;
    expect(copied).toMatchObject({ encrypted: false });
    expect(copied?.sourceResourceId).toBeUndefined();
  });

  it('leaves a person the exact command for a custom endpoint that can not be moved at once', async () => {
    const harness = shop();
    const plan = await planOf(harness);
    await restored(harness, plan);
    await renamed(harness, plan.original!.resourceId, 'shop', OLD);
    await renamed(harness, harness.fake.cluster(ALIAS)!.shape.DbClusterResourceId!, ALIAS, 'shop');
    const from = { resourceId: plan.original!.resourceId, name: OLD };
    const said = (await harness.service.repoint(from, (await harness.service.read('shop'))!)).join('\n');
    expect(said).toContain(
      'create-db-cluster-endpoint --db-cluster-identifier shop --db-cluster-endpoint-identifier shop-reports',
    );
    expect(said).toContain('--static-members shop-2');
  });

  it('takes proxies, subscriptions of its own and of its members along, and tells alarms on its ids and its followers', async () => {
    const harness = shop({
      shape: { ReadReplicaIdentifiers: ['arn:aws:rds:us-east-1:123456789012:cluster:shop-far'] },
    });
    const { fake, service } = harness;
    const plan = await planOf(harness);
    await restored(harness, plan);
    const wasMember = fake.instance('shop-2')!.shape.DbiResourceId!;
    await renamed(harness, plan.original!.resourceId, 'shop', OLD);
    const alias = fake.cluster(ALIAS)!.shape.DbClusterResourceId!;
    await renamed(harness, alias, ALIAS, 'shop');
    const oldMember = `shop-2${tail(OLD)}`;
    const region = fake.region();
    region.subscriptions = [
      { CustSubscriptionId: 'failovers', SourceType: 'db-cluster', SourceIdsList: [OLD] },
      { CustSubscriptionId: 'reboots', SourceType: 'db-instance', SourceIdsList: [oldMember, 'other'] },
    ];
    const member = (name: string) => ({ RdsResourceId: name, TrackedClusterId: OLD, Type: 'RDS_INSTANCE' as const });
    const tracked = { RdsResourceId: OLD, Type: 'TRACKED_CLUSTER' as const };
    region.proxies = [{ name: 'front', targets: [member(`shop-1${tail(OLD)}`), member(oldMember), tracked] }];
    const Expression = `DB_PERF_INSIGHTS('RDS', '${wasMember}', 'db.load.avg')`;
    region.alarms = [{ AlarmName: 'load', Metrics: [{ Id: 'm1', Expression }] }];
    const from = { resourceId: plan.original!.resourceId, name: OLD };
    const said = (await service.repoint(from, (await service.read('shop'))!)).join('\n');
    expect(region.subscriptions.map(({ SourceIdsList }) => SourceIdsList)).toEqual([['shop'], ['other', 'shop-2']]);
    expect(region.proxies[0]!.targets).toEqual([{ RdsResourceId: 'shop', Type: 'TRACKED_CLUSTER' }]);
    const isMember = fake.instance('shop-2')!.shape.DbiResourceId!;
    expect(isMember).not.toBe(wasMember);
    expect(said).toContain(`Let the alarm load name ${isMember} instead of ${wasMember}`);
    expect(said).toContain(`Read replicas still follow ${OLD}: arn:aws:rds:us-east-1:123456789012:cluster:shop-far`);
  });

  it.each([
    ['a swap of a global database', { shape: { GlobalClusterIdentifier: 'world' } }, 'the global database world'],
    ['Serverless v1', { shape: { EngineMode: 'serverless' } }, 'Serverless v1'],
    ['a Multi-AZ DB cluster', { shape: { Engine: 'postgres' } }, 'Multi-AZ DB cluster'],
    ['a member whose name is too long', { members: ['m'.repeat(50)] }, 'can not be renamed out of the way'],
    ['no member', { members: [] }, 'had no member'],
  ])('is refused for %s', async (_, options, words) => {
    const harness = shop(options);
    expect((await harness.service.refusals(await planOf(harness), 'shop')).join(' ')).toContain(words);
  });
});
