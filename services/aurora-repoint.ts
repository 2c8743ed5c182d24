/** Who else knows a replaced cluster: as of an instance, and besides its custom endpoints, whose identifiers are unique. */
import { CreateDBClusterEndpointCommand, DeleteDBClusterEndpointCommand, type DBCluster } from '@aws-sdk/client-rds';
import type { NativeResource } from '../core/native.ts';
import { resourceSuffix } from '../core/names.ts';
import { customEndpoints, findCluster, findClusterById } from './aurora-read.ts';
import { nameUnder } from './aurora-members.ts';
import { wordsOf, type Rds } from './rds-calls.ts';
import { byHand, repointShared, type Exchanged } from './rds-repoint.ts';

/**
 * An endpoint that is in use leads to the old cluster until it is deleted there and made on the restored one. Deleting takes a
 * moment, so that the making may have to be done by hand.
 */
async function moveEndpoints(rds: Rds, was: DBCluster, is: DBCluster): Promise<string[]> {
  const name = is.DBClusterIdentifier ?? '';
  const said: string[] = [];
  for (const one of await customEndpoints(rds, was)) {
    const id = one.DBClusterEndpointIdentifier ?? '';
    if (resourceSuffix(id) !== '') continue;
    const asNow = (names: readonly string[] | undefined) => (names ?? []).map((member) => nameUnder(name, member));
    const [StaticMembers, ExcludedMembers] = [asNow(one.StaticMembers), asNow(one.ExcludedMembers)];
    const type = one.CustomEndpointType ?? 'ANY';
    try {
      await rds.send(new DeleteDBClusterEndpointCommand({ DBClusterEndpointIdentifier: id }));
      await rds.send(
        new CreateDBClusterEndpointCommand({
          DBClusterIdentifier: name,
          DBClusterEndpointIdentifier: id,
          EndpointType: type,
          ...(StaticMembers.length > 0 ? { StaticMembers } : {}),
          ...(ExcludedMembers.length > 0 ? { ExcludedMembers } : {}),
        }),
      );
      said.push(`The custom endpoint ${id} now leads to ${name}.`);
    } catch (error) {
      const members = [
        ...(StaticMembers.length > 0 ? [`--static-members ${StaticMembers.join(' ')}`] : []),
        ...(ExcludedMembers.length > 0 ? [`--excluded-members ${ExcludedMembers.join(' ')}`] : []),
      ];
      said.push(
        `The custom endpoint ${id} led to the replaced cluster (${wordsOf(error)}). When it is gone: aws rds create-db-cluster-endpoint --db-cluster-identifier ${name} --db-cluster-endpoint-identifier ${id} --endpoint-type ${type} ${members.join(' ')}`.trim(),
      );
    }
  }
  return said;
}

export async function repointCluster(
  rds: Rds,
  from: { readonly resourceId: string; readonly name: string },
  to: NativeResource,
): Promise<string[]> {
  const [was, is] = [await findClusterById(rds, from.resourceId), await findCluster(rds, to.settings.name)];
  const exchanged: Exchanged = {
    kind: 'db-cluster',
    old: { name: was?.DBClusterIdentifier ?? from.name, arn: was?.DBClusterArn ?? '', resourceId: from.resourceId },
    restored: { name: to.settings.name, arn: to.settings.arn, resourceId: to.settings.resourceId },
  };
  const said = byHand(exchanged, {
    oldSecret: was?.MasterUserSecret?.SecretArn,
    newSecret: is?.MasterUserSecret?.SecretArn,
    iam: is?.IAMDatabaseAuthenticationEnabled === true,
    monitored: to.settings.instances.some(({ values }) => Number(values.MonitoringInterval ?? 0) > 0),
    replicas: was?.ReadReplicaIdentifiers ?? [],
    replications: 0,
    activityStream: was?.ActivityStreamStatus === 'started' || was?.ActivityStreamStatus === 'starting',
  });
  if (exchanged.old.name === exchanged.restored.name) return said;
  const moved = was && is ? await moveEndpoints(rds, was, is) : [];
  return [...(await repointShared(rds, exchanged)), ...moved, ...said];
}
