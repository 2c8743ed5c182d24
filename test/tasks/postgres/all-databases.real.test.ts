/** Every database of a server in one backup, with its roles: all of it comes back to a server that has nothing left. */
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../core/backup.ts';
import { manifestOfDatabase } from '../../../core/server-backup.ts';
import { postgres } from '../../../tasks/engines/postgres.ts';
import { manifestOf, memoryBackup, memorySource, type MemoryBackup } from '../../contracts/doubles.ts';
import { failure, type Rows } from '../../contracts/engine-bench.ts';
import { AWKWARD_ROLES } from './awkward.ts';
import { ident, targetAt, withClient } from './harness.ts';
import { count, leave, room, type Room } from './room.ts';

type Fields = Parameters<typeof targetAt>[2];
interface Made {
  readonly manifest: Manifest;
  readonly backup: MemoryBackup;
  readonly warnings: readonly string[];
}
const whole = (here: Room, fields: Fields = {}): ReturnType<typeof targetAt> =>
  targetAt(here.server.postgres, 'postgres', { scope: { allDatabases: true }, ...fields });
const dumpAll = async (here: Room, more: Parameters<Room['bench']['dump']>[1] = {}): Promise<Made> => {
  const context = here.bench.context('postgres', { target: whole(here), ...more });
  return { ...(await here.bench.dump('postgres', context)), warnings: context.report.warnings };
};
const restoreAll = (here: Room, { manifest, backup }: Made, more: Parameters<Room['bench']['restoreJob']>[2] = {}) =>
  here.bench.restoreBackup(here.bench.restoreJob('postgres', 'new', { allDatabases: true, ...more }), manifest, backup);

const LATIN = 'Zwölf/../"\\ %s';
const ROLES = ['app', 'boss', 'nobody has', ...AWKWARD_ROLES];
const CLUSTER_SQL = {
  roles: `SELECT format('%s %s %s %s %s %s %s %s %s %s %s', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil) FROM pg_authid WHERE rolname !~ '^pg_'`,
  settings: `SELECT format('%s %s %s', setrole::regrole, d.datname, setconfig) FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase`,
  members: `SELECT format('%s %s %s %s %s', roleid::regrole, member::regrole, grantor::regrole, admin_option, (to_jsonb(m) - 'oid' - 'roleid' - 'member' - 'grantor')) FROM pg_auth_members m WHERE roleid >= 16384`,
  comments: `SELECT format('%s %s', objoid::regrole, description) FROM pg_shdescription WHERE classoid = 'pg_authid'::regclass`,
  parameters: `SELECT format('%s %s', parname, paracl) FROM pg_parameter_acl`,
  tablespaces: `SELECT format('%s %s %s %s', spcname, spcowner::regrole, spcacl, spcoptions) FROM pg_tablespace`,
  databases: `SELECT format('%s %s %s %s %s %s', datname, datistemplate, datconnlimit, datdba::regrole, pg_encoding_to_char(encoding), t.spcname) FROM pg_database JOIN pg_tablespace t ON t.oid = dattablespace`,
};
const clusterOf = async ({ server }: Room): Promise<Rows> =>
  withClient(server.postgres, 'postgres', async (client) => {
    const found: Record<string, string[]> = {};
    for (const [key, sql] of Object.entries(CLUSTER_SQL)) {
      const { rows } = await client.query<{ format: string }>(sql);
      found[key] = rows.map((row) => row.format).sort();
    }
    return found;
  });

