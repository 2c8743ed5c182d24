/** A real MySQL or MariaDB for the engines' tests. */
import { createHash } from 'node:crypto';
import { mkdtemp, symlink, writeFile, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { parseDumpTarget, type TargetOf } from '../../../core/config.ts';
import { ENGINES } from '../../../core/engines.ts';
import { MYSQL_CLIENTS, startMysql, type MysqlFlavour, type MysqlServer } from '../../../local/mysql.ts';
import type { Engine, Login } from '../../../tasks/engine.ts';
import { mariadb } from '../../../tasks/engines/mariadb.ts';
import { mysql } from '../../../tasks/engines/mysql.ts';
import type { EngineHarness, EngineServer, Rows } from '../../contracts/engine-bench.ts';
import { awkwardSql, MARIADB_SQL, STRUCTURE_SQL } from './awkward.ts';

/** The two are one family; tests are written once, as if both were the first. */
export type Family = 'mysql';
export const engineOf = (flavour: MysqlFlavour): Engine<Family> =>
  (flavour === 'mysql' ? mysql : mariadb) as unknown as Engine<Family>;

export interface FamilyServer extends EngineServer<Family> {
  readonly login: Login;
  readonly server: MysqlServer;
}

type Fields = Partial<TargetOf<Family>>;

export const ident = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

export function targetAt(server: MysqlServer, database: string, fields: Fields = {}): TargetOf<Family> {
  return parseDumpTarget({
    name: 'shop',
    engine: server.flavour,
    host: server.host,
    port: server.port,
    database,
    secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
    tls: { verify: 'full', ca: server.caPem },
    fingerprint: 'checksums',
    ...fields,
  }) as TargetOf<Family>;
}

export async function inside<T>(
  server: MysqlServer,
  database: string,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await server.connect(database);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

/** Statement by statement, in the database. */
export const runAll = (server: MysqlServer, database: string, statements: readonly string[]): Promise<void> =>
  inside(server, database, async (connection) => {
    for (const sql of statements) await connection.query(sql);
  });

const directories: string[] = [];

/** A PATH whose clients are these scripts; the real one is `$REAL`. Others are as they are. */
export async function fakeClients(scripts: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'nightjar-clients-'));
  directories.push(dir);
  for (const name of ['mariadb', 'mariadb-dump']) {
    const real = join(MYSQL_CLIENTS, name);
    const script = scripts[name];
    if (script === undefined) await symlink(real, join(dir, name));
    else {
      await writeFile(join(dir, name), `#!/bin/sh\nREAL=${real}\n${script}\n`);
      await chmod(join(dir, name), 0o755);
    }
  }
  return `${dir}:/usr/bin:/bin`;
}

