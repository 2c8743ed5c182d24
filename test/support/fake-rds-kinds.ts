/** What the in-memory RDS does with an instance and a cluster alike: found by name, refused while busy, changed, deleted. */
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import { fault, text, type Being, type Input, type Region } from './fake-rds-store.ts';

interface Words<S> {
  readonly label: 'DBInstance' | 'DBCluster';
  readonly list: (region: Region) => Being<S>[];
  readonly nameOf: (shape: S) => string | undefined;
}

/** How one kind is found, and how it says no. */
export interface Kind<S> {
  gone(name: string): Error;
  wrongState(name: string, status: string): Error;
  find(region: Region, name: string): Being<S>;
  available(region: Region, name: string): Being<S>;
  nameIsFree(region: Region, name: string): void;
}

export function kindOf<S>({ label, list, nameOf }: Words<S>): Kind<S> {
  const kind: Kind<S> = {
    gone: (name) => fault(`${label}NotFoundFault`, `${label} ${name} not found.`),
    wrongState: (name, status) => fault(`Invalid${label}StateFault`, `${name} is not in available state. (${status})`),
    find(region, name) {
      const found = list(region).find(({ shape, hidden }) => !hidden && nameOf(shape) === name);
      if (!found) throw kind.gone(name);
      return found;
    },
    available(region, name) {
      const found = kind.find(region, name);
      if (found.status !== 'available' || !found.resting) throw kind.wrongState(name, found.status);
      return found;
    },
    nameIsFree(region, name) {
      if (!/^[a-z](?!.*--)[a-z0-9-]{0,62}(?<!-)$/.test(name))
        throw fault('InvalidParameterValue', `The parameter ${label}Identifier is not a valid identifier: ${name}`);
      if (list(region).some(({ shape }) => nameOf(shape) === name))
        throw fault(`${label}AlreadyExistsFault`, `${label} already exists`);
    },
  };
  return kind;
}

export const INSTANCES = kindOf<DBInstance>({
  label: 'DBInstance',
  list: ({ instances }) => instances,
  nameOf: ({ DBInstanceIdentifier }) => DBInstanceIdentifier,
});
export const CLUSTERS = kindOf<DBCluster>({
  label: 'DBCluster',
  list: ({ clusters }) => clusters,
  nameOf: ({ DBClusterIdentifier }) => DBClusterIdentifier,
});

type Both = Pick<
  DBInstance & DBCluster,
  | 'VpcSecurityGroups'
  | 'IAMDatabaseAuthenticationEnabled'
  | 'PerformanceInsightsEnabled'
  | 'EnabledCloudwatchLogsExports'
  | 'MasterUserSecret'
>;

/** Fields that are called the same in a request and in the answer, and those that both kinds say in the same other words. */
export function applyBoth(region: Region, shape: Both, id: string, same: readonly string[], input: Input): void {
  const into = shape as Record<string, unknown>;
  for (const key of same) if (input[key] !== undefined) into[key] = input[key];
  if (Array.isArray(input.VpcSecurityGroupIds))
    shape.VpcSecurityGroups = input.VpcSecurityGroupIds.map((group: string) => ({
      VpcSecurityGroupId: group,
      Status: 'active',
    }));
  if (input.EnableIAMDatabaseAuthentication !== undefined)
    shape.IAMDatabaseAuthenticationEnabled = input.EnableIAMDatabaseAuthentication === true;
  if (input.EnablePerformanceInsights !== undefined)
    shape.PerformanceInsightsEnabled = input.EnablePerformanceInsights === true;
  if (input.EnableCloudwatchLogsExports !== undefined)
    shape.EnabledCloudwatchLogsExports = [...(input.EnableCloudwatchLogsExports as string[])];
  const logs = input.CloudwatchLogsExportConfiguration as
    { EnableLogTypes?: string[]; DisableLogTypes?: string[] } | undefined;
  if (logs)
    shape.EnabledCloudwatchLogsExports = [
      ...(shape.EnabledCloudwatchLogsExports ?? []).filter((one) => !logs.DisableLogTypes?.includes(one)),
      ...(logs.EnableLogTypes ?? []),
    ];
  if (input.ManageMasterUserPassword === true)
    shape.MasterUserSecret = {
      SecretArn: `arn:aws:secretsmanager:${region.name}:123456789012:secret:rds!${id}-AbCdEf`,
      SecretStatus: 'active',
      KmsKeyId: text(input.MasterUserSecretKmsKeyId) || `arn:aws:kms:${region.name}:123456789012:key/secretsmanager`,
    };
}

/** Refuses what is protected, and what would go without a last snapshot that nobody gave up aloud. */
export function mustBeDeletable(shape: { DeletionProtection?: boolean | undefined }, input: Input): void {
  if (shape.DeletionProtection)
    throw fault(
      'InvalidParameterCombination',
      'Cannot delete what is protected, please disable deletion protection and try again.',
    );
  if (!text(input.FinalDBSnapshotIdentifier) && input.SkipFinalSnapshot !== true)
    throw fault(
      'InvalidParameterCombination',
      'FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.',
    );
}

/** A rename is a modification of its own. */
export function mustRenameAtOnce(input: Input): void {
  if (input.ApplyImmediately !== true) throw fault('InvalidParameterCombination', 'the fake renames only at once');
}
