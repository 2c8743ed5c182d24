import aslValidator from 'asl-validator';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isErrorCode } from '../../core/errors.ts';
import { MACHINES } from '../../core/names.ts';
import { FUNCTION_NAMES, functionsFor, machinesFor, type FunctionName } from '../../lib/function-list.ts';
import { DEFINITIONS } from '../../lib/workflows/index.ts';
import type { State } from '../../lib/workflows/states.ts';
import { PARTS } from './parts.ts';
import { catchersOf, nextOf, retriersOf, walk } from './walk.ts';

/** Names that AWS gives to its own errors. */
const AWS_ERROR = /^(States|Lambda|Sandbox|ECS|StepFunctions)\.[A-Za-z]+$/;
const LAMBDAS = path.resolve(import.meta.dirname, '..', '..', 'lambdas');
const functionOf = (resource: unknown): string | undefined =>
  /:function:nightjar-(\w+)$/.exec(typeof resource === 'string' ? resource : '')?.[1];

/** States that do another state's work again, or at another place. */
const BORROWED: Readonly<Record<string, string>> = {
  ReportFailure: 'SendReport',
  ApplyAlias: 'ApplyTable',
  VerifyRecreated: 'VerifyTable',
  BringTableBack: 'RecreateTable',
  BringSettingsBack: 'ApplyTable',
  LiftFence: 'OpenTable',
  FenceRecreated: 'FenceTable',
  AwaitTurnToRecreate: 'AwaitTurn',
  RemoveCancelled: 'RemoveAlias',
  RollBackNamesAgain: 'RollBackNames',
  RemoveTableAlias: 'RemoveAlias',
  AskServerApproval: 'AskApproval',
  AskTableApproval: 'AskApproval',
  AskRecreationApproval: 'AskApproval',
};
/** Of a task that waits for its token, the function is a parameter. */
const calledBy = (state: State): string | undefined =>
  functionOf(state.Resource) ?? functionOf((state.Parameters as { FunctionName?: unknown } | undefined)?.FunctionName);

describe.each(MACHINES)('the state machine %s', (machine) => {
  const definition = DEFINITIONS[machine](PARTS);
  const states = walk(definition);

  it('is what was looked at last', async () => {
    await expect(`${JSON.stringify(definition, null, 2)}\n`).toMatchFileSnapshot(`./__snapshots__/${machine}.asl.json`);
  });

  it('is valid Amazon States Language', () => {
    // The validator writes into what it reads.
    const { isValid, errorsText } = aslValidator(structuredClone(definition));
    expect(isValid, errorsText('\n')).toBe(true);
  });

  it('lets no failure of a step or a map go uncaught', () => {
    for (const { name, state } of states)
      if (state.Type === 'Task' || state.Type === 'Map')
        expect(catchersOf(state).at(-1)?.ErrorEquals, name).toEqual(['States.ALL']);
  });

  it('keeps what it knew when it catches', () => {
    for (const { name, state } of states)
      for (const { ResultPath } of catchersOf(state)) expect(ResultPath, name).toMatch(/^\$\.[a-zA-Z]+$/);
  });

  it('catches and retries only errors that exist', () => {
    for (const { name, state } of states)
      for (const error of [...catchersOf(state), ...retriersOf(state)].flatMap((one) => one.ErrorEquals))
        expect(isErrorCode(error) || AWS_ERROR.test(error), `${name}: ${error}`).toBe(true);
  });

  it('ends with a code of the registry wherever it fails with its own words', () => {
    for (const { name, state } of states)
      if (state.Type === 'Fail') expect(state.ErrorPath !== undefined || isErrorCode(state.Error), name).toBe(true);
  });

  it('reaches every state, and every way ends', () => {
    const reached = new Set<string>();
    const visit = (name: string): void => {
      if (reached.has(name)) return;
      reached.add(name);
      nextOf(definition.States[name]!).forEach(visit);
    };
    visit(definition.StartAt);
    expect([...reached].sort()).toEqual(Object.keys(definition.States).sort());
    for (const { name, state } of states)
      expect(
        nextOf(state).length > 0 || state.End === true || state.Type === 'Fail' || state.Type === 'Succeed',
        name,
      ).toBe(true);
  });

  it('calls a function whose file is there, under the state’s name or the one it borrows', () => {
    for (const { name, state } of states) {
      const called = calledBy(state);
      if (!called) continue;
      expect(existsSync(path.join(LAMBDAS, `${called}.ts`)), called).toBe(true);
      expect(called).toBe(BORROWED[name] ?? name);
    }
  });

  it('gives each task a literal time-out', () => {
    for (const { name, state } of states)
      if (String(state.Resource).includes('ecs:runTask'))
        expect(state.TimeoutSeconds, name).toEqual(expect.any(Number));
  });

  it('starts by keeping the input apart from what is found out', () => {
    expect(definition.StartAt).toBe('Begin');
    expect(definition.States.Begin?.Parameters).toEqual({
      'input.$': '$',
      'executionArn.$': '$$.Execution.Id',
      'startedAt.$': '$$.Execution.StartTime',
    });
  });
});

