/** Why a restore of an instance can not work, found out before anything is begun. */
import {
  DescribeAccountAttributesCommand,
  DescribeDBEngineVersionsCommand,
  DescribeDBParameterGroupsCommand,
  DescribeDBSubnetGroupsCommand,
  DescribeOptionGroupsCommand,
  type Option,
} from '@aws-sdk/client-rds';
import type { NativeRestore } from '../core/native.ts';
import type { RdsClients } from './clients.ts';
import { calling, codeOf, regionOf, unless, type Rds } from './rds-calls.ts';
import { findSnapshot, type Snapshot, type SnapshotKind, INSTANCE_SNAPSHOTS } from './rds-points.ts';
import { findInstance, findInstanceById, instanceWindow } from './rds-read.ts';

/** Letters, digits and single hyphens, a letter first. Source: AWS, RDS API reference, DBInstanceIdentifier. */
const IDENTIFIER = /^[a-z](?!.*--)[a-z0-9-]{0,62}(?<!-)$/;

export async function nameRefusals(
  names: readonly (string | undefined)[],
  isTaken: (name: string) => Promise<boolean>,
): Promise<string[]> {
  const said: string[] = [];
  for (const name of names) {
    if (name === undefined) continue;
    if (name.length > 63) said.push(`The name ${name} has ${name.length} characters; 63 are allowed.`);
    else if (!IDENTIFIER.test(name))
      said.push(`The name ${name} is not allowed: small letters, digits and single hyphens, a letter first.`);
    else if (await isTaken(name)) said.push(`The name ${name} is taken already.`);
  }
  return said;
}

/** What automated backups reach, against the moment that is asked for. */
export function momentRefusals(at: string, name: string, window: { earliest?: Date; latest?: Date }): string[] {
  const { earliest, latest } = window;
  if (!latest) return [`Point-in-time recovery of ${name} reaches nothing: it is off, or its backups are gone.`];
  if (at === 'latest') return [];
  const [asked, words] = [Date.parse(at), `${earliest?.toISOString() ?? 'its beginning'} to ${latest.toISOString()}`];
  const inside = asked <= latest.getTime() && asked >= (earliest?.getTime() ?? 0);
  return inside ? [] : [`The moment ${at} is outside of what point-in-time recovery reaches: ${words}.`];
}

/** The recovery point, and what is against it. */
export async function pointRefusals(
  clients: RdsClients,
  kind: SnapshotKind,
  { from, settings }: NativeRestore,
): Promise<{ readonly said: string[]; readonly snapshot?: Snapshot }> {
  if (from.kind !== 'point') return { said: [] };
  const [here, there] = [regionOf(settings.arn), regionOf(from.arn)];
  if (here !== there) return { said: [`The recovery point ${from.arn} is in ${there}; copy it to ${here} first.`] };
  const snapshot = await findSnapshot(clients, kind, from.arn);
  if (!snapshot) return { said: [`The recovery point ${from.arn} is not there any more.`] };
  if (snapshot.status !== 'available')
    return { said: [`The recovery point ${from.arn} is '${snapshot.status}', not available.`] };
  const engine = settings.server?.engine;
  const version = snapshot.engineVersion;
  if (engine === undefined || version === undefined || (await offered(clients(), engine, version)))
    return { said: [], snapshot };
  return {
    said: [`${engine} ${version} of the recovery point is not offered any more; upgrade the snapshot first.`],
    snapshot,
  };
}

async function offered(rds: Rds, Engine: string, EngineVersion: string): Promise<boolean> {
  const command = new DescribeDBEngineVersionsCommand({ Engine, EngineVersion, IncludeAll: true });
  const answer = await calling('read engine versions', Engine, () => rds.send(command));
  return (answer.DBEngineVersions ?? []).length > 0;
}

/** Quotas that one more of these would exceed. Source: AWS, RDS API reference, AccountQuota. */
export async function quotaRefusals(rds: Rds, more: Readonly<Record<string, number>>): Promise<string[]> {
  const answer = await calling('read quotas', 'the account', () => rds.send(new DescribeAccountAttributesCommand({})));
  return (answer.AccountQuotas ?? []).flatMap(({ AccountQuotaName = '', Used = 0, Max = 0 }) => {
    const need = more[AccountQuotaName] ?? 0;
    return need > 0 && Used + need > Max
      ? [`The quota ${AccountQuotaName} is used up: ${Used} of ${Max}, and ${need} more are needed.`]
      : [];
  });
}

const isGone = (error: unknown): boolean => codeOf(error).endsWith('NotFound');
const isDefault = (name: unknown): boolean => typeof name !== 'string' || /^default(\.|:|$)/.test(name);

