/** Several tables back to one moment: none before all, one after the other, and every state of the set failing in turn. */
import { describe, expect, it } from 'vitest';
import { approvedBy, deniedBy } from '../../core/approval.ts';
import { ALIASES_AT_ONCE } from '../../core/restore-set.ts';
import { CALLS, type Hook } from './calls.ts';
import { DEATHS, FAULTS, at } from './faults.ts';
import { SeenError } from './seen-error.ts';
import {
  aliases,
  expectFinishes,
  expectWhole,
  isOf,
  openSet,
  recordOf,
  runSet,
  servesGood,
  swapped,
  TABLES,
  type SetCase,
} from './set-case.ts';

const broken = (): never => {
  throw new SeenError('TypeError', JSON.stringify({ errorType: 'TypeError', errorMessage: 'broken' }));
};
/** Breaks one state of one table's restore. */
const breaking =
  (one: SetCase, target: string, state: string): Hook =>
  (call, work) =>
    call.machine === 'restore' && call.state === state && isOf(call, target) ? broken() : one.before(call, work);
const mailsOf = ({ world }: SetCase): string[] => [
  ...new Set(world.mails.map(({ mail }) => `${mail.subject}\n${mail.text}`)),
];
const lastMail = (one: SetCase): string => mailsOf(one).at(-1) ?? '';

describe('several tables', () => {
  it('go back to one moment, one after the other in the order that was given, and one mail says so', async () => {
    const one = await openSet();
    const { ended } = await runSet(one, { targets: ['carts', 'orders', 'customers'] });
    expect(ended, ended.cause).toMatchObject({ status: 'SUCCEEDED', output: { setId: ended.id, at: one.moment } });
    expect(swapped(one)).toEqual([...TABLES]);
    expect(one.out).toEqual({ order: ['carts', 'orders', 'customers'], most: 1 });
    expect(aliases(one)).toEqual([]);
    for (const name of TABLES)
      expect(await recordOf(one, name, ended.id)).toMatchObject({
        status: 'COMPLETED',
        set: { id: ended.id, targets: ['carts', 'orders', 'customers'], at: one.moment },
        native: { serving: 'restored', from: { at: one.moment }, differences: [] },
      });
    expect(mailsOf(one)).toHaveLength(1);
    for (const name of TABLES) expect(lastMail(one)).toContain(`${name} serves ${one.moment}`);
    await expectWhole(one, ended.id);
  });

  it('are all verified before the first is touched', async () => {
    const one = await openSet();
    const seen: string[][] = [];
    await runSet(one, {}, (call, work) => {
      if (call.state === 'FenceTable' && call.count === 1 && seen.length === 0)
        seen.push(
          one.harness.ended.map(({ machine }) => machine),
          [],
        );
      if (call.state === 'FenceTable' && seen.length === 2)
        seen.push(
          TABLES.filter((name) => aliases(one).some((alias) => alias.startsWith(name))).map((name) => name as string),
        );
      return one.before(call, work);
    });
    expect(seen[2]).toEqual([...TABLES]);
  });

  it('go back to the newest moment that all of them reach', async () => {
    const one = await openSet();
    const read = one.tables.read.bind(one.tables);
    one.tables.read = async (name) => {
      const found = await read(name);
      return found && name === 'customers' && found.window.on
        ? { ...found, window: { ...found.window, latest: one.moment.replace(/\d{3}Z$/, '700Z') } }
        : found;
    };
    const { ended } = await runSet(one, { at: 'latest' });
    expect(ended.output).toMatchObject({ at: one.moment.replace(/\d{3}Z$/, '000Z') });
  });

  it('are restored beside their originals without any turn, by mode new', async () => {
    const one = await openSet();
    const { ended, members } = await runSet(one, { mode: 'new' });
    expect(ended, ended.cause).toMatchObject({ status: 'SUCCEEDED' });
    expect(aliases(one)).toHaveLength(3);
    expect(swapped(one)).toEqual([]);
    expect([...members.values()].flatMap(({ called }) => called)).not.toContain('AwaitTurn');
  });

  it('are switched one after the other by their pointers', async () => {
    const one = await openSet();
    const { ended } = await runSet(one, { mode: 'pointer' });
    expect(ended, ended.cause).toMatchObject({ status: 'SUCCEEDED' });
    for (const name of TABLES) expect(one.said.get(`/${name}/table`)).toMatch(new RegExp(`^${name}-nj-`));
  });
});

