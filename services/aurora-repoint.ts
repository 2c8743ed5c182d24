/** Who else knows a replaced cluster: as of an instance, and besides its custom endpoints, whose identifiers are unique. */
import { CreateDBClusterEndpointCommand, DeleteDBClusterEndpointCommand, type DBCluster } from '@aws-sdk/client-rds';
import type { NativeResource } from '../core/native.ts';
import { resourceSuffix } from '../core/names.ts';
import { nameUnder, properName } from './aurora-members.ts';
import { customEndpoints, findCluster, findClusterById, membersOf } from './aurora-read.ts';
import type { RdsClients } from './clients.ts';
import { wordsOf, type Rds } from './rds-calls.ts';
import type { Exchanged } from './rds-namers.ts';
import { knownInstance, repoint, type Repointing, type Side } from './rds-repoint.ts';

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

/** Members that take each other's place: they have one name but for their cluster's suffix. */
async function exchangedMembers(rds: Rds, was: DBCluster, is: DBCluster): Promise<Exchanged[]> {
  const restored = (await membersOf(rds, is)).map(knownInstance);
  return (await membersOf(rds, was)).flatMap((member) => {
    const old = knownInstance(member);
    const heir = restored.find(({ name }) => properName(name) === properName(old.name));
    return heir ? [{ kind: 'db-instance' as const, old, restored: heir }] : [];
  });
}

const sideOf = (shape: DBCluster): Side => ({
  known: {
    name: shape.DBClusterIdentifier ?? '',
    arn: shape.DBClusterArn ?? '',
    resourceId: shape.DbClusterResourceId ?? '',
  },
  shape,
});

export async function repointCluster(
  clients: RdsClients,
  from: Repointing['from'],
  to: NativeResource,
): Promise<string[]> {
  const rds = clients();
  const [was, is] = [await findClusterById(rds, from.resourceId), await findCluster(rds, to.settings.name)];
  return repoint(clients, {
    kind: 'db-cluster',
    from,
    to,
    was: was && sideOf(was),
    is: is && sideOf(is),
    members: was && is ? await exchangedMembers(rds, was, is) : [],
    monitored: to.settings.instances.some(({ values }) => Number(values.MonitoringInterval ?? 0) > 0),
    replicas: was?.ReadReplicaIdentifiers ?? [],
    replications: 0,
    ...(was && is ? { move: () => moveEndpoints(rds, was, is) } : {}),
  });
}
