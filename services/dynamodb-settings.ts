/**
 * A table's settings, one line each, in the order in which they are reapplied: what a restore by AWS does with it, where that
 * is written, and what Nightjar does about it. `docs/native-restore.md` holds the same lines; a test compares them.
 */
import {
  UpdateContinuousBackupsCommand,
  UpdateContributorInsightsCommand,
  UpdateTimeToLiveCommand,
  type TimeToLiveSpecification,
} from '@aws-sdk/client-dynamodb';
import type { TableFacts } from './dynamodb-facts.ts';
import { applyDestinations, applyMappings, type Destination, type Mapping } from './dynamodb-consumers.ts';
import { putPolicy, withFence, withOwnArns } from './dynamodb-policy.ts';
import { applyScaling, type ScaledDimension } from './dynamodb-scaling.ts';
import {
  billingUpdate,
  capacity,
  indexUpdate,
  isLess,
  same,
  type Applying,
  type Update,
} from './dynamodb-throughput.ts';
import type { SettingName, Warm } from './dynamodb-values.ts';

/** AWS's own pages; cited by `docs/native-restore.md`. */
const GUIDE = 'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/';
export const SOURCES = {
  restores: `${GUIDE}pointintimerecovery_restores.html`,
  api: 'https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html',
  /** Nothing of AWS's says what a restore does with it, so it is read back and set when it differs. */
  unsaid: 'not documented',
} as const;

interface Setting {
  /** `kept`: a restored table has it. `reset`: it comes without. `unsaid`: either may be. */
  readonly restored: 'kept' | 'reset' | 'unsaid';
  readonly source: keyof typeof SOURCES;
  /** What Nightjar does, as the documentation says it. */
  readonly does: string;
  /** Part of an UpdateTable, of which one at a time is allowed; undefined when nothing can or need be done. */
  readonly update?: (wanted: unknown, found: unknown, applying: Applying) => Update | undefined;
  /** Any other call; false when nothing was to be done. */
  readonly put?: (wanted: unknown, found: unknown, applying: Applying) => Promise<boolean | void>;
  /** Gets the table's changes: only once the table has the name that the settings are of. */
  readonly consumer?: true;
}

/** What is wanted and not there as it is wanted; what is there besides is left alone. */
const lacking = <T>(wanted: readonly T[] = [], found: readonly T[] = []): T[] =>
  wanted.filter((one) => !found.some((there) => same(there, one)));

async function putPolicyOf(wanted: unknown, { clients, facts }: Applying, arn: string | undefined): Promise<boolean> {
  // The stream comes before its policy; without one there is nothing to put it on.
  if (!arn) return false;
  const own = wanted === undefined ? '' : JSON.stringify(wanted);
  const text = withOwnArns(own, facts.table.TableArn!, facts.table.LatestStreamArn);
  // The fence is no setting: where it is up, it stays up.
  const isFenced = facts.fenced && arn === facts.table.TableArn;
  await putPolicy(clients.dynamodb, arn, isFenced ? withFence(text, arn) : text);
  return true;
}
const streamOf = (facts: TableFacts): string | undefined =>
  facts.table.StreamSpecification?.StreamEnabled ? facts.table.LatestStreamArn : undefined;