describe('a set is refused before anything is begun,', () => {
  const cases: readonly (readonly [string, (one: SetCase) => object, RegExp])[] = [
    ['of an unknown target', () => ({ targets: ['orders', 'loyalty'] }), /No target loyalty/],
    ['that names one twice', () => ({ targets: ['orders', 'orders'] }), /orders is named twice/],
    ['to a moment outside of a window', () => ({ at: '2020-01-01T00:00:00Z' }), /2020|WINDOW/],
    [
      'of a table without point-in-time recovery, which is named',
      ({ tables }) => {
        delete tables.tables.get('carts')!.values.PointInTimeRecoverySpecification;
        return { at: 'latest' };
      },
      /carts: its point-in-time recovery is off/,
    ],
    [
      'of a table that is gone, which is named',
      ({ tables }) => {
        tables.tables.delete('carts');
        return {};
      },
      /carts/,
    ],
  ];
  it.each(cases)('%s', async (_, prepare, words) => {
    const one = await openSet();
    if (words.source.startsWith('2020')) {
      const { refusals } = one.tables;
      one.tables.refusals = async (plan) =>
        plan.from.at < '2021' ? [`The moment ${plan.from.at} is outside.`] : refusals(plan);
    }
    const more = prepare(one);
    const { ended, members } = await runSet(one, more);
    expect(ended).toMatchObject({ status: 'FAILED', error: 'RESTORE_REFUSED' });
    expect(ended.cause).toMatch(words);
    expect(members.size).toBe(0);
    expect(await one.world.catalog.listRestores()).toEqual([]);
    expect(mailsOf(one)).toEqual([]);
  });
});

describe('a table of a set that fails', () => {
  it.each(['OpenRestore', 'RestoreTable', 'VerifyTable', 'AwaitTurn'])(
    'at %s, before any swap: nobody swaps, each says who failed, and what was restored is removed',
    async (state) => {
      const one = await openSet();
      const { ended } = await runSet(one, {}, breaking(one, 'customers', state));
      expect(ended).toMatchObject({ status: 'FAILED', error: 'SET_STOPPED' });
      expect(ended.cause).toContain('customers failed');
      expect(swapped(one)).toEqual([]);
      expect(one.out.order).toEqual([]);
      for (const name of ['orders', 'carts'])
        expect(await recordOf(one, name, ended.id)).toMatchObject({
          status: 'FAILED',
          failure: { code: 'SET_STOPPED', detail: expect.stringContaining('customers failed') as string },
        });
      expect(aliases(one).filter((alias) => !alias.startsWith('customers'))).toEqual([]);
      expect(lastMail(one)).toContain(`nightjar restore orders,customers,carts --at ${one.moment} --swap`);
      expect(lastMail(one)).not.toContain('nightjar rollback');
      await expectWhole(one, ended.id);
      await expectFinishes(one);
    },
  );

  it.each(['FenceTable', 'BackUpAlias', 'DeleteTable', 'RecreateTable'])(
    'at %s, after another was swapped: those after it stop, and the mail has every line to type',
    async (state) => {
      const one = await openSet();
      const { ended } = await runSet(one, {}, breaking(one, 'customers', state));
      expect(ended).toMatchObject({ status: 'FAILED', error: 'SET_MIXED' });
      expect(swapped(one)).toContain('orders');
      expect(swapped(one)).not.toContain('carts');
      const first = (await recordOf(one, 'orders', ended.id))!;
      expect(await recordOf(one, 'carts', ended.id)).toMatchObject({
        status: 'FAILED',
        failure: { code: 'SET_STOPPED' },
        native: { serving: 'original' },
      });
      const mail = lastMail(one);
      expect(mail).toContain('do NOT fit together');
      expect(mail).toContain(`orders serves ${one.moment}`);
      expect(mail).toContain(`nightjar rollback ${first.restoreId}`);
      expect(mail).toContain(`nightjar restore orders,customers,carts --at ${one.moment} --swap`);
      expect(ended.cause).toContain(`nightjar rollback ${first.restoreId}`);
      await expectWhole(one, ended.id);
      const table = one.tables.tables.get('orders')!.id;
      await expectFinishes(one);
      expect(one.tables.tables.get('orders')!.id, 'it was at the moment already').toBe(table);
    },
  );

  it('because somebody else holds it, stops the others though it left no record', async () => {
    const one = await openSet();
    const lock = {
      target: 'carts',
      kind: 'restore',
      id: 'X',
      executionArn: 'arn',
      since: one.world.now().toISOString(),
    } as const;
    await one.world.catalog.lock(lock);
    const { ended } = await runSet(one);
    expect(ended).toMatchObject({ status: 'FAILED', error: 'SET_STOPPED' });
    expect(ended.cause).toContain('carts failed: TARGET_BUSY');
    expect([swapped(one), aliases(one)]).toEqual([[], []]);
    await one.world.catalog.unlock('carts', 'restore', 'X');
    await expectFinishes(one);
  });

  it('and was the last of three names the two that serve the moment', async () => {
    const one = await openSet();
    const { ended } = await runSet(one, {}, breaking(one, 'carts', 'FenceTable'));
    expect(ended.error).toBe('SET_MIXED');
    const back = await Promise.all(['customers', 'orders'].map(async (name) => (await recordOf(one, name, ended.id))!));
    const lines = back.map(({ restoreId }) => `nightjar rollback ${restoreId}`);
    expect(lastMail(one).indexOf(lines[0]!)).toBeGreaterThan(0);
    expect(lastMail(one).indexOf(lines[1]!)).toBeGreaterThan(lastMail(one).indexOf(lines[0]!));
    for (const line of back) {
      const rollback = await one.harness.run('rollback', { restoreId: line.restoreId }, one.before);
      expect(rollback, rollback.cause).toMatchObject({ status: 'SUCCEEDED' });
    }
    expect(swapped(one)).toEqual([]);
  });
});

