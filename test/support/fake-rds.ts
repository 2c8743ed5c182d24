/**
 * An in-memory RDS, as AWS documents it and harsher than moto: what is asked for comes true some looks later, a restore RESETS
 * what AWS resets, a renamed resource is found under neither name for a look, busy ones refuse, protected ones are not deleted,
 * lists come by pages of two. Every request is judged by the API model. It can be told to fail a call, or to do it and lose
 * the answer. Each Describe call of an instance, cluster, snapshot or endpoint is a look: all get on by one step.
 */
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import type { RdsClients } from '../../services/clients.ts';
import { mustFitModel, type ApiRequest } from './api-model.ts';
import { clusterDefaults } from './fake-rds-cluster-shape.ts';
import { clusterOperations } from './fake-rds-clusters.ts';
import { endpointOperations } from './fake-rds-endpoints.ts';
import { defaults } from './fake-rds-instance-shape.ts';
import { instanceOperations } from './fake-rds-instances.ts';
import { otherOperations } from './fake-rds-others.ts';
import { pointOperations } from './fake-rds-points.ts';
import { restoreOperations } from './fake-rds-restores.ts';
import { Being, Region, type Operation } from './fake-rds-store.ts';

const OPERATIONS: Record<string, Operation> = {
  ...instanceOperations,
  ...clusterOperations,
  ...endpointOperations,
  ...pointOperations,
  ...restoreOperations,
  ...otherOperations,
};
const LOOKS = /^Describe(DBInstances|DBClusters|DBSnapshots|DBClusterSnapshots|DBClusterEndpoints)$/;

/** A fault that is still to strike. */
export interface Strike {
  /** Every operation when it is left out. */
  readonly operation?: string;
  /** Only calls with this field. */
  readonly field?: string;
  /** The first call that fails, counted from when the strike was set; 1 by default. */
  readonly nth?: number;
  /** How many calls fail; one by default, `Infinity` for good. */
  readonly times?: number;
  /** The call is done, and its answer lost. */
  readonly after?: boolean;
  readonly error?: Error;
}
const LOST = (): Error => Object.assign(new Error('socket hang up'), { name: 'TimeoutError', $metadata: {} });

export class FakeRds {
  /** Everything that was asked, in order. */
  readonly requests: ApiRequest[] = [];
  now = new Date('2026-11-21T02:00:00.000Z');
  private readonly regions = new Map<string, Region>();
  private strikes: { strike: Strike; calls: number }[] = [];

  /** For `rdsService` and `auroraService`. */
  readonly clients: RdsClients = Object.assign(
    (region = 'eu-west-1') => ({ send: (command: object) => this.answer(region, command) }),
    { alarms: () => ({ send: (command: object) => this.answer('eu-west-1', command) }) },
  );

  region(name = 'eu-west-1'): Region {
    const known = this.regions.get(name) ?? new Region(name);
    this.regions.set(name, known);
    return known;
  }

  /** Lets everything get on by so many steps. */
  turn(steps = 1): void {
    for (let step = 0; step < steps; step += 1) for (const region of this.regions.values()) region.turn();
  }

  /** Makes calls fail. */
  fail(strike: Strike): void {
    this.strikes.push({ strike, calls: 0 });
  }
  /** Whatever was to fail works again. */
  heal(): void {
    this.strikes = [];
  }

  /** A ready instance of which little is as AWS would have it by itself. */
  addInstance(
    name: string,
    shape: Partial<DBInstance> = {},
    data = `rows of ${name}`,
    region = this.region(),
  ): DBInstance {
    const made = { ...defaults(region, name, 'postgres', '16.4'), ...unusualInstance(region), ...shape };
    made.Endpoint = { Port: 6432, Address: made.Endpoint!.Address };
    region.instances.push(new Being<DBInstance>(made, data));
    return made;
  }

  /** A ready cluster; members are named `NAME-1`, … unless said otherwise, the first is the writer. */
  addCluster(
    name: string,
    options: { shape?: Partial<DBCluster>; members?: readonly string[]; data?: string; region?: Region } = {},
  ): DBCluster {
    const { data = `rows of ${name}`, region = this.region(), members = [`${name}-1`, `${name}-2`] } = options;
    const made: DBCluster = {
      ...clusterDefaults(region, name, 'aurora-postgresql', '16.4'),
      ...unusualCluster(region),
      ...options.shape,
    };
    made.DBClusterMembers = members.map((DBInstanceIdentifier, index) => ({
      DBInstanceIdentifier,
      IsClusterWriter: index === 0,
      PromotionTier: index,
    }));
    region.clusters.push(new Being<DBCluster>(made, data));
    const custom = {
      DBClusterEndpointIdentifier: `${name}-reports`,
      DBClusterIdentifier: name,
      EndpointType: 'CUSTOM',
    };
    const leads = { CustomEndpointType: 'ANY', StaticMembers: members.slice(1), ExcludedMembers: [] };
    const Endpoint = `${name}-reports.cluster-custom-abc.${region.name}.rds.example.org`;
    if (members.length > 1) region.endpoints.push(new Being({ ...custom, ...leads, Endpoint }, ''));
    for (const [index, member] of members.entries()) {
      const unusual = { DBInstanceClass: index === 0 ? 'db.r6g.large' : 'db.serverless', PromotionTier: index };
      const common = {
        ...defaults(region, member, made.Engine!, made.EngineVersion!),
        ...unusualMember(),
        DBClusterIdentifier: name,
      };
      region.instances.push(new Being<DBInstance>({ ...common, ...unusual }, data));
    }
    return made;
  }

