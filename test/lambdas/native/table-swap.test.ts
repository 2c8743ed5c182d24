/** A table's swap, state by state: what must be proven before anything is deleted, and what is true in between. */
import { beforeEach, describe, expect, it } from 'vitest';
import { makeApplyTable } from '../../../lambdas/ApplyTable.ts';
import { makeBackUpAlias } from '../../../lambdas/BackUpAlias.ts';
import { makeDeleteTable } from '../../../lambdas/DeleteTable.ts';
import { makeFenceTable } from '../../../lambdas/FenceTable.ts';
import { makeOpenTable } from '../../../lambdas/OpenTable.ts';
import { makeRecreateTable } from '../../../lambdas/RecreateTable.ts';
import { makeRestoreTable } from '../../../lambdas/RestoreTable.ts';
import { makeVerifyTable } from '../../../lambdas/VerifyTable.ts';
import { RESTORE_TAG, swapBackupName } from '../../../core/names.ts';
import type { NativeRestore } from '../../../core/native.ts';
import type { TableEvent } from '../../../lambdas/native/table.ts';
import { ALIAS, GOOD, RESTORE, SAFETY, tableWorld, type TableWorld } from './table-world.ts';

const broke = { failure: { Error: 'SERVICE_REFUSED', Cause: 'made by the test' } };
let world: TableWorld;
const makers = () => ({
  restore: makeRestoreTable(world.parts),
  verify: makeVerifyTable(world.parts),
  fence: makeFenceTable(world.parts),
  backUp: makeBackUpAlias(world.parts),
  remove: makeDeleteTable(world.parts),
  recreate: makeRecreateTable(world.parts),
  apply: makeApplyTable(world.parts),
  open: makeOpenTable(world.parts),
});
let states: ReturnType<typeof makers>;
let event: TableEvent;

async function begin(options: Parameters<typeof tableWorld>[0] = {}): Promise<void> {
  world = await tableWorld(options);
  states = makers();
  event = world.event();
}
/** Everything before the deletion. */
async function prepared(): Promise<void> {
  await world.through(states.restore);
  await world.through(states.verify);
  await world.through(states.fence);
  event = await world.safety();
  await world.through(states.backUp, event);
}
const itemsOf = (name: string) => [...(world.tables.tables.get(name)?.items ?? [])].sort();
const refusal = (state: (event: TableEvent) => Promise<unknown>, from = event) =>
  world.through(state as never, from).then(
    () => 'it went on',
    (error: Error) => `${error.name}: ${error.message}`,
  );
const serving = async () => (await world.native()).serving;

beforeEach(() => begin());

describe('the way of a swap', () => {
  it('ends with the items of the moment and every setting under the old name', async () => {
    const { settings } = await world.native();
    await prepared();
    expect(itemsOf('orders')).toContainEqual(['a', 'spoilt']);
    await world.through(states.remove, event);
    expect([await serving(), world.tables.tables.has('orders')]).toEqual(['nothing', false]);
    await world.through(states.recreate, event);
    expect(await serving()).toBe('restored');
    await world.through(states.fence, event);
    await world.through(states.verify, event);
    expect(itemsOf('orders')).toEqual([...GOOD]);
    await world.through(states.apply, event);
    // A policy that was changed just now is left alone for 15 seconds.
    world.clock += 15_000;
    await world.through(states.open, event);

    const native = await world.native();
    const { settings: found } = (await world.tables.read('orders'))!;
    expect({ ...found.values, ...found.tags }).toEqual({ ...settings.values, ...settings.tags });
    expect(native).toMatchObject({ differences: [], counts: { alias: 5, recreated: 5 }, serving: 'restored' });
    expect(native.recreated!.resourceId).not.toBe(native.original!.resourceId);
    expect(world.tables.write('orders', 'g', 'new')).toBe(true);
    expect((await world.parts.catalog.getRestore(RESTORE))!.safetyBackupId).toBe(SAFETY);
  });

  it('notes the alias before it is ready, so that what fails meanwhile knows what is left behind', async () => {
    await states.restore(event);
    expect((await states.restore(event)).done).toBe(false);
    expect((await world.native()).restored?.resourceId).toBe(world.tables.tables.get(ALIAS)!.id);
    expect(world.tables.tables.get(ALIAS)!.tags[RESTORE_TAG]).toBe(RESTORE);
  });

  it('asks the alias for a backup of the swap’s own name, once', async () => {
    await prepared();
    await world.through(states.backUp, event);
    const names = [...world.tables.backups.values()].map((one) => one.name);
    expect(names.filter((one) => one === swapBackupName(RESTORE))).toHaveLength(1);
  });
});

