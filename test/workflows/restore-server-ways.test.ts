/** The other ways of a server's restore: beside the original, by pointer, of one that is gone, cancelled, refused by its checks. */
import { describe, expect, it } from 'vitest';
import { approvedBy, deniedBy } from '../../core/approval.ts';
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

const POINTER = 'SSM parameter /shop/host';
const sentence = (published: readonly { detail: Record<string, unknown> }[]): string =>
  String(published.at(-1)?.detail.serving);

describe('a restore beside the original', () => {
  it('ends with the restored server under a name of its own, and touches nothing else', async () => {
    const one = await openServer();
    const before = await one.world.services.rds.read('shop');
    const input = swapOf({ mode: 'new', approve: false });
    const ended = await one.harness.run('restore', input, one.before);
    expect(ended).toMatchObject({
      status: 'SUCCEEDED',
      output: { status: 'COMPLETED', serving: 'original' },
    });
    const { alias } = (await one.world.catalog.getRestore(ended.id))!.native!;
    expect(servers(one).map(({ name }) => name)).toEqual(['shop', alias]);
    expect(await one.world.services.rds.read('shop')).toEqual({
      ...before,
      settings: { ...before!.settings, readAt: expect.any(String) as string },
    });
    expect(ended.called).not.toContain('RenameOriginal');
    await expectFree(one);
  });
});

describe('a restore by pointer', () => {
  const input = swapOf({ mode: 'pointer' });

  it('switches what the application reads, and a rollback switches it back', async () => {
    const one = await openServer();
    const ended = await one.harness.run('restore', input, one.before);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored' } });
    const record = (await one.world.catalog.getRestore(ended.id))!;
    expect(one.world.pointed.get(POINTER)).toBe(record.native!.restored!.endpoint);
    expect(holderOf(one)).toMatchObject({ id: one.original });
    expect(record.warnings!.join()).toContain(`put ${record.native!.alias} into the config`);
    const back = await one.harness.run('rollback', { restoreId: ended.id }, one.before);
    expect(back).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'shop.example.org' } });
    expect(one.world.pointed.get(POINTER)).toBe('shop.example.org');
    await expectFree(one);
  });

  it('that somebody changed meanwhile is left alone by the rollback', async () => {
    const one = await openServer();
    const { id } = await one.harness.run('restore', input, one.before);
    one.world.pointed.set(POINTER, 'elsewhere.example.org');
    const back = await one.harness.run('rollback', { restoreId: id }, one.before);
    expect(back).toMatchObject({ status: 'FAILED', error: 'POINTER_FAILED' });
    expect(one.world.pointed.get(POINTER)).toBe('elsewhere.example.org');
    expect((await one.world.catalog.getRestore(id))!.status).toBe('COMPLETED');
    await expectFree(one);
  });

  it.each(Object.keys({ ...FAULTS, ...DEATHS }))('whose SwitchPointer %s says where it points', async (fault) => {
    const one = await openServer();
    const hook = at('restore', 'SwitchPointer', { ...FAULTS, ...DEATHS }[fault]!, one.before);
    const ended = await one.harness.run('restore', input, hook);
    await one.harness.rule();
    const record = (await one.world.catalog.getRestore(ended.id))!;
    const { restored, serving } = record.native!;
    const says = one.world.pointed.get(POINTER);
    expect(says).toBe(serving === 'restored' ? restored!.endpoint : 'shop.example.org');
    await expectNothingLost(one, ended);
    await expectFree(one);
    const again = await one.harness.run('restore', input, one.before);
    expect(again).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored' } });
  });
});

