import { describe, expect, it, vi } from 'vitest';
import { nativeRestoreSchema, type NativeRestore } from '../../core/native.ts';
import { aliasResource, POINT_PREFIX, replacedResource, RESTORE_TAG } from '../../core/names.ts';
import { eventually, renamingContract } from '../contracts/native.ts';
import { fault } from '../support/fake-rds-store.ts';
import { rdsHarness, type FakeHarness } from './rds-harness.ts';

renamingContract('RDS', () => Promise.resolve(rdsHarness()));

const ID = '01JD5ZK7S8Q2M4N6P8R0T2V4W6';

async function planOf({ service }: FakeHarness, more: Partial<NativeRestore> = {}): Promise<NativeRestore> {
  const { settings } = (await service.read('shop'))!;
  return nativeRestoreSchema.parse({
    from: { kind: 'moment', sourceArn: settings.arn, sourceResourceId: settings.resourceId, at: 'latest' },
    alias: aliasResource('rds', 'shop', ID),
    oldName: replacedResource('rds', 'shop', ID),
    original: { arn: settings.arn, resourceId: settings.resourceId },
    settings,
    steps: {},
    serving: 'original',
    ...more,
  });
}
function shop(shape: Parameters<FakeHarness['fake']['addInstance']>[1] = {}): FakeHarness {
  const harness = rdsHarness();
  harness.fake.addInstance('shop', shape);
  return harness;
}
const sent = ({ fake }: FakeHarness, operation: string) =>
  fake.requests.filter((one) => one.operation === operation).map(({ input }) => input);
const settle = (harness: FakeHarness, name: string, wanted: NativeRestore['settings']) =>
  eventually(harness, async () =>
    (await harness.service.applySettings(name, wanted)).length === 0 ? true : undefined,
  );