export async function startServer(
  flavour: MysqlFlavour,
  settings: Readonly<Record<string, string | number>> = {},
  fields: Fields = {},
): Promise<FamilyServer> {
  const server = await startMysql({
    flavour,
    durable: false,
    settings: { event_scheduler: 'ON', log_bin_trust_function_creators: 'ON', ...settings },
  });
  return {
    server,
    login: { username: server.user, password: server.password },
    env: { PATH: `${MYSQL_CLIENTS}:/usr/bin:/bin` },
    target: (database, more) => targetAt(server, database, { ...fields, ...more }),
    awkwardName: 'Shop é; `x',
    lone: 'big',
    parts: { apart: 'no_key', empty: (database, table) => runAll(server, database, [`DELETE FROM ${table}`]) },
    queries: {
      all: ['SELECT 1 = 1', 'SELECT 1 = 0', 'SELECT 1 = 1 FROM no_such_table', "SELECT 'yes'"],
      failing: 'no_such_table',
    },
    large: {
      async make(database, bytes) {
        await server.query(`CREATE DATABASE ${ident(database)}`);
        await inside(server, database, async (connection) => {
          await connection.query('CREATE TABLE large (b longblob)');
          await connection.query('INSERT INTO large VALUES (?)', [bytes]);
        });
      },
      async read(database) {
        const [row] = await server.query<{ b: Buffer }>(`SELECT b FROM ${ident(database)}.large`);
        return row!.b;
      },
    },
    silentTools: { PATH: await fakeClients({ mariadb: 'exit 0', 'mariadb-dump': 'exit 0' }) },
    swapEndsSessions: true,
    async seed(database) {
      await server.query(`CREATE DATABASE ${ident(database)} CHARACTER SET latin2 COLLATE latin2_bin`);
      await server.query(`ALTER DATABASE ${ident(database)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
      await runAll(server, database, awkwardSql(flavour));
    },
    rowsOf: (database) => rowsOf(server, database),
    damage: (database) =>
      runAll(server, database, [
        'DELETE FROM parent WHERE id = 2',
        "UPDATE scalars SET c_text = 'damaged'",
        'INSERT INTO big VALUES (-1, NULL)',
        'DROP TABLE IF EXISTS no_key',
        'DROP VIEW IF EXISTS checked',
        'DROP TRIGGER IF EXISTS child_in_2',
        'CREATE OR REPLACE VIEW only_here AS SELECT 1 AS one',
        'DROP FUNCTION IF EXISTS plus_one',
        'CREATE FUNCTION plus_one(x int) RETURNS int DETERMINISTIC RETURN x + 2',
      ]),
    databases: async () =>
      (await server.query<{ name: string }>('SELECT schema_name AS name FROM information_schema.schemata')).map(
        (row) => row.name,
      ),
    dropDatabase: async (database) => void (await server.query(`DROP DATABASE ${ident(database)}`)),
    async busySession(database) {
      const connection = await server.connect(database);
      let ended = false;
      const events = connection as unknown as NodeJS.EventEmitter;
      events.on('error', () => (ended = true));
      events.on('end', () => (ended = true));
      await connection.query('BEGIN');
      await connection.query('INSERT INTO stamps (id) VALUES (99)');
      return { wasEnded: async () => Promise.resolve(ended) };
    },
    async stop() {
      await server.stop();
      await Promise.all(directories.splice(0).map((dir) => rm(dir, { recursive: true, force: true })));
    },
  };
}

export const harnessFor = (flavour: MysqlFlavour): EngineHarness<Family> => ({
  title: ENGINES[flavour].label,
  engine: engineOf(flavour),
  start: () => startServer(flavour),
});

const line = (row: object): string => {
  const text = JSON.stringify(
    (Object.values(row) as unknown[]).map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : value)),
  );
  return text.length > 300 ? createHash('md5').update(text).digest('hex') : text;
};

/** Rows and structure; long rows as their hash. Nightjar's own tables are no part of it. */
export async function rowsOf(server: MysqlServer, database: string): Promise<Rows> {
  return inside(server, database, async (connection) => {
    await connection.query("SET time_zone = '+00:00'");
    const all = async (sql: string, values: unknown[] = []): Promise<object[]> =>
      (await connection.query(sql, values))[0] as object[];
    const tables = (await all(
      `SELECT table_name AS name, table_type AS type FROM information_schema.tables WHERE table_schema = ? AND table_name NOT LIKE '\\_nightjar%'`,
      [database],
    )) as { name: string; type: string }[];
    const found: Record<string, string[]> = {};
    for (const { name, type } of tables) {
      const key = type.includes('TABLE') || type === 'SYSTEM VERSIONED' ? name : `(${type.toLowerCase()} ${name})`;
      const columns = (await all(
        `SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY column_name`,
        [database, name],
      )) as { name: string; type: string }[];
      // Floats in all their digits, spatial values by their bytes.
      const cells = columns.map((one) =>
        /point|geometry/.test(one.type) ? `hex(${ident(one.name)})` : ident(one.name),
      );
      found[key] = (await all(`SELECT ${cells.join(', ')} FROM ${ident(name)}`)).map(line).sort();
    }
    for (const [key, sql] of Object.entries({ ...STRUCTURE_SQL, ...(server.flavour === 'mariadb' ? MARIADB_SQL : {}) }))
      found[`(${key})`] = (await all(sql, [database]))
        .map(line)
        .filter((text) => !text.includes('_nightjar_'))
        .sort();
    found['(charset)'] = (
      await all(
        'SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = ?',
        [database],
      )
    ).map(line);
    return found;
  });
}
