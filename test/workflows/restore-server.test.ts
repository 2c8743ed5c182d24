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
  return route === undefined ? hook : (call, work) => (call.state === route ? broken() : hook(call, work));
};

it('the states that are tried are all that a server’s swap has', () => {
  const dumps = ['ThawObjects', 'CheckThaw', 'SafetyBackup', 'RunRestore', 'JudgeTask', 'CloseRestore'];
  const tables =
    /Table|Items|Alias(?!$)|^(BackUpAlias|ApplyAlias|VerifyRecreated|FenceRecreated|BringSettingsBack|LiftFence)$/;
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

describe('a swap of a server', () => {
  const faults = { ...FAULTS, ...DEATHS };
  const cases = [...WAY, ...Object.keys(ROUTES)].flatMap((state) =>
    Object.keys(faults).map((fault) => [state, fault] as const),
  );
  it.each(cases)('whose %s %s loses nothing, and can be run again', async (state, fault) => {
    const one = await openServer();
    const hook = led(state, at('restore', state, faults[fault]!, one.before));
    const ended = await one.harness.run('restore', swapOf(), hook);
    expect(ended.called, 'the route leads to the state').toContain(state);
    await one.harness.rule();
    await expectNothingLost(one, ended);
    await expectFree(one);
    await expectRunsAgain(one);
  });
});
