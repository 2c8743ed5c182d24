/** An Aurora cluster as it is now, with its members and custom endpoints. */
import {
  DescribeDBClusterAutomatedBackupsCommand,
  DescribeDBClusterEndpointsCommand,
  DescribeDBClustersCommand,
  type DBCluster,
  type DBClusterEndpoint,
  type DBInstance,
} from '@aws-sdk/client-rds';
import type { NativeResource, PitrWindow } from '../core/native.ts';
import { byName, properName } from './aurora-members.ts';
import { CLUSTER_SETTINGS, MEMBER_SETTINGS } from './aurora-settings.ts';
import { all, calling, codeOf, GIB, isMissing, isoOf, settable, tagsOf, unless, type Rds } from './rds-calls.ts';
import { allInstances } from './rds-read.ts';
import { stateOf } from './rds-states.ts';
import { readValues, sorted, type Json, type Table } from './settings-table.ts';

export const CLUSTERS: Table<DBCluster> = CLUSTER_SETTINGS;
export const MEMBERS: Table<DBInstance> = MEMBER_SETTINGS;

/** Undefined when it is not there. */
export const findCluster = (rds: Rds, name: string): Promise<DBCluster | undefined> =>
  calling('read cluster', name, () =>
    unless(isMissing, async () => {
      const answer = await rds.send(new DescribeDBClustersCommand({ DBClusterIdentifier: name }));
      return answer.DBClusters?.find(({ DBClusterIdentifier }) => DBClusterIdentifier === name);
    }),
  );

/** By DbClusterResourceId, whatever it is called by now. */
export const findClusterById = (rds: Rds, id: string): Promise<DBCluster | undefined> =>
  calling('find cluster', id, async () => {
    const Filters = [{ Name: 'db-cluster-resource-id', Values: [id] }];
    const found = await unless(isMissing, () => rds.send(new DescribeDBClustersCommand({ Filters })));
    return found?.DBClusters?.find(({ DbClusterResourceId }) => DbClusterResourceId === id);
  });

/** Clusters of Aurora; Neptune, DocumentDB and Multi-AZ clusters of RDS are listed by the same call. */
export const allClusters = (rds: Rds): Promise<DBCluster[]> =>
  calling('list clusters', 'the account', async () => {
    const list = await all(async (marker) => {
      const answer = await rds.send(new DescribeDBClustersCommand(marker));
      return { found: answer.DBClusters, marker: answer.Marker };
    });
    return list.filter(({ Engine }) => Engine?.startsWith('aurora'));
  });

/** The writer first, the others by name. */
export async function membersOf(rds: Rds, cluster: DBCluster): Promise<DBInstance[]> {
  const writer = cluster.DBClusterMembers?.find(({ IsClusterWriter }) => IsClusterWriter)?.DBInstanceIdentifier;
  const rank = ({ DBInstanceIdentifier: name = '' }: DBInstance): number => (name === writer ? 0 : 1);
  const members = await allInstances(rds, cluster.DBClusterIdentifier ?? '');
  return members.sort(
    (a, b) => rank(a) - rank(b) || byName(a.DBInstanceIdentifier ?? '', b.DBInstanceIdentifier ?? ''),
  );
}

export const customEndpoints = (rds: Rds, cluster: DBCluster): Promise<DBClusterEndpoint[]> =>
  calling('list custom endpoints', cluster.DBClusterIdentifier ?? '', async () => {
    if ((cluster.CustomEndpoints ?? []).length === 0) return [];
    const list = await all(async (marker) => {
      const command = new DescribeDBClusterEndpointsCommand({
        DBClusterIdentifier: cluster.DBClusterIdentifier,
        ...marker,
      });
      const answer = await rds.send(command);
      return { found: answer.DBClusterEndpoints, marker: answer.Marker };
    });
    return list.filter(({ EndpointType, Status }) => EndpointType === 'CUSTOM' && Status !== 'deleting');
  });

