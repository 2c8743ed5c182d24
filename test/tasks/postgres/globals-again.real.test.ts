/** Roles and tablespaces whose restore died and is started again: none is left half-made, and none that was there gets more. */
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../core/backup.ts';
import { aliasDatabase } from '../../../core/names.ts';
import { postgres } from '../../../tasks/engines/postgres.ts';
import { memorySource, type MemoryBackup } from '../../contracts/doubles.ts';
import { dyingWay } from '../dying-way.ts';
import { targetAt } from './harness.ts';
import { leave, room, type Room } from './room.ts';

const CLUSTER_SQL = [
  `SELECT format('%s %s %s %s', rolname, rolcanlogin, rolpassword, rolconnlimit) AS one FROM pg_authid WHERE rolname !~ '^pg_'`,
  `SELECT format('%s %s %s', setrole::regrole, setdatabase, setconfig) AS one FROM pg_db_role_setting`,
  `SELECT format('%s %s %s', roleid::regrole, member::regrole, admin_option) AS one FROM pg_auth_members WHERE roleid >= 16384`,
  `SELECT format('%s %s %s', classoid::regclass, objoid <> 0, description) AS one FROM pg_shdescription`,
  `SELECT format('%s %s %s %s', spcname, spcowner::regrole, spcacl, spcoptions) AS one FROM pg_tablespace`,
];

describe('roles and tablespaces of a server whose restore died', () => {
  let here: Room;
  let space: string;
  let made: { manifest: Manifest; backup: MemoryBackup };
  let before: unknown;
  const query = (sql: string) => here.server.postgres.query<{ one: string }>(sql);
  const cluster = async (): Promise<unknown> => {
    const found: string[][] = [];
    for (const sql of CLUSTER_SQL) found.push((await query(sql)).map(({ one }) => one).sort());
    return found;
  };
  const wipe = async (): Promise<void> => {
    const spaces = await query(`SELECT spcname AS one FROM pg_tablespace WHERE spcname !~ '^pg_'`);
    for (const { one } of spaces) await query(`DROP TABLESPACE "${one}"`);
    await query('DROP ROLE IF EXISTS app; DROP ROLE IF EXISTS team');
  };
  const restoreGlobals = (id: string, more: Parameters<Room['bench']['context']>[1] = {}) => {
    const job = here.bench.restoreJob('postgres', 'new', { allDatabases: true, id });
    const context = here.bench.context('postgres', more);
    return postgres.restoreGlobals!(context, memorySource(made.manifest, made.backup), job).then(() => context.report);
  };
  const newId = (): string => here.bench.restoreJob('postgres', 'new').id;

  beforeAll(async () => {
    here = await room(17, {}, { fingerprint: 'counts' });
    space = await mkdtemp(join(tmpdir(), 'nightjar-space-'));
    if (process.getuid?.() === 0) await chown(space, 65_534, 65_534);
    for (const sql of [
      `CREATE ROLE app LOGIN PASSWORD 'app' CONNECTION LIMIT 5`,
      `COMMENT ON ROLE app IS 'the app'`,
      `ALTER ROLE app SET work_mem TO '6MB'`,
      'CREATE ROLE team',
      'GRANT team TO app WITH ADMIN OPTION',
      `CREATE TABLESPACE fast OWNER app LOCATION '${space}'`,
      `COMMENT ON TABLESPACE fast IS 'of the quick disk'`,
      'ALTER TABLESPACE fast SET (seq_page_cost = 2)',
      'GRANT CREATE ON TABLESPACE fast TO team',
    ])
      await query(sql);
    const target = targetAt(here.server.postgres, 'postgres', { scope: { allDatabases: true } });
    made = await here.bench.dump('postgres', { target });
    before = await cluster();
  });
  afterAll(async () => {
    await leave(here);
    await rm(space, { recursive: true, force: true });
  });

  it.each(['the same', 'another'])(
    'have all that is theirs in the end, wherever it died (%s restore)',
    async (which) => {
      let deaths = 0;
      for (let messages = 1; ; messages += which === 'the same' ? 3 : 5) {
        await wipe();
        const id = newId();
        const way = await dyingWay(here.server.postgres.port);
        way.dieAfter(messages);
        const died = await restoreGlobals(id, {
          target: targetAt(here.server.postgres, 'postgres', { port: way.port }),
        }).then(
          () => false,
          () => true,
        );
        await way.close();
        const report = await restoreGlobals(which === 'the same' ? id : newId());
        expect(await cluster(), `${messages}`).toEqual(before);
        expect(report.warnings.join()).not.toContain('Not taken over');
        if (!died) break;
        deaths += 1;
      }
      expect(deaths).toBeGreaterThan(5);
    },
  );

  it('leave a tablespace alone that was there before, and say so', async () => {
    await wipe();
    await query(`CREATE TABLESPACE fast LOCATION '${space}'`);
    const report = await restoreGlobals(newId());
    expect(report.warnings.join('\n')).toContain('Tablespaces that were there already were left as they are: fast.');
    expect(await query(`SELECT spcacl::text AS one FROM pg_tablespace WHERE spcname = 'fast'`)).toEqual([
      { one: null },
    ]);
  });

  it('take no tablespace for their own that lies elsewhere', async () => {
    await wipe();
    const other = await mkdtemp(join(tmpdir(), 'nightjar-space-'));
    if (process.getuid?.() === 0) await chown(other, 65_534, 65_534);
    const stranger = aliasDatabase('fast', newId());
    await query(`CREATE TABLESPACE "${stranger}" LOCATION '${other}'`);
    await restoreGlobals(newId());
    expect((await query('SELECT spcname AS one FROM pg_tablespace')).map(({ one }) => one)).toEqual(
      expect.arrayContaining(['fast', stranger]),
    );
    await wipe();
    await rm(other, { recursive: true, force: true });
  });
});
