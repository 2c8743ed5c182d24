/** What the pruner takes away after a native restore, and what it never takes. */
import { describe, expect, it } from 'vitest';
import { makeClosePrune } from '../../../lambdas/ClosePrune.ts';
import { makeRemoveReplaced } from '../../../lambdas/RemoveReplaced.ts';
import { SeenError } from '../../workflows/seen-error.ts';
import { holderOf, openServer, servers, swapOf, type ServerCase } from '../../workflows/server-case.ts';
import { DAY, execution } from '../support/world.ts';

const names = (one: ServerCase): string[] => servers(one).map(({ name }) => name.replace(/-[0-9a-z]{10}$/, ''));
const broken = (): never => {
  throw new SeenError('TypeError', '{}');
};

/** Looks until it is done, as the state machine does. */
async function removeReplaced(one: ServerCase, restoreId: string, looks = 60): Promise<void> {
  const event = { ...execution(one.world, 'prune'), restoreId, native: true as const };
  const look = makeRemoveReplaced(one.world);
  for (let count = 0; count < looks; count += 1) {
    one.world.clock += 30_000;
    one.rds.turn();
    if ((await look(event)).done) return one.rds.turn(30);
  }
  throw new Error(`not done after ${looks} looks`);
}
const later = (one: ServerCase, days: number): void => void (one.world.clock += days * DAY);
const pruned = async (one: ServerCase, id: string) => (await one.world.catalog.getRestore(id))!.replacedDroppedAt;

/** Of one look for this restore, as the prune counts it. */
async function counted(one: ServerCase, restoreId: string): Promise<number> {
  const plan = { backups: 0, drops: [{ restoreId, native: true }] };
  const deleted = { deleted: 0, failed: 0, done: true };
  const event = { ...execution(one.world, 'prune'), plan, deleted, drops: [{ ok: true, restoreId }] };
  return (await makeClosePrune(one.world)(event)).dropped;
}

async function swapped(one: ServerCase): Promise<string> {
  const { id, status } = await one.harness.run('restore', swapOf(), one.before);
  expect(status).toBe('SUCCEEDED');
  one.rds.turn(30);
  return id;
}

