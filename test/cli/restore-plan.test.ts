import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import { restorePlannedShape } from '../../cli/shapes.ts';
import { at, fakeWorld, KEY_ARN, manifestOf, putGood, restoreOf, type FakeOptions } from './world.ts';
import { ofServer } from '../lambdas/support/world.ts';

async function planned(
  argv: string[],
  options: FakeOptions = {},
  change: (manifest: Manifest) => Manifest = (manifest) => manifest,
) {
  const manifests: Manifest[] = [];
  const world = fakeWorld({ manifests, ...options });
  const good = await putGood(world.store, 6.5);
  manifests.push(change(manifestOf(good)));
  await world.store.openRestore(restoreOf(100));
  const exit = await world.run('restore', 'shop', '--plan', '--json', ...argv);
  const { plan } = restorePlannedShape.parse(world.json());
  world.lines.length = 0;
  await world.run('restore', 'shop', '--plan', ...argv);
  expect(world.starts).toEqual([]);
  return { plan, exit, text: world.text(), good };
}

describe('nightjar restore --plan', () => {
  it('of a swap says the names, the sessions, and what will be missing but kept', async () => {
    const { plan, exit, text, good } = await planned(['--swap']);
    expect(exit).toBe(0);
    expect(plan.backup).toMatchObject({ id: good.backupId, rows: 1_234_567, storedBytes: 5_000_000 });
    expect(plan.names).toEqual({ restoredInto: 'shop_nj_<id>', serves: 'shop', oldKeptAs: 'shop_old_<id>' });
    expect(plan.endsSessions).toBe(true);
    expect(plan.lost).toMatchObject({ since: at(6.5), seconds: 6.5 * 3_600 });
    expect(plan.lost.what).toContain('in the last 6 h 30 min (since 2026-11-21 02:30:00 UTC)');
    expect(plan.lost.what).toContain('for 7 days');
    expect(plan.lastRestore?.seconds).toBe(1_800);
    expect(text).toContain('took 30 min 00 s');
    expect(text).toContain('This is a plan: nothing has been done.');
    expect(text).toMatch(/shop becomes shop_old_<id>, shop_nj_<id> becomes shop/);
  });

  it('of an overwrite says that only the safety backup will hold what is there', async () => {
    const { plan, exit, text } = await planned(['--overwrite', '--confirm', 'shop']);
    expect([exit, plan.refused]).toEqual([0, null]);
    expect(plan.steps.some((step) => step.startsWith('Take a safety backup of shop'))).toBe(true);
    expect(text).toContain('Only the safety backup');
  });

  it('of an overwrite without confirm still shows everything, and says that it would be refused', async () => {
    const { plan, exit, text } = await planned(['--overwrite']);
    expect([exit, plan.refused?.code]).toEqual([6, 'CONFIRM_REQUIRED']);
    expect(plan.steps.length).toBeGreaterThan(2);
    expect(text).toContain('--confirm shop');
  });

  it('of a backup that holds a part says what comes back, what is left alone, and what would be refused', async () => {
    const part = (scope: Manifest['scope']) => (manifest: Manifest) => ({ ...manifest, scope });
    const overwrite = ['--overwrite', '--confirm', 'shop'];
    const some = await planned(overwrite, {}, part({ tables: ['public.orders'] }));
    expect(some.plan.refused).toBeNull();
    expect(some.plan.steps.join()).toContain('Restore the tables public.orders into shop');
    expect(some.plan.lost.what).toContain('all else there stays as it is');
    expect(some.text).toContain('The backup holds part of a database: the tables public.orders.');
    const swap = await planned(['--swap'], {}, part({ tables: ['public.orders'] }));
    expect([swap.exit, swap.plan.refused?.code]).toEqual([6, 'SCOPE_REFUSED']);
    expect(swap.text).toContain('Use mode `overwrite`');
    const rest = await planned(['--swap'], {}, part({ exclude: ['public.log'] }));
    expect(rest.plan.refused).toBeNull();
    expect(rest.text).toContain('without the rows of public.log: they are empty after the swap');
    const whole = await planned(overwrite);
    expect(whole.plan.steps.join()).toContain('Restore the whole backup into shop, replacing what is there, in one');
  });

  it('of mode new ends no session and loses nothing', async () => {
    const { plan } = await planned([]);
    expect(plan.names).toEqual({ restoredInto: 'shop_restored_<id>', serves: 'shop_restored_<id>', oldKeptAs: null });
    expect(plan.endsSessions).toBe(false);
    expect(plan.lost.what).toMatch(/^Nothing/);
  });

  it('of one database of a whole server says what is in that one', async () => {
    const { plan } = await planned(['--from-database', 'log', '--database', 'log_copy'], {}, ofServer(['shop', 'log']));
    expect(plan.refused).toBeNull();
    expect(plan.backup).toMatchObject({ tables: 1, rows: 12, databaseBytes: 1 });
    expect(plan.names.serves).toBe('log_copy');
  });

  it('of a database that the backup does not hold names those that it holds', async () => {
    const { plan, exit } = await planned(['--from-database', 'ledger'], {}, ofServer(['shop', 'log']));
    expect(exit).toBe(2);
    expect(plan.refused?.detail).toContain('it holds shop, log');
  });

  it('of all databases of a backup of one says that it would be refused', async () => {
    const { plan } = await planned(['--all-databases']);
    expect(plan.refused?.code).toBe('SCOPE_REFUSED');
  });

  it('of archived objects says how long the thaw takes', async () => {
    const { plan, text } = await planned(['--swap'], {
      head: () => ({ bytes: 5_000_000, crc32: undefined, keyArn: KEY_ARN, access: 'frozen' }),
    });
    expect(plan.archive).toMatchObject({ state: 'frozen', frozenObjects: 1, thawHours: [3, 5] });
    expect(plan.steps[0]).toMatch(/^Thaw 1 object .*3 to 5 hours/);
    expect(text).toContain('3 to 5 h of thawing come before');
  });

  it('of one archived database of a whole server tells of the thaw of that one alone', async () => {
    const frozen = () => ({ bytes: 1, crc32: undefined, keyArn: KEY_ARN, access: 'frozen' as const });
    const parted = (manifest: Manifest): Manifest => {
      const [first] = manifest.objects;
      const objects = ['shop', 'log'].map((database, at) => ({ ...first!, database, key: database, bytes: 7 + at }));
      return { ...ofServer(['shop', 'log'])(manifest), objects };
    };
    const plan = async (...argv: string[]) => (await planned(argv, { head: frozen }, parted)).plan;
    const one = await plan('--from-database', 'log', '--database', 'log_copy');
    expect(one.archive).toMatchObject({ state: 'frozen', frozenObjects: 1, frozenBytes: 8 });
    expect(one.backup.storedBytes).toBe(8);
    expect(one.steps[0]).toMatch(/^Thaw 1 object \(8 B\)/);
    expect((await plan('--all-databases')).archive).toMatchObject({ frozenObjects: 2, frozenBytes: 15 });
    const here = await planned(
      ['--from-database', 'log', '--database', 'log_copy'],
      { head: (key) => (key === 'shop' ? frozen() : { ...frozen(), access: 'here' }) },
      parted,
    );
    expect(here.plan.archive).toMatchObject({ state: 'here', frozenObjects: 0, thawHours: null });
  });

  it('for a person who may not ask the vault says that it does not know', async () => {
    const { plan } = await planned(['--swap'], {
      head: () => {
        throw new NightjarError('VAULT_DENIED');
      },
    });
    expect(plan.archive.state).toBe('unknown');
    expect(plan.notes.join(' ')).toContain('You may not ask the vault');
  });

  it('of an encrypted backup says which secret must hold an identity, and when restores may not read it', async () => {
    const secret = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:identity-AbCdEf';
    const recipient = `age1${'q'.repeat(58)}`;
    const login = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf';
    const notes = async (identity: string): Promise<string> => {
      const manifests: Manifest[] = [];
      const encryption = { recipients: [recipient], identity };
      const shop = {
        name: 'shop',
        engine: 'postgres',
        host: 'shop.example.org',
        database: 'shop',
        secret: login,
      } as const;
      const world = fakeWorld({ manifests, config: { targets: [{ ...shop, encryption }] } });
      const good = await putGood(world.store, 6);
      manifests.push({ ...manifestOf(good), encryption: { format: 'age', recipients: [recipient], identity: secret } });
      expect(await world.run('restore', 'shop', '--swap', '--plan', '--json')).toBe(0);
      return restorePlannedShape.parse(world.json()).plan.notes.join('\n');
    };
    expect(await notes(secret)).toContain(`encrypted with age for ${recipient}: the task needs the identity`);
    expect(await notes(secret)).toContain(secret);
    expect(await notes(secret)).not.toContain('no more');
    expect(await notes(login)).toContain(`names ${secret} no more`);
  });

  it('of an object that is gone from the vault does not pretend it is there', async () => {
    const world = fakeWorld({ head: () => undefined, manifests: [] });
    const good = await putGood(world.store, 6);
    const gone = fakeWorld({ head: () => undefined, manifests: [manifestOf(good)] });
    await putGood(gone.store, 6);
    expect(await gone.run('restore', 'shop', '--plan', '--json')).toBe(1);
    expect(gone.json()).toMatchObject({ ok: false, failure: { code: 'OBJECT_MISSING' } });
  });
});
