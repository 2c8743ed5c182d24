import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import { restorePlannedShape } from '../../cli/shapes.ts';
import { parseConfig } from '../../core/config-read.ts';
import type { ConfigInput, DumpTarget } from '../../core/config.ts';
import { DUMP_ENGINES, ENGINES, type DumpEngine } from '../../core/engines.ts';
import { planLines, planRestore } from '../../cli/restore-plan.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { at, fakeWorld, KEY_ARN, manifestOf, NOW, putGood, recordOf, restoreOf, type FakeOptions } from './world.ts';
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
    expect(some.plan.steps.join()).toContain('restore the tables public.orders into shop');
    expect(some.plan.lost.what).toContain('all else there stays as it is');
    expect(some.text).toContain('The backup holds part of a database: the tables public.orders.');
    const swap = await planned(['--swap'], {}, part({ tables: ['public.orders'] }));
    expect([swap.exit, swap.plan.refused?.code]).toEqual([6, 'SCOPE_REFUSED']);
    expect(swap.text).toContain('Use mode `overwrite`');
    const rest = await planned(['--swap'], {}, part({ exclude: ['public.log'] }));
    expect(rest.plan.refused).toBeNull();
    expect(rest.text).toContain('without the rows of public.log: they are empty after the swap');
    const whole = await planned(overwrite);
    expect(whole.plan.steps.join()).toContain('restore the whole backup into shop');
  });

  it.each([['--table', 'public.orders'], ['--schema-only'], ['--data-only']])(
    'of part of a backup of plain SQL says that it would be refused, and why (%s)',
    async (...narrow) => {
      const plain = (manifest: Manifest) => ({ ...manifest, format: 'plain' });
      const { plan, exit, text } = await planned(['--overwrite', '--confirm', 'shop', ...narrow], {}, plain);
      expect([exit, plan.refused?.code]).toEqual([6, 'SCOPE_REFUSED']);
      expect(text).toContain('format plain is one script without a table of contents');
    },
  );

  it('of mode new ends no session and loses nothing', async () => {
    const { plan } = await planned([]);
    expect(plan.names).toEqual({
      restoredInto: 'shop_restored_<id>_nj_<id>',
      serves: 'shop_restored_<id>',
      oldKeptAs: null,
    });
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

const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf';
const login = { host: 'shop.example.org', database: 'shop', secret: SECRET };
const mount = { efs: { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0' } };
const file = { database: 'shop.db', storage: mount };
const FIELDS: Record<DumpEngine, object> = {
  postgres: login,
  mysql: login,
  mariadb: login,
  mongodb: login,
  sqlite: file,
  duckdb: file,
  myduck: { ...login, exchange: { bucket: 'shop-exchange', user: 'nightjar-exchange' } },
};

/** The plan of a restore of `shop` by an engine, from a backup of its own. */
function planOf(
  engine: DumpEngine,
  input: Partial<RestoreInput> = {},
  { held, fields = {}, from = engine }: { held?: Manifest['scope']; fields?: object; from?: DumpEngine } = {},
) {
  const targets = [{ name: 'shop', engine, ...FIELDS[engine], ...fields }] as ConfigInput['targets'];
  const config = parseConfig({
    schedule: { nightly: '02:30', timeZone: 'Europe/Zurich' },
    mail: { from: 'nightjar@example.org', to: ['oncall@example.org'] },
    network: { create: true },
    targets,
  });
  const destination = config.targets[0] as DumpTarget;
  const mode = input.mode ?? 'new';
  const backup = recordOf(6, { engine: from });
  const manifest: Manifest = {
    ...manifestOf(backup),
    engine: from,
    format: 'custom',
    ...(held ? { scope: held } : {}),
  };
  const confirm = mode === 'overwrite' ? { confirm: destination.database } : {};
  const archive = { state: 'here', frozenObjects: 0, frozenBytes: 0, thawHours: null } as const;
  const plan = planRestore({
    config,
    destination,
    input: { target: 'shop', at: 'latest', ...confirm, ...input, mode },
    backup,
    manifest,
    archive,
    restores: [],
    now: NOW,
  });
  return { plan, steps: plan.steps.join('\n'), text: planLines(plan).join('\n') };
}

/** What PostgreSQL does and nobody else. */
const POSTGRES_ONLY = [/End all sessions/, /Exchange the names in one transaction/, /roles of the backup/];

describe('the plan tells each engine’s own story', () => {
  const modes = DUMP_ENGINES.flatMap((engine) => ENGINES[engine].modes.map((mode) => [engine, mode] as const));
  it.each(modes)('of %s by %s nothing is PostgreSQL’s that is not its own', (engine, mode) => {
    const { text, plan } = planOf(engine, { mode });
    expect(plan.refused).toBeNull();
    expect(restorePlannedShape.safeParse({ command: 'restore', ok: true, exitCode: 0, plan }).success).toBe(true);
    for (const words of POSTGRES_ONLY)
      if (engine === 'postgres' && mode === 'swap') expect(text).toMatch(words);
      else if (engine !== 'postgres') expect(text).not.toMatch(words);
    const at = (step: RegExp): number => plan.steps.findIndex((one) => step.test(one));
    // Rows are compared before the name is given.
    expect(at(/^Compare every restored table/)).toBeGreaterThan(0);
    expect(at(/^Compare every restored table/)).toBeLessThan(plan.steps.length - 1);
    expect(at(/safety backup/)).toBe(mode === 'overwrite' ? 0 : -1);
  });

  it.each([
    ['postgres', 'new', /Rename shop_restored_<id>_nj_<id> to shop_restored_<id>/],
    ['postgres', 'overwrite', /In one transaction, restore the whole backup into shop/],
    ['mysql', 'swap', /one RENAME TABLE: those of shop move to shop_old_<id>, those of shop_nj_<id> to shop/],
    ['mariadb', 'overwrite', /one RENAME TABLE[^]*Drop shop_old_<id>/],
    ['mongodb', 'swap', /one after the other, by two renames[^]*Copy what they replaced out to shop_old_<id>/],
    ['sqlite', 'swap', /Under a lock that keeps writers out[^]*shop.db becomes shop.db_old_<id>/],
    ['sqlite', 'overwrite', /SQLite’s own restore, under an exclusive lock/],
    ['duckdb', 'overwrite', /While no other process can write[^]*Remove shop.db_old_<id>/],
    ['myduck', 'new', /RESTORE DATABASE shop_restored_<id>/],
  ] as const)('of %s by %s it says how', (engine, mode, words) => {
    expect(planOf(engine, { mode }).steps).toMatch(words);
  });

  it('of an object says that it is copied, and that no lock keeps anybody out', () => {
    const { steps, plan } = planOf(
      'sqlite',
      { mode: 'swap' },
      { fields: { storage: { s3: { bucket: 'shop-data' } } } },
    );
    expect(steps).toContain('Copy shop.db to shop.db_old_<id>');
    expect(steps).not.toContain('lock');
    expect(plan.sessions).toContain('gives up');
  });

  it.each([
    ['postgres', 'swap', true],
    ['mysql', 'swap', true],
    ['mysql', 'overwrite', true],
    ['mysql', 'new', false],
    ['mongodb', 'swap', false],
    ['sqlite', 'swap', false],
    ['duckdb', 'overwrite', false],
  ] as const)('of %s by %s says whether sessions are ended', (engine, mode, ended) => {
    const { plan, text } = planOf(engine, { mode });
    expect(plan.endsSessions).toBe(ended);
    expect(text).toContain(`Sessions  ${plan.sessions}`);
  });

  it.each(['mongodb', 'sqlite', 'duckdb', 'myduck'] as const)(
    'of %s refuses to change owners, with a reason',
    (engine) => {
      for (const asked of [{ noOwner: true }, { roleMap: { app: 'shop_app' } }]) {
        const { plan } = planOf(engine, asked);
        expect(plan.refused).toMatchObject({ code: 'INPUT_INVALID' });
        expect(plan.refused?.detail).toMatch(/role map: .*(no owners|belongs to nobody)/);
        expect(plan.notes.join(' ')).not.toContain('shop_app');
      }
    },
  );
  it('says what a role map means where there are owners', () => {
    const roleMap = { app: 'shop_app' };
    expect(planOf('postgres', { roleMap }).plan.notes.join()).toContain(
      'What app owned or was granted goes to shop_app',
    );
    expect(planOf('mysql', { roleMap }).plan.notes.join()).toContain('What is defined by app');
  });

  it.each(['postgres', 'mysql', 'mongodb', 'sqlite', 'duckdb'] as const)(
    'of %s some tables over the living database say that the others stay',
    (engine) => {
      const { plan } = planOf(engine, { mode: 'overwrite', scope: { tables: ['public.orders'] } });
      expect(plan.refused).toBeNull();
      expect(plan.lost.what).toContain('all else there stays as it is');
      expect(plan.steps.join(' ')).toContain('1 table)');
    },
  );

  it.each([
    ['mongodb', /all other collections stay/, /time series/],
    ['sqlite', /replace the tables of the backup, and leave all others as they are/, /own restore/],
    ['duckdb', /with all others as they are/, /read it with DuckDB/],
  ] as const)('of %s an overwrite from all tables but some leaves those as they are', (engine, words, whole) => {
    const { plan, steps } = planOf(engine, { mode: 'overwrite' }, { held: { exclude: ['log'] } });
    expect(plan.refused).toBeNull();
    expect(steps).toMatch(words);
    expect(steps).not.toMatch(whole);
    expect(planOf(engine, { mode: 'overwrite' }).steps).toMatch(whole);
  });

  it('of MyDuck’s backup into DuckDB takes a part, as MyDuck’s own refusal advises', () => {
    const { plan } = planOf('duckdb', { scope: { tables: ['orders'] } }, { from: 'myduck' });
    expect(plan.refused).toBeNull();
  });

  it('of a backup that holds a part says so, and that a swap would be refused', () => {
    const held = { tables: ['public.orders'] };
    const { plan } = planOf('mysql', { mode: 'overwrite' }, { held });
    expect(plan.notes.join(' ')).toContain('part of a database: the tables public.orders');
    expect(plan.steps.join(' ')).toContain('the tables public.orders');
    expect(plan.lost.what).toContain('all else there stays');
    expect(planOf('mysql', { mode: 'swap' }, { held }).plan.refused).toMatchObject({ code: 'SCOPE_REFUSED' });
    expect(planOf('sqlite', { mode: 'overwrite' }, { held: { schemaOnly: true } }).plan.refused?.detail).toContain(
      'overwrite rows with nothing',
    );
  });
});
