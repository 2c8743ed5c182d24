/** After the exchange of names: others are re-pointed where that can be done, and a person is told what is left to do. */
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import type { NativeResource } from '../core/native.ts';
import type { RdsClients } from './clients.ts';
import { repointNamers, type Exchanged, type Known } from './rds-namers.ts';
import { findInstance, findInstanceById } from './rds-read.ts';

/** What an instance and a cluster say in the same words. */
type Shape = Pick<
  DBInstance & DBCluster,
  'MasterUserSecret' | 'IAMDatabaseAuthenticationEnabled' | 'ActivityStreamStatus'
>;
export interface Side {
  readonly known: Known;
  readonly shape: Shape;
}

export interface Repointing {
  readonly kind: Exchanged['kind'];
  readonly from: { readonly resourceId: string; readonly name: string };
  readonly to: NativeResource;
  /** The replaced one and the restored one as they are now; undefined when one is not found. */
  readonly was: Side | undefined;
  readonly is: Side | undefined;
  readonly members: readonly Exchanged[];
  readonly monitored: boolean;
  /** What follows the replaced one. */
  readonly replicas: readonly string[];
  readonly replications: number;
  /** What else is moved, of this kind alone. */
  readonly move?: () => Promise<string[]>;
}

export async function repoint(clients: RdsClients, repointing: Repointing): Promise<string[]> {
  const { kind, from, to, was, members, move } = repointing;
  const { name, arn, resourceId } = to.settings;
  const old: Known = was?.known ?? { name: from.name, arn: '', resourceId: from.resourceId };
  const exchanged = { kind, old, restored: { name, arn, resourceId }, members };
  const said = byHand(exchanged, repointing);
  // Without an old name there is nothing that others could be moved from.
  if (old.name === name) return said;
  return [...(await repointNamers(clients, exchanged)), ...((await move?.()) ?? []), ...said];
}

const streams = (status: string | undefined): boolean => status === 'started' || status === 'starting';

/** What only a person can know or do, where it matters. */
function byHand({ old, restored }: Exchanged, { was, is, monitored, replicas, replications }: Repointing): string[] {
  const [oldSecret, newSecret] = [was, is].map((side) => side?.shape.MasterUserSecret?.SecretArn);
  return [
    ...(newSecret && newSecret !== oldSecret
      ? [
          `The master password of ${restored.name} is in a new secret, ${newSecret}${oldSecret ? ` (before: ${oldSecret})` : ''}: let applications read that one.`,
        ]
      : []),
    ...(is?.shape.IAMDatabaseAuthenticationEnabled
      ? [`IAM policies that allow rds-db:connect name ${old.resourceId}; let them name ${restored.resourceId}.`]
      : []),
    ...(monitored
      ? [
          `Enhanced Monitoring writes to the log stream ${restored.resourceId} of RDSOSMetrics, no longer to ${old.resourceId}.`,
        ]
      : []),
    ...(replicas.length > 0
      ? [`Read replicas still follow ${old.name}: ${replicas.join(', ')}. Make them anew from ${restored.name}.`]
      : []),
    ...(replications > 0
      ? [`Automated backups of ${old.name} are replicated to another region; start that for ${restored.name} too.`]
      : []),
    ...(streams(was?.shape.ActivityStreamStatus)
      ? [`The activity stream of ${old.name} is not on ${restored.name}; start it there.`]
      : []),
  ];
}

/** As others know an instance: of its own, or a member of a cluster. */
export const knownInstance = (shape: DBInstance): Known => ({
  name: shape.DBInstanceIdentifier ?? '',
  arn: shape.DBInstanceArn ?? '',
  resourceId: shape.DbiResourceId ?? '',
});

export async function repointInstance(
  clients: RdsClients,
  from: Repointing['from'],
  to: NativeResource,
): Promise<string[]> {
  const [was, is] = [
    await findInstanceById(clients(), from.resourceId),
    await findInstance(clients(), to.settings.name),
  ];
  return repoint(clients, {
    kind: 'db-instance',
    from,
    to,
    was: was && { known: knownInstance(was), shape: was },
    is: is && { known: knownInstance(is), shape: is },
    members: [],
    monitored: (is?.MonitoringInterval ?? 0) > 0,
    replicas: [...(was?.ReadReplicaDBInstanceIdentifiers ?? []), ...(was?.ReadReplicaDBClusterIdentifiers ?? [])],
    replications: was?.DBInstanceAutomatedBackupsReplications?.length ?? 0,
  });
}
