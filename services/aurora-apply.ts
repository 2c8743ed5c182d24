/** Brings a cluster, its members and its custom endpoints to their settings, a few steps with every look. */
import {
  AddRoleToDBClusterCommand,
  CreateDBClusterEndpointCommand,
  CreateDBInstanceCommand,
  EnableHttpEndpointCommand,
  ModifyDBClusterCommand,
  type DBCluster,
  type DBInstance,
} from '@aws-sdk/client-rds';
import { NightjarError } from '../core/errors.ts';
import type { NativeSettings } from '../core/native.ts';
import { resourceSuffix, RESTORE_TAG } from '../core/names.ts';
import { nameUnder, newMemberName } from './aurora-members.ts';
import { CLUSTERS, customEndpoints, endpointFacts, MEMBERS, membersOf } from './aurora-read.ts';
import { isPatient, modifyTowards, pendingOf, tagTowards, taken, type Awaited } from './rds-apply.ts';
import { asTags, codeOf, exists, settable, tagsOf, unless, type Rds } from './rds-calls.ts';
import { applyInstance } from './rds-instance-apply.ts';
import { findInstance } from './rds-read.ts';
import { rolesOf } from './server-settings.ts';
import { stateOf } from './rds-states.ts';
import { readValues, request } from './settings-table.ts';

interface Applying {
  readonly rds: Rds;
  readonly cluster: DBCluster;
  readonly name: string;
  readonly wanted: NativeSettings;
  readonly begun: string | undefined;
}

/** The next steps, and what is awaited; empty when everything is as it will be. */
export async function applyCluster(
  rds: Rds,
  cluster: DBCluster,
  wanted: NativeSettings,
  begun: string | undefined,
): Promise<Awaited> {
  const name = cluster.DBClusterIdentifier ?? '';
  const status = cluster.Status ?? '';
  if (stateOf(status) !== 'ready') return [`${name} is '${status}'`];
  const applying = { rds, cluster, name, wanted, begun };
  const patient = isPatient(begun);
  await tagTowards(rds, cluster.DBClusterArn ?? '', wanted.tags, settable(tagsOf(cluster.TagList)));
  const { DeletionProtection, ...others } = wanted.values;
  const asked = patient
    ? [...(await modify(applying, others)), ...(await addRoles(applying)), ...(await dataApi(applying))]
    : [];
  const members = await makeMembers(applying);
  const settling = patient ? pendingOf(name, cluster.PendingModifiedValues) : [];
  const secret = patient && cluster.MasterUserSecret?.SecretStatus === 'creating' ? [`${name}: its secret`] : [];
  const awaited = [...asked, ...members, ...settling, ...secret];
  if (awaited.length > 0) return awaited;
  const endpoints = patient ? await makeEndpoints(applying) : [];
  if (endpoints.length > 0 || DeletionProtection === undefined || !patient) return endpoints;
  return modify(applying, { DeletionProtection });
}

const modify = ({ rds, cluster, name }: Applying, wanted: Readonly<Record<string, unknown>>): Promise<Awaited> =>
  modifyTowards(CLUSTERS, { name, wanted, found: readValues(CLUSTERS, cluster) }, (fields) =>
    rds.send(new ModifyDBClusterCommand({ DBClusterIdentifier: name, ...fields, ApplyImmediately: true })),
  );

async function addRoles({ rds, cluster, name, wanted }: Applying): Promise<Awaited> {
  const there = new Set(
    rolesOf(cluster.AssociatedRoles).map(({ RoleArn, FeatureName }) => `${RoleArn} ${FeatureName}`),
  );
  const missing = ((wanted.values.AssociatedRoles ?? []) as { RoleArn: string; FeatureName: string }[]).filter(
    ({ RoleArn, FeatureName }) => !there.has(`${RoleArn} ${FeatureName}`),
  );
  for (const { RoleArn, FeatureName } of missing) {
    const feature = FeatureName ? { FeatureName } : {};
    const add = () => rds.send(new AddRoleToDBClusterCommand({ DBClusterIdentifier: name, RoleArn, ...feature }));
    await taken('add role', name, () => unless((error) => codeOf(error) === 'DBClusterRoleAlreadyExists', add));
  }
  const pending = (cluster.AssociatedRoles ?? []).filter(({ Status }) => Status === 'PENDING');
  return [...missing, ...pending].map(({ FeatureName }) => `${name}: role ${FeatureName ?? ''}`);
}

