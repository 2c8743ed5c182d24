/** The same mishap for what AWS restores itself: a table's items are spoilt, an instance goes back to a moment. */
import { setTimeout as pause } from 'node:timers/promises';
import { DeleteItemCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { billingNow, BILLING, ORDERS, readItems, tableSettings, type RdsConfig } from './native-sample.ts';
import type { CommandAnswer } from './nightjar-command.ts';
import type { ClientConfig } from './client.ts';

interface RestoreAnswer extends CommandAnswer {
  readonly restore: { readonly status: string; readonly restoreId: string } | null;
  readonly serves: string;
}

export interface NativeTold {
  readonly table: { readonly items: { before: number; spoiled: number; after: number }; readonly restore: unknown };
  readonly instance: { readonly before: string; readonly after: string; readonly restore: unknown };
  /** What did not hold. */
  readonly problems: string[];
}

export interface NativeParts {
  readonly account: ClientConfig;
  readonly rds: RdsConfig;
  readonly command: <A extends CommandAnswer>(...args: string[]) => Promise<A>;
  readonly step: <T>(key: string, title: string, work: () => Promise<[T, string]>) => Promise<T>;
}

function changed(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((id) => before.get(id) !== after.get(id));
}

/** Compares as JSON: both sides were read the same way. */
function differing(what: string, before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  return Object.keys(before)
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map((key) => `${what}: ${key} is ${JSON.stringify(after[key])} and was ${JSON.stringify(before[key])}`);
}

export async function playNativeStory({ account, rds, command, step }: NativeParts): Promise<NativeTold> {
  const client = new DynamoDBClient(account);
  try {
    const before = await readItems(client);
    const settings = await tableSettings(client);
    // Moments are told to the second.
    await pause(1_100);
    const moment = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
    await pause(1_100);
    const spoiled = await step('spoil', `spoiling the table ${ORDERS}`, async () => {
      const ids = [...before.keys()].sort();
      for (const id of ids.filter((_, index) => index % 5 === 0))
        await client.send(new DeleteItemCommand({ TableName: ORDERS, Key: { id: { S: id } } }));
      for (const id of ids.filter((_, index) => index % 5 === 1))
        await client.send(new PutItemCommand({ TableName: ORDERS, Item: { id: { S: id }, customer: { S: 'oops' } } }));
      const now = await readItems(client);
      const wrong = changed(before, now).length;
      if (wrong === 0) throw new Error('the damage changed nothing');
      return [now, `spoiled ${wrong} of ${before.size} items`];
    });
    const table = await step('restoreTable', `nightjar restore ${ORDERS} --at ${moment} --swap`, async () => {
      const answer = await command<RestoreAnswer>('restore', ORDERS, '--at', moment, '--swap');
      return [answer, `nightjar restore ${ORDERS} --swap: ${answer.serves}`];
    });
    const after = await readItems(client);
    const problems = [
      ...changed(before, after).map((id) => `${ORDERS}: the item ${id} is not as it was`),
      ...differing(ORDERS, settings, await tableSettings(client)),
    ];
    if (table.restore?.status !== 'COMPLETED') problems.push(`the restore of ${ORDERS} is ${table.restore?.status}`);

    const billing = await billingNow(rds);
    const instance = await step('restoreInstance', `nightjar restore ${BILLING} --swap`, async () => {
      const answer = await command<RestoreAnswer>('restore', BILLING, '--swap');
      return [answer, `nightjar restore ${BILLING} --swap: ${answer.serves}`];
    });
    const now = await billingNow(rds);
    if (now.resourceId === billing.resourceId) problems.push(`${BILLING} is still the same resource`);
    if (instance.restore?.status !== 'COMPLETED')
      problems.push(`the restore of ${BILLING} is ${instance.restore?.status}`);
    problems.push(...differing(BILLING, billing.settings, now.settings));
    return {
      table: {
        items: { before: before.size, spoiled: spoiled.size, after: after.size },
        restore: table.restore,
      },
      instance: { before: billing.resourceId, after: now.resourceId, restore: instance.restore },
      problems,
    };
  } finally {
    client.destroy();
  }
}
