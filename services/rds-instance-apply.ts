/** Brings one instance to its settings: of its own, or a member of a cluster. */
import {
  AddRoleToDBInstanceCommand,
  ModifyDBInstanceCommand,
  RebootDBInstanceCommand,
  type DBInstance,
} from '@aws-sdk/client-rds';
import { codeOf, settable, tagsOf, unless, type Rds } from './rds-calls.ts';
import { isPatient, modifyTowards, pendingOf, tagTowards, taken, type Awaited } from './rds-apply.ts';
import { rolesOf } from './server-settings.ts';
import { stateOf } from './rds-states.ts';
import { readValues, type Table } from './settings-table.ts';

interface Wanted {
  readonly values: Readonly<Record<string, unknown>>;
  /** Undefined: left as they are. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** ISO 8601; see the contract. */
  readonly begun?: string | undefined;
}

const modify = (rds: Rds, name: string) => (fields: Record<string, unknown>) =>
  rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: name, ...fields, ApplyImmediately: true }));

/** The next steps, and what is awaited; empty when it is as it will be. */
export async function applyInstance(
  rds: Rds,
  shape: DBInstance,
  table: Table<DBInstance>,
  wanted: Wanted,
): Promise<Awaited> {
  const [name, status] = [shape.DBInstanceIdentifier ?? '', shape.DBInstanceStatus ?? ''];
  if (stateOf(status) !== 'ready') return [`${name} is '${status}'`];
  if (wanted.tags) await tagTowards(rds, shape.DBInstanceArn ?? '', wanted.tags, settable(tagsOf(shape.TagList)));
  const patient = isPatient(wanted.begun);
  const found = readValues(table, shape);
  const { DeletionProtection, ...others } = wanted.values;
  const asked = patient ? await modifyTowards(table, { name, wanted: others, found }, modify(rds, name)) : [];
  if (asked.length > 0) return asked;
  const roles = await addRoles(rds, shape, wanted.values.AssociatedRoles);
  if (roles.length > 0 && patient) return roles;
  const settling = patient ? [...pendingOf(name, shape.PendingModifiedValues), ...groups(shape)] : [];
  if (settling.length > 0) return settling;
  if (
    shape.DBParameterGroups?.some(({ ParameterApplyStatus }) => ParameterApplyStatus === 'pending-reboot') &&
    patient
  ) {
    await taken('reboot', name, () => rds.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: name })));
    return [`${name}: reboot for its parameter group`];
  }
  if (shape.MasterUserSecret?.SecretStatus === 'creating' && patient) return [`${name}: its secret`];
  return DeletionProtection === undefined || !patient
    ? []
    : modifyTowards(table, { name, wanted: { DeletionProtection }, found }, modify(rds, name));
}

/** Groups that are on their way in; a parameter group that waits for its reboot is another matter. */
function groups(shape: DBInstance): Awaited {
  const name = shape.DBInstanceIdentifier ?? '';
  return [
    ...(shape.VpcSecurityGroups ?? [])
      .filter(({ Status }) => Status && Status !== 'active')
      .map(() => 'VpcSecurityGroupIds'),
    ...(shape.DBParameterGroups ?? [])
      .filter(({ ParameterApplyStatus }) => ParameterApplyStatus === 'applying')
      .map(() => 'DBParameterGroupName'),
    ...(shape.OptionGroupMemberships ?? [])
      .filter(({ Status }) => /^(applying|removing|pending-apply|pending-removal)$/.test(Status ?? ''))
      .map(() => 'OptionGroupName'),
    ...(shape.AssociatedRoles ?? []).filter(({ Status }) => Status === 'PENDING').map(() => 'AssociatedRoles'),
  ].map((setting) => `${name}: ${setting}`);
}

async function addRoles(rds: Rds, shape: DBInstance, wanted: unknown): Promise<Awaited> {
  const name = shape.DBInstanceIdentifier ?? '';
  const there = new Set(rolesOf(shape.AssociatedRoles).map(({ RoleArn, FeatureName }) => `${RoleArn} ${FeatureName}`));
  const missing = ((wanted ?? []) as { RoleArn: string; FeatureName: string }[]).filter(
    ({ RoleArn, FeatureName }) => !there.has(`${RoleArn} ${FeatureName}`),
  );
  for (const { RoleArn, FeatureName } of missing) {
    const add = () => rds.send(new AddRoleToDBInstanceCommand({ DBInstanceIdentifier: name, RoleArn, FeatureName }));
    await taken('add role', name, () => unless((error) => codeOf(error) === 'DBInstanceRoleAlreadyExists', add));
  }
  return missing.map(({ FeatureName }) => `${name}: role for ${FeatureName}`);
}