describe.each(['rds', 'aurora'] as const)('the original of a swap in %s', (engine) => {
  it('is kept until its day, and stopped again when AWS has started it', async () => {
    const one = await openServer({ engine });
    const id = await swapped(one);
    const { oldName } = (await one.world.catalog.getRestore(id))!.native!;
    await one.world.services[engine].start(oldName!);
    one.rds.turn(30);
    await removeReplaced(one, id);
    expect(servers(one).find(({ name }) => name === oldName)).toMatchObject({ status: 'stopped' });
    expect(await pruned(one, id)).toBeUndefined();
    expect(await counted(one, id)).toBe(0);
  });

  it('goes after its day, and a recovery point of it stays', async () => {
    const one = await openServer({ engine });
    const id = await swapped(one);
    later(one, 8);
    await removeReplaced(one, id);
    expect(names(one)).toEqual(['shop']);
    expect(holderOf(one)!.id).not.toBe(one.original);
    const { native } = (await one.world.catalog.getRestore(id))!;
    const point = await one.world.services[engine].pointState(native!.backups!.original!);
    expect(point).toMatchObject({ status: 'ready', point: { encrypted: true } });
    const { snapshots, clusterSnapshots } = one.rds.region();
    expect([...snapshots, ...clusterSnapshots].map(({ data }) => data)).toEqual(['rows of shop']);
    expect(await pruned(one, id)).toBeDefined();
    expect(await counted(one, id)).toBe(1);
  });

  it('is not touched while a rollback is at work, nor after it', async () => {
    const one = await openServer({ engine });
    const id = await swapped(one);
    later(one, 8);
    const lock = { target: 'shop', kind: 'restore', id: 'ROLLBACK', executionArn: 'arn', since: '' } as const;
    await one.world.catalog.lock(lock);
    await expect(removeReplaced(one, id)).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    await one.world.catalog.unlock('shop', 'restore', 'ROLLBACK');
    const back = await one.harness.run('rollback', { restoreId: id }, one.before);
    expect(back.status).toBe('SUCCEEDED');
    await removeReplaced(one, id);
    expect(servers(one)).toHaveLength(2);
    later(one, 8);
    await removeReplaced(one, id);
    expect(servers(one).map(({ id }) => id)).toEqual([one.original]);
    expect(holderOf(one)).toMatchObject({ serves: true });
  });

  it('keeps nobody out while its removal waits, and is no way back any more once it is being removed', async () => {
    const one = await openServer({ engine });
    const id = await swapped(one);
    later(one, 8);
    const free = async (): Promise<void> => {
      const lock = { target: 'shop', kind: 'restore', id: 'SOMEBODY', executionArn: 'arn', since: '' } as const;
      expect(await one.world.catalog.lock(lock)).toEqual({ taken: true });
      await one.world.catalog.unlock('shop', 'restore', 'SOMEBODY');
    };
    // Its last point is being made: a rollback may still come before it.
    await expect(removeReplaced(one, id, 1)).rejects.toThrow('not done');
    await free();
    for (let asked = false; !asked;) {
      await expect(removeReplaced(one, id, 1)).rejects.toThrow('not done');
      asked = (await one.world.catalog.getRestore(id))!.native!.steps['removing original'] !== undefined;
    }
    await free();
    const back = await one.harness.run('rollback', { restoreId: id }, one.before);
    expect(back).toMatchObject({ status: 'FAILED', error: 'ROLLBACK_IMPOSSIBLE' });
    expect(back.cause).toContain('the pruner is removing the original since');
    await removeReplaced(one, id);
    expect(names(one)).toEqual(['shop']);
  });

  it('is not said to be removed when it is not seen, and is when it went after it was asked to', async () => {
    const one = await openServer({ engine });
    const id = await swapped(one);
    later(one, 8);
    const { oldName } = (await one.world.catalog.getRestore(id))!.native!;
    const shape = (engine === 'rds' ? one.rds.instance(oldName!)! : one.rds.cluster(oldName!)!).shape as Record<
      string,
      unknown
    >;
    const key = engine === 'rds' ? 'DBInstanceIdentifier' : 'DBClusterIdentifier';
    shape[key] = 'elsewhere';
    await removeReplaced(one, id);
    expect(await pruned(one, id)).toBeUndefined();
    expect(servers(one).map((each) => each.id)).toContain(one.original);
    shape[key] = oldName;
    await expect(removeReplaced(one, id, 1)).rejects.toThrow('not done');
    Object.assign(one.world, { executions: { isOver: () => Promise.resolve(true) } });
    await removeReplaced(one, id);
    expect(await pruned(one, id)).toBeDefined();
  });

  it('goes in its own time when a removal broke off days before', async () => {
    const one = await openServer({ engine });
    const id = await swapped(one);
    later(one, 8);
    await expect(removeReplaced(one, id, 1)).rejects.toThrow('not done after 1 looks');
    Object.assign(one.world, { executions: { isOver: () => Promise.resolve(true) } });
    later(one, 2);
    await removeReplaced(one, id);
    expect(names(one)).toEqual(['shop']);
    expect(await counted(one, id)).toBe(1);
  });

  it('is not removed without a point, whatever RDS says', async () => {
    const one = await openServer({ engine });
    const id = await swapped(one);
    later(one, 8);
    one.mishap = (operation, work) => (/^CreateDB.*Snapshot$/.test(operation) ? broken() : work());
    await expect(removeReplaced(one, id)).rejects.toMatchObject({ code: 'SERVICE_REFUSED' });
    expect(servers(one).map((each) => each.id)).toContain(one.original);
    expect(await pruned(one, id)).toBeUndefined();
  });
});