describe('a restore that waits for approval', () => {
  it('is cancelled when nobody answers, and what was restored is removed', async () => {
    const one = await openServer();
    one.harness.answer = () => Promise.reject(new SeenError('States.Timeout'));
    const ended = await one.harness.run('restore', swapOf(), one.before);
    expect(ended).toMatchObject({ status: 'FAILED', error: 'APPROVAL_DENIED' });
    const record = (await one.world.catalog.getRestore(ended.id))!;
    expect(record).toMatchObject({ status: 'FAILED', failure: { code: 'APPROVAL_DENIED' } });
    expect(record.native!.approval!.decision).toBeUndefined();
    expect(servers(one).map(({ name }) => name)).toEqual(['shop']);
    expect(sentence(one.world.published)).toBe('The original serves under shop. What was restored was removed again.');
    await expectFree(one);
  });

  it('is cancelled by a person, with the person’s words', async () => {
    const one = await openServer();
    one.harness.answer = () => Promise.reject(new SeenError('APPROVAL_DENIED', deniedBy('user/dba')));
    const ended = await one.harness.run('restore', swapOf(), one.before);
    expect(ended).toMatchObject({ status: 'FAILED', error: 'APPROVAL_DENIED' });
    const record = (await one.world.catalog.getRestore(ended.id))!;
    expect(record.failure!.detail).toBe('By user/dba.');
    expect(record.native!.approval).toMatchObject({ decision: 'cancelled', decidedBy: 'user/dba' });
    expect(servers(one).map(({ name }) => name)).toEqual(['shop']);
  });

  it('has its token in the record before anybody reads the mail', async () => {
    const one = await openServer();
    let asked = '';
    one.harness.answer = async (token) => {
      const [running] = await one.world.catalog.listRestores({ target: 'shop' });
      expect(running!.native!.approval!.token).toBe(token);
      asked = one.world.mails[0]!.mail.text;
      return {};
    };
    const { id } = await one.harness.run('restore', swapOf(), one.before);
    expect(asked).toContain(`nightjar approve ${id}`);
    expect(asked).toContain(`nightjar cancel ${id}`);
    expect(asked).toContain('is renamed to shop');
    expect(asked).toContain('Everything written to shop after');
    expect(one.world.mails.slice(0, 2).map(({ to }) => to)).toEqual(['oncall@example.org', 'dba@example.org']);
  });

  it.each(['swap', 'pointer'] as const)('by %s notes who said yes', async (mode) => {
    const one = await openServer();
    one.harness.answer = () => Promise.resolve(approvedBy('user/dba'));
    const seen: unknown[] = [];
    const { id, status } = await one.harness.run('restore', swapOf({ mode }), async (call, work) => {
      const [running] = await one.world.catalog.listRestores({ target: 'shop' });
      if (['RenameAlias', 'CloseNative'].includes(call.state)) seen.push(running!.native!.approval!.decision);
      return one.before(call, work);
    });
    expect(status).toBe('SUCCEEDED');
    // From the first state of the outage on, should the execution die there.
    expect([...new Set(seen)]).toEqual(['approved']);
    const { approval } = (await one.world.catalog.getRestore(id))!.native!;
    expect(approval).toMatchObject({ decision: 'approved', decidedBy: 'user/dba' });
  });

  it.each(['yes', {}, { decidedBy: 7 }, null])('takes %j for a yes of somebody unnamed', async (answer) => {
    const one = await openServer();
    one.harness.answer = () => Promise.resolve(answer);
    const { id, status } = await one.harness.run('restore', swapOf(), one.before);
    expect(status).toBe('SUCCEEDED');
    const { approval } = (await one.world.catalog.getRestore(id))!.native!;
    expect([approval!.decision, approval!.decidedBy]).toEqual(['approved', undefined]);
  });

  it('that nobody can be asked of ends, and keeps what took hours to restore', async () => {
    const one = await openServer();
    for (const address of ['oncall@example.org', 'dba@example.org']) one.world.refused.add(address);
    const ended = await one.harness.run('restore', swapOf(), one.before);
    expect(ended).toMatchObject({ status: 'FAILED', error: 'MAIL_REFUSED' });
    const { alias } = (await one.world.catalog.getRestore(ended.id))!.native!;
    expect(servers(one).map(({ name }) => name)).toEqual(['shop', alias]);
    expect(ended.cause).toContain(`What was restored is ${alias}`);
    expect(ended.called).not.toContain('RemoveCancelled');
  });

  it.each([
    'breaks for good before its work',
    'breaks for good after its work',
    'fails before its work, however often it is tried',
  ])('whose AskServerApproval %s keeps what was restored, and says its name', async (fault) => {
    const one = await openServer();
    const ended = await one.harness.run(
      'restore',
      swapOf(),
      at('restore', 'AskServerApproval', FAULTS[fault]!, one.before),
    );
    const { alias } = (await one.world.catalog.getRestore(ended.id))!.native!;
    expect(servers(one).map(({ name }) => name)).toEqual(['shop', alias]);
    expect(ended.cause).toContain(alias);
    await expectNothingLost(one, ended);
    await expectFree(one);
    await expectRunsAgain(one);
  });

  it('asks once more when a fault of Lambda itself came between, and goes on', async () => {
    const one = await openServer();
    const hook = at('restore', 'AskServerApproval', FAULTS['fails once before its work']!, one.before);
    expect((await one.harness.run('restore', swapOf(), hook)).status).toBe('SUCCEEDED');
  });
});

