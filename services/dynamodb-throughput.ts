/** How a table's throughput and indexes are brought to what they were, one UpdateTable at a time. */
import type { GlobalSecondaryIndexUpdate, UpdateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { canonical, type NativeSettings } from '../core/native.ts';
import type { Clients, TableFacts } from './dynamodb-facts.ts';
import type { ScaledDimension } from './dynamodb-scaling.ts';
import type { Index, Units, Warm } from './dynamodb-values.ts';

export interface Applying {
  readonly clients: Clients;
  readonly name: string;
  readonly facts: TableFacts;
  readonly wanted: NativeSettings;
}
export type Update = Omit<UpdateTableCommandInput, 'TableName'>;

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));

/** Capacity of a dimension: as it was set, else as it is, else where its auto scaling begins. */
export function capacity(
  wanted: NativeSettings,
  on: string,
  set: Units | undefined,
  now: Units | undefined,
): Required<Units> {
  const scaled = (wanted.values.ScalableTargets ?? []) as unknown as ScaledDimension[];
  const least = (what: 'Read' | 'Write'): number | undefined =>
    scaled.find((one) => one.On === on && one.ScalableDimension.endsWith(`:${what}CapacityUnits`))?.MinCapacity;
  const positive = (value: number | undefined): number | undefined => ((value ?? 0) > 0 ? value : undefined);
  return {
    ReadCapacityUnits: set?.ReadCapacityUnits ?? positive(now?.ReadCapacityUnits) ?? least('Read') ?? 1,
    WriteCapacityUnits: set?.WriteCapacityUnits ?? positive(now?.WriteCapacityUnits) ?? least('Write') ?? 1,
  };
}
const wantedIndexes = (wanted: NativeSettings): Index[] =>
  (wanted.values.GlobalSecondaryIndexes ?? []) as unknown as Index[];
const foundUnits = ({ facts }: Applying, index: string): Units | undefined =>
  facts.table.GlobalSecondaryIndexes?.find((one) => one.IndexName === index)?.ProvisionedThroughput;

export const isLess = (found: Warm | undefined, wanted: Warm | undefined): boolean =>
  wanted !== undefined &&
  ((found?.ReadUnitsPerSecond ?? 0) < wanted.ReadUnitsPerSecond ||
    (found?.WriteUnitsPerSecond ?? 0) < wanted.WriteUnitsPerSecond);

/** One step: an index that is missing is made (one at a time, AWS, DynamoDB API reference, UpdateTable), one that is there adjusted. */
export function indexUpdate(wanted: unknown, found: unknown, applying: Applying): Update | undefined {
  const [want, have] = [(wanted ?? []) as Index[], (found ?? []) as Index[]];
  const provisioned = applying.wanted.values.BillingMode === 'PROVISIONED';
  for (const index of want) {
    const on = `index/${index.IndexName}`;
    const there = have.find((one) => one.IndexName === index.IndexName);
    const units = capacity(applying.wanted, on, index.ProvisionedThroughput, foundUnits(applying, index.IndexName));
    const { OnDemandThroughput, WarmThroughput } = index;
    if (!there) {
      const Create = {
        ...(index as GlobalSecondaryIndexUpdate['Create'] & object),
        ProvisionedThroughput: provisioned ? units : undefined,
      };
      const AttributeDefinitions = applying.wanted.values.AttributeDefinitions as Update['AttributeDefinitions'];
      return { AttributeDefinitions, GlobalSecondaryIndexUpdates: [{ Create }] };
    }
    const Update = {
      ...(provisioned && !same(there.ProvisionedThroughput, index.ProvisionedThroughput) && index.ProvisionedThroughput
        ? { ProvisionedThroughput: units }
        : {}),
      ...(OnDemandThroughput && !same(there.OnDemandThroughput, OnDemandThroughput) ? { OnDemandThroughput } : {}),
      ...(isLess(there.WarmThroughput, WarmThroughput) ? { WarmThroughput } : {}),
    };
    if (Object.keys(Update).length > 0)
      return { GlobalSecondaryIndexUpdates: [{ Update: { IndexName: index.IndexName, ...Update } }] };
  }
  return undefined;
}

export function billingUpdate(wanted: unknown, applying: Applying): Update {
  if (wanted !== 'PROVISIONED') return { BillingMode: 'PAY_PER_REQUEST' };
  const { values } = applying.wanted;
  const existing = applying.facts.table.GlobalSecondaryIndexes ?? [];
  const indexes = existing.map(({ IndexName }) => {
    const set = wantedIndexes(applying.wanted).find((one) => one.IndexName === IndexName)?.ProvisionedThroughput;
    return {
      Update: { IndexName, ProvisionedThroughput: capacity(applying.wanted, `index/${IndexName}`, set, undefined) },
    };
  });
  return {
    BillingMode: 'PROVISIONED',
    ProvisionedThroughput: capacity(
      applying.wanted,
      'table',
      values.ProvisionedThroughput as Units | undefined,
      undefined,
    ),
    ...(indexes.length > 0 ? { GlobalSecondaryIndexUpdates: indexes } : {}),
  };
}
