/** A cluster takes another name: its members first, then itself, so that a cluster under a name has that name's members. */
import { ModifyDBClusterCommand } from '@aws-sdk/client-rds';
import { NightjarError } from '../core/errors.ts';
import { nameUnder } from './aurora-members.ts';
import { findCluster, findClusterById, membersOf } from './aurora-read.ts';
import type { Rds } from './rds-calls.ts';
import { instanceCalls } from './rds-instance-rename.ts';
import { renameCalls, renameStep, type RenameCalls } from './rds-rename.ts';
import { stateOf } from './rds-states.ts';

const clusterCalls = (rds: Rds): RenameCalls =>
  renameCalls({
    byId: (id) => findClusterById(rds, id),
    byName: (name) => findCluster(rds, name),
    named: ({ DBClusterIdentifier, DbClusterResourceId, Status, PendingModifiedValues }) => ({
      name: DBClusterIdentifier,
      resourceId: DbClusterResourceId,
      status: Status,
      pendingName: PendingModifiedValues?.DBClusterIdentifier,
    }),
    ask: (from, NewDBClusterIdentifier) =>
      rds.send(
        new ModifyDBClusterCommand({ DBClusterIdentifier: from, NewDBClusterIdentifier, ApplyImmediately: true }),
      ),
  });

/**
 * Also with `from` and `to` the same, which gives the members the names that go with the cluster's.
 * @throws NightjarError RENAME_FAILED; SERVICE_REFUSED.
 */
export async function renameCluster(
  rds: Rds,
  resourceId: string,
  from: string,
  to: string,
): Promise<'asked' | 'done' | 'busy'> {
  const cluster = await findClusterById(rds, resourceId);
  // Hidden while it is renamed, or somebody else's by now: both are told by the step of the cluster itself.
  if (!cluster || (cluster.DBClusterIdentifier !== from && cluster.DBClusterIdentifier !== to))
    return renameStep(clusterCalls(rds), { resourceId, from, to });
  const holder = from === to ? undefined : await findCluster(rds, to);
  if (holder && holder.DbClusterResourceId !== resourceId)
    throw new NightjarError('RENAME_FAILED', {
      operation: 'rename',
      detail: `${to} is taken by ${holder.DbClusterResourceId ?? 'another cluster'}; ${from} keeps its name.`,
    });
  if (stateOf(cluster.Status ?? '') === 'busy') return 'busy';
  const members = await membersOf(rds, cluster);
  // One that is being renamed is found under no name.
  if (members.length < (cluster.DBClusterMembers ?? []).length) return 'busy';
  let waits = false;
  for (const { DBInstanceIdentifier: name = '', DbiResourceId: id = '' } of members) {
    const step = await renameStep(instanceCalls(rds), { resourceId: id, from: name, to: nameUnder(to, name) });
    waits ||= step !== 'done';
  }
  if (waits) return 'asked';
  return renameStep(clusterCalls(rds), { resourceId, from, to });
}
