/** Reading and writing items of the catalog's table: keys, conditions, transactions, decoding. */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import {
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  type QueryCommandInput,
  type TransactWriteCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import { NightjarError } from '../core/errors.ts';

export type Item = Record<string, unknown>;
export interface Key extends Item {
  readonly pk: string;
  readonly sk: string;
}
export type Write = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** The GSI for look-ups by id and for lists over all targets. */
export const BY_ENTITY = 'byEntity';
export const ENTITIES = { backup: 'BACKUP', restore: 'RESTORE', run: 'RUN', found: 'FOUND' } as const;

export const keys = {
  backup: (target: string, id: string): Key => ({ pk: `TARGET#${target}`, sk: `BACKUP#${id}` }),
  lock: (target: string, kind: string): Key => ({ pk: `TARGET#${target}`, sk: `LOCK#${kind}` }),
  state: (target: string): Key => ({ pk: `TARGET#${target}`, sk: 'STATE' }),
  restore: (id: string): Key => ({ pk: `RESTORE#${id}`, sk: 'RESTORE' }),
  run: (id: string): Key => ({ pk: `RUN#${id}`, sk: 'RUN' }),
  progress: (id: string, attempt: number): Key => ({
    pk: `PROGRESS#${id}`,
    sk: `ATTEMPT#${String(attempt).padStart(3, '0')}`,
  }),
};

/** A condition with its own names and values; `#x` and `:x` are made from the fields it speaks of. */
export interface Condition {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Record<string, unknown>;
}

export const ABSENT: Condition = { ConditionExpression: 'attribute_not_exists(pk)' };

/** The item has one of these values in `status`. */
export function inStatus(statuses: readonly string[]): Condition {
  const values = Object.fromEntries(statuses.map((status, index) => [`:s${index}`, status]));
  return {
    ConditionExpression: `#status IN (${Object.keys(values).join(', ')})`,
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: values,
  };
}

/** Sets the fields that have a value and removes those that are undefined. */
export function change(fields: Item, condition: Condition) {
  const names: Record<string, string> = { ...condition.ExpressionAttributeNames };
  const values: Record<string, unknown> = { ...condition.ExpressionAttributeValues };
  const sets: string[] = [];
  const removes: string[] = [];
  for (const [field, value] of Object.entries(fields)) {
    names[`#${field}`] = field;
    if (value === undefined) removes.push(`#${field}`);
    else {
      values[`:${field}`] = value;
      sets.push(`#${field} = :${field}`);
    }
  }
  return {
    UpdateExpression: [
      ...(sets.length > 0 ? [`SET ${sets.join(', ')}`] : []),
      ...(removes.length > 0 ? [`REMOVE ${removes.join(', ')}`] : []),
    ].join(' '),
    ConditionExpression: condition.ConditionExpression,
    ExpressionAttributeNames: names,
    ...(Object.keys(values).length > 0 ? { ExpressionAttributeValues: values } : {}),
  };
}

/** An item as a record, without the table's own attributes. @throws NightjarError UNEXPECTED naming the item. */
export function decode<S extends z.ZodType>(schema: S, item: Item): z.output<S> {
  const result = schema.safeParse(item);
  if (result.success) return result.data;
  throw new NightjarError('UNEXPECTED', {
    operation: 'read catalog',
    detail: `The item ${String(item.pk)} / ${String(item.sk)} can not be read: ${z.prettifyError(result.error)}`,
    cause: result.error,
  });
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');
const CONFLICT_TRIES = 12;

export interface Table {
  get(key: Key): Promise<Item | undefined>;
  /** False when the condition did not hold. */
  put(item: Item, condition?: Condition): Promise<boolean>;
  update(key: Key, fields: Item, condition: Condition): Promise<boolean>;
  /** Everything or nothing. Answers with one truth per write: did its condition hold? */
  transact(writes: readonly Write[]): Promise<{ done: true } | { done: false; held: boolean[] }>;
  /** Pages through a query until `limit` items that `keep` accepts are found. */
  query(input: Omit<QueryCommandInput, 'TableName'>, limit: number, keep?: (item: Item) => boolean): Promise<Item[]>;
  readonly client: DynamoDBDocumentClient;
  readonly name: string;
}

export function openTable(client: DynamoDBDocumentClient, name: string): Table {
  const conditional = async (write: () => Promise<unknown>): Promise<boolean> => {
    try {
      await write();
      return true;
    } catch (error) {
      if (nameOf(error) === 'ConditionalCheckFailedException') return false;
      throw error;
    }
  };
  return {
    client,
    name,
    async get(key) {
      const answer = await client.send(new GetCommand({ TableName: name, Key: key, ConsistentRead: true }));
      return answer.Item;
    },
    put: (item, condition = undefined) =>
      conditional(() => client.send(new PutCommand({ TableName: name, Item: item, ...condition }))),
    update: (key, fields, condition) =>
      conditional(() => client.send(new UpdateCommand({ TableName: name, Key: key, ...change(fields, condition) }))),
    async transact(writes) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await client.send(new TransactWriteCommand({ TransactItems: [...writes] }));
          return { done: true };
        } catch (error) {
          const reasons = (error as { CancellationReasons?: { Code?: string }[] }).CancellationReasons;
          if (nameOf(error) === 'TransactionCanceledException' && reasons) {
            const codes = reasons.map((reason) => reason.Code ?? 'None');
            if (codes.every((code) => code === 'None' || code === 'ConditionalCheckFailed'))
              return { done: false, held: codes.map((code) => code === 'None') };
            // Somebody else's transaction touched the same item: the loser waits a little and looks again.
            if (codes.includes('TransactionConflict') && attempt < CONFLICT_TRIES) {
              await pause(Math.random() * 25 * 2 ** Math.min(attempt, 6));
              continue;
            }
          }
          throw error;
        }
      }
    },
    async query(input, limit, keep = () => true) {
      const found: Item[] = [];
      let start: Item | undefined;
      do {
        const answer = await client.send(
          new QueryCommand({ TableName: name, ...input, ...(start ? { ExclusiveStartKey: start } : {}) }),
        );
        for (const item of answer.Items ?? []) {
          if (keep(item)) found.push(item);
          if (found.length >= limit) return found;
        }
        start = answer.LastEvaluatedKey;
      } while (start);
      return found;
    },
  };
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