describe('approval of a set', () => {
  it('is asked for once, and then all go on', async () => {
    const one = await openSet();
    let asked = 0;
    one.harness.answer = () => {
      expect(one.out.order).toEqual([]);
      asked += 1;
      return Promise.resolve(approvedBy('someone'));
    };
    const { ended } = await runSet(one, { approve: true });
    expect(ended, ended.cause).toMatchObject({ status: 'SUCCEEDED' });
    expect(asked).toBe(1);
    const [question] = mailsOf(one);
    for (const name of TABLES) expect(question).toContain(`${name}: writes are kept away`);
    expect(question).toContain(`nightjar approve ${ended.id}`);
    expect(await recordOf(one, 'carts', ended.id)).toMatchObject({
      set: { approval: { decision: 'approved', decidedBy: 'someone' } },
    });
  });

  it.each([
    ['a no', () => Promise.reject(new SeenError('APPROVAL_DENIED', deniedBy('someone')))],
    ['no answer', () => Promise.reject(new SeenError('States.Timeout'))],
  ] as const)('with %s leaves everything as it was', async (_, answer) => {
    const one = await openSet();
    one.harness.answer = answer;
    const { ended } = await runSet(one, { approve: true });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'APPROVAL_DENIED' });
    expect([swapped(one), aliases(one), one.out.order]).toEqual([[], [], []]);
    await expectWhole(one, ended.id);
    await expectFinishes(one);
  });
});