describe('a server whose databases and roles are all lost', () => {
  let here: Room;
  let made: Made;
  let space: string;
  const files: string[] = [];
  const before: Record<string, Rows> = {};
  let cluster: Rows;
  const NAMES = (): string[] => [here.server.awkwardName, LATIN, 'mold', 'postgres', 'template1'];
  const query = (sql: string, database = 'postgres'): Promise<unknown[]> =>
    here.server.postgres.query(sql, { database });

  beforeAll(async () => {
    here = await room(16);
    space = await mkdtemp(join(tmpdir(), 'nightjar-space-'));
    if (process.getuid?.() === 0) await chown(space, 65_534, 65_534);
    for (const sql of [
      `CREATE ROLE app LOGIN PASSWORD 'app''s own' CREATEDB NOINHERIT CONNECTION LIMIT 5 VALID UNTIL '2099-01-01'`,
      `ALTER ROLE app SET work_mem TO '6MB'`,
      `COMMENT ON ROLE app IS 'it''s; the app'`,
      'CREATE ROLE boss SUPERUSER REPLICATION BYPASSRLS CREATEROLE',
      'CREATE ROLE "nobody has" LOGIN',
      'GRANT reader TO app WITH ADMIN OPTION',
      `GRANT pg_read_all_data TO "Röle ""q"" 😀"`,
      'SET ROLE boss; GRANT reader TO "nobody has" WITH INHERIT FALSE, SET FALSE; RESET ROLE',
      'GRANT SET ON PARAMETER log_statement TO app',
      `CREATE TABLESPACE fast OWNER app LOCATION '${space}'`,
      'GRANT CREATE ON TABLESPACE fast TO reader',
      `CREATE DATABASE ${ident(LATIN)} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' OWNER "Röle ""q"" 😀" TABLESPACE fast`,
      'CREATE DATABASE mold IS_TEMPLATE true',
      `COMMENT ON DATABASE ${ident(LATIN)} IS 'two'`,
      `COMMENT ON DATABASE mold IS 'for others'`,
      'CREATE DATABASE closed ALLOW_CONNECTIONS false',
      `ALTER DATABASE postgres SET work_mem TO '7MB'`,
    ])
      await query(sql);
    await here.server.seed(here.server.awkwardName);
    await query(
      `CREATE TABLE "é" (t text); INSERT INTO "é" VALUES ('Ünï'), (NULL); CREATE TABLE slow (id int) TABLESPACE pg_default`,
      LATIN,
    );
    await query('CREATE TABLE poured (id int); INSERT INTO poured VALUES (1)', 'mold');
    await query('CREATE EXTENSION hstore; CREATE TABLE strayed (id int); INSERT INTO strayed VALUES (1)');
    await query('CREATE EXTENSION citext', 'template1');
    for (const name of NAMES()) before[name] = await here.server.rowsOf(name);
    cluster = await clusterOf(here);
    const context = here.bench.context('postgres', { target: whole(here) });
    const backup = memoryBackup();
    const open = backup.sink.open.bind(backup.sink);
    backup.sink.open = (role, file, database) => {
      files.push(file);
      return open(role, file, database);
    };
    const facts = await postgres.dump(context, backup.sink);
    made = {
      manifest: manifestOf('postgres', facts, backup, here.bench.restoreJob('x', 'new').id),
      backup,
      warnings: context.report.warnings,
    };
  });
  afterAll(async () => {
    await leave(here);
    await rm(space, { recursive: true, force: true });
  });

  it('has each of them in the backup, under names of files that hold no name', () => {
    expect(made.manifest.databases?.map((one) => one.database)).toEqual(NAMES());
    expect(files).toHaveLength(6);
    expect(new Set(files).size).toBe(6);
    for (const file of files) expect(file).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
    expect(made.warnings.join()).toContain('The database closed takes no connections and is not in the backup.');
    const globals = made.backup.finished.get('globals')!.toString();
    expect(globals).toContain('SCRAM-SHA-256$');
    expect(globals).not.toMatch(/app'+s own/);
    expect(manifestOfDatabase(made.manifest, 'mold').roles).toEqual(['postgres']);
  });

  it('brings all of it back, role by role and row by row, and says who has no password', async () => {
    for (const name of [here.server.awkwardName, LATIN, 'closed']) await here.server.dropDatabase(name);
    for (const sql of [
      'ALTER DATABASE mold IS_TEMPLATE false',
      'DROP DATABASE mold',
      'ALTER DATABASE template1 IS_TEMPLATE false',
    ])
      await query(sql);
    await query('DROP DATABASE template1');
    await query('CREATE DATABASE template1 TEMPLATE template0 IS_TEMPLATE true');
    await query('DROP DATABASE postgres WITH (FORCE)', 'template1');
    await query('CREATE DATABASE postgres TEMPLATE template0', 'template1');
    await query('REVOKE SET ON PARAMETER log_statement FROM app');
    await query('DROP TABLESPACE fast');
    await query('ALTER ROLE reader NOINHERIT');
    for (const role of ROLES.filter((one) => one !== 'reader'))
      await query(`DROP OWNED BY ${ident(role)}; DROP ROLE ${ident(role)}`);

    const outcome = await restoreAll(here, made);
    expect(outcome.comparison).toMatchObject({ equal: true, mode: 'checksums', differences: [] });
    for (const name of NAMES()) expect(await here.server.rowsOf(name), name).toEqual(before[name]);
    const now = await clusterOf(here);
    // The role that was there is nobody's to change.
    const changed = cluster.roles!.map((one) =>
      one.startsWith('reader ') ? one.replace('reader f t', 'reader f f') : one,
    );
    expect(now).toEqual({
      ...cluster,
      roles: changed,
      databases: cluster.databases!.filter((one) => !one.startsWith('closed ')),
    });
    const told = outcome.warnings.join('\n');
    expect(told).toContain('left as they are: postgres, reader.');
    expect(told).toContain('can not log in by one: nobody has.');
    expect(told).not.toContain('Not taken over');
    expect((await here.server.databases()).filter((one) => one.includes('_nj_') || one.includes('_old_'))).toEqual([]);
    const app = await here.server.postgres.connect('postgres', { user: 'app', password: "app's own" });
    await app.end();
  });

  it('brings one of them back under another name, and by a swap', async () => {
    const one = here.bench.restoreJob('elsewhere', 'new', { fromDatabase: LATIN });
    await here.bench.restoreBackup(one, made.manifest, made.backup);
    expect(await here.server.rowsOf('elsewhere')).toEqual(before[LATIN]);
    await here.server.dropDatabase('elsewhere');
    await here.server.damage(here.server.awkwardName);
    const swap = here.bench.restoreJob(here.server.awkwardName, 'swap');
    const outcome = await here.bench.restoreBackup(swap, made.manifest, made.backup);
    expect(await here.server.rowsOf(here.server.awkwardName)).toEqual(before[here.server.awkwardName]);
    await here.server.dropDatabase(outcome.replacedDatabase!);
  });
});

describe('all databases of a server under trouble', () => {
  let here: Room;
  const limited = { login: () => Promise.resolve({ username: 'limited', password: 'limited' }) };
  const query = (sql: string, database = 'postgres'): Promise<unknown[]> =>
    here.server.postgres.query(sql, { database });
  beforeAll(async () => {
    here = await room(17, {}, { fingerprint: 'counts' });
    await query(`CREATE ROLE limited LOGIN PASSWORD 'limited' CREATEDB CREATEROLE`);
    await query('GRANT pg_read_all_data TO limited');
    for (const name of ['a', 'b', 'c']) {
      await query(`CREATE DATABASE ${name} OWNER limited`);
      await query(
        `CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 10); ALTER TABLE t OWNER TO limited`,
        name,
      );
    }
  });
  afterAll(() => leave(here));

  it('fails for a database that the user may not enter, and names it', async () => {
    await query('REVOKE CONNECT ON DATABASE b FROM PUBLIC; REVOKE CONNECT ON DATABASE b FROM limited');
    const thrown = await failure(dumpAll(here, limited));
    expect(thrown).toMatchObject({
      code: 'PRIVILEGE_MISSING',
      detail: expect.stringContaining('may not connect to b') as string,
    });
    const probed = await postgres.probe(here.bench.context('postgres', { target: whole(here), ...limited }));
    expect(probed.findings.some((one) => one.level === 'bad' && one.what.includes('b'))).toBe(true);
    await query('GRANT CONNECT ON DATABASE b TO PUBLIC');
  });

  it('is not whole when the second of them fails, says which, and finishes no more', async () => {
    await query(
      'CREATE TABLE hidden (id int); REVOKE ALL ON hidden FROM PUBLIC; REVOKE pg_read_all_data FROM limited',
      'b',
    );
    const backup = memoryBackup();
    const context = here.bench.context('postgres', { target: whole(here), ...limited });
    const thrown = await failure(postgres.dump(context, backup.sink));
    expect(thrown).toMatchObject({
      code: 'PRIVILEGE_MISSING',
      detail: expect.stringContaining('Database b, 2 of 3') as string,
    });
    expect([[...backup.archives.keys()], [...backup.finished.keys()]]).toEqual([['a'], []]);
    await query('DROP TABLE hidden; GRANT pg_read_all_data TO limited', 'b');
  });

  it('tells of one that was made meanwhile, of one that is gone, and of the provider’s own', async () => {
    await query('CREATE ROLE rdsadmin');
    await query('CREATE DATABASE rdsadmin OWNER rdsadmin');
    await query('CREATE DATABASE going');
    let done: Promise<unknown> | undefined;
    const context = here.bench.context('postgres', { target: whole(here) });
    const phase = context.report.phase.bind(context.report);
    context.report.phase = (text) => {
      phase(text);
      if (text.startsWith('dumping (a,'))
        done = query('DROP DATABASE going').then(() => query('CREATE DATABASE coming'));
    };
    const backup = memoryBackup(async () => void (await done));
    const facts = await postgres.dump(context, backup.sink);
    expect(facts.databases?.map((one) => one.database)).toEqual(['a', 'b', 'c']);
    const told = context.report.warnings.join('\n');
    expect(told).toContain('The database rdsadmin is the provider’s own');
    expect(told).toContain('The database going was dropped or renamed before its turn came');
    expect(told).toContain('The database coming was made or renamed while the backup ran');
    for (const name of ['rdsadmin', 'coming']) await here.server.dropDatabase(name);
    await query('DROP ROLE rdsadmin');
  });

  it('leaves passwords out where the user may not read them, gives what it may, and tells the rest', async () => {
    await query(
      `CREATE ROLE chief SUPERUSER LOGIN PASSWORD 'x'; CREATE ROLE worker LOGIN PASSWORD 'y'; GRANT chief TO worker`,
    );
    await query('REVOKE pg_read_all_data FROM limited');
    const secret = await dumpAll(here);
    const made = await dumpAll(here, limited);
    expect(made.warnings.join()).toContain('The passwords of roles are not in the backup');
    expect(made.backup.finished.get('globals')!.toString()).not.toContain('PASSWORD');
    const elsewhere = await room(17);
    try {
      await elsewhere.server.postgres.query(`CREATE ROLE limited LOGIN PASSWORD 'limited' CREATEDB CREATEROLE`);
      const job = elsewhere.bench.restoreJob('postgres', 'new', { allDatabases: true });
      const outcome = await elsewhere.bench.restoreBackup(job, secret.manifest, secret.backup, limited);
      expect(outcome.comparison).toMatchObject({ equal: true, rowsFound: 30 });
      const told = outcome.warnings.join('\n');
      expect(told).toContain('chief: SUPERUSER');
      expect(told).not.toContain('SCRAM');
      const worker = await elsewhere.server.postgres.connect('postgres', { user: 'worker', password: 'y' });
      await worker.end();
      // The same restore, started again, has nothing left to do.
      const again = await elsewhere.bench.restoreBackup(job, secret.manifest, secret.backup, limited);
      expect(again.comparison.equal).toBe(true);
    } finally {
      await leave(elsewhere);
    }
  });

  it.each(['plain', 'custom'] as const)(
    'goes the way of %s, also in parallel from the scratch disk',
    async (format) => {
      const made = await dumpAll(here, { target: whole(here, { format, fingerprint: 'checksums' }) });
      for (const name of ['a', 'b', 'c']) await here.server.dropDatabase(name);
      const outcome = await restoreAll(here, made, format === 'custom' ? { jobs: 2 } : {});
      expect(outcome.comparison).toMatchObject({ equal: true, mode: 'checksums', rowsFound: 30 });
      for (const name of ['a', 'b', 'c']) expect(await count(here, name, 't')).toBe(10);
      // Else the next one would find no room for its own.
      expect(await readdir(here.bench.scratch)).not.toContain('archive.dump');
    },
  );

  it('leaves a database that is there alone, and brings the others back', async () => {
    const made = await dumpAll(here);
    await query('DELETE FROM t WHERE id > 5', 'a');
    await here.server.dropDatabase('c');
    const thrown = await failure(restoreAll(here, made));
    expect(thrown).toMatchObject({ code: 'DESTINATION_EXISTS' });
    expect([await count(here, 'a', 't'), await count(here, 'c', 't')]).toEqual([5, 10]);
  });

  it('keeps a server’s own database that somebody used meanwhile', async () => {
    await query('CREATE TABLE mine (id int); INSERT INTO mine VALUES (1)');
    const made = await dumpAll(here);
    const source = memorySource(manifestOfDatabase(made.manifest, 'postgres'), made.backup);
    const job = here.bench.restoreJob('postgres', 'new');
    expect(await failure(here.bench.restore(job, source))).toMatchObject({ code: 'DESTINATION_EXISTS' });
    await query('DROP TABLE mine');
    const context = { report: here.bench.context('postgres').report };
    const phase = context.report.phase.bind(context.report);
    let using: Promise<unknown> | undefined;
    context.report.phase = (text) => {
      phase(text);
      if (text === 'restoring') using = query('CREATE TABLE late (id int)');
    };
    const outcome = await here.bench.restore(job, source, context);
    await using;
    expect(await count(here, 'postgres', 'mine')).toBe(1);
    expect(await count(here, outcome.replacedDatabase!, 'late')).toBe(0);
    expect(context.report.warnings.join()).toContain(`it is kept as ${outcome.replacedDatabase}`);
  });
});