describe.each(['rds', 'aurora'] as const)('what a rollback set aside in %s', (engine) => {
  it.each([{ mode: 'swap' }, { mode: 'pointer', approve: false }] as const)(
    'after a $mode is kept for its days, and goes only after a point of it',
    async (input) => {
      const one = await openServer({ engine });
      const { id } = await one.harness.run('restore', swapOf(input), one.before);
      one.rds.turn(30);
      const { restored } = (await one.world.catalog.getRestore(id))!.native!;
      if (input.mode === 'pointer') {
        later(one, 8);
        await removeReplaced(one, id);
        expect(await pruned(one, id)).toBeUndefined();
      } else later(one, 6);
      const back = await one.harness.run('rollback', { restoreId: id }, one.before);
      expect(back.status, back.cause).toBe('SUCCEEDED');
      const { replacedUntil } = (await one.world.catalog.getRestore(id))!;
      expect(Date.parse(replacedUntil!)).toBeGreaterThan(one.world.clock + 6.9 * DAY);
      one.rds.turn(30);
      later(one, 6);
      await removeReplaced(one, id);
      expect(servers(one).map((each) => each.id)).toContain(restored!.resourceId);
      later(one, 2);
      await removeReplaced(one, id);
      expect(servers(one).map((each) => each.id)).toEqual([one.original]);
      const { native } = (await one.world.catalog.getRestore(id))!;
      const point = await one.world.services[engine].pointState(native!.backups!.restored!);
      expect(point).toMatchObject({ status: 'ready', point: { sourceResourceId: restored!.resourceId } });
      expect(await pruned(one, id)).toBeDefined();
    },
  );
});

it('an original that was replaced by a swap which failed later is kept as long as the config says', async () => {
  const one = await openServer();
  const { id, status } = await one.harness.run('restore', swapOf(), (call, work) =>
    call.state === 'CloseNative' || call.state === 'PutNamesBack' ? broken() : one.before(call, work),
  );
  expect(status).toBe('FAILED');
  const { replacedUntil, endedAt, native } = (await one.world.catalog.getRestore(id))!;
  expect(native!.serving).toBe('restored');
  expect(Date.parse(replacedUntil!) - Date.parse(endedAt!)).toBe(7 * DAY);
});

describe('what a restore that failed has left behind', () => {
  it('goes after a week, and not before', async () => {
    const one = await openServer({ holds: false });
    const { id } = await one.harness.run('restore', swapOf(), one.before);
    later(one, 6);
    await removeReplaced(one, id);
    expect(names(one)).toEqual(['shop', 'shop-nj']);
    later(one, 2);
    await removeReplaced(one, id);
    expect(names(one)).toEqual(['shop']);
    expect(await counted(one, id)).toBe(1);
    expect(holderOf(one)).toMatchObject({ id: one.original, serves: true });
  });

  it('stays while nothing serves: somebody has to decide which of the two comes back', async () => {
    const one = await openServer();
    const { id } = await one.harness.run('restore', swapOf(), (call, work) => {
      if (call.state === 'RenameAlias') call.abort();
      return one.before(call, work);
    });
    await one.harness.rule();
    one.rds.turn(30);
    one.rds.instance('shop')!.shape.DBInstanceIdentifier = 'shop-elsewhere';
    later(one, 400);
    await removeReplaced(one, id);
    expect(servers(one).map((each) => each.id)).toContain(one.original);
    expect(servers(one)).toHaveLength(2);
  });

  it('is left alone when the name is somebody else’s by now', async () => {
    const one = await openServer({ holds: false });
    const { id } = await one.harness.run('restore', swapOf(), one.before);
    const alias = one.rds.instance((await one.world.catalog.getRestore(id))!.native!.alias)!;
    alias.shape.DbiResourceId = 'db-STRANGER';
    alias.shape.TagList = [];
    later(one, 30);
    await removeReplaced(one, id);
    expect(servers(one).map((each) => each.id)).toContain('db-STRANGER');
  });
});

describe('the last point of what has served', () => {
  it('takes another name when it came to nothing, and says what is wrong once a night', async () => {
    const one = await openServer();
    const id = await swapped(one);
    later(one, 8);
    const tried = async (): Promise<unknown> => {
      for (;;) {
        for (const snapshot of one.rds.region().snapshots) snapshot.goes([], 'failed');
        const said: unknown = await removeReplaced(one, id, 1).catch((error: unknown) => error);
        if (!(said instanceof Error && said.message.startsWith('not done'))) return said;
      }
    };
    expect(await tried()).toMatchObject({
      code: 'POINT_FAILED',
      detail: expect.stringContaining('the next prune tries under another name') as string,
    });
    expect(one.rds.region().snapshots).toHaveLength(2);
    expect(servers(one).map((each) => each.id)).toContain(one.original);
    later(one, 1);
    Object.assign(one.world, { executions: { isOver: () => Promise.resolve(true) } });
    await removeReplaced(one, id);
    expect(names(one)).toEqual(['shop']);
    const { native } = (await one.world.catalog.getRestore(id))!;
    expect(await one.world.services.rds.pointState(native!.backups!.original!)).toMatchObject({ status: 'ready' });
  });
});

