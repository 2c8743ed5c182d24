/** A swap's execution that ends behind its fence: the fence must not outlive it. */
import { describe, expect, it } from 'vitest';
import { servingSentence, type NativeRecord } from '../../../core/serving.ts';
import { SeenError } from '../../workflows/seen-error.ts';
import { expectFree, openTable, swapOf, type TableCase } from '../../workflows/table-case.ts';
import type { Ended } from '../../workflows/calls.ts';

const recordOf = async ({ world }: TableCase, { id }: Ended) => (await world.catalog.getRestore(id)) as NativeRecord;
const fenceOf = ({ tables }: TableCase) => tables.tables.get('orders')?.fencedAt;
const warningsOf = async (one: TableCase, ended: Ended) => ((await recordOf(one, ended)).warnings ?? []).join(' | ');
const mailed = ({ world }: TableCase): string => world.mails.map(({ mail }) => mail.text).join();

/** Stopped once this state was called so often. */
const stoppedAt = (one: TableCase, state: string, count = 1): Promise<Ended> =>
  one.harness.run('restore', swapOf(one), async (call, work) => {
    const answer = await one.before(call, work);
    if (call.machine === 'restore' && call.state === state && call.count === count) call.abort();
    return answer;
  });
const lifts = (one: TableCase, may: boolean): void => {
  one.tables.mishap = (verb, work) => {
    if (verb === 'unfence' && !may) throw new Error('AccessDenied');
    work();
  };
};

describe('an execution that is stopped behind its fence', () => {
  it.each(['FenceTable', 'SafetyTable', 'BackUpAlias'])(
    'in %s lets writes in again, with the policy that was there, and says so',
    async (state) => {
      const one = await openTable();
      const { policy } = one.tables.tables.get('orders')!;
      const ended = await stoppedAt(one, state, state === 'FenceTable' ? 3 : 1);
      expect(fenceOf(one)).toBeDefined();
      one.world.clock += 60_000;
      await one.harness.rule();
      const table = one.tables.tables.get('orders')!;
      expect([table.fencedAt, table.policy]).toEqual([undefined, policy]);
      expect(one.tables.write('orders', 'z', 'new')).toBe(true);
      const record = await recordOf(one, ended);
      expect(record.native).toMatchObject({ serving: 'original', openedAt: expect.any(String) as string });
      expect(record.warnings!.join()).toMatch(
        /ended behind its fence: writes to orders were denied from .* let in again/,
      );
      expect(String(one.world.published.at(-1)!.detail.serving)).toBe(servingSentence(record));
      expect(servingSentence(record)).not.toContain('DENIED');
      await expectFree(one);
    },
  );

  it('says it in record and mail, with the exact command, when the fence can not be lifted, and is tried again', async () => {
    const one = await openTable();
    const ended = await stoppedAt(one, 'BackUpAlias');
    lifts(one, false);
    await expect(one.harness.rule()).rejects.toThrow('AccessDenied');
    const command =
      'aws dynamodb put-resource-policy --resource-arn arn:aws:dynamodb:eu-west-1:123456789012:table/orders --region eu-west-1 ' +
      `--policy '{"Statement":["everybody reads"]}'`;
    expect(await warningsOf(one, ended)).toContain(command);
    expect(mailed(one)).toContain(command);
    // Lambda tries three times; one mail to each address is enough.
    expect(one.world.mails).toHaveLength(2);
    await expectFree(one);
  });

  it('leaves the fence to a restore that has put up its own by then', async () => {
    const one = await openTable();
    const first = await stoppedAt(one, 'BackUpAlias');
    const second = await stoppedAt(one, 'BackUpAlias');
    await one.world.catalog.updateRestore(second.id, ['FAILED'], { status: 'RUNNING' });
    one.harness.ended.splice(one.harness.ended.indexOf(second), 1);
    await one.harness.rule();
    expect((await recordOf(one, first)).status).toBe('FAILED');
    expect(fenceOf(one)).toBeDefined();
  });

  it('while the deletion was asked for waits until it is sure that the table stays', async () => {
    const one = await openTable();
    one.tables.mishap = (verb, work) => (verb === 'remove' ? undefined : work());
    const ended = await stoppedAt(one, 'DeleteTable');
    expect((await recordOf(one, ended)).native.serving).toBe('nothing');
    const at = one.world.clock;
    await one.harness.rule();
    expect(one.world.clock - at).toBeGreaterThanOrEqual(60_000);
    expect([fenceOf(one), (await recordOf(one, ended)).native.serving]).toEqual([undefined, 'original']);
  });

  it('does not open a table that is going: what were written then would be lost', async () => {
    const one = await openTable();
    const ended = await stoppedAt(one, 'DeleteTable');
    const lifted: string[] = [];
    one.tables.mishap = (verb, work) => (lifted.push(verb), work());
    await one.harness.rule();
    expect(lifted).not.toContain('unfence');
    expect((await recordOf(one, ended)).native.serving).toBe('nothing');
  });

  it('keeps a table shut that was made again and not proven, and says how to open it', async () => {
    const one = await openTable();
    const ended = await stoppedAt(one, 'VerifyRecreated');
    await one.harness.rule();
    expect(fenceOf(one)).toBeDefined();
    expect(await warningsOf(one, ended)).toMatch(/DENIED .* is not proven or lacks settings: start the restore again/);
    expect(mailed(one)).toContain('aws dynamodb put-resource-policy');
  });
});

it('a function that was under way when its execution was stopped takes its fence back', async () => {
  const one = await openTable();
  const ended = await one.harness.run('restore', swapOf(one), async (call, work) => {
    if (call.state !== 'FenceTable') return one.before(call, work);
    one.tables.mishap = (verb, work) => {
      // Whoever closes the record comes between the fence and its note; policies can be changed again a while later.
      work();
      if (verb === 'fence') {
        one.world.clock += 60_000;
        void one.world.catalog.updateRestore(idOfRunning, ['RUNNING'], { status: 'FAILED' });
      }
    };
    const idOfRunning = (await one.world.catalog.listRestores({ target: 'orders' }))[0]!.restoreId;
    call.abort();
    return one.before(call, work);
  });
  one.tables.mishap = undefined;
  expect(ended.status).toBe('ABORTED');
  expect(fenceOf(one)).toBeUndefined();
});

describe('a swap that fails, whose LiftFence fails too', () => {
  const failing = (one: TableCase): Promise<Ended> =>
    one.harness.run('restore', swapOf(one), (call, work) => {
      if (call.machine === 'restore' && ['BackUpAlias', 'LiftFence'].includes(call.state))
        throw new SeenError('TypeError', '{}');
      return one.before(call, work);
    });

  it('says so in record and mail with the exact command, and is lifted by who comes after', async () => {
    const one = await openTable();
    const { policy } = one.tables.tables.get('orders')!;
    const ended = await failing(one);
    expect(ended.status).toBe('FAILED');
    expect(fenceOf(one)).toBeDefined();
    const command = `--policy '${policy}'`;
    expect(ended.cause).toContain('DENIED');
    expect(await warningsOf(one, ended)).toContain(command);
    expect(mailed(one)).toContain(command);
    one.world.clock += 60_000;
    await one.harness.rule();
    expect(fenceOf(one)).toBeUndefined();
    expect(await warningsOf(one, ended)).not.toContain('are DENIED');
    expect(await warningsOf(one, ended)).toContain('let in again');
  });
});