describe('the fence', () => {
  it('has taken hold before the safety backup may begin', async () => {
    await world.through(states.fence);
    expect(world.tables.write('orders', 'late', 'write')).toBe(false);
  });

  it('keeps the policy that was there, whatever is noted when', async () => {
    const { policy } = world.tables.tables.get('orders')!;
    // The call was made, and its answer was lost with the look.
    await world.change({ steps: { FenceTable: { startedAt: new Date(world.clock).toISOString() } } });
    await world.tables.fence('orders');
    world.clock += 60_000;
    await world.through(states.open, world.event(broke));
    const table = world.tables.tables.get('orders')!;
    expect([table.fencedAt, table.policy]).toEqual([undefined, policy]);
  });

  it('of the application is a promise, and the record says that it was trusted', async () => {
    await begin({ target: { fence: 'application' } });
    await world.through(states.fence);
    expect(world.tables.write('orders', 'late', 'write')).toBe(true);
    expect((await world.parts.catalog.getRestore(RESTORE))!.warnings).toEqual([
      expect.stringMatching(/trusted.*is lost/),
    ]);
  });

  it('is not lifted from a table that somebody else made', async () => {
    await world.through(states.fence);
    world.tables.make('orders', new Map()).policy = 'theirs';
    await world.through(states.open, world.event(broke));
    expect(world.tables.tables.get('orders')!.policy).toBe('theirs');
  });
});

describe('nothing is deleted', () => {
  const untouched = async (): Promise<void> => {
    expect(world.tables.tables.get('orders')).toMatchObject({ status: 'ACTIVE' });
    expect(await serving()).toBe('original');
  };
  /** What is not so, and the words for it. */
  const wrongs: Record<string, [(native: NativeRestore) => unknown, RegExp]> = {
    'the original’s backup is gone': [({ backups }) => world.tables.backups.delete(backups!.original!), /not there/],
    'the restored table’s backup is gone': [
      ({ backups }) => world.tables.backups.delete(backups!.restored!),
      /not there/,
    ],
    'a backup is not finished': [
      ({ backups }) => (world.tables.backups.get(backups!.restored!)!.readyAt = Infinity),
      /is CREATING/,
    ],
    'both backups are of one table': [
      ({ backups }) => world.change({ backups: { original: backups!.restored!, restored: backups!.restored! } }),
      /is of the table/,
    ],
    'the original’s backup is older than the fence': [
      ({ backups }) => {
        const held = world.tables.backups.get(backups!.original!)!;
        world.tables.backups.set(backups!.original!, { ...held, at: held.at - 600_000 });
      },
      /writes end at/,
    ],
    'the fence was taken away': [() => (world.tables.tables.get('orders')!.fencedAt = undefined), /not kept away/],
    'the alias is gone': [() => world.tables.tables.delete(ALIAS), /is not there/],
    'the alias was never verified': [
      ({ steps }) =>
        world.change({ steps: { ...steps, VerifyTable: steps.FenceTable! } }).then(() => world.change({ counts: {} })),
      /was not verified/,
    ],
    'the alias is another table by now': [() => world.tables.make(ALIAS, GOOD), /not the one that was made/],
    'the table is another one by now': [
      () => Object.assign(world.tables.tables.get('orders')!, { id: 'other', fencedAt: 1 }),
      /is not the table that it was/,
    ],
  };
  it.each(Object.entries(wrongs))('when %s', async (_, [spoil, words]) => {
    await prepared();
    await spoil(await world.native());
    expect(await refusal(states.remove)).toMatch(/^TABLE_NOT_SAFE/);
    expect(await refusal(states.remove)).toMatch(words);
    await untouched();
  });

  it('when the safety backup failed', async () => {
    await world.through(states.restore);
    await world.through(states.verify);
    await world.through(states.fence);
    expect(await refusal(states.backUp, world.event({ safety: {} }))).toMatch(/^TABLE_NOT_SAFE/);
    await untouched();
  });

  it('by a look that comes after the restore was closed', async () => {
    await prepared();
    await world.parts.catalog.updateRestore(RESTORE, ['RUNNING'], { status: 'FAILED' });
    expect(await refusal(states.remove)).toMatch(/^EXECUTION_FAILED/);
    await untouched();
  });
});

