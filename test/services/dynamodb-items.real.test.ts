import {
  BatchWriteItemCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ItemChoice, ItemCopied } from '../../core/native.ts';
import { copyItems, count } from '../../services/dynamodb-items.ts';
import { startTables, type Tables } from './tables.ts';

type Item = Record<string, AttributeValue>;
let tables: Tables;
let number = 0;
let restored = '';
let living = '';
beforeAll(async () => {
  tables = await startTables();
}, 60_000);
beforeEach(async () => {
  number += 1;
  [restored, living] = [`items-${number}-nj`, `items-${number}`];
  await tables.create(restored);
  await tables.create(living);
});

const put = (TableName: string, Item: Item) => tables.client.send(new PutItemCommand({ TableName, Item }));
const get = async (TableName: string, pk: string): Promise<Item | undefined> =>
  (await tables.client.send(new GetItemCommand({ TableName, Key: { pk: { S: pk } }, ConsistentRead: true }))).Item;
const byKeys = (...keys: string[]): ItemChoice => ({ keys: keys.map((pk) => ({ pk: { S: pk } })) });
async function copyAll(
  choice: ItemChoice,
  dryRun = false,
): Promise<Required<Omit<ItemCopied, 'cursor'>> & { pages: number }> {
  const sum = { written: 0, same: 0, conflicts: 0, missing: 0, pages: 0 };
  let cursor: string | undefined;
  do {
    const page = await tables.service.copyItems({
      from: restored,
      to: living,
      choice,
      dryRun,
      ...(cursor ? { cursor } : {}),
    });
    sum.written += page.written;
    sum.same += page.same;
    sum.conflicts += page.conflicts;
    sum.missing += page.missing ?? 0;
    sum.pages += 1;
    cursor = page.cursor;
  } while (cursor);
  return sum;
}
async function fill(TableName: string, items: number): Promise<void> {
  const requests = Array.from({ length: items }, (_, index) => ({
    PutRequest: { Item: { pk: { S: `i${String(index).padStart(4, '0')}` }, amount: { N: String(index) } } },
  }));
  for (let at = 0; at < items; at += 25)
    await tables.client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: requests.slice(at, at + 25) } }));
}
/** The service over a client before whose first write of `operation` somebody else is faster. */
function faster(operation: string, meanwhile: () => Promise<unknown>) {
  let done = false;
  const send = async (command: { constructor: { name: string } }): Promise<unknown> => {
    if (command.constructor.name === operation && !done) {
      done = true;
      await meanwhile();
    }
    return tables.client.send(command as unknown as PutItemCommand);
  };
  return { send } as unknown as Tables['client'];
}

const WHOLE: Item = {
  pk: { S: 'whole' },
  text: { S: 'ä' },
  number: { N: '12345678901234567890.5' },
  bytes: { B: new Uint8Array([0, 255, 7]) },
  set: { SS: ['b', 'a'] },
  blobs: { BS: [new Uint8Array([2]), new Uint8Array([1])] },
  deep: { M: { list: { L: [{ NULL: true }, { BOOL: false }, { M: {} }] } } },
};

