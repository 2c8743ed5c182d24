/** Instances of the in-memory RDS, and members of its clusters. */
import { apply, begin, defaults, snapshotOf } from './fake-rds-instance-shape.ts';
import { INSTANCES, mustBeDeletable, mustRenameAtOnce } from './fake-rds-kinds.ts';
import { Being, fault, filterOf, paged, text, type Instance, type Operation, type Region } from './fake-rds-store.ts';

function rename(region: Region, being: Instance, to: string): void {
  const { shape } = being;
  being.goes([
    { status: 'available' },
    {
      status: 'renaming',
      then: () => {
        const member = region.clusters
          .flatMap((cluster) => cluster.shape.DBClusterMembers ?? [])
          .find(({ DBInstanceIdentifier }) => DBInstanceIdentifier === shape.DBInstanceIdentifier);
        if (member) member.DBInstanceIdentifier = to;
        shape.DBInstanceIdentifier = to;
        shape.DBInstanceArn = region.arn('db', to);
        shape.Endpoint = { ...shape.Endpoint, Address: `${to}.abc.${region.name}.rds.example.org` };
      },
    },
    { status: 'renaming', hidden: true },
    { status: 'rebooting' },
  ]);
}

export const instanceOperations: Record<string, Operation> = {
  DescribeDBInstances({ region }, input) {
    const [name, id] = [text(input.DBInstanceIdentifier), filterOf(input, 'dbi-resource-id')];
    const cluster = filterOf(input, 'db-cluster-id');
    const found = region.instances
      .filter(({ hidden }) => !hidden)
      .filter(({ shape }) => !name || shape.DBInstanceIdentifier === name)
      .filter(({ shape }) => !id || shape.DbiResourceId === id)
      .filter(({ shape }) => !cluster || shape.DBClusterIdentifier === cluster);
    if (name && found.length === 0) throw INSTANCES.gone(name);
    return paged(
      'DBInstances',
      found.map(({ shape, status }) => ({ ...shape, DBInstanceStatus: status })),
      input,
    );
  },
  ModifyDBInstance({ region }, input) {
    const being = INSTANCES.available(region, text(input.DBInstanceIdentifier));
    if (input.MonitoringInterval !== undefined && Number(input.MonitoringInterval) > 0 && !input.MonitoringRoleArn)
      throw fault(
        'InvalidParameterCombination',
        'A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.',
      );
    const to = input.NewDBInstanceIdentifier;
    if (to !== undefined) {
      INSTANCES.nameIsFree(region, text(to));
      mustRenameAtOnce(input);
      rename(region, being, text(to));
    } else if (Object.keys(input).length > 2) {
      being.goes([
        { status: 'available' },
        { status: 'modifying', looks: 2, then: () => apply(region, being.shape, input) },
      ]);
    }
    return { DBInstance: { ...being.shape, DBInstanceStatus: being.status } };
  },
  RebootDBInstance({ region }, input) {
    const being = INSTANCES.available(region, text(input.DBInstanceIdentifier));
    const reload = (): void => {
      for (const group of being.shape.DBParameterGroups ?? []) group.ParameterApplyStatus = 'in-sync';
    };
    being.goes([{ status: 'rebooting', looks: 2, then: reload }]);
    return {};
  },
  StopDBInstance({ region }, input) {
    INSTANCES.available(region, text(input.DBInstanceIdentifier)).goes([{ status: 'stopping', looks: 2 }], 'stopped');
    return {};
  },
  StartDBInstance({ region }, input) {
    const being = INSTANCES.find(region, text(input.DBInstanceIdentifier));
    if (being.status !== 'stopped') throw INSTANCES.wrongState(text(input.DBInstanceIdentifier), being.status);
    being.goes([{ status: 'starting', looks: 2 }]);
    return {};
  },
  AddRoleToDBInstance({ region }, input) {
    const { shape } = INSTANCES.available(region, text(input.DBInstanceIdentifier));
    const role = { RoleArn: text(input.RoleArn), FeatureName: text(input.FeatureName), Status: 'ACTIVE' };
    if (shape.AssociatedRoles?.some(({ RoleArn }) => RoleArn === role.RoleArn))
      throw fault('DBInstanceRoleAlreadyExistsFault', 'The role is associated already.');
    shape.AssociatedRoles = [...(shape.AssociatedRoles ?? []), role];
    return {};
  },
  CreateDBInstance({ region }, input) {
    const name = text(input.DBInstanceIdentifier);
    INSTANCES.nameIsFree(region, name);
    const cluster = region.clusters.find(({ shape }) => shape.DBClusterIdentifier === text(input.DBClusterIdentifier));
    if (!cluster) throw fault('DBClusterNotFoundFault', `DBCluster ${text(input.DBClusterIdentifier)} not found.`);
    if (cluster.status !== 'available') throw fault('InvalidDBClusterStateFault', `The cluster is ${cluster.status}.`);
    const shape = defaults(region, name, text(input.Engine), cluster.shape.EngineVersion ?? '16.4');
    shape.DBClusterIdentifier = cluster.shape.DBClusterIdentifier;
    shape.PromotionTier = 1;
    const members = cluster.shape.DBClusterMembers ?? [];
    // Harsher than AWS: of members that are made at once, the last one is the writer.
    const IsClusterWriter = !region.instances.some(
      (one) => one.shape.DBClusterIdentifier === shape.DBClusterIdentifier && one.status !== 'creating',
    );
    const others = IsClusterWriter ? members.map((one) => ({ ...one, IsClusterWriter: false })) : members;
    cluster.shape.DBClusterMembers = [...others, { DBInstanceIdentifier: name, IsClusterWriter, PromotionTier: 1 }];
    begin(region, shape, input, cluster.data);
    return {};
  },
  DeleteDBInstance({ region, now }, input) {
    const name = text(input.DBInstanceIdentifier);
    const being = INSTANCES.find(region, name);
    if (!being.resting) throw INSTANCES.wrongState(name, being.status);
    // A member's rows are its cluster's: it goes without a snapshot.
    mustBeDeletable(being.shape, being.shape.DBClusterIdentifier ? { SkipFinalSnapshot: true } : input);
    const final = text(input.FinalDBSnapshotIdentifier);
    if (final && region.snapshots.some(({ shape }) => shape.DBSnapshotIdentifier === final))
      throw fault(
        'DBSnapshotAlreadyExistsFault',
        `Cannot create the snapshot because one with the identifier ${final} already exists.`,
      );
    const then = (): void => {
      region.instances = region.instances.filter((one) => one !== being);
      for (const { shape } of region.clusters)
        shape.DBClusterMembers = shape.DBClusterMembers?.filter((one) => one.DBInstanceIdentifier !== name);
      if (input.DeleteAutomatedBackups === false)
        region.retained.push({ resourceId: being.shape.DbiResourceId!, kind: 'db', of: being.shape, data: being.data });
    };
    if (final)
      region.snapshots.push(
        new Being({ ...snapshotOf(region, being, final, now), SnapshotType: 'manual' }, being.data),
      );
    being.goes([{ status: 'deleting', looks: 2, then }], 'deleted');
    return {};
  },
};
