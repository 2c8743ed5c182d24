/** What must be proven before a table is deleted, and before what was restored is taken for it. */
import { describe, expect, it } from 'vitest';
import type { NativeRestore } from '../../../core/native.ts';
import { event, prepared, refusal, serving, states, world } from './table-states.ts';
import { ALIAS, GOOD, RESTORE } from './table-world.ts';

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

  it('when its fence was taken away, whatever the config says by now', async () => {
    await prepared();
    const config = await world.parts.config();
    const targets = config.targets.map((one) => ({ ...one, fence: 'application' }));
    Object.assign(world.parts, { config: () => Promise.resolve({ ...config, targets }) });
    world.tables.tables.get('orders')!.fencedAt = undefined;
    expect(await refusal(states.remove)).toMatch(/^TABLE_NOT_SAFE: .*Writes to orders are not kept away/s);
    await untouched();
  });

  it('by a look that comes after the restore was closed', async () => {
    await prepared();
    await world.parts.catalog.updateRestore(RESTORE, ['RUNNING'], { status: 'FAILED' });
    expect(await refusal(states.remove)).toMatch(/^EXECUTION_FAILED/);
    await untouched();
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
