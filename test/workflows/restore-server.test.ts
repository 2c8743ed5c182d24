/** A server's swap with every state failing in turn, and its rollback. */
import { describe, expect, it } from 'vitest';
import { CALLS, type Hook } from './calls.ts';
import { DEATHS, FAULTS, at } from './faults.ts';
import { SeenError } from './seen-error.ts';
import {
  expectFree,
  expectNothingLost,
  expectRunsAgain,
  holderOf,
  openServer,
  servers,
  swapOf,
  type ServerCase,
} from './server-case.ts';

const broken = (): never => {
  throw new SeenError('TypeError', '{}');
};
const WAY = [
  'OpenRestore',
  'RestoreServer',
  'ApplyServer',
  'CompareServer',
  'OpenCheck',
  'RunCheck',
  'CloseCheck',
  'AskServerApproval',
  'RenameOriginal',
  'RenameAlias',
  'Repoint',
  'CloseNative',
];
/** What leads to the states that a swap which goes well never comes to. */
const ROUTES: Readonly<Record<string, string>> = {
  PutNamesBack: 'RenameAlias',
  RemoveCancelled: 'AskServerApproval',
  FailRestore: 'RestoreServer',
};
const led = (state: string, hook: Hook): Hook => {
  const route = ROUTES[state];
  if (route === undefined) return hook;
  // Only a no leads to the removal of what was restored.
  const lead = (): never => {
    if (route === 'AskServerApproval') throw new SeenError('APPROVAL_DENIED', 'cancelled by a person');
    return broken();
  };
  return (call, work) => (call.state === route ? lead() : hook(call, work));
};

it('the states that are tried are all that a server’s swap has', () => {
  const dumps = ['ThawObjects', 'CheckThaw', 'SafetyBackup', 'RunRestore', 'JudgeTask', 'CloseRestore'];
  const tables =
    /Table|Items|Alias(?!$)|^(BackUpAlias|ApplyAlias|AskRecreationApproval|VerifyRecreated|FenceRecreated|BringSettingsBack|LiftFence|AwaitTurn|AwaitTurnToRecreate)$/;
  const all = CALLS.filter(({ machine }) => machine === 'restore').map(({ state }) => state);
  const rest = all.filter((state) => !dumps.includes(state) && !tables.test(state) && state !== 'SwitchPointer');
  expect(rest.sort()).toEqual([...WAY, ...Object.keys(ROUTES)].sort());
});

describe.each(['rds', 'aurora'] as const)('a swap of a server of %s', (engine) => {
  it('that goes well serves the restored one with every setting, and keeps the original', async () => {
    const one = await openServer({ engine });
    const ended = await one.harness.run('restore', swapOf(), one.before);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored', differences: 0 } });
    expect([...new Set(ended.called)]).toEqual(WAY);
    await expectNothingLost(one, ended);
    await expectFree(one);
    const record = (await one.world.catalog.getRestore(ended.id))!;
    expect(record.replacedDatabase).toMatch(/^shop-old-/);
    expect(servers(one).find(({ name }) => name === record.replacedDatabase)).toMatchObject({
      id: one.original,
      status: 'stopped',
    });
  });

  it('that is rolled back serves the original, and keeps the restored one', async () => {
    const one = await openServer({ engine });
    const { id } = await one.harness.run('restore', swapOf(), one.before);
    one.rds.turn(30);
    const back = await one.harness.run('rollback', { restoreId: id }, one.before);
    expect(back).toMatchObject({ status: 'SUCCEEDED' });
    expect(holderOf(one)).toMatchObject({ id: one.original, serves: true });
    const record = (await one.world.catalog.getRestore(id))!;
    expect(record).toMatchObject({ status: 'ROLLED_BACK', native: { serving: 'original' } });
    expect(servers(one).map(({ name }) => name)).toContain(record.restoredDatabase);
    await expectFree(one);
  });
});

