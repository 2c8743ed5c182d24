/** A table's swap and its rollback over the service itself, against the pretend account: items, settings and name. */
import { DescribeTableCommand, GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { differencesOf } from '../../core/native.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { configOf, makeWorld, type World } from '../lambdas/support/world.ts';
import { sleep, startTables, type Tables } from '../services/tables.ts';
import type { Hook } from './calls.ts';
import { DEATHS, at } from './faults.ts';
import { Harness } from './harness.ts';

const LOOK = 50;
let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});

interface Case {
  readonly world: World;
  readonly harness: Harness;
  readonly name: string;
  readonly before: Hook;
  restore(more: Partial<RestoreInput>, hook?: Hook): ReturnType<Harness['run']>;
  titleOf(pk: string): Promise<string | undefined>;
}

/** A table with everything that a restore resets, and three items. */
async function open(name: string): Promise<Case> {
  const { service, client } = tables;
  await tables.make(name, { team: 'shop' });
  for (const pk of ['a', 'b', 'c']) await tables.put(name, pk, { sk: { S: '1' }, title: { S: 'good' } });
  const world = makeWorld(
    undefined,
    configOf({ targets: [{ name: 'orders', engine: 'dynamodb', table: name } as never] }),
  );
  Object.assign(world, { services: { dynamodb: service } });
  let skew = 0;
  const before: Hook = async (call, work) => {
    // Half a minute for the fence, a minute for a table that may be on its way out; a fence begins at the account's own time.
    if (call.state === 'FenceTable' && call.count === 1) skew = 0;
    else if (['FenceTable', 'BringTableBack'].includes(call.state)) skew += 30_000;
    world.clock = Date.now() + skew;
    await sleep(LOOK);
    return work();
  };
  world.clock = Date.now();
  const harness = new Harness(world, () => Promise.reject(new Error('A table needs no task.')));
  return {
    world,
    harness,
    name,
    before,
    restore: (more, hook = before) => harness.run('restore', { target: 'orders', mode: 'swap', ...more }, hook),
    titleOf: async (pk) => {
      const Key = { pk: { S: pk }, sk: { S: '1' } };
      return (await client.send(new GetItemCommand({ TableName: name, Key }))).Item?.title?.S;
    },
  };
}

describe('a table in the account', () => {
  it('is swapped for what it was at a moment and swapped back, with every setting, each time a new table', async () => {
    const { service, client } = tables;
    const one = await open('orders-swapped');
    const { settings } = (await service.read(one.name))!;
    await sleep(1_100);
    const moment = new Date().toISOString();
    await sleep(1_100);
    await tables.put(one.name, 'a', { sk: { S: '1' }, title: { S: 'spoilt' } });
    await tables.put(one.name, 'd', { sk: { S: '1' }, title: { S: 'new' } });

    const ended = await one.restore({ at: moment });
    expect(ended, ended.cause).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored' } });
    expect([await one.titleOf('a'), await one.titleOf('d')]).toEqual(['good', undefined]);
    const after = (await service.read(one.name))!;
    expect(differencesOf(settings, after.settings)).toEqual([]);
    expect(after.settings.resourceId).not.toBe(settings.resourceId);
    expect(await service.fenced(one.name)).toBe(false);
    const { native, safetyBackupId } = (await one.world.catalog.getRestore(ended.id))!;
    expect(native).toMatchObject({ counts: { alias: 3, recreated: 3 }, differences: [] });
    await expect(client.send(new DescribeTableCommand({ TableName: native!.alias }))).rejects.toThrow();

    const back = await one.harness.run('rollback', { restoreId: ended.id }, one.before);
    expect(back.status, back.cause).toBe('SUCCEEDED');
    expect(safetyBackupId).toBeDefined();
    expect([await one.titleOf('a'), await one.titleOf('d')]).toEqual(['spoilt', 'new']);
    expect(differencesOf(settings, (await service.read(one.name))!.settings)).toEqual([]);
  });

  it('is made again by a restore that is started after one that died while nothing served', async () => {
    const { service, client } = tables;
    const one = await open('orders-died');
    const { settings } = (await service.read(one.name))!;
    const dies = DEATHS['is the last thing before the execution is stopped']!;
    const hook = at('restore', 'DeleteTable', (call, work) => (call.count < 3 ? work() : dies(call, work)), one.before);
    const ended = await one.restore({ at: 'latest' }, hook);
    expect(ended.status).toBe('ABORTED');
    await one.harness.rule();
    while (await service.read(one.name)) await sleep(LOOK);
    const again = await one.restore({ at: 'latest' });
    expect(again.status, again.cause).toBe('SUCCEEDED');
    const { Count } = await client.send(new ScanCommand({ TableName: one.name, Select: 'COUNT' }));
    expect(Count).toBe(3);
    expect(differencesOf(settings, (await service.read(one.name))!.settings)).toEqual([]);
  });
});
