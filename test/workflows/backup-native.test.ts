/** A native backup with every state failing in turn. That any call of its functions breaks: `backup-native-crash.test.ts`. */
import { describe, expect, it } from 'vitest';
import { CALLS, DUMP_CALLS, type Hook } from './calls.ts';
import { DEATHS, FAULTS, at, isMadeGood, tardy } from './faults.ts';
import { NATIVES, expectBackupClosed, expectBacksUpAgain, openCase, type NativeCase } from './native-case.ts';
import { SeenError } from './seen-error.ts';
import { expectAlike } from './sweep.ts';

const WAY = ['OpenBackup', 'MakePoint', 'CopyPoint', 'WriteManifest', 'VerifyPoint', 'CloseBackup'];
const STATES = [...WAY, 'FailBackup'];
const faults = { ...FAULTS, ...DEATHS };
const cases = STATES.flatMap((state) => Object.keys(faults).map((fault) => [state, fault] as const));

const SPOILT = ['never comes', 'fails', 'is deleted meanwhile'] as const;
const input = ({ target }: NativeCase) => ({ target, trigger: 'user' });
/** FailBackup is reached when something broke after the points were made. */
const led =
  (state: string, hook: Hook): Hook =>
  (call, work) => {
    if (state === 'FailBackup' && call.state === 'WriteManifest') throw new SeenError('TypeError', '{}');
    return hook(call, work);
  };

it('the states that are tried are all that a native backup has', () => {
  const all = CALLS.filter(({ machine }) => machine === 'backup').map(({ state }) => state);
  const ofDumps = ['RunDump', 'VerifyBackup', 'JudgeTask'];
  expect(all.filter((state) => !ofDumps.includes(state)).sort()).toEqual([...STATES].sort());
  const known = DUMP_CALLS.map(({ state }) => state);
  expect(known).toEqual(expect.arrayContaining(ofDumps));
});

describe.each(NATIVES)('a backup in %s', (engine) => {
  it('that goes well comes to every state, and is good', async () => {
    const one = await openCase(engine);
    const ended = await one.harness.run('backup', input(one), one.before);
    expect([...new Set(ended.called)]).toEqual(WAY);
    expect(ended.status).toBe('SUCCEEDED');
    await expectBackupClosed(one, ended);
    await expectBacksUpAgain(one);
  });

  it.each(cases)('whose %s %s keeps no point that nobody knows, promises none that is not there', async (...of) => {
    const [state, fault] = of;
    const one = await openCase(engine);
    const hook = led(state, at('backup', state, faults[fault]!, one.before));
    const ended = await one.harness.run('backup', input(one), hook);
    expect(ended.called, 'the route leads to the state').toContain(state);
    if (ended.status !== 'ABORTED' && state !== 'FailBackup') await expectBackupClosed(one, ended);
    await one.harness.rule();
    await expectBackupClosed(one, ended);
    await expectBacksUpAgain(one);
  });

  const once = STATES.flatMap((state) =>
    Object.keys(FAULTS).flatMap((fault) => (isMadeGood(fault, 'function') ? [[state, fault] as const] : [])),
  );
  it.each(once)('whose %s %s ends as if it had not', async (state, fault) => {
    const open = async () => {
      const one = await openCase(engine);
      return { ...one, input: input(one), before: led(state, one.before) };
    };
    await expectAlike('backup', open, at('backup', state, FAULTS[fault]!));
  });

  it.each(STATES)('stopped in %s, which ends only after the rule, leaves nothing open', async (state) => {
    const one = await openCase(engine);
    const { way, finish } = tardy();
    const ended = await one.harness.run('backup', input(one), led(state, at('backup', state, way, one.before)));
    expect(ended).toMatchObject({ status: 'ABORTED', called: expect.arrayContaining([state]) as string[] });
    await one.harness.rule();
    await finish();
    await expectBacksUpAgain(one);
    await expectBackupClosed(one, ended);
  });
});

describe.each(NATIVES)('a recovery point in %s', (engine) => {
  /** What has just been asked for, in the region where that was: the point itself, and where it can be copied its copy. */
  const nths = engine === 'dynamodb' ? [1] : [1, 2];
  // A table's backup is made or not: there is no word for one that failed.
  const ways = nths.flatMap((nth) =>
    SPOILT.filter((way) => way !== 'fails' || engine !== 'dynamodb').map((way) => [nth, way] as const),
  );
  it.each(ways)('(number %i) that %s is made anew or ends its backup with a code', async (nth, way) => {
    const one = await openCase(engine);
    let asked = 0;
    one.mishap = async (operation, work) => {
      const answer = await work();
      if (/createPoint|copyPoint/.test(operation) && (asked += 1) === nth) one.spoil(nth, way);
      return answer;
    };
    const ended = await one.harness.run('backup', input(one), (call, work) => {
      if (way === 'never comes' && call.state.endsWith('Point')) one.world.clock += 3_600_000;
      return one.before(call, work);
    });
    const codes = { 'never comes': 'STEP_TIMED_OUT', fails: 'POINT_FAILED', 'is deleted meanwhile': 'POINT_MISSING' };
    // RDS drops a request that comes while it is busy: what is not there is asked for again.
    const renewed = engine !== 'dynamodb' && way === 'is deleted meanwhile';
    expect(ended).toMatchObject(renewed ? { status: 'SUCCEEDED' } : { status: 'FAILED', error: codes[way] });
    one.mishap = undefined;
    one.spoil(nth, 'comes');
    await expectBackupClosed(one, ended);
    await expectBacksUpAgain(one);
  });

  it.each(nths)('(number %i) that is gone when it is verified is promised to nobody', async (nth) => {
    const one = await openCase(engine);
    const ended = await one.harness.run('backup', input(one), (call, work) => {
      if (call.state === 'VerifyPoint') one.spoil(nth, 'is deleted meanwhile');
      return one.before(call, work);
    });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'POINT_MISSING' });
    await expectBackupClosed(one, ended);
    await expectBacksUpAgain(one);
  });
});