describe('all state machines together', () => {
  it('call every function but those that a schedule or a rule calls', () => {
    const called = new Set(
      MACHINES.flatMap((machine) => walk(DEFINITIONS[machine](PARTS)).map(({ state }) => calledBy(state))),
    );
    expect(FUNCTION_NAMES.filter((name) => !called.has(name))).toEqual(['PublishRpo', 'CloseOrphan']);
  });
});

describe('a Nightjar without native targets', () => {
  const none = { ...PARTS, natives: { servers: false, tables: false } };
  it('has none of their states, and each way of its own still ends', () => {
    const plain = new Set(functionsFor(none.natives));
    for (const machine of machinesFor(none.natives))
      for (const { name, state } of walk(DEFINITIONS[machine](none))) {
        const called = calledBy(state);
        if (called) expect(plain.has(called as FunctionName), `${machine}: ${name}`).toBe(true);
      }
  });
  it.each([
    ['servers', 'DeleteTable'],
    ['tables', 'RenameOriginal'],
  ] as const)('with %s alone, never names %s', (kind, state) => {
    const definition = DEFINITIONS.restore({ ...PARTS, natives: { servers: false, tables: false, [kind]: true } });
    expect(Object.keys(definition.States)).not.toContain(state);
    const { isValid, errorsText } = aslValidator(structuredClone(definition));
    expect(isValid, errorsText('\n')).toBe(true);
  });
});

describe('a restore of a table', () => {
  const { States } = DEFINITIONS.restore(PARTS);
  it('deletes only after a verified alias, a fence, a safety backup and a backup of the alias', () => {
    const way = ['RestoreTable', 'VerifyTable', 'FenceTable', 'SafetyTable', 'BackUpAlias', 'DeleteTable'];
    for (const earlier of way.slice(0, -1)) {
      const without = new Set<string>();
      const visit = (name: string): void => {
        if (without.has(name) || name === earlier) return;
        without.add(name);
        nextOf(States[name]!).forEach(visit);
      };
      visit('Begin');
      expect([...without], `DeleteTable without ${earlier}`).not.toContain('DeleteTable');
    }
  });
  it('makes the table again after whatever fails once it may be gone', () => {
    for (const name of ['DeleteTable', 'RecreateTable'])
      expect(catchersOf(States[name]!).at(-1)?.Next, name).toBe('BringTableBack');
  });
});

describe('a restore that asks before its outage', () => {
  const { States } = DEFINITIONS.restore(PARTS);
  const asking = Object.keys(States).filter((name) => BORROWED[name] === 'AskApproval');
  it('removes what it restored only after a no, or when nobody answered', () => {
    expect(asking).toHaveLength(3);
    for (const name of asking)
      expect(
        catchersOf(States[name]!).map(({ ErrorEquals, Next }) => [ErrorEquals.join(), Next]),
        name,
      ).toEqual([
        ['APPROVAL_DENIED,States.Timeout', 'RemoveCancelled'],
        ['States.ALL', 'FailRestore'],
      ]);
  });
});

describe('one of several tables', () => {
  const { States } = DEFINITIONS.restore(PARTS);
  it('comes to its outage only through its turn, and without one takes away what it had restored', () => {
    expect(States.TableInSet?.Choices).toMatchObject([{ Next: 'AwaitTurn' }]);
    expect(catchersOf(States.AwaitTurn!).map(({ ErrorEquals, Next }) => [ErrorEquals.join(), Next])).toEqual([
      ['SET_STOPPED,STEP_TIMED_OUT', 'RemoveCancelled'],
      ['States.ALL', 'FailRestore'],
    ]);
    expect(Object.keys(States).filter((name) => nextOf(States[name]!).includes('TableInSet'))).toEqual([
      'TableVerified',
      'AliasApplied',
    ]);
  });
});