describe.each(['rds', 'aurora'] as const)('a swap in %s', (engine) => {
  const faults = { ...FAULTS, ...DEATHS };
  const states = [...WAY, ...Object.keys(ROUTES)];
  const cases = states.flatMap((state) => Object.keys(faults).map((fault) => [state, fault] as const));
  it.each(cases)('whose %s %s loses nothing, and can be run again', async (state, fault) => {
    const one = await openServer({ engine });
    const hook = led(state, at('restore', state, faults[fault]!, one.before));
    const ended = await one.harness.run('restore', swapOf(), hook);
    expect(ended.called, 'the route leads to the state').toContain(state);
    await one.harness.rule();
    await expectNothingLost(one, ended, state === 'PutNamesBack');
    await expectFree(one);
    await expectRunsAgain(one);
  });
});

describe.each(['rds', 'aurora'] as const)('a rollback in %s', (engine) => {
  const faults = { ...FAULTS, ...DEATHS };
  const states = ['OpenRollback', 'RollBackNames', 'RollBackNamesAgain', 'CloseRollback', 'FailRollback'];
  const cases = states.flatMap((state) => Object.keys(faults).map((fault) => [state, fault] as const));
  it.each(cases)('whose %s %s loses nothing, and can be run again', async (state, fault) => {
    const one = await openServer({ engine });
    const { id } = await one.harness.run('restore', swapOf(), one.before);
    one.rds.turn(30);
    const hook = at('rollback', state, faults[fault]!, one.before);
    const route: Hook = (call, work) =>
      ['RollBackNamesAgain', 'FailRollback'].includes(state) && call.state === 'RollBackNames'
        ? broken()
        : hook(call, work);
    const ended = await one.harness.run('rollback', { restoreId: id }, route);
    expect(ended.called).toContain(state);
    await one.harness.rule();
    one.rds.turn(30);
    const record = (await one.world.catalog.getRestore(id))!;
    const holder = holderOf(one);
    const said = { original: one.original, restored: record.native!.restored!.resourceId, nothing: holder?.id };
    expect(holder?.id).toBe(said[record.native!.serving]);
    expect(servers(one).map((each) => each.id)).toEqual(expect.arrayContaining([one.original, said.restored]));
    await expectFree(one);
    if (record.status !== 'ROLLED_BACK') {
      const again = await one.harness.run('rollback', { restoreId: id }, one.before);
      expect(again).toMatchObject({ status: 'SUCCEEDED' });
    }
    expect(holderOf(one)).toMatchObject({ id: one.original, serves: true });
    expect(await one.world.catalog.getRestore(id)).toMatchObject({ status: 'ROLLED_BACK' });
    await expectFree(one);
  });
});

it('a rollback that breaks off between two names gives the original its name before it is told', async () => {
  const one = await openServer();
  const { id } = await one.harness.run('restore', swapOf(), one.before);
  one.rds.turn(30);
  const ended = await one.harness.run('rollback', { restoreId: id }, async (call, work) => {
    if (call.state !== 'RollBackNames') return one.before(call, work);
    await one.before(call, work);
    return holderOf(one) ? { done: false, waitSeconds: 2 } : broken();
  });
  expect(ended).toMatchObject({ status: 'FAILED' });
  one.rds.turn(30);
  expect(holderOf(one)).toMatchObject({ id: one.original, serves: true });
  expect((await one.world.catalog.getRestore(id))!.native!.serving).toBe('original');
});

