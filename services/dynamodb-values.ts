/** What is read of a table, told as settings: only what a person set, under the names of the request that sets it. */
import type {
  GlobalSecondaryIndexDescription,
  ProvisionedThroughputDescription,
  SSEDescription,
  SSESpecification,
  TableDescription,
} from '@aws-sdk/client-dynamodb';
import type { TableFacts } from './dynamodb-facts.ts';
import { withOwnWords } from './dynamodb-policy.ts';
import type { ScaledDimension } from './dynamodb-scaling.ts';

export interface Units {
  readonly ReadCapacityUnits?: number;
  readonly WriteCapacityUnits?: number;
}
export interface Index {
  readonly IndexName: string;
  readonly KeySchema: { AttributeName: string; KeyType: 'HASH' | 'RANGE' }[];
  readonly Projection: { ProjectionType?: string; NonKeyAttributes?: string[] };
  readonly ProvisionedThroughput?: Units;
  readonly OnDemandThroughput?: { MaxReadRequestUnits?: number; MaxWriteRequestUnits?: number };
  readonly WarmThroughput?: Warm;
}
export interface Warm {
  readonly ReadUnitsPerSecond: number;
  readonly WriteUnitsPerSecond: number;
}

const byName = <T>(of: (one: T) => string, list: readonly T[]): T[] =>
  [...list].sort((a, b) => (of(a) < of(b) ? -1 : 1));
const filled = <T extends object>(value: T): T | undefined => (Object.keys(value).length > 0 ? value : undefined);

export const billingMode = (table: TableDescription): 'PROVISIONED' | 'PAY_PER_REQUEST' =>
  table.BillingModeSummary?.BillingMode ?? 'PROVISIONED';

/** What auto scaling moves is no setting: it is where the load took it. */
export function unitsOf(
  found: ProvisionedThroughputDescription | undefined,
  on: string,
  scaling: readonly ScaledDimension[],
): Units | undefined {
  const scaled = (what: string): boolean =>
    scaling.some((one) => one.On === on && one.ScalableDimension.endsWith(`:${what}CapacityUnits`));
  const { ReadCapacityUnits: read, WriteCapacityUnits: write } = found ?? {};
  return filled({
    ...(read && !scaled('Read') ? { ReadCapacityUnits: read } : {}),
    ...(write && !scaled('Write') ? { WriteCapacityUnits: write } : {}),
  });
}

/** -1 stands for no limit. Source: AWS, DynamoDB API reference, OnDemandThroughput. */
export function limitsOf(found: Index['OnDemandThroughput'] | undefined): Index['OnDemandThroughput'] | undefined {
  const { MaxReadRequestUnits: read = -1, MaxWriteRequestUnits: write = -1 } = found ?? {};
  return filled({
    ...(read > 0 ? { MaxReadRequestUnits: read } : {}),
    ...(write > 0 ? { MaxWriteRequestUnits: write } : {}),
  });
}

/**
 * What everybody's table can take at once without being asked for is no setting: 12,000 reads and 4,000 writes on demand,
 * what is provisioned otherwise. Source: AWS, DynamoDB Developer Guide, Understanding DynamoDB warm throughput.
 */
export function warmOf(
  found: { ReadUnitsPerSecond?: number; WriteUnitsPerSecond?: number } | undefined,
  units: ProvisionedThroughputDescription | undefined,
): Warm | undefined {
  const { ReadUnitsPerSecond = 0, WriteUnitsPerSecond = 0 } = found ?? {};
  const usual = units?.ReadCapacityUnits
    ? { read: units.ReadCapacityUnits, write: units.WriteCapacityUnits ?? 0 }
    : { read: 12_000, write: 4_000 };
  const more = ReadUnitsPerSecond > usual.read || WriteUnitsPerSecond > usual.write;
  return more ? { ReadUnitsPerSecond, WriteUnitsPerSecond } : undefined;
}

/** Undefined: the key that AWS owns. */
export const sseOf = (found: SSEDescription | undefined): SSESpecification | undefined =>
  found && found.Status !== 'DISABLED' && found.Status !== 'DISABLING' && found.SSEType === 'KMS'
    ? {
        Enabled: true,
        SSEType: 'KMS',
        // Its own alias means the key that AWS manages, which must not be named.
        ...(found.KMSMasterKeyArn?.endsWith('alias/aws/dynamodb') ? {} : { KMSMasterKeyId: found.KMSMasterKeyArn }),
      }
    : undefined;

