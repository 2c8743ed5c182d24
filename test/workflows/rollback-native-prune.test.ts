/** The pruner after native restores and rollbacks: every state fails in turn, and any call of its functions breaks. */
import { describe, expect, it } from 'vitest';
import { DAY } from '../lambdas/support/world.ts';
import type { Ended } from './calls.ts';
import { DEATHS, FAULTS, at } from './faults.ts';
import { NATIVES, expectPointsKept, openCase, type NativeCase } from './native-case.ts';
import { CRASHES, crashes } from './native-crashes.ts';
import { expectFree } from './restore-promises.ts';
import { found, openSwapped, recordOf, type Mode, type Swapped } from './rollback-native-case.ts';
import { SeenError } from './seen-error.ts';
import { servers } from './server-case.ts';

const faults = { ...FAULTS, ...DEATHS };
const broken = (): never => {
  throw new SeenError('TypeError', '{}');
};
const STATES = ['PlanPrune', 'DeleteExpired', 'DeletePoints', 'RemoveReplaced', 'ClosePrune'];

/** What lies about when the pruner comes, weeks later. */
interface Left extends Swapped {
  readonly serves: 'original' | 'restored';
  /** Resource id of what is to go, and what data it holds. */
  readonly spare: string;
}

/** Two nightly backups of which one is kept, and a restore; then their time is over. */
async function swapped(engine: NativeCase['engine'], mode: Mode): Promise<Swapped> {
  const swap = await openSwapped(engine, mode, { points: { nightly: 1, weekly: 0 } });
  const { one } = swap;
  for (let night = 0; night < 2; night += 1) {
    one.world.clock += DAY;
    const { cause } = await one.harness.run('backup', { target: one.target, trigger: 'daily' }, one.before);
    expect(cause).toBeUndefined();
    await one.rest();
  }
  return swap;
}
const later = ({ one }: Swapped): void => void (one.world.clock += 30 * DAY);

const LEFT = {
  'a swap': async (engine: NativeCase['engine']): Promise<Left> => {
    const swap = await swapped(engine, 'swap');
    later(swap);
    return { ...swap, serves: 'restored', spare: swap.original };
  },
  'a swap that was taken back': async (engine: NativeCase['engine']): Promise<Left> => {
    const swap = await swapped(engine, 'swap');
    const { cause } = await swap.one.harness.run('rollback', { restoreId: swap.id }, swap.one.before);
    expect(cause).toBeUndefined();
    later(swap);
    return { ...swap, serves: 'original', spare: swap.restored };
  },
  'a pointer that was taken back': async (engine: NativeCase['engine']): Promise<Left> => {
    const swap = await swapped(engine, 'pointer');
    const { cause } = await swap.one.harness.run('rollback', { restoreId: swap.id }, swap.one.before);
    expect(cause).toBeUndefined();
    later(swap);
    return { ...swap, serves: 'original', spare: swap.restored };
  },
};

const there = ({ one, spare }: Left): boolean =>
  one.server
    ? servers(one.server).some(({ id }) => id === spare)
    : [...one.table!.tables.tables.values()].some(({ id }) => id === spare);

/** What serves is as it was; what is spare is there, or gone with a recovery point of it left. */
async function expectNothingNeededGone(left: Left, ended: Ended | undefined): Promise<void> {
  const { one, mode } = left;
  await one.rest();
  expect(await found(left)).toBe(left.serves);
  await expectPointsKept(one);
  if (one.server && mode === 'swap' && !there(left)) {
    const { snapshots, clusterSnapshots } = one.server.rds.region();
    const of = [
      ...snapshots.map(({ shape, status }) => [shape.DbiResourceId, status]),
      ...clusterSnapshots.map(({ shape, status }) => [shape.DbClusterResourceId, status]),
    ];
    expect(of).toContainEqual([left.spare, 'available']);
  }
  if (ended?.status !== 'SUCCEEDED') return;
  const { replacedDroppedAt } = await recordOf(one, left.id);
  if (replacedDroppedAt !== undefined) expect(there(left)).toBe(false);
}