export const TABLE_SETTINGS = {
  AttributeDefinitions: {
    restored: 'kept',
    source: 'api',
    does: 'Compared. Comes with keys and indexes.',
  },
  KeySchema: { restored: 'kept', source: 'api', does: 'Compared. Can not be changed.' },
  LocalSecondaryIndexes: { restored: 'kept', source: 'api', does: 'Compared. Can not be changed.' },
  BillingMode: {
    restored: 'kept',
    source: 'restores',
    does: 'Passed to the restore when the source has another; set when it differs.',
    update: (wanted, _found, applying) => billingUpdate(wanted, applying),
  },
  ProvisionedThroughput: {
    restored: 'kept',
    source: 'api',
    does: 'Set when it differs. What auto scaling moves is not compared.',
    update: (wanted, _found, applying) => {
      if (!wanted || applying.wanted.values.BillingMode !== 'PROVISIONED') return undefined;
      const now = applying.facts.table.ProvisionedThroughput;
      const units = capacity(applying.wanted, 'table', wanted, now);
      const is =
        units.ReadCapacityUnits === now?.ReadCapacityUnits && units.WriteCapacityUnits === now.WriteCapacityUnits;
      return is ? undefined : { ProvisionedThroughput: units };
    },
  },
  OnDemandThroughput: {
    restored: 'unsaid',
    source: 'unsaid',
    does: 'Set when it differs.',
    update: (wanted) => ({
      OnDemandThroughput: {
        MaxReadRequestUnits: -1,
        MaxWriteRequestUnits: -1,
        ...(wanted as Update['OnDemandThroughput']),
      },
    }),
  },
  GlobalSecondaryIndexes: {
    restored: 'kept',
    source: 'api',
    does: 'One that is missing is made; throughput is set when it differs. One too many is reported.',
    update: indexUpdate,
  },
  WarmThroughput: {
    restored: 'unsaid',
    source: 'unsaid',
    does: 'Raised when it is less, which AWS charges once. Never lowered; what every table has is not compared.',
    update: (wanted, found) =>
      isLess(found as Warm | undefined, wanted as Warm | undefined) ? { WarmThroughput: wanted as Warm } : undefined,
  },
  SSESpecification: {
    restored: 'kept',
    source: 'api',
    does: 'Passed to the restore when the source has another key; set when it differs.',
    update: (wanted) => ({ SSESpecification: (wanted as Update['SSESpecification']) ?? { Enabled: false } }),
  },
  TableClass: {
    restored: 'unsaid',
    source: 'unsaid',
    does: 'Set when it differs; AWS allows two changes in 30 days.',
    update: (wanted) => ({ TableClass: wanted as Update['TableClass'] }),
  },
  StreamSpecification: {
    restored: 'reset',
    source: 'api',
    does: 'Switched on with its view type. The stream has a new ARN.',
    // The view type of a stream can not be changed: off, then on.
    update: (wanted, found) => ({
      StreamSpecification: found || !wanted ? { StreamEnabled: false } : (wanted as Update['StreamSpecification']),
    }),
  },
  TimeToLiveSpecification: {
    restored: 'reset',
    source: 'api',
    does: 'Switched on. Items that are over by then are deleted, as they would have been.',
    put: async (wanted, found, { clients, name }) => {
      const was = found as TimeToLiveSpecification | undefined;
      const spec = was ? { ...was, Enabled: false } : (wanted as TimeToLiveSpecification);
      await clients.dynamodb.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: spec }));
    },
  },
  PointInTimeRecoverySpecification: {
    restored: 'reset',
    source: 'api',
    does: 'Switched on with its period; the window begins anew. Never switched off.',
    put: async (wanted, _found, { clients, name }) => {
      if (!wanted) return false;
      const spec = wanted as { PointInTimeRecoveryEnabled: boolean; RecoveryPeriodInDays: number };
      await clients.dynamodb.send(
        new UpdateContinuousBackupsCommand({ TableName: name, PointInTimeRecoverySpecification: spec }),
      );
    },
  },
  ContributorInsights: {
    restored: 'unsaid',
    source: 'unsaid',
    does: 'Switched on for the table and each index that had it.',
    put: async (wanted, found, { clients, name }) => {
      type Insight = { IndexName?: string; ContributorInsightsMode?: 'ACCESSED_AND_THROTTLED_KEYS' | 'THROTTLED_KEYS' };
      const missing = lacking(wanted as Insight[] | undefined, found as Insight[] | undefined);
      for (const one of missing) {
        const ContributorInsightsAction = 'ENABLE';
        await clients.dynamodb.send(
          new UpdateContributorInsightsCommand({ TableName: name, ContributorInsightsAction, ...one }),
        );
      }
      return missing.length > 0;
    },
  },
  ScalableTargets: {
    restored: 'reset',
    source: 'api',
    does: 'Limits, policies and schedules are registered again; a schedule that is over is not.',
    put: async (wanted, found, { clients, name }) => {
      const missing = lacking(wanted as ScaledDimension[] | undefined, found as ScaledDimension[] | undefined);
      await applyScaling(clients.scaling, name, missing);
      return missing.length > 0;
    },
  },
  ResourcePolicy: {
    restored: 'unsaid',
    source: 'unsaid',
    does: 'Put, with the ARN of the table that it is put on.',
    put: (wanted, _found, applying) => putPolicyOf(wanted, applying, applying.facts.table.TableArn),
  },
  StreamResourcePolicy: {
    restored: 'reset',
    source: 'api',
    does: 'Put on the new stream.',
    put: (wanted, _found, applying) => putPolicyOf(wanted, applying, streamOf(applying.facts)),
  },
  KinesisStreamingDestinations: {
    restored: 'unsaid',
    source: 'unsaid',
    does: 'Switched on once the table has its own name, so that an alias sends nothing to them.',
    consumer: true,
    put: (wanted, found, { clients, name }) =>
      applyDestinations(clients.dynamodb, name, (wanted ?? []) as Destination[], (found ?? []) as Destination[]),
  },
  EventSourceMappings: {
    restored: 'reset',
    source: 'api',
    does: 'Made again on the new stream, from its beginning, once the table has its own name. A disabled old one is deleted.',
    consumer: true,
    put: async (wanted, _found, { clients, facts }) => {
      const streamArn = streamOf(facts);
      if (!wanted || !streamArn) return false;
      return applyMappings(clients.lambda, { arn: facts.table.TableArn!, streamArn }, wanted as Mapping[]);
    },
  },
  DeletionProtectionEnabled: {
    restored: 'unsaid',
    source: 'unsaid',
    does: 'Switched on last.',
    update: (wanted) => ({ DeletionProtectionEnabled: Boolean(wanted) }),
  },
} as const satisfies Record<SettingName, Setting>;

/** The lines with their widest type, in order. */
export const SETTINGS = Object.entries(TABLE_SETTINGS) as [SettingName, Setting][];