describe('a swap that broke off with nothing serving, and that another one finished', () => {
  const brokenThen = async (state: string): Promise<{ one: ServerCase; first: string; second: string }> => {
    const one = await openServer();
    const { id: first } = await one.harness.run('restore', swapOf(), async (call, work) => {
      const answer = await one.before(call, work);
      if (call.state === state) call.abort();
      return answer;
    });
    await one.harness.rule();
    one.rds.turn(30);
    expect((await one.world.catalog.getRestore(first))!.native!.serving).toBe('nothing');
    return { one, first, second: await swapped(one) };
  };

  it('leaves its alias, which goes after its week; the original is in the care of the other', async () => {
    const { one, first, second } = await brokenThen('RenameOriginal');
    expect(names(one).sort()).toEqual(['shop', 'shop-nj', 'shop-old']);
    later(one, 6);
    await removeReplaced(one, first);
    expect(names(one).sort()).toEqual(['shop', 'shop-nj', 'shop-old']);
    later(one, 2);
    await removeReplaced(one, first);
    expect(names(one).sort()).toEqual(['shop', 'shop-old']);
    const record = (await one.world.catalog.getRestore(first))!;
    expect(record.replacedDroppedAt).toBeDefined();
    expect(record.native!.checks!.at(-1)).toContain(second);
    await removeReplaced(one, second);
    expect(names(one)).toEqual(['shop']);
  });

  it('refuses a rollback of the one before it, also when it failed', async () => {
    const one = await openServer();
    const before = await swapped(one);
    const failed = await one.harness.run('restore', swapOf(), (call, work) =>
      call.state === 'CloseNative' ? broken() : one.before(call, work),
    );
    expect(failed.status).toBe('FAILED');
    expect((await one.world.catalog.getRestore(failed.id))!.native!.serving).toBe('restored');
    const back = await one.harness.run('rollback', { restoreId: before }, one.before);
    expect(back).toMatchObject({ status: 'FAILED', error: 'ROLLBACK_IMPOSSIBLE' });
    expect(back.cause).toContain(`swapped again by ${failed.id}`);
  });
});

it('a rollback whose original is gone leaves what serves, and never says that nothing does', async () => {
  const one = await openServer();
  const id = await swapped(one);
  const region = one.rds.region();
  region.instances = region.instances.filter(({ shape }) => shape.DbiResourceId !== one.original);
  const seen = new Set<string>();
  const back = await one.harness.run('rollback', { restoreId: id }, async (call, work) => {
    const answer = await one.before(call, work);
    seen.add((await one.world.catalog.getRestore(id))!.native!.serving);
    return answer;
  });
  expect(back).toMatchObject({ status: 'FAILED', error: 'RENAME_FAILED' });
  expect([...seen]).toEqual(['restored']);
  expect((await one.world.catalog.getRestore(id))!.status).toBe('COMPLETED');
  expect(holderOf(one)).toMatchObject({ serves: true });
});

it('two that are left of one target go in one night', async () => {
  const one = await openServer();
  const ids = [await swapped(one), await swapped(one)];
  later(one, 8);
  const night = await one.harness.run('prune', {}, async (call, work) => {
    // Whoever finds the target busy comes again a while later.
    if (call.count > 1) await new Promise((resolve) => setTimeout(resolve, 5));
    return one.before(call, work);
  });
  expect(night, night.cause).toMatchObject({ status: 'SUCCEEDED', output: { dropped: 2, postponed: 0 } });
  for (const id of ids) expect(await pruned(one, id)).toBeDefined();
  expect(names(one)).toEqual(['shop']);
});

it('what a restore made beside the original is there to stay', async () => {
  const one = await openServer();
  const { id } = await one.harness.run('restore', swapOf({ mode: 'new', approve: false }), one.before);
  later(one, 400);
  await removeReplaced(one, id);
  expect(names(one)).toEqual(['shop', 'shop-nj']);
  expect(await pruned(one, id)).toBeUndefined();
  expect(await counted(one, id)).toBe(0);
});
