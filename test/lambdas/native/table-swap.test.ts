/** A table's swap, state by state: what is true in between, and the way back. */
import { describe, expect, it } from 'vitest';
import { RESTORE_TAG, swapBackupName } from '../../../core/names.ts';
import { begin, event, itemsOf, prepared, refusal, serving, states, world } from './table-states.ts';
import { ALIAS, GOOD, RESTORE, SAFETY } from './table-world.ts';

const broke = { failure: { Error: 'SERVICE_REFUSED', Cause: 'made by the test' } };

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

  it('is lifted also when the config says by then that the application is stopped', async () => {
    await world.through(states.fence);
    const config = await world.parts.config();
    Object.assign(world.parts, {
      config: () =>
        Promise.resolve({ ...config, targets: config.targets.map((one) => ({ ...one, fence: 'application' })) }),
    });
    world.clock += 60_000;
    await world.through(states.open, world.event(broke));
    expect(world.tables.tables.get('orders')!.fencedAt).toBeUndefined();
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
