/** Opening a native restore: what is refused, all of it at once, and what it starts from. */
import { describe, expect, it } from 'vitest';
import { restoreRecordSchema } from '../../../core/backup.ts';
import type { RestoreInput } from '../../../core/payloads.ts';
import { makeOpenRestore } from '../../../lambdas/OpenRestore.ts';
import { openServer, swapOf, type ServerCase } from '../../workflows/server-case.ts';
import { DAY, execution, idOf } from '../support/world.ts';

async function open(one: ServerCase, more: object) {
  const event = { ...execution(one.world, 'restore'), input: swapOf(more) as RestoreInput };
  const opened = await makeOpenRestore(one.world)(event);
  return { opened, event, record: (await one.world.catalog.getRestore(idOf(event)))! };
}
const detailOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing was refused',
    (error: { code: string; detail: string }) => `${error.code} ${error.detail}`,
  );

describe('opening a native restore', () => {
  it('refuses with every reason at once, and leaves neither record nor lock', async () => {
    const one = await openServer();
    const input = { mode: 'items', destination: 'shop', scope: { schemaOnly: true }, approve: true, jobs: 4 };
    const detail = await detailOf(open(one, input));
    expect(detail).toMatch(/^RESTORE_REFUSED shop: /);
    for (const reason of [
      'not by items',
      'leave the destination out',
      'leave the scope out',
      'are of dumps',
      'which items',
      'before an outage',
    ])
      expect(detail).toContain(reason);
    expect(await one.world.catalog.listRestores()).toEqual([]);
    expect((await open(one, {})).opened).toMatchObject({ way: 'server', original: true, check: true, approve: true });
  });

  it.each([
    [{ mode: 'overwrite', confirm: 'shop' }, 'not by overwrite'],
    [{ mode: 'new', approve: false, database: 'shop-2' }, 'only what is called shop-nj-…'],
    [{ mode: 'pointer', database: 'shop-2' }, 'only what is called shop-nj-…'],
    [{ database: 'shop-2' }, 'only what is called shop-nj-…'],
    [{ items: { keys: [{ id: { S: '1' } }] } }, 'Items go with mode items only'],
    [{ at: '2020-01-01T00:00:00Z' }, '2020-01-01'],
  ])('refuses %j', async (input, reason) => {
    expect(await detailOf(open(await openServer(), input))).toContain(reason);
  });

  it('refuses a pointer that is not configured or can not be read, before hours of restoring', async () => {
    const without = await openServer({ target: { pointer: undefined } });
    expect(await detailOf(open(without, { mode: 'pointer' }))).toContain('has no pointer in the config');
    const one = await openServer();
    Object.assign(one.world.pointers, { read: () => Promise.reject(new Error('ParameterNotFound')) });
    expect(await detailOf(open(one, { mode: 'pointer' }))).toBe('undefined undefined');
    expect(await one.world.catalog.listRestores()).toEqual([]);
  });

  it('writes a plan that the catalog’s schema takes, with the settings as they are', async () => {
    const one = await openServer();
    const { record } = await open(one, {});
    expect(restoreRecordSchema.parse(record)).toEqual(record);
    expect(record.native).toMatchObject({
      from: { kind: 'moment', at: 'latest', sourceResourceId: one.original },
      serving: 'original',
      original: { resourceId: one.original },
    });
    expect(record.native!.settings.values).toMatchObject({ DBInstanceClass: 'db.m6g.large', MultiAZ: true });
  });

  it('decides once: a repetition finds what was decided', async () => {
    const one = await openServer();
    const { event, record } = await open(one, {});
    one.rds.region().instances[0]!.shape.DBInstanceClass = 'db.m6g.xlarge';
    await makeOpenRestore(one.world)(event);
    expect(await one.world.catalog.getRestore(record.restoreId)).toEqual(record);
  });

  it('keeps others away from a swap, and not from a copy beside it', async () => {
    const one = await openServer();
    await open(one, { mode: 'new', approve: false });
    await open(one, {});
    expect(await detailOf(open(one, {}))).toContain('TARGET_BUSY');
  });

  it('opens nothing for an execution that is over already', async () => {
    const one = await openServer();
    const event = { ...execution(one.world, 'restore'), input: swapOf() as RestoreInput };
    one.world.over.add(event.executionArn);
    expect(await detailOf(makeOpenRestore(one.world)(event))).toContain('EXECUTION_ABORTED');
    expect((await one.world.catalog.getRestore(idOf(event)))!.status).toBe('FAILED');
    expect((await open(one, {})).record.status).toBe('RUNNING');
  });

  it('takes the last backup where point-in-time recovery is off, and says so', async () => {
    const one = await openServer({ target: { pitr: 'ignore' } });
    const backup = await one.harness.run('backup', { target: 'shop' }, one.before);
    one.rds.region().instances[0]!.shape.BackupRetentionPeriod = 0;
    one.world.clock += DAY;
    const { record } = await open(one, {});
    expect(record).toMatchObject({ backupId: backup.id, native: { from: { kind: 'point', backupId: backup.id } } });
    expect(record.warnings!.join()).toContain('Point-in-time recovery of shop is off');
  });
});
