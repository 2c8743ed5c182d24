/** Rows alone, and parts of a backup over a living database: what comes back, what stays, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aliasDatabase } from '../../../core/names.ts';
import { listeningReporter, memorySource } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { rowsOf, runAll, type FamilyServer } from './harness.ts';
import { count, leave, room, type Room } from './room.ts';

describe.each(['mariadb', 'mysql'] as const)('with %s', (flavour) => {
  let here: Room;
  let whole: Awaited<ReturnType<Room['bench']['dump']>>;
  let original: Awaited<ReturnType<FamilyServer['rowsOf']>>;
  const sql = (text: string) => here.server.server.query(text, 'shop');
  const restore = (scope: object | undefined, made = whole, more: object = {}) =>
    here.bench.restore(
      here.bench.restoreJob('shop', 'overwrite', { ...(scope && { scope }), ...more }),
      memorySource(made.manifest, made.backup),
    );
  const dumpOf = (scope: object) => here.bench.dump('shop', { target: here.server.target('shop', { scope }) });
  beforeAll(async () => {
    here = await room(flavour);
    await here.server.seed('shop');
    await runAll(here.server.server, 'shop', ['DROP TRIGGER child_in_2', 'DROP TRIGGER child_in']);
    whole = await here.bench.dump('shop');
    original = await here.server.rowsOf('shop');
  });
  afterAll(() => leave(here));
  const damage = () =>
    runAll(here.server.server, 'shop', [
      'DELETE FROM parent WHERE id = 2',
      "UPDATE scalars SET c_text = 'damaged'",
      'INSERT INTO big VALUES (-1, NULL)',
      'DELETE FROM computed',
      "UPDATE stamps SET at = '2000-01-01'",
    ]);

  it('backs rows up without a definition, and puts them in the place of the living ones', async () => {
    const rows = await dumpOf({ dataOnly: true });
    expect(rows.manifest.fingerprint.tables).toEqual(whole.manifest.fingerprint.tables);
    await damage();
    const outcome = await restore(undefined, rows);
    expect(outcome.comparison).toMatchObject({ equal: true, mode: 'checksums' });
    expect(await here.server.rowsOf('shop')).toEqual(original);
    expect((await here.server.databases()).filter((name) => name.includes('_nj_'))).toEqual([]);
  });

  it('brings the rows of a whole backup back, and leaves later definitions alone', async () => {
    await damage();
    await sql(
      'CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1); ALTER TABLE parent ADD KEY later (name, up)',
    );
    await restore({ dataOnly: true });
    expect(await count(here, 'shop', 'later')).toBe(1);
    await sql('DROP TABLE later; ALTER TABLE parent DROP KEY later');
    expect(await here.server.rowsOf('shop')).toEqual(original);
  });

  it('brings some tables back, and touches no other', async () => {
    await damage();
    const outcome = await restore({ tables: ['parent', 'big'] });
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 2 });
    const found = await here.server.rowsOf('shop');
    for (const table of ['parent', 'big']) expect(found[table]).toEqual(original[table]);
    for (const table of ['scalars', 'computed', 'stamps']) expect(found[table]).not.toEqual(original[table]);
    await restore({ dataOnly: true });
    expect(await here.server.rowsOf('shop')).toEqual(original);
  });

  it('takes up what died, before and after the rows were replaced', async () => {
    for (const step of ['restoring', 'comparing rows', 'replacing rows']) {
      await damage();
      const job = here.bench.restoreJob('shop', 'overwrite', { scope: { dataOnly: true } });
      const death = new AbortController();
      const report = listeningReporter((text) => {
        if (text === step) death.abort(new Error(`died while ${step}`));
      });
      const source = () => memorySource(whole.manifest, whole.backup);
      await expect(here.bench.restore(job, source(), { signal: death.signal, report }), step).rejects.toThrow(
        `died while ${step}`,
      );
      expect(await here.server.rowsOf('shop'), step).not.toEqual(original);
      await here.bench.restore(job, source());
      expect(await here.server.rowsOf('shop'), step).toEqual(original);
      // As if its answer had been lost: what was written since stays.
      await here.server.server.query(
        `CREATE DATABASE \`${aliasDatabase('shop', job.id)}\`; CREATE TABLE \`${aliasDatabase('shop', job.id)}\`._nightjar_restore (k varchar(20) PRIMARY KEY, v longtext); INSERT INTO \`${aliasDatabase('shop', job.id)}\`._nightjar_restore VALUES ('replaced', '1')`,
      );
      await sql("INSERT INTO log (what) VALUES ('since')");
      expect((await here.bench.restore(job, source())).comparison.equal).toBe(true);
      expect(await count(here, 'shop', 'log')).toBe(original.log!.length + 1);
      await sql("DELETE FROM log WHERE what = 'since'");
      expect(await here.server.databases()).not.toContain(aliasDatabase('shop', job.id));
    }
  });

  it('changes nothing when a row can not come in', async () => {
    await damage();
    // One table has lost a column since, another has one more, of which the backup's checksum knows nothing.
    await sql('ALTER TABLE computed DROP COLUMN b; ALTER TABLE no_key ADD COLUMN c int DEFAULT 1');
    const before = await here.server.rowsOf('shop');
    expect((await failure(restore({ tables: ['parent', 'computed'] }))).code).toBe('RESTORE_FAILED');
    expect((await failure(restore({ tables: ['parent', 'no_key'] }))).code).toBe('FINGERPRINT_DIFFERS');
    expect(await here.server.rowsOf('shop')).toEqual(before);
    expect((await here.server.databases()).filter((name) => name.includes('_nj_'))).toEqual([]);
    await sql('ALTER TABLE computed ADD COLUMN b text AFTER s; ALTER TABLE no_key DROP COLUMN c');
    await restore({ dataOnly: true });
    expect(await here.server.rowsOf('shop')).toEqual(original);
  });

  it.each([
    ['rows beside the original', { scope: { dataOnly: true } }, 'new', 'SCOPE_REFUSED', 'use `overwrite`'],
    ['a swap of some tables', { scope: { tables: ['big'] } }, 'swap', 'SCOPE_REFUSED', 'whole database'],
    ['definitions over a living database', { scope: { schemaOnly: true } }, 'overwrite', 'SCOPE_REFUSED', 'mode `new`'],
    ['a table that the backup lacks', { scope: { tables: ['nope'] } }, 'overwrite', 'INPUT_INVALID', 'nope'],
  ] as const)('refuses %s', async (_what, more, mode, code, words) => {
    const failed = await failure(
      here.bench.restore(
        here.bench.restoreJob('shop', mode, more as never),
        memorySource(whole.manifest, whole.backup),
      ),
    );
    expect([failed.code, failed.detail]).toEqual([code, expect.stringContaining(words)]);
  });

  it('never lets part of a database replace the whole one', async () => {
    const some = await dumpOf({ tables: ['big', 'parent'] });
    const rest = await dumpOf({ exclude: ['big'] });
    const bare = await dumpOf({ schemaOnly: true });
    const swap = (made: typeof some) =>
      failure(here.bench.restore(here.bench.restoreJob('shop', 'swap'), memorySource(made.manifest, made.backup)));
    expect((await swap(some)).code).toBe('SCOPE_REFUSED');
    expect((await swap(bare)).code).toBe('SCOPE_REFUSED');
    expect((await failure(restore(undefined, rest))).code).toBe('SCOPE_REFUSED');
    await damage();
    // Of a part of a backup: its tables.
    expect((await restore(undefined, some)).comparison).toMatchObject({ equal: true, tablesCompared: 2 });
    await restore({ dataOnly: true });
    expect(await here.server.rowsOf('shop')).toEqual(original);
  });

  it('refuses rows whose triggers would act, whose tables are gone or in no transaction', async () => {
    await sql('CREATE TRIGGER acts BEFORE INSERT ON big FOR EACH ROW SET NEW.filler = 1');
    const acting = await failure(restore({ tables: ['big'] }));
    expect([acting.code, acting.detail]).toEqual(['RESTORE_REFUSED', expect.stringContaining('acts of big')]);
    await sql('DROP TRIGGER acts; ALTER TABLE no_key ENGINE = MyISAM');
    const unsafe = await failure(restore({ tables: ['no_key'] }));
    expect([unsafe.code, unsafe.detail]).toEqual(['RESTORE_REFUSED', expect.stringContaining('no_key (MyISAM)')]);
    await sql('ALTER TABLE no_key ENGINE = InnoDB; RENAME TABLE big TO gone');
    const missing = await failure(restore({ tables: ['big'] }));
    expect([missing.code, missing.detail]).toEqual(['RESTORE_REFUSED', expect.stringContaining('has no big')]);
    await sql('RENAME TABLE gone TO big');
    expect(await here.server.rowsOf('shop')).toEqual(original);
  });

  it('sets a charset that code was written under on the copy, never on the original', async () => {
    await here.server.server.query('CREATE DATABASE sets CHARACTER SET latin1');
    await runAll(here.server.server, 'sets', [
      'CREATE TABLE t (id int)',
      "CREATE PROCEDURE p() SELECT 'x'",
      'ALTER DATABASE sets CHARACTER SET utf8mb4',
    ]);
    const { manifest, backup } = await here.bench.dump('sets');
    await here.server.server.query('ALTER DATABASE sets CHARACTER SET ascii');
    const before = await rowsOf(here.server.server, 'sets');
    await here.bench.restore(here.bench.restoreJob('sets2', 'new'), memorySource(manifest, backup));
    expect(await rowsOf(here.server.server, 'sets')).toEqual(before);
    await here.server.dropDatabase('sets');
    // And where the original is gone.
    await here.bench.restore(here.bench.restoreJob('sets3', 'new'), memorySource(manifest, backup));
    const [found] = await here.server.server.query<{ c: string }>(
      "SELECT default_character_set_name AS c FROM information_schema.schemata WHERE schema_name = 'sets3'",
    );
    expect(found!.c).toBe('utf8mb4');
  });
});
