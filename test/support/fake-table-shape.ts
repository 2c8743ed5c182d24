/** Tables of the in-memory DynamoDB as they are kept, as they are described, and as a restore leaves them. */
import { NightjarError } from '../../core/errors.ts';
import type { NativeResource, NativeSettings } from '../../core/native.ts';
import { RESTORE_TAG } from '../../core/names.ts';

export type Items = ReadonlyMap<string, string>;
export type Values = NativeSettings['values'];

/** Looks until something that was asked for is there, or gone. */
export const LOOKS = 2;
export const PITR = { PointInTimeRecoveryEnabled: true };
/** What a restore takes over; all else is reset. */
const KEPT = ['KeySchema', 'AttributeDefinitions', 'GlobalSecondaryIndexes', 'BillingMode'];

export interface Table {
  readonly id: string;
  readonly madeFrom?: string;
  items: Map<string, string>;
  /** Items as they were, by the moment since when. */
  readonly history: { readonly at: number; readonly items: Items }[];
  values: Values;
  tags: Record<string, string>;
  policy: string;
  policyAt: number;
  fencedAt: number | undefined;
  status: 'CREATING' | 'ACTIVE' | 'DELETING';
  looks: number;
}
export interface Backup {
  readonly name: string;
  readonly sourceId: string;
  readonly items: Items;
  readonly values: Values;
  readonly at: number;
  readyAt: number;
}

/** A table that is being made, of which everything is as AWS has it by itself. */
const blank = (id: string, at: number, items: Items): Table => ({
  id,
  items: new Map(items),
  history: [{ at, items: new Map(items) }],
  values: {},
  tags: {},
  policy: '',
  policyAt: -Infinity,
  fencedAt: undefined,
  status: 'CREATING',
  looks: LOOKS,
});

/** A table that is there, with everything that a restore resets. */
export const livingTable = (id: string, at: number, items: Items, values: Values): Table => ({
  ...blank(id, at, items),
  values: {
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    BillingMode: 'PAY_PER_REQUEST',
    DeletionProtectionEnabled: true,
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    TimeToLiveSpecification: { AttributeName: 'until', Enabled: true },
    PointInTimeRecoverySpecification: PITR,
    ...values,
  },
  tags: { team: 'shop' },
  policy: '{"Statement":["everybody reads"]}',
  status: 'ACTIVE',
  looks: 0,
});

/** A table that a restore makes of these items. */
export function restoredTable(
  id: string,
  at: number,
  from: { readonly items: Items; readonly values: Values; readonly madeFrom: string },
  restoreId: string | undefined,
): Table {
  const kept = Object.fromEntries(Object.entries(from.values).filter(([key]) => KEPT.includes(key)));
  return {
    ...blank(id, at, from.items),
    values: structuredClone(kept),
    madeFrom: from.madeFrom,
    tags: restoreId === undefined ? {} : { [RESTORE_TAG]: restoreId },
  };
}

/** As the service answers; a table that is asked to go is described once more as if it were to stay. */
export function described(name: string, table: Table, at: Date): NativeResource {
  const stale = table.status === 'DELETING' && table.looks === LOOKS;
  const status = stale ? 'ACTIVE' : table.status;
  const now = at.toISOString();
  const { policy, values } = table;
  return {
    settings: {
      engine: 'dynamodb',
      name,
      arn: arnOf(name),
      resourceId: table.id,
      readAt: now,
      values: structuredClone({ ...values, ...(policy === '' ? {} : { ResourcePolicy: policy }) }),
      instances: [],
      tags: { ...table.tags },
    },
    state: status === 'ACTIVE' ? 'ready' : 'busy',
    stateWord: status,
    window: values.PointInTimeRecoverySpecification
      ? { on: true, earliest: earliestOf(table), latest: now }
      : { on: false },
    bytes: table.items.size,
    items: table.items.size,
    replicas: [],
    ...(table.madeFrom === undefined ? {} : { madeFrom: table.madeFrom }),
  };
}

/** A table that was made again has a history of its own. */
export const earliestOf = ({ madeFrom, history }: Table): string =>
  madeFrom === undefined ? '2026-11-01T00:00:00.000Z' : new Date(history[0]!.at).toISOString();
export const arnOf = (name: string): string => `arn:aws:dynamodb:eu-west-1:123456789012:table/${name}`;
export const refused = (operation: string, detail: string): NightjarError =>
  new NightjarError('SERVICE_REFUSED', { operation, detail: `${operation}: ${detail}` });
