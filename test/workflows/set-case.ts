/** Three tables that only make sense together, all spoilt after one moment; and what holds however their set ended. */
import { setImmediate as soon } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RestoreRecord } from '../../core/backup.ts';
import { differencesOf, type NativeSettings } from '../../core/native.ts';
import type { RestoreSetInput } from '../../core/payloads.ts';
import { FUNCTION_NAMES } from '../../lib/function-list.ts';
import { configOf, makeWorld, type World } from '../lambdas/support/world.ts';
import { FakeTables } from '../support/fake-tables.ts';
import type { Call, Ended, Hook } from './calls.ts';
import { Harness } from './harness.ts';

export const TABLES = ['orders', 'customers', 'carts'] as const;
const GOOD = ['a', 'b', 'c'] as const;
/** Time goes by between any two calls of a state. */
const STEP = 15_000;

export interface SetCase {
  readonly world: World;
  readonly tables: FakeTables;
  readonly harness: Harness;
  /** When all were good. */
  readonly moment: string;
  readonly settings: ReadonlyMap<string, NativeSettings>;
  readonly said: Map<string, string>;
  readonly before: Hook;
  /** Tables that were away, fenced or not there, at some call: in the order in which they went, and how many at once at most. */
  readonly out: { order: string[]; most: number };
}

export async function openSet(target: object = {}): Promise<SetCase> {
  const targets = TABLES.map((name) => ({
    name,
    engine: 'dynamodb',
    table: name,
    pointer: { parameter: `/${name}/table` },
    ...target,
  }));
  const world = makeWorld(undefined, configOf({ targets: targets as never }));
  const tables = new FakeTables(world.now);
  const said = new Map<string, string>(TABLES.map((name) => [`/${name}/table`, name]));
  const pointers = {
    read: ({ parameter }: { parameter: string }) => Promise.resolve(said.get(parameter)!),
    change: ({ parameter }: { parameter: string }, from: string, to: string) => {
      if (said.get(parameter) === from) said.set(parameter, to);
      return Promise.resolve();
    },
  };
  Object.assign(world, { services: { dynamodb: tables }, pointers });
  const harness = new Harness(world, () => Promise.reject(new Error('A table needs no task.')));
  const out: SetCase['out'] = { order: [], most: 0 };
  const before: Hook = async (_, work) => {
    // Everybody else gets on a little: waits take no time here, and one that only looks would look for ever.
    await soon();
    world.clock += STEP;
    const away = TABLES.filter((name) => isOut(tables, name));
    out.most = Math.max(out.most, away.length);
    for (const name of away) if (!out.order.includes(name)) out.order.push(name);
    return work();
  };
  const settings = new Map<string, NativeSettings>();
  await Promise.all(FUNCTION_NAMES.map((name) => import(/* @vite-ignore */ `../../lambdas/${name}.ts`)));
  for (const name of TABLES) {
    tables.make(name, new Map(GOOD.map((key) => [key, 'good'])));
    settings.set(name, (await tables.read(name))!.settings);
    const backup = await harness.run('backup', { target: name }, before);
    if (backup.status !== 'SUCCEEDED') throw new Error(backup.cause);
  }
  world.clock += 60_000;
  const moment = world.now().toISOString();
  world.clock += 60_000;
  for (const name of TABLES) tables.write(name, 'a', 'spoilt');
  out.order.length = 0;
  out.most = 0;
  return { world, tables, harness, moment, settings, said, before, out };
}

const isOut = ({ tables }: FakeTables, name: string): boolean => {
  const table = tables.get(name);
  return table?.status !== 'ACTIVE' || table.fencedAt !== undefined;
};

/** Runs a set to its end, with every restore that it started and that outlived it. */
export async function runSet(
  one: SetCase,
  more: Partial<RestoreSetInput> = {},
  hook: Hook = one.before,
): Promise<{ readonly ended: Ended; readonly members: ReadonlyMap<string, Ended> }> {
  const input = { targets: [...TABLES], at: one.moment, mode: 'swap', ...more };
  const ended = await one.harness.run('restore-set', input, hook);
  // A start that was under way when the set was stopped comes through all the same.
  for (let turns = 0; turns < 5; turns += 1) await soon();
  const members = await one.harness.settled();
  return { ended, members: new Map(members.map((member) => [(member.input as { target: string }).target, member])) };
}

/** The newest restore of a table that belongs to this set. */
export async function recordOf({ world }: SetCase, target: string, setId: string): Promise<RestoreRecord | undefined> {
  return (await world.catalog.listRestores({ target })).find(({ set }) => set?.id === setId);
}

export const servesGood = ({ tables }: SetCase, name: string): boolean => {
  const table = tables.tables.get(name);
  return table?.status === 'ACTIVE' && GOOD.every((key) => table.items.get(key) === 'good');
};
export const swapped = (one: SetCase): string[] => TABLES.filter((name) => servesGood(one, name));
export const aliases = ({ tables }: SetCase): string[] =>
  [...tables.tables.keys()].filter((name) => !(TABLES as readonly string[]).includes(name));

/** Each table serves all of one moment and takes writes, its record says which, nobody is kept out. */
export async function expectWhole(one: SetCase, setId: string): Promise<void> {
  for (const name of TABLES) {
    const table = one.tables.tables.get(name);
    const record = await recordOf(one, name, setId);
    if (record?.native?.serving === 'nothing') continue;
    expect(table, name).toMatchObject({ status: 'ACTIVE' });
    if (record?.status === 'COMPLETED') expect(servesGood(one, name), name).toBe(true);
    if (record?.native?.serving === 'original') expect(table!.items.get('a'), name).toBe('spoilt');
    expect(record?.status, name).not.toBe('RUNNING');
  }
  for (const target of TABLES)
    for (const kind of ['backup', 'restore'] as const) {
      const wish = { target, kind, id: 'SOMEBODY', executionArn: 'arn', since: one.world.now().toISOString() };
      expect(await one.world.catalog.lock(wish), target).toEqual({ taken: true });
      await one.world.catalog.unlock(target, kind, 'SOMEBODY');
    }
}

/** The same command once more brings all to the moment, with every setting. */
export async function expectFinishes(one: SetCase): Promise<void> {
  // A person comes minutes later: what was under way is over by then.
  for (let looks = 0; looks < 5; looks += 1) for (const name of TABLES) await one.tables.read(name);
  one.out.most = 0;
  const { ended } = await runSet(one);
  expect(ended, ended.cause).toMatchObject({ status: 'SUCCEEDED' });
  expect(swapped(one)).toEqual([...TABLES]);
  for (const name of TABLES) {
    const table = one.tables.tables.get(name)!;
    expect(table.fencedAt, name).toBeUndefined();
    expect(differencesOf(one.settings.get(name)!, (await one.tables.read(name))!.settings), name).toEqual([]);
  }
  await expectWhole(one, ended.id);
}

/** A state of one table's restore. */
export const isOf = (call: Call, target: string): boolean => call.execution.endsWith(`-${target}`);