describe('an instance', () => {
  it('is asked for with everything that the call takes, so that AWS resets nothing', async () => {
    const harness = shop();
    await harness.service.startAlias(await planOf(harness), ID);
    expect(sent(harness, 'RestoreDBInstanceToPointInTime')).toMatchSnapshot();
  });

  it('is not protected against deletion until everything else is as it must be', async () => {
    const harness = shop();
    const plan = await planOf(harness);
    await harness.service.startAlias(plan, ID);
    expect(harness.fake.instance(plan.alias)?.shape.DeletionProtection).toBe(false);
    await settle(harness, plan.alias, plan.settings);
    const order = sent(harness, 'ModifyDBInstance').map((input) => Object.keys(input));
    expect(order.length).toBeGreaterThan(1);
    expect(order.at(-1)).toEqual(['DBInstanceIdentifier', 'DeletionProtection', 'ApplyImmediately']);
    expect(order.slice(0, -1).flat()).not.toContain('DeletionProtection');
    expect(harness.fake.instance(plan.alias)?.shape.DeletionProtection).toBe(true);
  });

  it('is rebooted for a parameter group that waits for it, once', async () => {
    const harness = shop();
    const plan = await planOf(harness);
    await harness.service.startAlias(plan, ID);
    await settle(harness, plan.alias, plan.settings);
    expect(sent(harness, 'RebootDBInstance')).toEqual([{ DBInstanceIdentifier: plan.alias }]);
  });

  it('keeps all other settings when AWS refuses one, and shows the refused one as a difference', async () => {
    const harness = shop();
    const plan = await planOf(harness);
    await harness.service.startAlias(plan, ID);
    const log = vi.spyOn(console, 'warn').mockReturnValue();
    const error = fault('InvalidParameterCombination', 'Advanced Database Insights is not supported.');
    harness.fake.fail({ operation: 'ModifyDBInstance', field: 'DatabaseInsightsMode', times: Infinity, error });
    await settle(harness, plan.alias, plan.settings);
    const { shape } = harness.fake.instance(plan.alias)!;
    expect(shape).toMatchObject({ MonitoringInterval: 30, PreferredMaintenanceWindow: 'sun:03:00-sun:03:30' });
    expect(shape.MasterUserSecret?.SecretStatus).toBe('active');
    expect(shape.DatabaseInsightsMode).toBe('standard');
    expect(log.mock.calls.join()).toContain('Advanced Database Insights is not supported');
    log.mockRestore();
  });

  it('is no longer waited for an hour after a setting was first asked for', async () => {
    const harness = shop();
    const plan = await planOf(harness);
    await harness.service.startAlias(plan, ID);
    await eventually(harness, async () =>
      (await harness.service.read(plan.alias))?.state === 'ready' ? true : undefined,
    );
    const long = new Date(Date.now() - 2 * 3_600_000).toISOString();
    expect(await harness.service.applySettings(plan.alias, plan.settings, long)).toEqual([]);
    expect(await harness.service.applySettings(plan.alias, plan.settings, new Date().toISOString())).not.toEqual([]);
  });

  it('comes back from its kept automated backups after it was deleted', async () => {
    const harness = shop({ DeletionProtection: false });
    const region = harness.fake.region();
    const plan = await planOf(harness);
    const gone = harness.fake.instance('shop')!;
    region.instances = [];
    region.retained = [{ resourceId: gone.shape.DbiResourceId!, kind: 'db', of: gone.shape, data: gone.data }];
    const rest: NativeRestore = { ...plan, original: undefined, oldName: undefined };
    expect(await harness.service.refusals(rest, 'shop')).toEqual([]);
    await harness.service.startAlias(rest, ID);
    expect(harness.fake.instance(plan.alias)?.data).toBe('rows of shop');
  });

  it('is begun once when the answer was lost', async () => {
    const harness = shop();
    const plan = await planOf(harness);
    harness.fake.fail({ operation: 'RestoreDBInstanceToPointInTime', after: true });
    await expect(harness.service.startAlias(plan, ID)).rejects.toMatchObject({ code: 'SERVICE_REFUSED' });
    await harness.service.startAlias(plan, ID);
    expect(sent(harness, 'RestoreDBInstanceToPointInTime')).toHaveLength(1);
  });

  it('is found by its id while its name is on the way, and nothing is asked twice', async () => {
    const harness = shop();
    const { settings } = (await harness.service.read('shop'))!;
    const answers: string[] = [];
    await eventually(harness, async () => {
      const answer = await harness.service.rename(settings.resourceId, 'shop', 'shop-old');
      answers.push(answer);
      return answer === 'done' ? true : undefined;
    });
    const renames = sent(harness, 'ModifyDBInstance').filter((input) => 'NewDBInstanceIdentifier' in input);
    expect(renames).toEqual([
      { DBInstanceIdentifier: 'shop', NewDBInstanceIdentifier: 'shop-old', ApplyImmediately: true },
    ]);
    expect(answers[0]).toBe('asked');
    expect(answers.slice(1, -1)).toContain('busy');
  });

  it('is removed only after its final snapshot, which must be its own', async () => {
    const harness = shop();
    harness.fake.addInstance('other', { DeletionProtection: false });
    const finalPoint = `${POINT_PREFIX}final`;
    await harness.service.createPoint('other', finalPoint, {});
    harness.fake.turn(5);
    harness.fake.instance('shop')!.shape.DeletionProtection = false;
    await expect(harness.service.remove('shop', { finalPoint })).rejects.toMatchObject({ code: 'SERVICE_REFUSED' });
    expect(harness.fake.instance('shop')?.status).toBe('available');
  });

  it('leaves its rows in the final snapshot', async () => {
    const harness = shop();
    const finalPoint = `${POINT_PREFIX}final`;
    await eventually(harness, async () => {
      await harness.service.remove('shop', { finalPoint });
      return harness.fake.instance('shop') ? undefined : true;
    });
    const kept = harness.fake.region().snapshots.find(({ shape }) => shape.DBSnapshotIdentifier === finalPoint);
    expect(kept?.data).toBe('rows of shop');
  });

  it('that RDS will not stop, as one with read replicas, is said to run on, in RDS’s words', async () => {
    const harness = shop({ ReadReplicaDBInstanceIdentifiers: ['shop-reader'] });
    const log = vi.spyOn(console, 'warn').mockReturnValue();
    const error = fault('InvalidDBInstanceStateFault', 'Cannot stop a DB instance that has a read replica.');
    harness.fake.fail({ operation: 'StopDBInstance', error });
    expect(await harness.service.stop('shop')).toBe(false);
    expect(log.mock.calls.join()).toContain('shop: InvalidDBInstanceStateFault: Cannot stop');
    log.mockRestore();
    expect(await harness.service.stop('shop')).toBe(true);
    expect(await harness.service.stop('shop')).toBe(true);
    harness.fake.turn(9);
    expect(await harness.service.stop('shop')).toBe(true);
    expect(await harness.service.stop('not-there')).toBe(true);
    expect(sent(harness, 'StopDBInstance')).toHaveLength(2);
  });

  it('that is busy and was not told to stop is said to run on', async () => {
    const harness = shop();
    harness.fake.instance('shop')!.goes([{ status: 'modifying', looks: 9 }]);
    expect(await harness.service.stop('shop')).toBe(false);
    expect(sent(harness, 'StopDBInstance')).toEqual([]);
  });

  it('that is a member of a cluster is no instance of its own', async () => {
    const harness = rdsHarness();
    harness.fake.addCluster('shop', { shape: { TagList: [{ Key: 'nightjar:frequency', Value: 'daily' }] } });
    expect(await harness.service.read('shop-1')).toBeUndefined();
    expect(await harness.service.discover('team')).toEqual([]);
  });
});