it('a rollback that broke off days ago has its whole time, and its own patience, when it is started again', async () => {
  const one = await openServer();
  const { id } = await one.harness.run('restore', swapOf(), one.before);
  one.rds.turn(30);
  const { oldName } = (await one.world.catalog.getRestore(id))!.native!;
  const first = await one.harness.run('rollback', { restoreId: id }, (call, work) => {
    if (call.state === 'RollBackNamesAgain' || (call.state === 'RollBackNames' && call.count > 1)) return broken();
    return one.before(call, work);
  });
  expect(first.status).toBe('FAILED');
  const { native } = (await one.world.catalog.getRestore(id))!;
  // Seen under no name when it broke off: no word on where it is days later.
  const steps = { ...native!.steps, 'names missing': { startedAt: one.world.now().toISOString() } };
  await one.world.catalog.updateRestore(id, ['COMPLETED'], { native: { ...native!, steps } });
  one.world.clock += 3 * 24 * 3_600_000;
  one.rds.turn(30);
  const original = one.rds.instance(oldName!) ?? one.rds.instance('shop')!;
  const { DBInstanceIdentifier } = original.shape;
  original.shape.DBInstanceIdentifier = 'nowhere';
  const again = await one.harness.run('rollback', { restoreId: id }, (call, work) => {
    if (call.state === 'RollBackNames' && call.count === 3) original.shape.DBInstanceIdentifier = DBInstanceIdentifier!;
    return one.before(call, work);
  });
  expect(again.cause).toBeUndefined();
  expect(again).toMatchObject({ status: 'SUCCEEDED' });
  expect(again.called).not.toContain('RollBackNamesAgain');
  expect(holderOf(one)).toMatchObject({ id: one.original, serves: true });
});

it('a rollback that waited in vain has its whole time again at its second try', async () => {
  const one = await openServer();
  const { id } = await one.harness.run('restore', swapOf(), one.before);
  one.rds.turn(30);
  const { oldName } = (await one.world.catalog.getRestore(id))!.native!;
  const server = one.rds.instance(oldName!)!;
  server.goes([{ status: 'modifying', looks: 1e9 }]);
  const ended = await one.harness.run('rollback', { restoreId: id }, (call, work) => {
    if (call.state === 'RollBackNames') one.world.clock += 3_600_000;
    if (call.state === 'RollBackNamesAgain' && call.count === 3) server.goes([]);
    return one.before(call, work);
  });
  expect(ended).toMatchObject({ status: 'FAILED', error: 'STEP_TIMED_OUT' });
  one.rds.turn(30);
  expect(holderOf(one)).toMatchObject({ id: one.original, serves: true });
});

describe.each(['rds', 'aurora'] as const)('a crash of a swap in %s', (engine) => {
  /** Breaks the n-th call that changes something at RDS. False when there was none. */
  function crashAt(one: ServerCase, n: number, after: boolean, dies: boolean): () => boolean {
    let calls = 0;
    one.mishap = async (operation, work) => {
      if ((calls += 1) !== n) return work();
      if (after) await work();
      if (dies) one.at!.abort();
      throw new Error(`${operation} broke`);
    };
    return () => calls >= n;
  }
  const ways = [
    ['before', false, false],
    ['after', true, false],
    ['with the whole execution before', false, true],
    ['with the whole execution after', true, true],
  ] as const;
  it.each(ways)('%s any call of RDS loses nothing, and it can be run again', async (_, after, dies) => {
    for (let n = 1; ; n += 1) {
      const one = await openServer({ engine });
      const came = crashAt(one, n, after, dies);
      const ended = await one.harness.run('restore', swapOf(), one.before);
      if (!came()) return expect(n).toBeGreaterThan(8);
      await one.harness.rule();
      await expectNothingLost(one, ended);
      await expectFree(one);
      await expectRunsAgain(one);
    }
  });
  it.each(ways)('%s any call of RDS can be answered by a rollback', async (_, after, dies) => {
    for (let n = 1; ; n += 1) {
      const one = await openServer({ engine });
      const came = crashAt(one, n, after, dies);
      const ended = await one.harness.run('restore', swapOf(), one.before);
      if (!came()) return;
      await one.harness.rule();
      one.mishap = undefined;
      one.rds.turn(30);
      const back = await one.harness.run('rollback', { restoreId: ended.id }, one.before);
      // What never came to its swap has nothing to go back from.
      if (back.status === 'FAILED') expect(back.error).toBe('ROLLBACK_IMPOSSIBLE');
      expect(holderOf(one)).toMatchObject({ id: one.original, serves: true });
      await expectFree(one);
    }
  });
});