describe('a restore whose checks do not hold', () => {
  it('never comes to its outage', async () => {
    const one = await openServer({ holds: false });
    const ended = await one.harness.run('restore', swapOf(), one.before);
    expect(ended).toMatchObject({ status: 'FAILED', error: 'CHECK_FAILED' });
    expect(ended.called).not.toContain('RenameOriginal');
    const record = (await one.world.catalog.getRestore(ended.id))!;
    expect(record.failure!.detail).toContain("'SELECT count(*) > 0 FROM orders' answered f");
    expect(record.native!.checks).toContain('DOES NOT HOLD: SELECT count(*) > 0 FROM orders (f)');
    expect(sentence(one.world.published)).toContain(`What was restored is ${record.native!.alias}`);
    await expectNothingLost(one, ended);
  });

  it('stops at a setting that would let somebody in, and mails it', async () => {
    const one = await openServer();
    const { before } = one;
    const ended = await one.harness.run('restore', swapOf(), (call, work) => {
      if (call.state === 'CompareServer')
        for (const { shape } of one.rds.region().instances)
          if (shape.DBInstanceIdentifier !== 'shop') shape.PubliclyAccessible = true;
      return before(call, work);
    });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'CHECK_FAILED' });
    expect(ended.cause).toContain('PubliclyAccessible is true and was false');
    expect(one.world.mails.map(({ mail }) => mail.text).join()).toContain('PubliclyAccessible: is true, was false');
    await expectNothingLost(one, ended);
  });

  it('goes on at a difference that is none of those, and tells it in record and mail', async () => {
    const one = await openServer();
    const { before } = one;
    const ended = await one.harness.run('restore', swapOf(), (call, work) => {
      if (call.state === 'CompareServer')
        for (const { shape } of one.rds.region().instances)
          if (shape.DBInstanceIdentifier !== 'shop') shape.MonitoringInterval = 60;
      return before(call, work);
    });
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { differences: 1 } });
    expect(one.world.mails.at(-1)!.mail.text).toContain('MonitoringInterval: is 60, was 30');
  });
});

describe.each(['rds', 'aurora'] as const)('a server of %s that somebody deleted', (engine) => {
  it('comes back under its name with its settings, from its last backup', async () => {
    const one = await openServer({ engine });
    const wanted = (await one.world.services[engine].read('shop'))!.settings;
    const backup = await one.harness.run('backup', { target: 'shop' }, one.before);
    expect(backup).toMatchObject({ status: 'SUCCEEDED' });
    const region = one.rds.region();
    region.instances = [];
    region.clusters = [];
    region.endpoints = [];
    const ended = await one.harness.run('restore', swapOf(), one.before);
    expect(ended).toMatchObject({
      status: 'SUCCEEDED',
      output: { serving: 'restored', backupId: backup.id, differences: 0 },
    });
    const found = (await one.world.services[engine].read('shop'))!;
    expect(found.settings.values).toEqual(wanted.values);
    expect(found.state).toBe('ready');
    await expectFree(one);
  });
});

describe('a step that RDS never ends', () => {
  it('times out, and names what was left behind', async () => {
    const one = await openServer({ target: { check: undefined } });
    one.mishap = async (operation, work) => {
      const answer = await work();
      if (operation.startsWith('Restore'))
        one.rds
          .region()
          .instances.at(-1)!
          .goes([{ status: 'creating', looks: 1e9 }]);
      return answer;
    };
    const hour = 3_600_000;
    const ended = await one.harness.run('restore', swapOf(), (call, work) => {
      one.world.clock += hour;
      return one.before(call, work);
    });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'STEP_TIMED_OUT' });
    const record = (await one.world.catalog.getRestore(ended.id))!;
    expect(record.failure!.detail).toContain(record.native!.alias);
    one.rds.region().instances.at(-1)!.goes([]);
    one.mishap = undefined;
    await expectNothingLost(one, ended);
    await expectRunsAgain(one);
  });
});