describe('a recovery point', () => {
  it('is asked for again while the instance is busy, and is there in the end', async () => {
    const harness = shop();
    harness.fake.instance('shop')!.goes([{ status: 'backing-up', looks: 4 }]);
    const { arn } = await harness.service.createPoint('shop', `${POINT_PREFIX}a`, {});
    expect(await harness.service.pointState(arn)).toBeUndefined();
    const state = await eventually(harness, async () => {
      await harness.service.createPoint('shop', `${POINT_PREFIX}a`, {});
      const found = await harness.service.pointState(arn);
      return found?.status === 'ready' ? found : undefined;
    });
    expect(state.point).toMatchObject({ arn, bytes: 500 * 2 ** 30, encrypted: true, region: 'eu-west-1' });
  });

  it('says by its id what it was taken of, whatever that is called by now', async () => {
    const harness = shop();
    const { resourceId } = (await harness.service.read('shop'))!.settings;
    const { arn } = await harness.service.createPoint('shop', `${POINT_PREFIX}a`, {});
    harness.fake.turn(5);
    expect((await harness.service.pointState(arn))?.point?.sourceResourceId).toBe(resourceId);
  });

  it('is copied into another region under that region’s key, and found there by its ARN', async () => {
    const harness = shop();
    const { arn } = await harness.service.createPoint('shop', `${POINT_PREFIX}a`, { team: 'shop' });
    const ready = (of: string) =>
      eventually(harness, async () => {
        const state = await harness.service.pointState(of);
        return state?.status === 'ready' ? state.point : undefined;
      });
    const point = await ready(arn);
    const to = { region: 'eu-central-1', keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/copies' };
    const copy = await harness.service.copyPoint(point, to);
    expect(await harness.service.copyPoint(point, to)).toEqual(copy);
    expect(await ready(copy.arn)).toMatchObject({ region: to.region, keyArn: to.keyArn, encrypted: true });
    expect((await ready(copy.arn))?.sourceResourceId).toBeUndefined();
    await harness.service.deletePoint(copy.arn);
    expect(await harness.service.pointState(copy.arn)).toBeUndefined();
    expect((await harness.service.pointState(arn))?.status).toBe('ready');
  });
});

describe('a restore is refused', () => {
  const refusals = async (harness: FakeHarness, more: Partial<NativeRestore> = {}): Promise<string> =>
    (await harness.service.refusals(await planOf(harness, more), 'shop')).join(' ');

  it.each([
    ['a name too long', { alias: 'a'.repeat(64) }, '64 characters; 63 are allowed'],
    ['a name that RDS does not allow', { alias: 'shop--nj' }, 'is not allowed'],
    ['an old name that is taken', { oldName: 'other' }, 'other is taken'],
  ])('for %s', async (_, more, words) => {
    const harness = shop();
    harness.fake.addInstance('other');
    expect(await refusals(harness, more)).toContain(words);
  });

  it('for PITR that is off', async () => {
    expect(await refusals(shop({ BackupRetentionPeriod: 0 }))).toContain('reaches nothing');
  });
  it('for a swap of a read replica', async () => {
    expect(await refusals(shop({ ReadReplicaSourceDBInstanceIdentifier: 'main' }))).toContain('a read replica of main');
  });
  it('for a quota that is used up', async () => {
    const harness = shop();
    harness.fake.region().quotas = [{ AccountQuotaName: 'DBInstances', Used: 40, Max: 40 }];
    expect(await refusals(harness)).toContain('The quota DBInstances is used up: 40 of 40');
  });
  it.each(['shop-params', 'shop-options', 'shop-subnets'])('for a group that is gone: %s', async (name) => {
    const harness = shop();
    harness.fake.region().missingGroups = [name];
    expect(await refusals(harness)).toContain(`${name} is not there any more`);
  });

  it('for what only a recovery point can lack: storage, a persistent option, its engine version, its region', async () => {
    const harness = shop();
    const { arn } = await harness.service.createPoint('shop', `${POINT_PREFIX}a`, {});
    harness.fake.turn(5);
    const snapshot = harness.fake.region().snapshots[0]!.shape;
    Object.assign(snapshot, { AllocatedStorage: 900, OptionGroupName: 'tde-options' });
    harness.fake.region().options = { 'tde-options': [{ OptionName: 'TDE', Persistent: true }] };
    harness.fake.region().retired = ['16.4'];
    const from = { kind: 'point', backupId: ID, arn, at: '2026-11-21T02:00:00.000Z' } as const;
    const said = await refusals(harness, { from });
    for (const words of ['900 GiB', 'the option TDE', '16.4 of the recovery point', 'storage can not shrink'])
      expect(said).toContain(words);
    const elsewhere = { ...from, arn: arn.replace('eu-west-1', 'us-east-1') };
    expect(await refusals(harness, { from: elsewhere })).toContain('is in us-east-1; copy it to eu-west-1 first');
  });
});

describe('after the names were exchanged', () => {
  it('subscriptions and proxies that still name the old one are re-pointed, and a person is told the rest', async () => {
    const harness = shop({ ReadReplicaDBInstanceIdentifiers: ['shop-reader'] });
    const { fake, service } = harness;
    const old = fake.addInstance('shop-old', { ReadReplicaDBInstanceIdentifiers: ['shop-reader'] });
    const region = fake.region();
    region.subscriptions = [
      { CustSubscriptionId: 'ops', SourceType: 'db-instance', SourceIdsList: ['shop-old'] },
      { CustSubscriptionId: 'all', SourceType: 'db-instance', SourceIdsList: ['shop'] },
    ];
    region.proxies = [{ name: 'front', targets: [{ RdsResourceId: 'shop-old', Type: 'RDS_INSTANCE' }] }];
    region.blueGreen = [{ BlueGreenDeploymentName: 'upgrade', Source: old.DBInstanceArn!, Status: 'AVAILABLE' }];
    const from = { resourceId: old.DbiResourceId!, name: 'shop-old' };
    const said = (await service.repoint(from, (await service.read('shop'))!)).join('\n');
    expect(region.subscriptions.map(({ SourceIdsList }) => SourceIdsList)).toEqual([['shop'], ['shop']]);
    expect(region.proxies[0]!.targets).toEqual([{ RdsResourceId: 'shop', Type: 'RDS_INSTANCE' }]);
    for (const words of [
      'subscription ops now',
      'proxy front now',
      'upgrade',
      'shop-reader',
      'rds-db:connect',
      'RDSOSMetrics',
    ])
      expect(said).toContain(words);
    expect((await service.repoint(from, (await service.read('shop'))!)).join()).not.toContain('subscription ops');
  });

  it('an alarm that names the old one by its id is told with the id that it must name; one that names it by its name is right', async () => {
    const { fake, service } = shop();
    const old = fake.addInstance('shop-old');
    const is = fake.instance('shop')!.shape.DbiResourceId!;
    const load = (id: string) => [{ Id: 'm1', Expression: `DB_PERF_INSIGHTS('RDS', '${id}', 'db.load.avg')` }];
    const byName = { Dimensions: [{ Name: 'DBInstanceIdentifier', Value: 'shop' }] };
    // Beyond the first page, so that nobody stops there.
    fake.region().alarms = [
      { AlarmName: 'cpu', ...byName, AlarmDescription: `was ${old.DbiResourceId} once` },
      { AlarmName: 'other-load', Metrics: load('db-SOMEBODYELSES') },
      { AlarmName: 'load', Metrics: load(old.DbiResourceId!) },
    ];
    const from = { resourceId: old.DbiResourceId!, name: 'shop-old' };
    const said = (await service.repoint(from, (await service.read('shop'))!)).filter((one) => / alarms? /.test(one));
    expect(said).toEqual([
      `Let the alarm load name ${is} instead of ${old.DbiResourceId}: it watches the replaced one.`,
    ]);
  });

  it('who can not be asked keeps nobody else from being, and a person is told where to look', async () => {
    const { fake, service } = shop();
    const old = fake.addInstance('shop-old');
    fake.region().proxies = [{ name: 'front', targets: [{ RdsResourceId: 'shop-old', Type: 'RDS_INSTANCE' }] }];
    const denied = fault('AccessDenied', 'You may not.');
    for (const operation of ['DescribeEventSubscriptions', 'DescribeAlarms']) fake.fail({ operation, error: denied });
    const from = { resourceId: old.DbiResourceId!, name: 'shop-old' };
    const said = (await service.repoint(from, (await service.read('shop'))!)).join('\n');
    expect(said).toContain('The proxy front now leads to shop instead of shop-old.');
    expect(said).toMatch(/Which event subscriptions name .*AccessDenied.*look for shop-old/);
    expect(said).toMatch(/Which alarms name .*You may not.*look for shop-old and db-/);
    expect(said).toContain('rds-db:connect');
  });

  it('a proxy that can not be given the restored one is told, with what to do', async () => {
    const { fake, service } = shop();
    const old = fake.addInstance('shop-old');
    fake.region().proxies = [{ name: 'front', targets: [{ RdsResourceId: 'shop-old', Type: 'RDS_INSTANCE' }] }];
    const error = fault('InvalidDBInstanceStateFault', 'It is modifying.');
    fake.fail({ operation: 'RegisterDBProxyTargets', error });
    const from = { resourceId: old.DbiResourceId!, name: 'shop-old' };
    const said = (await service.repoint(from, (await service.read('shop'))!)).join('\n');
    expect(said).toMatch(/Let the proxy front lead to shop instead of shop-old\. \(.*It is modifying/);
  });

  it('a proxy and a subscription that came along with the name are left, and the proxy is to be looked at', async () => {
    const { fake, service } = shop();
    const old = fake.addInstance('shop-old');
    fake.region().proxies = [{ name: 'front', targets: [{ RdsResourceId: 'shop', Type: 'RDS_INSTANCE' }] }];
    const from = { resourceId: old.DbiResourceId!, name: 'shop-old' };
    const said = (await service.repoint(from, (await service.read('shop'))!)).join('\n');
    expect(said).toContain('The proxy front names shop: see that its target is healthy');
    expect(fake.requests.filter(({ operation }) => /^(Deregister|Register)DBProxyTargets$/.test(operation))).toEqual(
      [],
    );
  });

  it('the new ARN of a managed password is told', async () => {
    const harness = shop();
    const plan = await planOf(harness);
    await harness.service.startAlias(plan, ID);
    await settle(harness, plan.alias, plan.settings);
    const from = { resourceId: plan.original!.resourceId, name: 'shop' };
    const said = await harness.service.repoint(from, (await harness.service.read(plan.alias))!);
    const secret = harness.fake.instance(plan.alias)!.shape.MasterUserSecret!.SecretArn!;
    expect(said.join()).toContain(secret);
  });
});

describe('an alias of somebody else', () => {
  it('with the tag of another restore is left alone', async () => {
    const harness = shop();
    const plan = await planOf(harness);
    harness.fake.addInstance(plan.alias, { TagList: [{ Key: RESTORE_TAG, Value: 'another' }] });
    await expect(harness.service.startAlias(plan, ID)).rejects.toThrow('is not of this restore');
  });
});