describe('a set that dies', () => {
  it('between two swaps leaves the others as they were, and the same command finishes it', async () => {
    const one = await openSet();
    const { ended } = await runSet(one, {}, async (call, work) => {
      const answer = await one.before(call, work);
      // The first has come through, and the second has had no turn.
      if (call.state === 'SwapSet' && servesGood(one, 'orders') && one.out.order.length === 1) call.abort();
      return answer;
    });
    expect(ended.status).toBe('ABORTED');
    expect(swapped(one)).toContain('orders');
    expect(swapped(one)).not.toContain('carts');
    await one.harness.rule();
    expect(await recordOf(one, 'carts', ended.id)).toMatchObject({ failure: { code: 'SET_STOPPED' } });
    await expectWhole(one, ended.id);
    await expectFinishes(one);
  });

  it('with the table that is away finishes it all the same', async () => {
    const one = await openSet();
    const { ended } = await runSet(one, {}, (call, work) => {
      if (call.state === 'RecreateTable' && isOf(call, 'customers')) call.abort();
      return one.before(call, work);
    });
    expect(one.tables.tables.get('customers')?.status).not.toBe('ACTIVE');
    await one.harness.rule();
    expect(ended.error).toBe('SET_MIXED');
    await expectFinishes(one);
  });
});

describe('a table of a set that is gone, because the set broke in the midst of its swap,', () => {
  const gone = async () => {
    const one = await openSet();
    await runSet(one, {}, (call, work) => {
      if (call.state !== 'RecreateTable' || !isOf(call, 'customers')) return one.before(call, work);
      call.abort();
      return broken();
    });
    await one.harness.rule();
    for (let looks = 0; looks < 5; looks += 1) await one.tables.read('customers');
    expect(one.tables.tables.has('customers')).toBe(false);
    return one;
  };

  it('waits for its turn, and comes back when the others are verified', async () => {
    const one = await gone();
    const came: string[] = [];
    const { ended, members } = await runSet(one, {}, (call, work) => {
      if (call.count === 1 && /^(SwapSet|AwaitTurn.*|RecreateTable)$/.test(call.state))
        came.push(call.machine === 'restore-set' ? call.state : `${call.execution.split('-').at(-1)} ${call.state}`);
      return one.before(call, work);
    });
    expect(ended, ended.cause).toMatchObject({ status: 'SUCCEEDED' });
    expect(came.slice(0, 2).sort()).toEqual(['carts AwaitTurn', 'customers AwaitTurnToRecreate']);
    expect(came.slice(2)).toEqual(['SwapSet', 'customers RecreateTable', 'carts RecreateTable']);
    for (const state of ['RestoreTable', 'FenceTable', 'DeleteTable'])
      expect(members.get('customers')!.called).not.toContain(state);
    expect(swapped(one)).toEqual([...TABLES]);
    await expectWhole(one, ended.id);
  });

  it('is left as it is when another fails before, and the same command finishes it all the same', async () => {
    const one = await gone();
    const { ended, members } = await runSet(one, {}, breaking(one, 'carts', 'VerifyTable'));
    expect(ended.status).toBe('FAILED');
    expect(members.get('customers')).toMatchObject({ error: 'SET_STOPPED' });
    expect(one.tables.tables.has('customers')).toBe(false);
    expect(ended.cause).toContain('customers: Nothing serves under customers, as before this restore.');
    await expectFinishes(one);
  });
});

describe('the time of a set', () => {
  const short = async () => {
    const one = await openSet();
    const config = await one.world.config();
    one.world.setConfig({ ...config, limits: { ...config.limits, setHours: 1 } });
    return { one, longer: () => one.world.setConfig(config) };
  };
  const late = (one: SetCase, state: string, from: number): Hook => {
    let past = false;
    return (call, work) => {
      if (call.state === state && call.count === from && !past) {
        past = true;
        one.world.clock += 61 * 60_000;
      }
      return one.before(call, work);
    };
  };

  it('that is over before all are verified ends it: nobody is swapped, and nothing is left', async () => {
    const { one, longer } = await short();
    const { ended } = await runSet(one, {}, late(one, 'GatherSet', 2));
    expect(ended).toMatchObject({ status: 'FAILED', error: 'STEP_TIMED_OUT' });
    expect(ended.cause).toContain('limits.setHours is 1');
    expect([swapped(one), aliases(one), one.out.order]).toEqual([[], [], []]);
    for (const name of TABLES)
      expect(await recordOf(one, name, ended.id)).toMatchObject({ status: 'FAILED', failure: { code: 'SET_STOPPED' } });
    await expectWhole(one, ended.id);
    longer();
    await expectFinishes(one);
  });

  it('that is over between two swaps stops those after it, and the one in the midst comes to its end', async () => {
    const { one, longer } = await short();
    const { ended, members } = await runSet(one, {}, late(one, 'SwapSet', 3));
    expect(ended.error).toBe('SET_MIXED');
    expect(ended.cause).toContain('limits.setHours is 1');
    expect(swapped(one)).toEqual(['orders']);
    expect(members.get('orders')?.status).toBe('SUCCEEDED');
    expect(one.out).toEqual({ order: ['orders'], most: 1 });
    await expectWhole(one, ended.id);
    longer();
    await expectFinishes(one);
  });
});

