import { beforeAll, describe, expect, it } from 'vitest';
import type { BackupRecord } from '../../core/backup.ts';
import { tableHashes } from '../../local/sample.ts';
import { runId } from '../../core/names.ts';
import { succeeded, until, type Ended, type World } from './world.ts';

const hashesOf = async (world: World, database: string): Promise<Awaited<ReturnType<typeof tableHashes>>> => {
  const client = await world.postgres.connect(database);
  try {
    return await tableHashes(client);
  } finally {
    await client.end();
  }
};

const databases = async (world: World): Promise<string[]> =>
  (await world.postgres.query<{ datname: string }>('SELECT datname FROM pg_database ORDER BY 1')).map(
    (row) => row.datname,
  );

export function mainJob(get: () => World): void {
  describe('a night over targets of which most are broken', () => {
    let world: World;
    let ended: Ended;
    let records: Map<string, BackupRecord>;
    const scheduledTime = '2026-11-21T03:59:00Z';
    const run = runId('daily', scheduledTime);

    beforeAll(async () => {
      world = get();
      ended = await world.run('nightly', { trigger: 'daily', scheduledTime });
      const all = await world.catalog.listBackups({ limit: 100 });
      records = new Map(all.filter((one) => one.runId === run).map((one) => [one.target, one]));
    });

    it('ends well, because a target that fails never stops another', () => {
      succeeded(ended);
      expect(records.get('shop')).toMatchObject({ status: 'COMPLETED', consistency: 'transaction' });
      expect(records.get('small')).toMatchObject({ status: 'COMPLETED' });
      expect([...records.keys()].sort()).toEqual([
        'closed-port',
        'ledger',
        'no-privilege',
        'no-secret',
        'shop',
        'small',
        'wrong-password',
      ]);
    });

    it.each([
      ['wrong-password', 'AUTH_FAILED'],
      ['no-privilege', 'PRIVILEGE_MISSING'],
      ['closed-port', 'CONNECT_FAILED'],
    ])('%s is FAILED with %s and keeps nothing in the vault', async (target, code) => {
      expect(records.get(target)).toMatchObject({ status: 'FAILED', failure: { code } });
      expect(await world.objects(target)).toEqual([]);
    });

    it('a missing secret is FAILED: told apart where the role may see that it is missing', () => {
      const record = records.get('no-secret');
      expect(record?.status).toBe('FAILED');
      expect(['SECRET_MISSING', 'SECRET_DENIED']).toContain(record?.failure?.code);
    });

    it('leaves no upload open', async () => {
      expect(await world.openUploads()).toEqual([]);
    });

    it('keeps archive, globals and, last, the manifest, encrypted with the vault’s key', async () => {
      const keys = await world.objects('shop');
      expect(keys.filter((key) => key.endsWith('/manifest.json'))).toHaveLength(1);
      expect(keys.filter((key) => key.includes('/a1/'))).toHaveLength(2);
    });

    it('is reported in one mail: failures first, with code and hint, and every target', async () => {
      const mail = await until('the report is there', async () =>
        (await world.stage.account.messages()).find((one) => one.text.includes('wrong-password')),
      );
      expect(mail.subject).toMatch(/4 of 7/);
      const at = (name: string): number => mail.text.indexOf(name);
      expect(at('wrong-password')).toBeLessThan(at('small'));
      for (const target of records.keys()) expect(mail.text).toContain(target);
      expect(mail.text).toContain('AUTH_FAILED');
      expect(mail.html).toContain('AUTH_FAILED');
    });

    it('delivered a second time makes no second backup and no second mail', async () => {
      const mails = (await world.stage.account.messages()).length;
      const before = (await world.catalog.listBackups({ limit: 100 })).length;
      succeeded(await world.run('nightly', { trigger: 'daily', scheduledTime }));
      expect((await world.catalog.listBackups({ limit: 100 })).length).toBe(before);
      expect((await world.stage.account.messages()).length).toBe(mails);
    });

    it('of the weekly schedule takes only weekly targets', async () => {
      const weekly = '2026-11-21T04:00:00Z';
      await world.run('nightly', { trigger: 'weekly', scheduledTime: weekly });
      const all = await world.catalog.listBackups({ limit: 100 });
      expect(all.filter((one) => one.runId === runId('weekly', weekly)).map((one) => one.target)).toEqual(['weekly']);
    });
  });

  describe('a mishap', () => {
    let world: World;
    let before: Awaited<ReturnType<typeof tableHashes>>;
    let restored: Ended;

    beforeAll(async () => {
      world = get();
      before = await hashesOf(world, 'shop');
      succeeded(await world.run('backup', { target: 'shop', trigger: 'user' }));
      await world.postgres.query(
        'DELETE FROM shop.order_lines WHERE order_id % 3 = 0; DROP TABLE shop.documents CASCADE',
        {
          database: 'shop',
        },
      );
      expect(await hashesOf(world, 'shop')).not.toEqual(before);
      restored = await world.run('restore', { target: 'shop', at: 'latest', mode: 'swap' });
    });

    it('is undone by a swap: every row of every table is back under the old name', async () => {
      expect(succeeded(restored).output).toMatchObject({ status: 'COMPLETED' });
      expect(await hashesOf(world, 'shop')).toEqual(before);
    });

    it('leaves the damaged database beside it, and a rollback brings that back under the name', async () => {
      const record = await world.catalog.getRestore(restored.id);
      expect(await databases(world)).toContain(record!.replacedDatabase);
      const rollback = await world.run('rollback', { restoreId: restored.id });
      succeeded(rollback);
      expect(await hashesOf(world, 'shop')).not.toEqual(before);
      expect((await world.catalog.getRestore(restored.id))?.status).toBe('ROLLED_BACK');
    });

    it('can be looked at in a new database while the old one serves on', async () => {
      const one = await world.run('restore', { target: 'shop', mode: 'new', database: 'shop_to_look_at' });
      succeeded(one);
      expect(await hashesOf(world, 'shop_to_look_at')).toEqual(before);
      expect(await hashesOf(world, 'shop')).not.toEqual(before);
    });

    it('does not touch a database that is there already', async () => {
      const one = await world.run('restore', { target: 'shop', mode: 'new', database: 'small' });
      expect(one).toMatchObject({ status: 'FAILED', error: 'DESTINATION_EXISTS' });
    });

    it('is not overwritten without its name said', async () => {
      const one = await world.run('restore', { target: 'small', mode: 'overwrite' });
      expect(one).toMatchObject({ status: 'FAILED', error: 'CONFIRM_REQUIRED' });
    });

    it('can be overwritten in place, after a safety backup', async () => {
      const whole = await hashesOf(world, 'small');
      await world.postgres.query('DELETE FROM shop.order_lines WHERE order_id % 2 = 0', { database: 'small' });
      const one = await world.run('restore', { target: 'small', mode: 'overwrite', confirm: 'small' });
      succeeded(one);
      expect(await hashesOf(world, 'small')).toEqual(whole);
      const record = await world.catalog.getRestore(one.id);
      expect(await world.catalog.getBackup('small', record!.safetyBackupId!)).toMatchObject({
        status: 'COMPLETED',
        trigger: 'admin',
      });
    });

    it('that took the whole database is undone too', async () => {
      const whole = await hashesOf(world, 'small');
      await world.run('backup', { target: 'small', trigger: 'user' });
      await world.postgres.query('DROP DATABASE small WITH (FORCE)');
      const one = await world.run('restore', { target: 'small', mode: 'swap' });
      succeeded(one);
      expect(await hashesOf(world, 'small')).toEqual(whole);
    });
  });
}
