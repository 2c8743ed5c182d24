/** A table `orders`, backed up, then spoilt while an application goes on writing; and what holds however a restore of it ended. */
import { expect } from 'vitest';
import { isErrorCode } from '../../core/errors.ts';
import { differencesOf, type NativeSettings } from '../../core/native.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { servingSentence, type NativeRecord } from '../../core/serving.ts';
import { configOf, makeWorld, type World } from '../lambdas/support/world.ts';
import { FakeTables, type Items } from '../support/fake-tables.ts';
import type { Call, Ended, Hook } from './calls.ts';
import { Harness } from './harness.ts';

export const GOOD: Items = new Map([
  ['a', 'good'],
  ['b', 'good'],
  ['c', 'good'],
  ['d', 'good'],
  ['e', 'expired'],
]);
/** Time goes by between any two calls of a state. */
const STEP = 15_000;

export interface TableCase {
  readonly world: World;
  readonly tables: FakeTables;
  readonly harness: Harness;
  /** The backup that holds the good items. */
  backupId: string;
  readonly settings: NativeSettings;
  /** Id of the table that was there first. */
  readonly original: string;
  /** What an application was told to be written, and into which table. */
  readonly accepted: { readonly key: string; readonly tableId: string }[];
  readonly before: Hook;
  /** The state that is at work. */
  at: Call | undefined;
}

export async function openTable(target: object = {}): Promise<TableCase> {
  const table = {
    name: 'orders',
    engine: 'dynamodb',
    table: 'orders',
    pointer: { parameter: '/orders/table' },
    ...target,
  };
  const config = configOf({ targets: [table as never] });
  const world = makeWorld(undefined, config);
  const tables = new FakeTables(world.now);
  const said = new Map([['/orders/table', 'orders']]);
  const pointers = {
    read: () => Promise.resolve(said.get('/orders/table')!),
    change: (_: object, from: string, to: string) => {
      if (said.get('/orders/table') === from) said.set('/orders/table', to);
      return Promise.resolve();
    },
  };
  Object.assign(world, { services: { dynamodb: tables }, pointers });
  const harness = new Harness(world, () => Promise.reject(new Error('A table needs no task.')));
  const before: Hook = (call, work) => {
    one.at = call;
    world.clock += STEP;
    return work();
  };
  tables.make('orders', GOOD);
  const { settings } = (await tables.read('orders'))!;
  const original = settings.resourceId;
  const accepted: TableCase['accepted'] = [];
  const one: TableCase = { world, tables, harness, backupId: '', settings, original, accepted, before, at: undefined };
  const backup = await harness.run('backup', { target: 'orders' }, before);
  if (backup.status !== 'SUCCEEDED') throw new Error(backup.cause);
  one.backupId = backup.id;
  tables.write('orders', 'a', 'spoilt');
  let writes = 0;
  tables.meanwhile = () => {
    const key = `w${(writes += 1)}`;
    if (tables.write('orders', key, 'written')) accepted.push({ key, tableId: tables.tables.get('orders')!.id });
  };
  return one;
}

export const swapOf = ({ backupId }: TableCase): Partial<RestoreInput> => ({
  target: 'orders',
  at: backupId,
  mode: 'swap',
});

const holds = (items: Items, wanted: Items): boolean =>
  [...wanted].every(([key, value]) => items.get(key) === value || (value === 'expired' && !items.has(key)));

const SPOILT: Items = new Map([...GOOD, ['a', 'spoilt']]);
const isWhole = (items: Items): boolean => holds(items, GOOD) || holds(items, SPOILT);

/** What was accepted is in the serving table, or in a finished backup of the table that took it. */
function expectNoWriteLost({ tables, accepted }: TableCase): void {
  const serving = tables.tables.get('orders');
  const lost = accepted.filter(({ key, tableId }) => {
    const kept = [...tables.backups.values()].some((one) => one.sourceId === tableId && one.items.has(key));
    return !(serving?.id === tableId && serving.items.has(key)) && !kept;
  });
  expect(lost).toEqual([]);
}

