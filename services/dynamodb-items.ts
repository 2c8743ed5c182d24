/** Items of a table: counted, and copied from a restored table into the living one. */
import {
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { NightjarError } from '../core/errors.ts';
import type { ItemCopied, ItemCopy } from '../core/native.ts';
import type { Sends } from './clients.ts';
import { calling, isNamed } from './dynamodb-calls.ts';
import { describeTable } from './dynamodb-facts.ts';

type Dynamo = Sends<DynamoDBClient>;
type Item = Record<string, AttributeValue>;
type Json = Record<string, Record<string, unknown>>;

/** How long one page of a count may take; a Lambda's state ends with room to spare. */
const COUNT_MILLISECONDS = 20_000;
/** Items looked at in one page of a copy. */
const COPY_PAGE = 200;
const AT_ONCE = 10;
/** Operators in one expression, at most. Source: AWS, DynamoDB Developer Guide, Quotas. */
const MAX_OPERATORS = 300;

const bytesOf = (base64: unknown): Uint8Array => new Uint8Array(Buffer.from(String(base64), 'base64'));

/** DynamoDB JSON as text has it, where bytes are base64. */
function fromJson(value: Record<string, unknown>): AttributeValue {
  const [kind, inner] = Object.entries(value)[0] ?? [];
  if (kind === 'B') return { B: bytesOf(inner) };
  if (kind === 'BS') return { BS: (inner as unknown[]).map(bytesOf) };
  if (kind === 'L') return { L: (inner as Record<string, unknown>[]).map(fromJson) };
  if (kind === 'M') return { M: itemFromJson(inner as Json) };
  return value as unknown as AttributeValue;
}
export const itemFromJson = (json: Json): Item =>
  Object.fromEntries(Object.entries(json).map(([name, value]) => [name, fromJson(value)]));

/** One text for equal values: bytes as base64, sets and names sorted. */
function normal(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(normal);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [
        key,
        /^(SS|NS|BS)$/.test(key) && Array.isArray(one) ? one.map(normal).sort() : normal(one),
      ]),
  );
}
const equal = (a: AttributeValue | undefined, b: AttributeValue | undefined): boolean =>
  JSON.stringify(normal(a)) === JSON.stringify(normal(b));

const cursorOf = (key: Item | undefined): string | undefined => key && JSON.stringify(normal(key));
const keyOf = (cursor: string | undefined): Item | undefined =>
  cursor === undefined ? undefined : itemFromJson(JSON.parse(cursor) as Json);

/** Counts with strong consistency, as far as the time for one page reaches; the whole table is read, which costs capacity. */
export async function count(
  client: Dynamo,
  name: string,
  cursor?: string,
): Promise<{ readonly items: number; readonly cursor?: string }> {
  const until = Date.now() + COUNT_MILLISECONDS;
  let items = 0;
  let ExclusiveStartKey = keyOf(cursor);
  do {
    const page = await calling('Scan', name, () =>
      client.send(new ScanCommand({ TableName: name, Select: 'COUNT', ConsistentRead: true, ExclusiveStartKey })),
    );
    items += page.Count ?? 0;
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey && Date.now() < until);
  const next = cursorOf(ExclusiveStartKey);
  return next === undefined ? { items } : { items, cursor: next };
}

interface Chosen {
  readonly items: readonly Item[];
  readonly missing: number;
  readonly cursor?: string;
}

async function byKeys(client: Dynamo, options: ItemCopy, keys: readonly Json[]): Promise<Chosen> {
  const from = Number(options.cursor ?? 0);
  const found = await inGroups(keys.slice(from, from + COPY_PAGE), async (key) => {
    const input = { TableName: options.from, Key: itemFromJson(key), ConsistentRead: true };
    return (await client.send(new GetItemCommand(input))).Item;
  });
  const items = found.filter((one) => one !== undefined);
  const cursor = from + COPY_PAGE < keys.length ? { cursor: String(from + COPY_PAGE) } : {};
  return { items, missing: found.length - items.length, ...cursor };
}

async function byFilter(
  client: Dynamo,
  options: ItemCopy,
  choice: Extract<ItemCopy['choice'], { filter: string }>,
): Promise<Chosen> {
  const page = await client.send(
    new ScanCommand({
      TableName: options.from,
      ConsistentRead: true,
      Limit: COPY_PAGE,
      FilterExpression: choice.filter,
      ExpressionAttributeNames: choice.names,
      ExpressionAttributeValues: choice.values && itemFromJson(choice.values),
      ExclusiveStartKey: keyOf(options.cursor),
    }),
  );
  const cursor = cursorOf(page.LastEvaluatedKey);
  return { items: page.Items ?? [], missing: 0, ...(cursor === undefined ? {} : { cursor }) };
}

async function inGroups<T, R>(list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let at = 0; at < list.length; at += AT_ONCE)
    done.push(...(await Promise.all(list.slice(at, at + AT_ONCE).map(work))));
  return done;
}

