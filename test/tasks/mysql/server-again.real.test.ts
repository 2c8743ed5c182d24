/** A restore of all databases whose task died, started again: nobody is left half-made, and nobody who was there gets more. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../core/backup.ts';
import { manifestOfDatabase } from '../../../core/server-backup.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { memorySource, type MemoryBackup } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { engineOf, ident, rowsOf } from './harness.ts';
import { MAKE_USERS, dyingAfter, leave, room, type Room } from './room.ts';

const USERS = ["'reader'@'%'", "'it''s'@'10.0.0.%'"];
const DATABASES = ['shop', 'log', 'odd `x'];

describe.each(['mariadb', 'mysql'] as const)('a restore of a whole server of %s that died', (flavour) => {
  let here: Room;
  let there: Room;
  let made: { manifest: Manifest; backup: MemoryBackup };
  const sql = ({ server: { server } }: Room, text: string) => server.query<Record<string, string>>(text);
  const job = (more: Partial<RestoreJob> = {}) => there.bench.restoreJob('all', 'new', { allDatabases: true, ...more });
  const whole = (one: RestoreJob, more: Parameters<Room['bench']['context']>[1] = {}) =>
    there.bench.restoreBackup(one, made.manifest, made.backup, more);
  const source = () => memorySource(made.manifest, made.backup);
  const grantsOf = async (where: Room, who: string): Promise<string[]> =>
    (await sql(where, `SHOW GRANTS FOR ${who}`)).map((row) => Object.values(row)[0]!).sort();
  const hashOf = async (where: Room, who: string): Promise<string> =>
    (await sql(where, `SELECT authentication_string AS hash FROM mysql.user WHERE User = '${who}'`))[0]!.hash!;
  const expectAll = async (): Promise<void> => {
    for (const who of [...USERS, 'readers']) expect(await grantsOf(there, who), who).toEqual(await grantsOf(here, who));
    expect(await hashOf(there, 'reader')).toBe(await hashOf(here, 'reader'));
    expect((await there.server.databases()).filter((name) => name.includes('_nj_'))).toEqual([]);
  };

  beforeAll(async () => {
    [here, there] = await Promise.all([room(flavour), room(flavour)]);
    for (const name of DATABASES)
      await sql(
        here,
        `CREATE DATABASE ${ident(name)};
         CREATE TABLE ${ident(name)}.t (id int PRIMARY KEY, x int); INSERT INTO ${ident(name)}.t VALUES (1, 1), (2, 2);
         CREATE PROCEDURE ${ident(name)}.tell() SELECT 1`,
      );
    await sql(
      here,
      [
        ...MAKE_USERS,
        "GRANT readers TO reader@'%'",
        `SET DEFAULT ROLE readers ${flavour === 'mysql' ? 'TO' : 'FOR'} reader@'%'`,
        "GRANT ALL ON shop.* TO 'it''s'@'10.0.0.%' WITH GRANT OPTION",
        'GRANT SELECT ON shop.* TO readers',
        ...DATABASES.flatMap((name) => [
          `GRANT SELECT (id), UPDATE ON ${ident(name)}.t TO reader@'%'`,
          `GRANT EXECUTE ON PROCEDURE ${ident(name)}.tell TO reader@'%'`,
          `GRANT INSERT ON ${ident(name)}.t TO readers, kept@'%'`,
        ]),
      ].join(';'),
    );
    const target = here.server.target('shop', { scope: { allDatabases: true } });
    made = await here.bench.dump('all', { target });
    expect(made.manifest.databases!.map((one) => one.database).sort()).toEqual([...DATABASES].sort());
  });
  /** Somebody who is like the backup's in everything, and may do nothing any more. */
  const keep = async (): Promise<void> => {
    const [create] = await sql(here, "SHOW CREATE USER kept@'%'");
    await sql(there, Object.values(create!)[0]!.replace(/^CREATE USER/, 'CREATE USER IF NOT EXISTS'));
  };
  afterEach(async () => {
    for (const name of await there.server.databases())
      if (DATABASES.includes(name) || name.includes('_nj_')) await there.server.dropDatabase(name);
    await sql(there, `DROP USER IF EXISTS ${[...USERS, "'kept'@'%'"].join(', ')}; DROP ROLE IF EXISTS readers`);
  });
  afterAll(async () => {
    await leave(here);
    await leave(there);
  });

  it('has every user with every right in the end, at whatever statement it died', async () => {
    let deaths = 0;
    for (let messages = 1; ; messages += 4) {
      await keep();
      const one = job();
      const dying = await dyingAfter(there, 'all', messages);
      const context = there.bench.context('all', dying.context);
      context.report.phase('renaming');
      const died = await engineOf(flavour).restoreGlobals!(context, source(), one).then(
        () => false,
        () => true,
      );
      await dying.close();
      if (!died) break;
      deaths += 1;
      const own = there.bench.context('all');
      const again = (await engineOf(flavour).restoreGlobals!(own, source(), one))!;
      for (const name of DATABASES)
        await again.bring(name, async () => {
          await sql(
            there,
            `CREATE DATABASE ${ident(name)}; CREATE TABLE ${ident(name)}.t (id int PRIMARY KEY, x int);
             CREATE PROCEDURE ${ident(name)}.tell() SELECT 1`,
          );
          return { restoredDatabase: name, comparison: {} as never };
        });
      await again.end();
      await expectAll();
      expect(await grantsOf(there, "kept@'%'"), `${messages}`).toHaveLength(1);
      expect(own.report.warnings.join('\n')).toContain('left as they are: `kept`@`%`, `root`@`%`');
      for (const name of DATABASES) await there.server.dropDatabase(name);
      await sql(there, `DROP USER ${USERS.join(', ')}; DROP ROLE readers`);
    }
    expect(deaths).toBeGreaterThan(5);
  });

  const dyingAt = (words: string) => {
    const death = new AbortController();
    const context = there.bench.context('all', { signal: death.signal });
    const phase = context.report.phase.bind(context.report);
    context.report.phase = (text) => {
      phase(text);
      if (text.startsWith(words)) death.abort(new Error('died'));
    };
    return context;
  };

  it('goes on with the database at which it died, and takes those that it had brought for back', async () => {
    await keep();
    const one = job();
    await expect(whole(one, dyingAt('database 2 of 3'))).rejects.toThrow('died');
    const [first, ...others] = made.manifest.databases!.map((held) => held.database);
    await sql(there, `INSERT INTO ${ident(first!)}.t VALUES (3, 3)`);
    const outcome = await whole(one);
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 3, rowsFound: 6 });
    for (const name of others)
      expect(await rowsOf(there.server.server, name), name).toEqual(await rowsOf(here.server.server, name));
    expect(await sql(there, `SELECT * FROM ${ident(first!)}.t`)).toHaveLength(3);
    await expectAll();
    expect(await grantsOf(there, "kept@'%'")).toHaveLength(1);
  });

  it('and is asked for anew gives its own users their rights on what comes then, and leaves what is there', async () => {
    await keep();
    await expect(whole(job(), dyingAt('database 2 of 3'))).rejects.toThrow('died');
    const [first] = made.manifest.databases!;
    const failed = await failure(whole(job()));
    expect(failed).toMatchObject({
      code: 'DESTINATION_EXISTS',
      detail: expect.stringContaining(`left as they are: ${first!.database}.`) as string,
    });
    for (const who of [...USERS, 'readers']) expect(await grantsOf(there, who), who).toEqual(await grantsOf(here, who));
    expect(await grantsOf(there, "kept@'%'")).toHaveLength(1);
  });

  it('right after a database had its name knows it by its rows', async () => {
    const one = job();
    const context = there.bench.context('all');
    const engine = engineOf(flavour);
    const part = memorySource(manifestOfDatabase(made.manifest, 'shop'), made.backup);
    const server = (await engine.restoreGlobals!(context, source(), one))!;
    const restored = server.bring('shop', async () => {
      await engine.restore(context, { ...one, database: 'shop' }, part);
      throw new Error('died');
    });
    await expect(restored).rejects.toThrow('died');
    const outcome = await whole(one);
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 3 });
    expect(outcome.warnings.join('\n')).toContain('had brought shop back');
    await expectAll();
  });

  it('but not when somebody has made one of that name meanwhile', async () => {
    const one = job();
    const context = there.bench.context('all');
    const server = (await engineOf(flavour).restoreGlobals!(context, source(), one))!;
    await expect(server.bring('shop', () => Promise.reject(new Error('died')))).rejects.toThrow('died');
    await sql(there, 'CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, x int)');
    expect(await failure(whole(one))).toMatchObject({ code: 'DESTINATION_EXISTS' });
    expect(await sql(there, 'SELECT * FROM shop.t')).toEqual([]);
  });

  it('leaves a user whom somebody has altered since as it is, and says so', async () => {
    const one = job();
    await engineOf(flavour).restoreGlobals!(there.bench.context('all'), source(), one);
    await sql(there, "ALTER USER reader@'%' IDENTIFIED BY 'Mine-1'");
    const before = await grantsOf(there, "reader@'%'");
    const outcome = await whole(one);
    expect(outcome.warnings.join('\n')).toMatch(/left as they are: .*`reader`@`%`/);
    expect(await grantsOf(there, "reader@'%'")).toEqual(before);
    expect(await hashOf(there, 'reader')).not.toBe(await hashOf(here, 'reader'));
  });

  it('takes nobody for its own any more once another restore has brought all of it back', async () => {
    await engineOf(flavour).restoreGlobals!(there.bench.context('all'), source(), job());
    await whole(job());
    await sql(there, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'it''s'@'10.0.0.%', reader@'%'");
    const bare = await grantsOf(there, "reader@'%'");
    for (const name of DATABASES) await there.server.dropDatabase(name);
    const outcome = await whole(job());
    expect(outcome.warnings.join('\n')).toMatch(/left as they are: .*`reader`@`%`/);
    expect(await grantsOf(there, "reader@'%'")).toEqual(bare);
  });

  it('keeps what it needs for that out of backups, and leaves it to be dropped', async () => {
    const one = job();
    await expect(whole(one, dyingAt('database 2 of 3'))).rejects.toThrow('died');
    const left = await there.bench.engine.unfinished!(there.bench.context('all'), one.id);
    expect(left.join()).toContain('nightjar_made_nj_');
    const target = there.server.target('shop', { scope: { allDatabases: true } });
    const { manifest } = await there.bench.dump('all', { target });
    expect(manifest.databases!.map((held) => held.database).join()).not.toContain('nightjar_made');
  });
});