describe('copying items into the living table', () => {
  it('brings back what is gone and what was spoilt, in every type, and leaves the rest of the table alone', async () => {
    await put(restored, WHOLE);
    await put(restored, { pk: { S: 'spoilt' }, amount: { N: '1' }, note: { S: 'good' } });
    await put(living, { pk: { S: 'spoilt' }, amount: { N: '999' }, junk: { S: 'x' } });
    await put(living, { pk: { S: 'other' }, amount: { N: '5' } });
    expect(await copyAll(byKeys('whole', 'spoilt'))).toMatchObject({ written: 2, same: 0, conflicts: 0, missing: 0 });
    expect(await get(living, 'whole')).toEqual(await get(restored, 'whole'));
    expect(await get(living, 'spoilt')).toEqual({ pk: { S: 'spoilt' }, amount: { N: '1' }, note: { S: 'good' } });
    expect(await get(living, 'other')).toEqual({ pk: { S: 'other' }, amount: { N: '5' } });
    expect(await copyAll(byKeys('whole', 'spoilt'))).toMatchObject({ written: 0, same: 2 });
  });

  it('only says what it would do, when asked for a plan', async () => {
    await put(restored, WHOLE);
    expect(await copyAll(byKeys('whole', 'nowhere'), true)).toMatchObject({ written: 1, missing: 1 });
    expect(await get(living, 'whole')).toBeUndefined();
  });

  it('takes what a filter chooses, over as many pages as there are', async () => {
    await fill(restored, 450);
    const choice: ItemChoice = {
      filter: '#a >= :least',
      names: { '#a': 'amount' },
      values: { ':least': { N: '440' } },
    };
    expect(await copyAll(choice)).toMatchObject({ written: 10, pages: 3 });
    expect((await tables.service.count(living)).items).toBe(10);
  });

  it('goes over many keys page by page, each once', async () => {
    await fill(restored, 210);
    const keys = Array.from({ length: 210 }, (_, index) => `i${String(index).padStart(4, '0')}`);
    expect(await copyAll(byKeys(...keys))).toMatchObject({ written: 210, same: 0, pages: 2 });
  });

  it('never overwrites what somebody changes, makes or deletes in between', async () => {
    const [changed, made, deleted] = ['changed', 'made', 'deleted'];
    for (const pk of [changed, made, deleted]) await put(restored, { pk: { S: pk }, amount: { N: '1' } });
    for (const pk of [changed, deleted]) await put(living, { pk: { S: pk }, amount: { N: '2' } });
    const cases: [string, string, () => Promise<unknown>][] = [
      [changed, 'UpdateItemCommand', () => put(living, { pk: { S: changed }, amount: { N: '3' } })],
      [made, 'PutItemCommand', () => put(living, { pk: { S: made }, amount: { N: '3' } })],
      [
        deleted,
        'UpdateItemCommand',
        () => tables.client.send(new DeleteItemCommand({ TableName: living, Key: { pk: { S: deleted } } })),
      ],
    ];
    for (const [pk, operation, meanwhile] of cases) {
      const options = { from: restored, to: living, choice: byKeys(pk), dryRun: false };
      expect(await copyItems(faster(operation, meanwhile), options)).toEqual({ written: 0, same: 0, conflicts: 1 });
    }
    expect(await get(living, changed)).toMatchObject({ amount: { N: '3' } });
    expect(await get(living, made)).toMatchObject({ amount: { N: '3' } });
    expect(await get(living, deleted)).toBeUndefined();
  });

  it('keeps an attribute that somebody adds in between', async () => {
    await put(restored, { pk: { S: 'a' }, amount: { N: '1' } });
    await put(living, { pk: { S: 'a' }, amount: { N: '2' } });
    const add = () =>
      tables.client.send(
        new UpdateItemCommand({
          TableName: living,
          Key: { pk: { S: 'a' } },
          UpdateExpression: 'SET seen = :yes',
          ExpressionAttributeValues: { ':yes': { BOOL: true } },
        }),
      );
    const options = { from: restored, to: living, choice: byKeys('a'), dryRun: false };
    expect(await copyItems(faster('UpdateItemCommand', add), options)).toMatchObject({ written: 1 });
    expect(await get(living, 'a')).toEqual({ pk: { S: 'a' }, amount: { N: '1' }, seen: { BOOL: true } });
  });

  it('takes keys and values that are bytes', async () => {
    const bytes = { B: new Uint8Array([9, 0, 1]) };
    await put(restored, { pk: { S: 'b' }, checksum: bytes });
    const choice: ItemChoice = {
      filter: 'checksum = :h',
      values: { ':h': { B: Buffer.from(bytes.B).toString('base64') } },
    };
    expect(await copyAll(choice)).toMatchObject({ written: 1 });
  });

  it.each([
    ['a filter with a reserved word', { filter: 'total = :x', values: { ':x': { N: '1' } } }],
    ['keys of another table', { keys: [{ id: { S: 'x' } }] }],
  ] as [string, ItemChoice][])('says of %s that it does not fit', async (_, choice) => {
    await put(restored, WHOLE);
    await expect(copyAll(choice)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('counting', () => {
  it('counts what is there, not what the service last counted, and goes on from a cursor', async () => {
    await fill(living, 120);
    expect(await tables.service.count(living)).toEqual({ items: 120 });
    await tables.client.send(new DeleteItemCommand({ TableName: living, Key: { pk: { S: 'i0000' } } }));
    expect(await tables.service.count(living)).toEqual({ items: 119 });
    const half = await count(tables.client, living, JSON.stringify({ pk: { S: 'i0059' } }));
    expect(half).toEqual({ items: 60 });
  });
});