  /** What is there under a name, whatever state it is in: the truth behind the answers. */
  instance(name: string, region = this.region()): Being<DBInstance> | undefined {
    return region.instances.find(({ shape }) => shape.DBInstanceIdentifier === name);
  }
  cluster(name: string, region = this.region()): Being<DBCluster> | undefined {
    return region.clusters.find(({ shape }) => shape.DBClusterIdentifier === name);
  }

  private async answer(name: string, command: object): Promise<object> {
    const operation = command.constructor.name.replace(/Command$/, '');
    const input = Object.fromEntries(
      Object.entries((command as { input: object }).input).filter(([, value]) => value !== undefined),
    );
    await Promise.resolve();
    const request = { service: operation === 'DescribeAlarms' ? 'cloudwatch' : 'rds', operation, input };
    this.requests.push(request);
    mustFitModel(request);
    const strike = this.strikeOn(operation, input);
    if (strike && !strike.after) throw strike.error ?? LOST();
    const region = this.region(name);
    const act = OPERATIONS[operation];
    if (!act) throw new Error(`the in-memory RDS does not know ${operation}`);
    const answer = act({ region, other: (other) => this.region(other), now: this.now }, input);
    if (LOOKS.test(operation)) this.turn();
    if (strike) throw strike.error ?? LOST();
    return answer;
  }

  private strikeOn(operation: string, input: object): Strike | undefined {
    const matching = this.strikes.filter(
      ({ strike }) =>
        (strike.operation ?? operation) === operation && (strike.field === undefined || strike.field in input),
    );
    for (const one of matching) one.calls += 1;
    return matching.find(({ strike: { nth = 1, times = 1 }, calls }) => calls >= nth && calls < nth + times)?.strike;
  }
}

const role = (name: string): string => `arn:aws:iam::123456789012:role/${name}`;
const key = (region: Region, name: string): string => `arn:aws:kms:${region.name}:123456789012:key/${name}`;

const unusualInstance = (region: Region): Partial<DBInstance> => ({
  DBInstanceClass: 'db.m6g.large',
  AllocatedStorage: 500,
  StorageType: 'io1',
  Iops: 4000,
  StorageThroughput: 0,
  MaxAllocatedStorage: 1000,
  KmsKeyId: key(region, 'shop'),
  BackupRetentionPeriod: 14,
  PreferredBackupWindow: '02:00-02:30',
  PreferredMaintenanceWindow: 'sun:03:00-sun:03:30',
  VpcSecurityGroups: [
    { VpcSecurityGroupId: 'sg-2', Status: 'active' },
    { VpcSecurityGroupId: 'sg-1', Status: 'active' },
  ],
  DBParameterGroups: [{ DBParameterGroupName: 'shop-params', ParameterApplyStatus: 'in-sync' }],
  OptionGroupMemberships: [{ OptionGroupName: 'shop-options', Status: 'in-sync' }],
  DBSubnetGroup: { DBSubnetGroupName: 'shop-subnets' },
  MultiAZ: true,
  AutoMinorVersionUpgrade: false,
  CACertificateIdentifier: 'rds-ca-ecc384-g1',
  CopyTagsToSnapshot: true,
  MonitoringInterval: 30,
  MonitoringRoleArn: role('monitoring'),
  IAMDatabaseAuthenticationEnabled: true,
  DatabaseInsightsMode: 'advanced',
  PerformanceInsightsEnabled: true,
  PerformanceInsightsKMSKeyId: key(region, 'insights'),
  PerformanceInsightsRetentionPeriod: 465,
  EnabledCloudwatchLogsExports: ['upgrade', 'postgresql'],
  DeletionProtection: true,
  AssociatedRoles: [{ RoleArn: role('s3-import'), FeatureName: 's3Import', Status: 'ACTIVE' }],
  MasterUserSecret: {
    SecretArn: `arn:aws:secretsmanager:${region.name}:123456789012:secret:rds!db-original-AbCdEf`,
    SecretStatus: 'active',
    KmsKeyId: key(region, 'secrets'),
  },
});

const unusualCluster = (region: Region): Partial<DBCluster> => ({
  BackupRetentionPeriod: 14,
  PreferredBackupWindow: '02:00-02:30',
  PreferredMaintenanceWindow: 'sun:03:00-sun:03:30',
  Port: 6432,
  KmsKeyId: key(region, 'shop'),
  VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-1', Status: 'active' }],
  DBClusterParameterGroup: 'shop-cluster-params',
  DBSubnetGroup: 'shop-subnets',
  CopyTagsToSnapshot: true,
  IAMDatabaseAuthenticationEnabled: true,
  EnabledCloudwatchLogsExports: ['postgresql'],
  DeletionProtection: true,
  HttpEndpointEnabled: true,
  AssociatedRoles: [{ RoleArn: role('lambda'), FeatureName: 'Lambda', Status: 'ACTIVE' }],
  ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 8 },
});

const unusualMember = (): Partial<DBInstance> => ({
  DBParameterGroups: [{ DBParameterGroupName: 'shop-params', ParameterApplyStatus: 'in-sync' }],
  PreferredMaintenanceWindow: 'sun:04:00-sun:04:30',
  AutoMinorVersionUpgrade: false,
  MonitoringInterval: 30,
  MonitoringRoleArn: role('monitoring'),
  CopyTagsToSnapshot: true,
  TagList: [{ Key: 'team', Value: 'shop' }],
});
