/** Aurora clusters: restored, renamed, stopped and removed by the service itself, with their members. */
import {
  DeleteDBClusterCommand,
  DeleteDBInstanceCommand,
  ModifyDBClusterCommand,
  RestoreDBClusterFromSnapshotCommand,
  RestoreDBClusterToPointInTimeCommand,
  StartDBClusterCommand,
  StopDBClusterCommand,
} from '@aws-sdk/client-rds';
import { NightjarError } from '../core/errors.ts';
import type { NativeRestore, RenamingService } from '../core/native.ts';
import { RESTORE_TAG } from '../core/names.ts';
import { applyCluster } from './aurora-apply.ts';
import { allClusters, CLUSTERS, clusterResource, findCluster, membersOf } from './aurora-read.ts';
import { clusterRefusals } from './aurora-refusals.ts';
import { renameCluster } from './aurora-rename.ts';
import { repointCluster } from './aurora-repoint.ts';
import type { RdsClients } from './clients.ts';
import { stopped, taken } from './rds-apply.ts';
import { asTags, isMissing, nameOf, tagsOf, unless } from './rds-calls.ts';
import { finalSnapshot } from './rds-final.ts';
import { CLUSTER_SNAPSHOTS, findSnapshot, pointVerbs } from './rds-points.ts';
import { beginAlias } from './rds-alias.ts';
import { request } from './settings-table.ts';

export function auroraService(clients: RdsClients): RenamingService {
  const rds = clients();
  const find = (name: string) => findCluster(rds, name);
  const start = async (name: string): Promise<void> => {
    if ((await find(name))?.Status === 'stopped')
      await taken('start', name, () => rds.send(new StartDBClusterCommand({ DBClusterIdentifier: name })));
  };

  return {
    engine: 'aurora',
    ...pointVerbs(clients, CLUSTER_SNAPSHOTS, async (name) => (await find(name))?.DBClusterArn),

    async read(name) {
      const cluster = await find(name);
      return cluster && clusterResource(rds, cluster);
    },

    /** A cluster's automated backups are always on. */
    async enablePitr(name) {
      if (!(await find(name)))
        throw new NightjarError('RESOURCE_MISSING', { operation: 'turn PITR on', detail: `${name} is not there.` });
    },

    async discover(tagKey) {
      return (await allClusters(rds)).flatMap((cluster) => {
        const value = tagsOf(cluster.TagList)[tagKey];
        const found = { engine: 'aurora' as const, name: cluster.DBClusterIdentifier!, arn: cluster.DBClusterArn! };
        return value === undefined ? [] : [{ ...found, value }];
      });
    },

    refusals: (plan, name) => clusterRefusals(clients, plan, name),

    startAlias: (plan, restoreId) =>
      beginAlias(plan, restoreId, {
        tags: async (name) => tagged(await find(name)),
        begin: () => restore(clients, plan, restoreId),
      }),

    async applySettings(name, wanted, begun) {
      const cluster = await find(name);
      return cluster ? applyCluster(rds, cluster, wanted, begun) : [`${name} is not there yet`];
    },

    rename: (resourceId, from, to) => renameCluster(rds, resourceId, from, to),

    stop: async (name) =>
      stopped(name, (await find(name))?.Status, () =>
        rds.send(new StopDBClusterCommand({ DBClusterIdentifier: name })),
      ),
    start,

    repoint: (from, to) => repointCluster(clients, from, to),

    async remove(name, { finalPoint }) {
      const cluster = await find(name);
      if (!cluster || cluster.Status === 'deleting') return;
      // A stopped cluster can be neither changed nor deleted. Source: AWS, Aurora User Guide, "Stopping and starting a cluster".
      if (cluster.Status === 'stopped') return start(name);
      if (cluster.DeletionProtection) {
        const fields = { DBClusterIdentifier: name, DeletionProtection: false, ApplyImmediately: true };
        await taken('lift deletion protection', name, () => rds.send(new ModifyDBClusterCommand(fields)));
        return;
      }
      const [arn, id] = [cluster.DBClusterArn ?? '', cluster.DbClusterResourceId ?? ''];
      const final = await finalSnapshot(clients, CLUSTER_SNAPSHOTS, { arn, id, finalPoint });
      if (final === 'wait') return;
      const members = (await membersOf(rds, cluster)).filter(({ DBInstanceStatus }) => DBInstanceStatus !== 'deleting');
      for (const { DBInstanceIdentifier } of members) {
        const command = new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true });
        await taken('delete member', DBInstanceIdentifier ?? '', () => unless(isMissing, () => rds.send(command)));
      }
      // The rows are the cluster's: its deletion takes the final point when the members are gone.
      if (members.length === 0)
        await taken('delete', name, () =>
          rds.send(new DeleteDBClusterCommand({ DBClusterIdentifier: name, ...final })),
        );
    },
  };
}

const tagged = (cluster: Awaited<ReturnType<typeof findCluster>>): Record<string, string> | undefined =>
  cluster && tagsOf(cluster.TagList);

/** Everything that the call takes is said, for what is not said is reset. Deletion protection comes last, with the settings. */
async function restore(
  clients: RdsClients,
  { from, alias, settings }: NativeRestore,
  restoreId: string,
): Promise<void> {
  const common = {
    DBClusterIdentifier: alias,
    Tags: asTags({ ...settings.tags, [RESTORE_TAG]: restoreId }),
    DeletionProtection: false,
  };
  if (from.kind === 'moment') {
    await clients().send(
      new RestoreDBClusterToPointInTimeCommand({
        ...request(CLUSTERS, 'moment', settings.values),
        ...common,
        SourceDbClusterResourceId: from.sourceResourceId,
        ...(from.at === 'latest' ? { UseLatestRestorableTime: true } : { RestoreToTime: new Date(from.at) }),
      }),
    );
    return;
  }
  const snapshot = await findSnapshot(clients, CLUSTER_SNAPSHOTS, from.arn);
  if (!snapshot)
    throw new NightjarError('POINT_MISSING', {
      operation: 'restore',
      detail: `${from.arn} is not there; nothing was begun.`,
    });
  await clients().send(
    new RestoreDBClusterFromSnapshotCommand({
      ...request(CLUSTERS, 'point', settings.values),
      ...common,
      SnapshotIdentifier: nameOf(from.arn),
      Engine: settings.server?.engine,
      // Without it the Region's default version would be taken.
      EngineVersion: snapshot.engineVersion,
    }),
  );
}
