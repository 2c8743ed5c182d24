/** Aurora clusters of the in-memory RDS. */
import type { DBCluster } from '@aws-sdk/client-rds';
import { address, applyCluster, clusterSnapshotOf } from './fake-rds-cluster-shape.ts';
import { CLUSTERS, mustBeDeletable, mustRenameAtOnce } from './fake-rds-kinds.ts';
import { Being, fault, filterOf, paged, text, type Cluster, type Operation, type Region } from './fake-rds-store.ts';

function rename(region: Region, being: Cluster, to: string): void {
  const { shape } = being;
  being.goes([
    { status: 'available' },
    {
      status: 'renaming',
      then: () => {
        const was = shape.DBClusterIdentifier;
        for (const one of region.instances)
          if (one.shape.DBClusterIdentifier === was) one.shape.DBClusterIdentifier = to;
        for (const one of region.endpoints)
          if (one.shape.DBClusterIdentifier === was) one.shape.DBClusterIdentifier = to;
        shape.DBClusterIdentifier = to;
        shape.DBClusterArn = region.arn('cluster', to);
        shape.Endpoint = address(region, to, 'cluster');
        shape.ReaderEndpoint = address(region, to, 'cluster-ro');
      },
    },
    { status: 'renaming', hidden: true },
  ]);
}

const customOf = (region: Region, { DBClusterIdentifier }: DBCluster): string[] =>
  region.endpoints
    .filter(({ shape }) => shape.DBClusterIdentifier === DBClusterIdentifier)
    .map(({ shape }) => shape.Endpoint!);

const members = (region: Region, name: string) =>
  region.instances.filter(({ shape }) => shape.DBClusterIdentifier === name);

export const clusterOperations: Record<string, Operation> = {
  DescribeDBClusters({ region }, input) {
    const [name, id] = [text(input.DBClusterIdentifier), filterOf(input, 'db-cluster-resource-id')];
    const found = region.clusters
      .filter(({ hidden }) => !hidden)
      .filter(({ shape }) => !name || shape.DBClusterIdentifier === name)
      .filter(({ shape }) => !id || shape.DbClusterResourceId === id);
    if (name && found.length === 0) throw CLUSTERS.gone(name);
    return paged(
      'DBClusters',
      found.map(({ shape, status }) => ({ ...shape, Status: status, CustomEndpoints: customOf(region, shape) })),
      input,
    );
  },
  EnableHttpEndpoint({ region }, input) {
    const found = region.clusters.find(({ shape }) => shape.DBClusterArn === input.ResourceArn);
    if (!found) throw CLUSTERS.gone(text(input.ResourceArn));
    found.shape.HttpEndpointEnabled = true;
    return {};
  },
  ModifyDBCluster({ region }, input) {
    const being = CLUSTERS.available(region, text(input.DBClusterIdentifier));
    const to = input.NewDBClusterIdentifier;
    if (to !== undefined) {
      CLUSTERS.nameIsFree(region, text(to));
      mustRenameAtOnce(input);
      rename(region, being, text(to));
    } else
      being.goes([
        { status: 'available' },
        { status: 'modifying', looks: 2, then: () => applyCluster(region, being.shape, input) },
      ]);
    return { DBCluster: { ...being.shape, Status: being.status } };
  },
  StopDBCluster({ region }, input) {
    const name = text(input.DBClusterIdentifier);
    CLUSTERS.available(region, name).goes([{ status: 'stopping', looks: 2 }], 'stopped');
    for (const member of members(region, name)) member.goes([{ status: 'stopping', looks: 2 }], 'stopped');
    return {};
  },
  StartDBCluster({ region }, input) {
    const name = text(input.DBClusterIdentifier);
    const being = CLUSTERS.find(region, name);
    if (being.status !== 'stopped') throw CLUSTERS.wrongState(name, being.status);
    being.goes([{ status: 'starting', looks: 2 }]);
    for (const member of members(region, name)) member.goes([{ status: 'starting', looks: 2 }]);
    return {};
  },
  DeleteDBCluster({ region, now }, input) {
    const name = text(input.DBClusterIdentifier);
    const being = CLUSTERS.available(region, name);
    mustBeDeletable(being.shape, input);
    if (members(region, name).some(({ status }) => status !== 'deleting'))
      throw fault(
        'InvalidDBClusterStateFault',
        'Cluster cannot be deleted, it still contains DB instances in non-deleting state.',
      );
    const final = text(input.FinalDBSnapshotIdentifier);
    if (final) {
      if (region.clusterSnapshots.some(({ shape }) => shape.DBClusterSnapshotIdentifier === final))
        throw fault('DBClusterSnapshotAlreadyExistsFault', `${final} exists already.`);
      region.clusterSnapshots.push(new Being(clusterSnapshotOf(region, being, final, now), being.data));
    }
    const then = (): void => {
      region.clusters = region.clusters.filter((one) => one !== being);
      region.endpoints = region.endpoints.filter(({ shape }) => shape.DBClusterIdentifier !== name);
    };
    being.goes([{ status: 'deleting', looks: 2, then }], 'deleted');
    return {};
  },
  AddRoleToDBCluster({ region }, input) {
    const { shape } = CLUSTERS.available(region, text(input.DBClusterIdentifier));
    const role = { RoleArn: text(input.RoleArn), FeatureName: text(input.FeatureName), Status: 'ACTIVE' };
    if (
      shape.AssociatedRoles?.some(
        ({ RoleArn, FeatureName }) => RoleArn === role.RoleArn && FeatureName === role.FeatureName,
      )
    )
      throw fault('DBClusterRoleAlreadyExistsFault', 'The role is associated already.');
    shape.AssociatedRoles = [...(shape.AssociatedRoles ?? []), role];
    return {};
  },
};