it('a set begins its aliases while fewer than 40 restores are being made, and waits for a place', async () => {
  const one = await openSet();
  const { id: other } = await one.harness.run('restore', { target: 'orders', at: one.moment, mode: 'new' }, one.before);
  const made = (await one.world.catalog.getRestore(other))!;
  const others = Array.from(
    { length: ALIASES_AT_ONCE },
    (_, n) => `${other.slice(0, -2)}${String(n).padStart(2, '0')}`,
  );
  for (const restoreId of others)
    await one.world.catalog.openRestore({
      ...made,
      restoreId,
      destination: `other-${restoreId}`,
      status: 'RUNNING',
      native: { ...made.native!, steps: {} },
    });
  const before = aliases(one).length;
  let looks = 0;
  const { ended } = await runSet(one, {}, async (call, work) => {
    if (call.state === 'RestoreTable') {
      looks += 1;
      if (looks < 30) expect(aliases(one), `${looks} looks`).toHaveLength(before);
      // One ends: one place is free, and so each has its own in turn.
      if (looks === 30) await one.world.catalog.updateRestore(others[0]!, ['RUNNING'], { status: 'FAILED' });
    }
    return one.before(call, work);
  });
  expect(looks).toBeGreaterThan(30);
  expect(ended, ended.cause).toMatchObject({ status: 'SUCCEEDED' });
  expect(swapped(one)).toEqual([...TABLES]);
});

const CONDUCTING = CALLS.filter(({ machine }) => machine === 'restore-set').map(({ state }) => state);
/** What leads to the states that a set which goes well never comes to. */
const led = (state: string, hook: Hook): Hook =>
  state === 'StopSet' || state === 'FailSet'
    ? (call, work) => (call.state === 'VerifyTable' && isOf(call, 'customers') ? broken() : hook(call, work))
    : hook;

describe('every state of a set', () => {
  const faults = { ...FAULTS, ...DEATHS };
  const cases = CONDUCTING.flatMap((state) => Object.keys(faults).map((fault) => [state, fault] as const));
  it.each(cases)(
    '%s %s: each table is whole, never two at once were away, and it can be run again',
    async (state, fault) => {
      const one = await openSet();
      one.harness.answer = () => Promise.resolve(approvedBy('someone'));
      const hook = led(state, at('restore-set', state, faults[fault]!, one.before));
      const { ended } = await runSet(one, { approve: true }, hook);
      expect(ended.called, 'the route leads to the state').toContain(state);
      await one.harness.rule();
      expect(one.out.most).toBeLessThanOrEqual(1);
      await expectWhole(one, ended.id);
      if (ended.status === 'SUCCEEDED') expect(swapped(one)).toEqual([...TABLES]);
      if (swapped(one).length < TABLES.length) await expectFinishes(one);
    },
  );

  it.each(Object.keys(faults))(
    'AwaitTurn of one table %s: it is swapped in its turn or nobody after it is',
    async (fault) => {
      const one = await openSet();
      const way = faults[fault]!;
      const { ended } = await runSet(one, {}, (call, work) =>
        call.state === 'AwaitTurn' && isOf(call, 'customers')
          ? way(call, () => one.before(call, work))
          : one.before(call, work),
      );
      await one.harness.rule();
      expect(one.out.most).toBeLessThanOrEqual(1);
      if (!servesGood(one, 'customers')) expect(swapped(one)).not.toContain('carts');
      await expectWhole(one, ended.id);
      if (ended.status !== 'SUCCEEDED') await expectFinishes(one);
    },
  );
});