async function dataApi({ rds, cluster, name, wanted }: Applying): Promise<Awaited> {
  if (wanted.values.HttpEndpointEnabled !== true || cluster.HttpEndpointEnabled) return [];
  await taken('enable the Data API', name, () =>
    rds.send(new EnableHttpEndpointCommand({ ResourceArn: cluster.DBClusterArn })),
  );
  return [`${name}: HttpEndpointEnabled`];
}

/** The writer alone at first: whichever member is there first becomes it. */
async function makeMembers(applying: Applying): Promise<Awaited> {
  const { rds, cluster, name, wanted, begun } = applying;
  const members = await membersOf(rds, cluster);
  const awaited: Awaited = [];
  for (const [index, { name: original, values }] of wanted.instances.entries()) {
    const member = newMemberName(name, wanted.name, original, index);
    const shape = members.find(({ DBInstanceIdentifier }) => DBInstanceIdentifier === member);
    const tags = (values.Tags ?? {}) as Record<string, string>;
    if (shape) awaited.push(...(await applyInstance(rds, shape, MEMBERS, { values, tags, begun })));
    else {
      await makeMember(applying, member, values);
      awaited.push(`${member}: is being made`);
    }
    const writerWaits = index === 0 && (!shape || stateOf(shape.DBInstanceStatus ?? '') !== 'ready');
    if (writerWaits) break;
  }
  return awaited;
}

async function makeMember(
  { rds, cluster, name, wanted }: Applying,
  member: string,
  values: NativeSettings['values'],
): Promise<void> {
  const restore = tagsOf(cluster.TagList)[RESTORE_TAG];
  const tags = {
    ...(values.Tags as Record<string, string> | undefined),
    ...(restore === undefined ? {} : { [RESTORE_TAG]: restore }),
  };
  const command = new CreateDBInstanceCommand({
    ...(request(MEMBERS, 'create', values) as { DBInstanceClass: string }),
    DBInstanceIdentifier: member,
    DBClusterIdentifier: name,
    Engine: wanted.server?.engine ?? cluster.Engine,
    Tags: asTags(tags),
  });
  await taken('make member', member, async () => {
    const there = await unless(exists, () => rds.send(command));
    const other: DBInstance | undefined = there ? undefined : await findInstance(rds, member);
    if (other && other.DBClusterIdentifier !== name)
      throw new NightjarError('SERVICE_REFUSED', {
        operation: 'make member',
        detail: `${member} is there already and belongs to ${other.DBClusterIdentifier ?? 'no cluster'}; it was left alone.`,
      });
  });
}

interface EndpointFacts {
  readonly DBClusterEndpointIdentifier: string;
  readonly EndpointType: string;
  readonly StaticMembers: readonly string[];
  readonly ExcludedMembers: readonly string[];
}

/** Identifiers are unique in the account: a cluster under a name of one's own can't have them, and the comparison says so. */
async function makeEndpoints({ rds, cluster, name, wanted }: Applying): Promise<Awaited> {
  if (resourceSuffix(name) === '' && name !== wanted.name) return [];
  const there = await customEndpoints(rds, cluster);
  const known = new Set(
    (endpointFacts(there) as unknown as EndpointFacts[]).map((one) => one.DBClusterEndpointIdentifier),
  );
  const missing = ((wanted.values.CustomEndpoints ?? []) as unknown as EndpointFacts[]).filter(
    (one) => !known.has(one.DBClusterEndpointIdentifier),
  );
  for (const one of missing) {
    const id = nameUnder(name, one.DBClusterEndpointIdentifier);
    const command = endpointCommand(name, id, one, asTags(tagsOf(cluster.TagList)));
    await taken('make custom endpoint', id, () => unless(exists, () => rds.send(command)));
  }
  const creating = there
    .filter(({ Status }) => Status === 'creating')
    .map((one) => one.DBClusterEndpointIdentifier ?? '');
  return [...missing.map((one) => one.DBClusterEndpointIdentifier), ...creating].map(
    (id) => `${name}: custom endpoint ${id}`,
  );
}

function endpointCommand(cluster: string, id: string, facts: EndpointFacts, Tags: { Key: string; Value: string }[]) {
  const [StaticMembers, ExcludedMembers] = [facts.StaticMembers, facts.ExcludedMembers].map((names) =>
    names.map((one) => nameUnder(cluster, one)),
  );
  return new CreateDBClusterEndpointCommand({
    DBClusterIdentifier: cluster,
    DBClusterEndpointIdentifier: id,
    EndpointType: facts.EndpointType,
    ...(StaticMembers!.length > 0 ? { StaticMembers } : {}),
    ...(ExcludedMembers!.length > 0 ? { ExcludedMembers } : {}),
    Tags,
  });
}