function indexOf(found: GlobalSecondaryIndexDescription, scaling: readonly ScaledDimension[]): Index {
  const { IndexName, KeySchema, Projection, ProvisionedThroughput, OnDemandThroughput, WarmThroughput } = found;
  const units = unitsOf(ProvisionedThroughput, `index/${IndexName}`, scaling);
  const limits = limitsOf(OnDemandThroughput);
  const warm = warmOf(WarmThroughput, ProvisionedThroughput);
  return {
    IndexName: IndexName!,
    KeySchema: KeySchema as Index['KeySchema'],
    Projection: projectionOf(Projection),
    ...(units ? { ProvisionedThroughput: units } : {}),
    ...(limits ? { OnDemandThroughput: limits } : {}),
    ...(warm ? { WarmThroughput: warm } : {}),
  };
}
const projectionOf = (found: GlobalSecondaryIndexDescription['Projection']): Index['Projection'] => ({
  ProjectionType: found?.ProjectionType,
  ...(found?.NonKeyAttributes?.length ? { NonKeyAttributes: [...found.NonKeyAttributes].sort() } : {}),
});

const isOn = (status: string | undefined): boolean => status === 'ENABLED' || status === 'ENABLING';
const parsed = (text: string | undefined, facts: TableFacts): unknown =>
  text === undefined
    ? undefined
    : (JSON.parse(withOwnWords(text, facts.table.TableArn!, facts.table.LatestStreamArn)) as unknown);
const list = <T>(found: readonly T[]): readonly T[] | undefined => (found.length > 0 ? found : undefined);

/** How each setting is read; undefined when it is not set. */
export const READ = {
  AttributeDefinitions: ({ table }) => byName((one) => one.AttributeName!, table.AttributeDefinitions ?? []),
  KeySchema: ({ table }) => table.KeySchema,
  LocalSecondaryIndexes: ({ table }) =>
    list(
      byName(
        (one) => one.IndexName,
        (table.LocalSecondaryIndexes ?? []).map(({ IndexName, KeySchema, Projection }) => ({
          IndexName: IndexName!,
          KeySchema,
          Projection: projectionOf(Projection),
        })),
      ),
    ),
  BillingMode: ({ table }) => billingMode(table),
  ProvisionedThroughput: ({ table, scaling }) => unitsOf(table.ProvisionedThroughput, 'table', scaling),
  OnDemandThroughput: ({ table }) => limitsOf(table.OnDemandThroughput),
  GlobalSecondaryIndexes: ({ table, scaling }) =>
    list(
      byName(
        (one) => one.IndexName,
        (table.GlobalSecondaryIndexes ?? []).map((one) => indexOf(one, scaling)),
      ),
    ),
  WarmThroughput: ({ table }) => warmOf(table.WarmThroughput, table.ProvisionedThroughput),
  SSESpecification: ({ table }) => sseOf(table.SSEDescription),
  TableClass: ({ table }) => table.TableClassSummary?.TableClass ?? 'STANDARD',
  StreamSpecification: ({ table }) =>
    table.StreamSpecification?.StreamEnabled
      ? { StreamEnabled: true, StreamViewType: table.StreamSpecification.StreamViewType }
      : undefined,
  // It may take an hour to be on: what was asked for is set.
  TimeToLiveSpecification: ({ ttl }) =>
    isOn(ttl?.TimeToLiveStatus) ? { Enabled: true, AttributeName: ttl!.AttributeName } : undefined,
  PointInTimeRecoverySpecification: ({ backups }) => {
    const found = backups?.PointInTimeRecoveryDescription;
    return found?.PointInTimeRecoveryStatus === 'ENABLED'
      ? { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: found.RecoveryPeriodInDays ?? 35 }
      : undefined;
  },
  ContributorInsights: ({ insights }) =>
    list(
      byName(
        (one) => one.IndexName ?? '',
        insights
          .filter((one) => isOn(one.ContributorInsightsStatus))
          .map(({ IndexName, ContributorInsightsMode }) => ({
            ...(IndexName ? { IndexName } : {}),
            ...(ContributorInsightsMode ? { ContributorInsightsMode } : {}),
          })),
      ),
    ),
  ScalableTargets: ({ scaling }) => list(scaling),
  ResourcePolicy: (facts) => parsed(facts.policy, facts),
  StreamResourcePolicy: (facts) => parsed(facts.streamPolicy, facts),
  KinesisStreamingDestinations: ({ destinations }) => list(destinations),
  EventSourceMappings: ({ mappings }) => list(mappings),
  DeletionProtectionEnabled: ({ table }) => table.DeletionProtectionEnabled ?? false,
} as const satisfies Record<string, (facts: TableFacts) => unknown>;
export type SettingName = keyof typeof READ;