describe('the way back', () => {
  const back = () => ({ ...event, ...broke });

  it('leaves an original that was never asked to go', async () => {
    await prepared();
    expect(await world.through(states.recreate, back())).toBe(1);
    expect(await serving()).toBe('original');
  });

  it('is not content with an original that is described once more while it goes', async () => {
    await prepared();
    await states.remove(event);
    await world.through(states.recreate, back());
    expect(await serving()).toBe('restored');
    expect(itemsOf('orders')).toEqual([...GOOD]);
  });

  it('keeps the original when the deletion was refused', async () => {
    await prepared();
    world.tables.mishap = () => {
      throw new Error('AccessDenied');
    };
    expect(await refusal(states.remove)).toMatch(/AccessDenied/);
    expect(await serving()).toBe('nothing');
    world.tables.mishap = undefined;
    await world.through(states.recreate, back());
    expect(await serving()).toBe('original');
    await world.through(states.apply, back());
    await world.through(states.open, back());
    expect((await world.native()).differences).toEqual([]);
    expect(world.tables.write('orders', 'g', 'new')).toBe(true);
  });

  it('takes the original’s backup when the restored one’s is of no use, and says so', async () => {
    await prepared();
    await world.through(states.remove, event);
    world.tables.backups.delete((await world.native()).backups!.restored!);
    expect(await refusal(states.recreate)).toMatch(/^POINT_MISSING: .*Nothing serves as orders/s);
    await world.through(states.recreate, back());
    expect(await serving()).toBe('original');
    expect(itemsOf('orders')).toContainEqual(['a', 'spoilt']);
  });

  it('leaves a table alone that an application made while the name was free', async () => {
    await prepared();
    await world.through(states.remove, event);
    world.tables.make('orders', new Map([['x', 'theirs']]));
    expect(await refusal(states.recreate)).toMatch(/^DESTINATION_EXISTS/);
    expect(await refusal(states.recreate, back())).toMatch(/^DESTINATION_EXISTS/);
    expect(await refusal(states.apply, back())).toMatch(/^DESTINATION_EXISTS/);
    expect(itemsOf('orders')).toEqual([['x', 'theirs']]);
    expect(await serving()).toBe('nothing');
  });
});

describe('a table that somebody deleted', () => {
  it('is made under its name at once, with its settings, and nothing else is asked for', async () => {
    world = await tableWorld();
    const { arn } = await world.tables.createPoint('orders', 'nightjar-orders-last-night');
    const held = world.tables.backups.get(arn)!;
    await begin({ missing: true, from: { kind: 'point', backupId: SAFETY, arn, at: '2026-11-21T01:30:00.000Z' } });
    world.tables.backups.set(arn, held);
    for (const state of [states.recreate, states.fence, states.verify, states.apply, states.open])
      await world.through(state);
    expect(await world.native()).toMatchObject({ serving: 'restored', differences: [] });
    expect([...world.tables.tables.keys()]).toEqual(['orders']);
    expect(world.tables.write('orders', 'g', 'new')).toBe(true);
  });
});

describe('what was restored is not taken', () => {
  it('when its keys are others', async () => {
    await world.through(states.restore);
    world.tables.tables.get(ALIAS)!.values.KeySchema = [{ AttributeName: 'other', KeyType: 'HASH' }];
    expect(await refusal(states.verify)).toMatch(/^CHECK_FAILED: .*keys of/s);
  });

  it('when an index is missing', async () => {
    await world.through(states.restore);
    const index = { IndexName: 'by-day', KeySchema: [{ AttributeName: 'day', KeyType: 'HASH' }] };
    const { settings } = await world.native();
    await world.change({ settings: { ...settings, values: { ...settings.values, GlobalSecondaryIndexes: [index] } } });
    expect(await refusal(states.verify)).toMatch(/lacks the index by-day/);
  });

  const made = async (): Promise<void> => {
    await prepared();
    await world.through(states.remove, event);
    await world.through(states.recreate, event);
  };
  it('when an item is missing in the table that was made again', async () => {
    await made();
    world.tables.tables.get('orders')!.items.delete('b');
    expect(await refusal(states.verify)).toMatch(/^CHECK_FAILED: .*has 4 items, .* has 5.*serves as orders/s);
  });

  it('when items are others in the table that was made again', async () => {
    await made();
    world.tables.tables.get('orders')!.items.set('b', 'other');
    expect(await refusal(states.verify)).toMatch(/1 of 3 items/);
  });

  it('but what an application wrote before the fence is only told', async () => {
    await made();
    world.tables.write('orders', 'z', 'written at once');
    await world.through(states.fence, event);
    await world.through(states.verify, event);
    expect((await world.parts.catalog.getRestore(RESTORE))!.warnings).toEqual([
      expect.stringContaining('1 items were written to orders as soon as it was back'),
    ]);
  });
});

it('a count goes on where a look that died had stopped, and begins anew when nothing was left to count', async () => {
  await world.through(states.restore);
  const count = world.tables.count.bind(world.tables);
  let pages = 0;
  world.tables.count = (name, cursor) => {
    if ((pages += 1) === 2) return Promise.reject(new Error('the look died'));
    return count(name, cursor);
  };
  expect(await refusal(states.verify)).toMatch(/the look died/);
  await world.through(states.verify);
  expect([pages, (await world.native()).counts]).toEqual([3, { alias: 5 }]);
  await world.through(states.verify);
  expect((await world.native()).counts).toEqual({ alias: 5 });
});