/** The next nights finish it. */
async function expectPrunesAgain(left: Left): Promise<void> {
  const { one } = left;
  one.mishap = undefined;
  for (let night = 0; night < 2; night += 1) {
    await one.rest();
    one.world.clock += DAY;
    const again = await one.harness.run('prune', {}, one.before);
    expect(again.cause).toBeUndefined();
    await expectNothingNeededGone(left, again);
  }
  expect(there(left)).toBe(false);
  const records = await one.world.catalog.listBackups({ limit: 100 });
  const gone = records.filter(({ status }) => status === 'DELETED');
  expect(gone.length).toBeGreaterThan(0);
  for (const { points, pointsGoneAt } of gone) {
    expect(pointsGoneAt).toBeDefined();
    expect(one.points().map(({ arn }) => arn)).not.toEqual(expect.arrayContaining(points!));
  }
  // A dead prune's lock falls to whoever wants it next.
  const { cause } = await one.harness.run('backup', { target: one.target }, one.before);
  expect(cause).toBeUndefined();
  await expectFree(one);
}

const FATAL = Object.keys(faults).filter((fault) => /each time|good after|stopped/.test(fault));
const REMOVES = ['DeletePoints', 'RemoveReplaced'];
/** Every state and fault once for a server and once for a table; after that, those where something is removed. */
const CASES = [
  ['rds', 'a swap', STATES, Object.keys(faults)],
  ['dynamodb', 'a pointer that was taken back', STATES, Object.keys(faults)],
  ['rds', 'a swap that was taken back', REMOVES, FATAL],
  ['rds', 'a pointer that was taken back', REMOVES, FATAL],
  ['aurora', 'a swap', REMOVES, FATAL],
] as const;

describe.each(CASES)('a prune in %s after %s', (engine, what, states, kinds) => {
  const open = () => LEFT[what](engine);
  const cases = states.flatMap((state) => kinds.map((fault) => [state, fault] as const));
  it.each(cases)('whose %s %s takes nothing that is needed, and the next one finishes', async (state, fault) => {
    const left = await open();
    const { one } = left;
    const ended = await one.harness.run('prune', {}, at('prune', state, faults[fault]!, one.before));
    expect(ended.called).toContain(state);
    await one.harness.rule();
    await expectNothingNeededGone(left, ended);
    await expectPrunesAgain(left);
  });

  const ways = states === STATES ? CRASHES : CRASHES.filter(([, whether]) => whether === 'done').slice(1);
  it.each(ways)('where any call %s, and was %s, takes nothing that is needed', async (...way) => {
    const { calls, wrong } = await crashes(way, async () => {
      const left = await open();
      const run = async (): Promise<void> => {
        const ended = await left.one.harness.run('prune', {}, left.one.before);
        left.one.mishap = undefined;
        await left.one.harness.rule();
        await expectNothingNeededGone(left, ended);
        await expectPrunesAgain(left);
      };
      return { one: left.one, run };
    });
    expect(calls).toBeGreaterThan(4);
    expect(wrong).toEqual([]);
  });
});

describe.each(NATIVES)('a restore in %s that broke off', (engine) => {
  it('leaves what the pruner takes away, and nothing that serves goes with it', async () => {
    const one = await openCase(engine);
    const at = one.table?.backupId ?? 'latest';
    const ended = await one.harness.run('restore', { target: one.target, at, mode: 'swap' }, (call, work) =>
      ['ApplyServer', 'VerifyTable'].includes(call.state) ? broken() : one.before(call, work),
    );
    expect(ended.status).toBe('FAILED');
    one.world.clock += 30 * DAY;
    for (let night = 0; night < 2; night += 1) {
      const { cause } = await one.harness.run('prune', {}, one.before);
      expect(cause).toBeUndefined();
      await one.rest();
    }
    expect((await recordOf(one, ended.id)).replacedDroppedAt).toBeDefined();
    const left = one.server ? servers(one.server).map(({ name }) => name) : [...one.table!.tables.tables.keys()];
    expect(left).toEqual([one.target]);
    expect(one.holder()).toMatchObject({ id: one.original, serves: true });
  });
});