/** By the names that they have in the original, so that two clusters can be compared. */
export const endpointFacts = (endpoints: readonly DBClusterEndpoint[]): Json =>
  endpoints
    .map((one) => ({
      DBClusterEndpointIdentifier: properName(one.DBClusterEndpointIdentifier ?? ''),
      EndpointType: one.CustomEndpointType ?? 'ANY',
      StaticMembers: sorted(one.StaticMembers?.map(properName)),
      ExcludedMembers: sorted(one.ExcludedMembers?.map(properName)),
    }))
    .sort((a, b) => byName(a.DBClusterEndpointIdentifier, b.DBClusterEndpointIdentifier));

/** What its automated backups reach, also of a cluster that was deleted while they were kept. */
export async function clusterWindow(rds: Rds, id: string): Promise<{ earliest?: Date; latest?: Date }> {
  const living = await findClusterById(rds, id);
  const command = new DescribeDBClusterAutomatedBackupsCommand({ DbClusterResourceId: id });
  const ask = () =>
    unless(
      (error) => codeOf(error).endsWith('NotFound'),
      () => rds.send(command),
    );
  const kept = living
    ? undefined
    : (await calling('read window', id, ask))?.DBClusterAutomatedBackups?.[0]?.RestoreWindow;
  const [earliest, latest] = [
    living?.EarliestRestorableTime ?? kept?.EarliestTime,
    living?.LatestRestorableTime ?? kept?.LatestTime,
  ];
  return { ...(earliest ? { earliest } : {}), ...(latest ? { latest } : {}) };
}

function windowOf({ EarliestRestorableTime, LatestRestorableTime }: DBCluster): PitrWindow {
  const [earliest, latest] = [isoOf(EarliestRestorableTime), isoOf(LatestRestorableTime)];
  // A cluster's automated backups can not be turned off. Source: AWS, Aurora User Guide, "Automated backups".
  return { on: true, ...(earliest ? { earliest } : {}), ...(latest ? { latest } : {}) };
}

/**
 * Not ready as long as the cluster or a member is not. The word is the cluster's own, a member's stands behind it: reader auto
 * scaling deletes members every day, and the cluster serves on.
 */
function stateWith(cluster: DBCluster, members: readonly DBInstance[]): Pick<NativeResource, 'state' | 'stateWord'> {
  const status = cluster.Status ?? '';
  const state = stateOf(status);
  const late = members.find(({ DBInstanceStatus = '' }) => stateOf(DBInstanceStatus) !== 'ready');
  if (state !== 'ready' || !late) return { state, stateWord: status };
  const { DBInstanceIdentifier = '', DBInstanceStatus = '' } = late;
  return { state: stateOf(DBInstanceStatus), stateWord: `${status} (${DBInstanceIdentifier}: ${DBInstanceStatus})` };
}

export async function clusterResource(rds: Rds, cluster: DBCluster): Promise<NativeResource> {
  const members = await membersOf(rds, cluster);
  const custom = await customEndpoints(rds, cluster);
  return {
    settings: {
      engine: 'aurora',
      name: cluster.DBClusterIdentifier ?? '',
      arn: cluster.DBClusterArn ?? '',
      resourceId: cluster.DbClusterResourceId ?? '',
      readAt: new Date().toISOString(),
      server: { engine: cluster.Engine ?? '', version: cluster.EngineVersion ?? '' },
      values: {
        ...readValues(CLUSTERS, cluster),
        ...(custom.length > 0 ? { CustomEndpoints: endpointFacts(custom) } : {}),
      },
      instances: members.map((one) => ({
        name: properName(one.DBInstanceIdentifier ?? ''),
        values: readValues(MEMBERS, one),
      })),
      tags: settable(tagsOf(cluster.TagList)),
    },
    ...stateWith(cluster, members),
    window: windowOf(cluster),
    bytes: (cluster.AllocatedStorage ?? 0) * GIB,
    ...(cluster.Endpoint ? { endpoint: cluster.Endpoint } : {}),
    ...(cluster.Port ? { port: cluster.Port } : {}),
    ...(cluster.MasterUserSecret?.SecretArn ? { passwordSecret: cluster.MasterUserSecret.SecretArn } : {}),
    replicas: cluster.ReadReplicaIdentifiers ?? [],
  };
}