describe('a restore of a server', () => {
  const { States } = DEFINITIONS.restore(PARTS);
  it('puts the names back after whatever fails while they change', () => {
    for (const name of ['RenameOriginal', 'RenameAlias'])
      expect(catchersOf(States[name]!).at(-1)?.Next, name).toBe('PutNamesBack');
  });
});

describe('a backup', () => {
  const { States } = DEFINITIONS.backup(PARTS);
  it('is closed only after its objects were verified', () => {
    expect(Object.keys(States).filter((name) => nextOf(States[name]!).includes('CloseBackup'))).toEqual([
      'VerifyPoint',
      'VerifyBackup',
    ]);
    expect(Object.keys(States).filter((name) => nextOf(States[name]!).includes('Done'))).toEqual(['CloseBackup']);
  });
  it('records every failure before it ends', () => {
    for (const [name, state] of Object.entries(States))
      if (name !== 'FailBackup' && name !== 'RunDump')
        for (const { Next } of catchersOf(state)) expect(Next, name).toBe('FailBackup');
    expect(catchersOf(States.RunDump!)[0]?.Next).toBe('JudgeTask');
    expect(States.WorthAnotherTry?.Default).toBe('FailBackup');
  });
  it('keeps the task’s own failure when even the judgement fails', () => {
    expect(catchersOf(States.JudgeTask!)[0]?.ResultPath).toBe('$.judgeFailure');
  });
});

describe('a restore', () => {
  const { States } = DEFINITIONS.restore(PARTS);
  it('touches the destination only after the thaw and the safety backup it needs', () => {
    const before = Object.keys(States).filter((name) => nextOf(States[name]!).includes('RunRestore'));
    expect(before.sort()).toEqual(['NextDisk', 'SafetyBackup', 'SafetyFirst']);
    expect(
      Object.keys(States)
        .filter((name) => nextOf(States[name]!).includes('SafetyFirst'))
        .sort(),
    ).toEqual(['InGlacier', 'Thawed']);
  });
  it('does not restore when the safety backup failed', () => {
    expect(catchersOf(States.SafetyBackup!)[0]?.Next).toBe('FailRestore');
  });
});

describe('a nightly run', () => {
  const definition = DEFINITIONS.nightly(PARTS);
  it('is reported whatever fails on its way', () => {
    for (const [name, state] of Object.entries(definition.States))
      for (const { Next } of catchersOf(state))
        expect(Next, name).toBe(name === 'SendReport' || name === 'ReportFailure' ? 'ReportNotSent' : 'ReportFailure');
  });
  it('fails loudly when the report was not sent', () => {
    expect(definition.States.ReportNotSent?.Type).toBe('Fail');
  });
  it('stops no target for another’s failure', () => {
    const map = definition.States.BackupTargets!;
    expect(map.ToleratedFailurePercentage).toBe(100);
    const start = walk(definition).find((one) => one.name === 'StartBackup')!;
    expect(catchersOf(start.state)[0]?.Next).toBe('BackupEnded');
  });
  it('reports a run with nothing due, too', () => {
    const choices = definition.States.AnythingToDo!.Choices as { Variable: string; Next: string }[];
    expect(choices.find((one) => one.Variable === '$.run.due')?.Next).toBe('SummarizeRun');
  });
});

describe('a prune', () => {
  it('lets two drops of one target take turns', () => {
    const states = walk(DEFINITIONS.prune(PARTS)).filter(({ name }) => ['OpenDrop', 'RemoveReplaced'].includes(name));
    expect(states).toHaveLength(2);
    for (const { name, state } of states)
      expect(
        retriersOf(state)
          .map(({ ErrorEquals }) => ErrorEquals)
          .at(-1),
        name,
      ).toEqual(['TARGET_BUSY']);
  });
  it('drops one database after another’s failure', () => {
    const drop = walk(DEFINITIONS.prune(PARTS)).filter((one) => one.inMap === 'DropReplaced');
    for (const { name, state } of drop) for (const { Next } of catchersOf(state)) expect(Next, name).toBe('DropFailed');
  });
});
