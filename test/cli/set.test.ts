/** Several tables on the command line: one workflow, every plan, and who serves what in the end. */
import { describe, expect, it } from 'vitest';
import type { RestoreRecord } from '../../core/backup.ts';
import { failureSchema } from '../../core/backup.ts';
import { failure } from '../../core/errors.ts';
import { restoreSetShape, setPlannedShape, showShape, statusShape } from '../../cli/shapes.ts';
import { resourceOf, settingsOf, tableRestore } from './native-world.ts';
import { at, fakeWorld, type FakeOptions, type FakeWorld } from './world.ts';

const TABLES = ['orders', 'customers'] as const;
const MOMENT = at(2);
const tables = (options: FakeOptions = {}): FakeWorld =>
  fakeWorld({
    config: {
      targets: [
        ...TABLES.map((name) => ({ name, engine: 'dynamodb' as const, table: name })),
        { name: 'shop-rds', engine: 'rds', instance: 'shop-db' },
      ],
    },
    services: {
      dynamodb: {
        read: (name) =>
          Promise.resolve(
            resourceOf('dynamodb', { settings: { ...settingsOf('dynamodb'), name, resourceId: `id-${name}` } }),
          ),
        refusals: () => Promise.resolve([]),
      },
    },
    ...options,
  });
const failed = (world: FakeWorld) => failureSchema.parse(world.json().failure);

/** A member's record, as the set's workflow leaves it. */
const member = (
  target: string,
  set: RestoreRecord['set'],
  more: Partial<RestoreRecord>,
  serving: 'original' | 'restored',
) => {
  const record = tableRestore(1, { target, destination: target, ...more });
  const native = { ...record.native, serving, settings: { ...settingsOf('dynamodb'), name: target } };
  return {
    ...record,
    restoreId: `01M7YNAYM0AGAJVRR06EAVZT${target === 'orders' ? 'N1' : 'N2'}`,
    set,
    native,
  } as RestoreRecord;
};