/** The record says what serves, and it does; nothing of either is lost. */
export async function expectNothingLost(one: TableCase, ended: Ended): Promise<void> {
  const { world, tables } = one;
  const record = await world.catalog.getRestore(ended.id);
  const table = tables.tables.get('orders');
  expectNoWriteLost(one);
  // Refused, or stopped, before it had a record: it touched nothing.
  if (!record) {
    expect(table).toMatchObject({ status: 'ACTIVE', fencedAt: undefined });
    return;
  }
  expect(['COMPLETED', 'FAILED']).toContain(record.status);
  const { serving } = record.native!;
  if (record.status === 'COMPLETED') expect(serving).toBe('restored');
  else expect(isErrorCode(record.failure?.code ?? '')).toBe(true);
  if (serving === 'nothing') {
    // Killed before it saw what it had asked for: what is there by now is whole.
    if (table?.status === 'ACTIVE') expect([ended.status, isWhole(table.items)]).toEqual(['ABORTED', true]);
    expect(readyBackups(one)).toEqual(['original', 'restored']);
    return;
  }
  expect(table?.status).toBe('ACTIVE');
  expect(holds(table!.items, serving === 'restored' ? GOOD : SPOILT), `${serving} serves`).toBe(true);
}

/** Of which tables there are backups that could be restored now. */
function readyBackups({ tables }: TableCase): string[] {
  const found = new Set<string>();
  for (const { items } of tables.backups.values()) found.add(items.get('a') === 'spoilt' ? 'original' : 'restored');
  return [...found].sort();
}

/** Whoever writes may write, and the table is as it was set. */
export async function expectAsBefore({ tables, settings }: TableCase): Promise<void> {
  expect(tables.tables.get('orders')!.fencedAt, 'the fence is lifted').toBeUndefined();
  expect(differencesOf(settings, (await tables.read('orders'))!.settings)).toEqual([]);
}

/** A fence does not outlive its restore: where the original serves on, whoever writes may write. */
export async function expectNoFenceLeft({ tables, world, original }: TableCase, { id }: Ended): Promise<void> {
  const table = tables.tables.get('orders');
  if (table?.id !== original || table.status !== 'ACTIVE') return;
  expect(table.fencedAt, 'the fence is lifted').toBeUndefined();
  const record = await world.catalog.getRestore(id);
  if (record) expect(servingSentence(record as NativeRecord)).not.toContain('DENIED');
}

/** Nobody is kept out, and nothing is left open. */
export async function expectFree({ world }: TableCase): Promise<void> {
  for (const kind of ['backup', 'restore'] as const) {
    const wish = { target: 'orders', kind, id: 'SOMEBODY', executionArn: 'arn', since: world.now().toISOString() };
    expect(await world.catalog.lock(wish)).toEqual({ taken: true });
    await world.catalog.unlock('orders', kind, 'SOMEBODY');
  }
  expect((await world.catalog.listRestores()).filter((each) => each.status === 'RUNNING')).toEqual([]);
  expect((await world.catalog.listBackups()).filter((each) => each.status === 'RUNNING')).toEqual([]);
}

/** Started again it comes to its end, whatever was left. */
export async function expectRunsAgain(one: TableCase): Promise<void> {
  one.tables.mishap = undefined;
  // A person comes minutes later: what was under way is over by then.
  for (let looks = 0; looks < 5; looks += 1) await one.tables.read('orders');
  const again = await one.harness.run('restore', swapOf(one), one.before);
  expect(again).toMatchObject({ status: 'SUCCEEDED', output: { status: 'COMPLETED', serving: 'restored' } });
  await expectNothingLost(one, again);
  await expectAsBefore(one);
  await expectFree(one);
}

/** A case whose table somebody is deleting; it takes DynamoDB so many looks. */
export async function openGoing(looks: number): Promise<TableCase> {
  const one = await openTable();
  Object.assign(one.tables.tables.get('orders')!, { status: 'DELETING', looks });
  one.tables.meanwhile = undefined;
  return one;
}

/** Its good items are back under its name, in another table than that of the id. */
export async function expectBackAnew(one: TableCase, id: string): Promise<void> {
  const table = one.tables.tables.get('orders')!;
  expect(table).toMatchObject({ status: 'ACTIVE', madeFrom: expect.any(String) as string });
  expect(table.id).not.toBe(id);
  for (const [key, value] of GOOD) if (value !== 'expired') expect(table.items.get(key)).toBe(value);
  await expectAsBefore(one);
  await expectFree(one);
}