/** Groups that the settings name and that must be there. */
async function groupRefusals(rds: Rds, { settings }: NativeRestore, snapshot: Snapshot | undefined): Promise<string[]> {
  const { DBParameterGroupName, DBSubnetGroupName, OptionGroupName } = settings.values as Record<string, string>;
  const asked: [unknown, string, () => Promise<unknown>][] = [
    [
      DBParameterGroupName,
      'parameter group',
      () => rds.send(new DescribeDBParameterGroupsCommand({ DBParameterGroupName })),
    ],
    [DBSubnetGroupName, 'subnet group', () => rds.send(new DescribeDBSubnetGroupsCommand({ DBSubnetGroupName }))],
    [OptionGroupName, 'option group', () => rds.send(new DescribeOptionGroupsCommand({ OptionGroupName }))],
  ];
  const said: string[] = [];
  for (const [name, what, ask] of asked)
    if (!isDefault(name) && !(await calling(`read ${what}`, String(name), () => unless(isGone, ask))))
      said.push(`The ${what} ${String(name)} is not there any more; make it again, or change the settings.`);
  if (
    said.length > 0 ||
    !snapshot?.optionGroup ||
    snapshot.optionGroup === OptionGroupName ||
    isDefault(snapshot.optionGroup)
  )
    return said;
  const [of, wanted] = [await optionsOf(rds, snapshot.optionGroup), await optionsOf(rds, OptionGroupName)];
  const needed = of.filter(({ Persistent, Permanent }) => Persistent === true || Permanent === true);
  const missing = needed.filter(({ OptionName }) => !wanted.some((one) => one.OptionName === OptionName));
  return missing.map(
    ({ OptionName }) =>
      `The data needs the option ${OptionName}, which ${OptionGroupName ?? 'no option group'} does not have.`,
  );
}

async function optionsOf(rds: Rds, name: string | undefined): Promise<Option[]> {
  if (name === undefined) return [];
  const command = new DescribeOptionGroupsCommand({ OptionGroupName: name });
  const answer = await calling('read option group', name, () => unless(isGone, () => rds.send(command)));
  return answer?.OptionGroupsList?.[0]?.Options ?? [];
}

export async function instanceRefusals(clients: RdsClients, plan: NativeRestore, name: string): Promise<string[]> {
  const rds = clients();
  const { from, settings, alias, oldName, original } = plan;
  const found = original ? await findInstanceById(rds, original.resourceId) : undefined;
  const swaps = oldName !== undefined;
  const { said, snapshot } = await pointRefusals(clients, INSTANCE_SNAPSHOTS, plan);
  const wantedGiB = Number(settings.values.AllocatedStorage ?? 0);
  const status = found?.DBInstanceStatus ?? '';
  return [
    ...(settings.server?.engine.startsWith('custom-')
      ? [`${name} is RDS Custom, which Nightjar does not restore.`]
      : []),
    ...(found?.DBClusterIdentifier
      ? [`${name} is a member of the cluster ${found.DBClusterIdentifier}: restore that.`]
      : []),
    ...(swaps && found?.ReadReplicaSourceDBInstanceIdentifier
      ? [
          `${name} is a read replica of ${found.ReadReplicaSourceDBInstanceIdentifier}; what is restored would not be. Restore it as \`new\`.`,
        ]
      : []),
    ...(swaps && /^(inaccessible-encryption-credentials|incompatible-restore)/.test(status)
      ? [`${name} is '${status}' and can not be renamed so; restore it as \`new\` or with a pointer.`]
      : []),
    ...(await nameRefusals([alias, oldName], async (one) => (await findInstance(rds, one)) !== undefined)),
    ...(from.kind === 'moment' ? momentRefusals(from.at, name, await windowFor(rds, from.sourceResourceId)) : said),
    ...(snapshot && snapshot.gib > wantedGiB && wantedGiB > 0
      ? [`The recovery point has ${snapshot.gib} GiB, the settings ${wantedGiB} GiB; storage can not shrink.`]
      : []),
    ...(await quotaRefusals(rds, { DBInstances: 1, AllocatedStorage: wantedGiB })),
    ...(await groupRefusals(rds, plan, snapshot)),
  ];
}

/** LatestRestorableTime of the living one is fresher than the list of backups. */
async function windowFor(rds: Rds, resourceId: string): Promise<{ earliest?: Date; latest?: Date }> {
  const [living, kept] = [await findInstanceById(rds, resourceId), await instanceWindow(rds, resourceId)];
  if (living && !living.BackupRetentionPeriod) return {};
  const latest = living?.LatestRestorableTime ?? kept.latest;
  return { ...(kept.earliest ? { earliest: kept.earliest } : {}), ...(latest ? { latest } : {}) };
}