describe('nightjar restore of several tables', () => {
  it.each([[['orders,customers']], [['orders', 'customers']]])('starts one set, named as %j', async (named) => {
    const world = tables();
    expect(await world.run('restore', ...named, '--at', MOMENT, '--swap', '--approve', '--detach', '--json')).toBe(0);
    expect(world.starts).toMatchObject([
      { machine: 'restore-set', input: { targets: TABLES, at: MOMENT, mode: 'swap', approve: true } },
    ]);
    expect(restoreSetShape.parse(world.json())).toMatchObject({ at: MOMENT, members: [] });
  });

  it.each([
    ['an unknown one', ['orders', 'loyalty', '--swap'], /No target loyalty/],
    ['one twice', ['orders,orders', '--swap'], /orders is named twice/],
    ['another engine', ['orders', 'shop-rds', '--swap'], /shop-rds is a target of rds/],
    ['a pointer that the config lacks', ['orders', 'customers', '--pointer'], /no pointer/],
    ['an option of one target', ['orders', 'customers', '--items', 'x.json'], /leave out: --items/],
    ['a mode that tables lack', ['orders', 'customers', '--overwrite'], /mode/],
    ['the id of a backup', ['orders', 'customers', '--at', '01M7XZ0V20CFKEE5MP6T3PZ0YM'], /at/],
  ])('refuses %s before anything starts', async (_, argv, words) => {
    const world = tables();
    expect(await world.run('restore', ...argv, '--json')).toBe(2);
    expect(failed(world).detail).toMatch(words);
    expect(world.starts).toEqual([]);
  });

  it('says where the workflow is missing', async () => {
    const world = tables({
      outputs: async (stack) => {
        const found = await fakeWorld().aws.stackOutputs(stack);
        return found && Object.fromEntries(Object.entries(found).filter(([key]) => key !== 'RestoreSetStateMachine'));
      },
    });
    expect(await world.run('restore', 'orders,customers', '--swap', '--json')).toBe(5);
    expect(failed(world)).toMatchObject({ code: 'STACKS_MISSING' });
  });

  it('plans each table at the newest moment of all, in the order of the swaps', async () => {
    const world = tables();
    expect(await world.run('restore', 'customers', 'orders', '--swap', '--plan', '--json')).toBe(0);
    const plan = setPlannedShape.parse(world.json());
    expect(plan.plans.map(({ target }) => target)).toEqual(['customers', 'orders']);
    expect(plan.at).toBe(at(0.1));
    expect(world.starts).toEqual([]);
    world.lines.length = 0;
    await world.run('restore', 'customers', 'orders', '--swap', '--plan');
    expect(world.text()).toContain('Then one after the other: customers, orders.');
  });

  it('plans no moment where one table has none, and names it', async () => {
    const world = tables({
      services: {
        dynamodb: {
          read: (name) => Promise.resolve(resourceOf('dynamodb', name === 'orders' ? { window: { on: false } } : {})),
        },
      },
    });
    expect(await world.run('restore', 'orders,customers', '--plan', '--json')).toBe(6);
    const plan = setPlannedShape.parse(world.json());
    expect(plan).toMatchObject({ at: null, plans: [], refused: { code: 'RESTORE_REFUSED' } });
    expect(plan.refused!.detail).toMatch(/^orders: its point-in-time recovery is off/);
  });

  it('that broke in the middle says who serves what, and the lines to type', async () => {
    const world: FakeWorld = tables({
      play: async ({ id, executionArn }) => {
        const set = { id, executionArn, targets: [...TABLES], at: MOMENT };
        await world.store.openRestore(
          member('orders', set, { safetyBackupId: '01M7XZ0V20CFKEE5MP6T3PZ0YM' }, 'restored'),
        );
        await world.store.openRestore(
          member('customers', set, { status: 'FAILED', failure: failure('SET_STOPPED') }, 'original'),
        );
        return { status: 'FAILED', error: 'SET_MIXED', cause: 'Some do not. customers failed. To start it again: x.' };
      },
    });
    expect(await world.run('restore', 'orders,customers', '--at', MOMENT, '--swap', '--json')).toBe(1);
    const json = restoreSetShape.parse(world.json());
    expect(json.failure?.code).toBe('SET_MIXED');
    expect(json.members.map(({ serves }) => serves.slice(0, 40))).toEqual([
      expect.stringMatching(/^orders serves 2026/),
      expect.stringMatching(/^customers: The original serves/),
    ]);
    world.lines.length = 0;
    await world.run('show', json.id);
    expect(world.text()).toContain(`nightjar restore orders,customers --at ${MOMENT} --swap`);
    expect(world.text()).toMatch(/To take back what was swapped:\n\s+nightjar rollback 01M7YNAYM0AGAJVRR06EAVZTN1/);
  });
});

describe('the one question of a set', () => {
  async function asking(): Promise<{ world: FakeWorld; id: string }> {
    let set: RestoreRecord['set'];
    const world: FakeWorld = tables({
      play: async ({ id, executionArn }) => {
        const approval = { token: 'secret-token', askedAt: at(1), until: at(-23) };
        set = { id, executionArn, targets: [...TABLES], at: MOMENT, approval };
        for (const name of TABLES) await world.store.openRestore(member(name, set, { status: 'RUNNING' }, 'original'));
        return { status: 'RUNNING' };
      },
      onSleep: (one) => one.interrupt(),
    });
    await world.run('restore', 'orders,customers', '--at', MOMENT, '--swap', '--approve', '--json');
    world.lines.length = 0;
    return { world, id: set!.id };
  }

  it('is shown once, by the set’s id, and never with its token', async () => {
    const { world, id } = await asking();
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).waiting).toMatchObject([
      { restoreId: id, destination: 'orders, customers' },
    ]);
    world.lines.length = 0;
    await world.run('show', id, '--json');
    expect(showShape.parse(world.json())).toMatchObject({ kind: 'set', question: { until: at(-23) } });
    expect(world.text()).not.toContain('secret-token');
  });

  it.each(['the set', 'a member'])('is answered by the id of %s', async (whose) => {
    const { world, id } = await asking();
    const asked = whose === 'the set' ? id : '01M7YNAYM0AGAJVRR06EAVZTN2';
    expect(await world.run('approve', asked, '--json')).toBe(0);
    expect(world.answers).toMatchObject([{ token: 'secret-token' }]);
  });
});