/**
 * Changes only the attributes that differ, and only while every attribute is as it was read: what somebody writes in between is
 * never overwritten, and an attribute that is new in between stays.
 * Undefined when that takes more operators than an expression may have.
 */
export function changeOf(key: Item, living: Item, wanted: Item) {
  const names = [...new Set([...Object.keys(living), ...Object.keys(wanted)])].filter((name) => !(name in key)).sort();
  const changed = names.filter((name) => !equal(living[name], wanted[name]));
  const set = changed.filter((name) => wanted[name] !== undefined);
  const gone = changed.filter((name) => wanted[name] === undefined);
  if (2 * names.length + changed.length > MAX_OPERATORS) return undefined;
  const at = (name: string): number => names.indexOf(name);
  const conditions = names.map((name) =>
    living[name] === undefined ? `attribute_not_exists(#${at(name)})` : `#${at(name)}=:o${at(name)}`,
  );
  const keyNames = Object.fromEntries(Object.keys(key).map((name, index) => [`#k${index}`, name]));
  return {
    Key: key,
    // Gone since it was read: then it is not made again.
    ConditionExpression: ['attribute_exists(#k0)', ...conditions].join(' AND '),
    UpdateExpression: [
      set.length > 0 ? `SET ${set.map((name) => `#${at(name)}=:n${at(name)}`).join(',')}` : '',
      gone.length > 0 ? `REMOVE ${gone.map((name) => `#${at(name)}`).join(',')}` : '',
    ]
      .join(' ')
      .trim(),
    ExpressionAttributeNames: {
      '#k0': keyNames['#k0']!,
      ...Object.fromEntries(names.map((name) => [`#${at(name)}`, name])),
    },
    ExpressionAttributeValues: Object.fromEntries([
      ...names.filter((name) => living[name] !== undefined).map((name) => [`:o${at(name)}`, living[name]!] as const),
      ...set.map((name) => [`:n${at(name)}`, wanted[name]!] as const),
    ]),
  };
}

type Copied = 'written' | 'same' | 'conflict';

async function copyOne(client: Dynamo, options: ItemCopy, keyNames: readonly string[], wanted: Item): Promise<Copied> {
  const TableName = options.to;
  const key = Object.fromEntries(keyNames.map((name) => [name, wanted[name]!]));
  const living = (await client.send(new GetItemCommand({ TableName, Key: key, ConsistentRead: true }))).Item;
  if (living && equal({ M: living }, { M: wanted })) return 'same';
  const change = living && changeOf(key, living, wanted);
  if (living && !change) return 'conflict';
  if (options.dryRun) return 'written';
  try {
    if (change) {
      const { ExpressionAttributeValues: values, ...rest } = change;
      const ExpressionAttributeValues = Object.keys(values).length > 0 ? values : undefined;
      await client.send(new UpdateItemCommand({ TableName, ...rest, ExpressionAttributeValues }));
    } else {
      const ExpressionAttributeNames = { '#k': keyNames[0]! };
      const ConditionExpression = 'attribute_not_exists(#k)';
      await client.send(new PutItemCommand({ TableName, Item: wanted, ConditionExpression, ExpressionAttributeNames }));
    }
    return 'written';
  } catch (error) {
    if (isNamed(error, ['ConditionalCheckFailedException'])) return 'conflict';
    throw error;
  }
}

/**
 * One page. Nothing is ever deleted from the living table.
 * @throws NightjarError INPUT_INVALID when the choice does not fit the table; SERVICE_REFUSED.
 */
export async function copyItems(client: Dynamo, options: ItemCopy): Promise<ItemCopied> {
  const { choice } = options;
  const table = await describeTable(client, options.to);
  if (!table) throw new NightjarError('RESOURCE_MISSING', { operation: 'copyItems', detail: `table ${options.to}` });
  const keyNames = table.KeySchema!.map((one) => one.AttributeName!);
  let chosen: Chosen;
  try {
    chosen = 'keys' in choice ? await byKeys(client, options, choice.keys) : await byFilter(client, options, choice);
  } catch (error) {
    if (!isNamed(error, ['ValidationException']))
      return calling('Scan', options.from, () => Promise.reject(error as Error));
    const detail = `the items chosen do not fit ${options.from}: ${(error as Error).message}`;
    throw new NightjarError('INPUT_INVALID', { operation: 'copyItems', detail, cause: error });
  }
  const copied = await calling('PutItem', options.to, () =>
    inGroups(chosen.items, (one) => copyOne(client, options, keyNames, one)),
  );
  const count = (what: Copied): number => copied.filter((one) => one === what).length;
  return {
    written: count('written'),
    same: count('same'),
    conflicts: count('conflict'),
    ...(chosen.missing > 0 ? { missing: chosen.missing } : {}),
    ...(chosen.cursor === undefined ? {} : { cursor: chosen.cursor }),
  };
}
