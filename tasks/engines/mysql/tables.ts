/** What is in a database, as the server's own catalog tells. */
import { createHash } from 'node:crypto';
import { NightjarError } from '../../../core/errors.ts';
import type { DumpFacts } from '../../engine.ts';
import { numberOf } from './errors.ts';
import { ident, OWN_TABLES } from './names.ts';
import { dropDatabase } from './place.ts';
import type { Server, Session } from './server.ts';

export interface DataTable {
  readonly table: string;
  /** InnoDB and its like: a snapshot covers it. */
  readonly transactional: boolean;
  readonly engine: string;
}

/** Tables of these hold no rows of their own, so mariadb-dump takes their definitions only. Source: its `check_if_ignore_table`. */
const WITHOUT_DATA = ['MRG_MYISAM', 'MRG_ISAM', 'FEDERATED', 'CONNECT', 'OQGRAPH', 'SPIDER', 'VP', 'BLACKHOLE'];

/** Tables with rows of their own, without Nightjar's. */
export async function listTables(session: Session, database: string): Promise<DataTable[]> {
  const rows = await session.rows<{ name: string; engine: string | null; safe: number }>(
    `SELECT t.table_name AS name, t.engine AS engine, coalesce(e.transactions = 'YES', 0) AS safe
       FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
      WHERE t.table_schema = ? AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY t.table_name`,
    [database],
  );
  return rows
    .filter((one) => !OWN_TABLES.includes(one.name) && !WITHOUT_DATA.includes((one.engine ?? '').toUpperCase()))
    .map((one) => ({ table: one.name, engine: one.engine ?? 'unknown', transactional: Number(one.safe) === 1 }));
}

/** Everything that a RENAME TABLE moves: tables and sequences. */
export async function listMovable(session: Session, database: string): Promise<string[]> {
  const rows = await session.rows<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
      WHERE table_schema = ? AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE') ORDER BY table_name`,
    [database],
  );
  return rows.map((one) => one.name).filter((name) => !OWN_TABLES.includes(name));
}

/** Made for tables that did not come. */
export async function dropEmpty(session: Session, database: string): Promise<void> {
  if ((await listMovable(session, database)).length === 0) await dropDatabase(session, database);
}

/** Positions do not matter: by table, the names of columns that are computed. */
export async function generatedColumns(session: Session, database: string): Promise<Map<string, Set<string>>> {
  const rows = await session.rows<{ t: string; c: string }>(
    `SELECT table_name AS t, column_name AS c FROM information_schema.columns
      WHERE table_schema = ? AND coalesce(generation_expression, '') <> ''`,
    [database],
  );
  const found = new Map<string, Set<string>>();
  for (const { t, c } of rows) found.set(t, (found.get(t) ?? new Set()).add(c));
  return found;
}

/** Whether names of databases and tables are equal whose cases differ. */
export async function folds(session: Session): Promise<boolean> {
  const { folded } = await session.row<{ folded: number | string }>('SELECT @@lower_case_table_names AS folded');
  return Number(folded) !== 0;
}

export async function listViews(session: Session, database: string): Promise<string[]> {
  const rows = await session.rows<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.views WHERE table_schema = ? ORDER BY table_name`,
    [database],
  );
  return rows.map((one) => one.name);
}

/** System-versioned tables, whose history a dump leaves behind. Only MariaDB has them. */
export async function versionedTables(session: Session, database: string): Promise<string[]> {
  const rows = await session.rows<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'SYSTEM VERSIONED'`,
    [database],
  );
  return rows.map((one) => one.name);
}

/** @throws DATABASE_MISSING. */
export async function requireDatabase(session: Session, database: string): Promise<void> {
  await charsetOf(session, database);
}

/** Changes when any definition of the database does. Also TRUNCATE, which makes a table anew. */
export async function schemaDigest(session: Session, database: string): Promise<string> {
  const hash = createHash('sha256');
  const parts = [
    `SELECT table_name, table_type, engine, create_time, create_options, table_comment FROM information_schema.tables
      WHERE table_schema = ? ORDER BY table_name`,
    `SELECT table_name, ordinal_position, column_name, column_default, is_nullable, column_type, collation_name, extra, generation_expression
       FROM information_schema.columns WHERE table_schema = ? ORDER BY table_name, ordinal_position`,
    `SELECT table_name, definer, security_type, view_definition FROM information_schema.views WHERE table_schema = ? ORDER BY table_name`,
    `SELECT routine_type, routine_name, last_altered, definer, routine_comment, routine_definition FROM information_schema.routines WHERE routine_schema = ? ORDER BY 1, 2`,
    `SELECT trigger_name, created, event_object_table, definer, action_statement FROM information_schema.triggers WHERE trigger_schema = ? ORDER BY 1`,
    `SELECT event_name, last_altered, definer, status, event_comment, event_definition FROM information_schema.events WHERE event_schema = ? ORDER BY 1`,
  ];
  for (const sql of parts) hash.update(JSON.stringify(await session.rows(sql, [database])));
  return hash.digest('hex');
}

/** As `CREATE DATABASE` takes it. */
export interface Charset {
  readonly charset: string;
  readonly collation: string;
}

/** @throws DATABASE_MISSING. */
export async function charsetOf(session: Session, database: string): Promise<Charset> {
  const [found] = await session.rows<Charset>(
    `SELECT default_character_set_name AS charset, default_collation_name AS collation
       FROM information_schema.schemata WHERE schema_name = ?`,
    [database],
  );
  if (!found)
    throw new NightjarError('DATABASE_MISSING', { operation: 'look around', detail: `Database: ${database}.` });
  return found;
}

export async function databaseBytes(session: Session, database: string): Promise<number> {
  const { bytes } = await session.row<{ bytes: string | number }>(
    `SELECT coalesce(sum(data_length + index_length), 0) AS bytes FROM information_schema.tables WHERE table_schema = ?`,
    [database],
  );
  return Number(bytes);
}

/** Undefined where the server or its login does not tell, or writes no binary log. */
export async function binlogPosition(session: Session): Promise<Record<string, string | number> | undefined> {
  for (const sql of ['SHOW MASTER STATUS', 'SHOW BINARY LOG STATUS']) {
    try {
      const [found] = await session.rows<Record<string, string | number>>(sql);
      if (!found) return undefined;
      const gtid = found.Executed_Gtid_Set;
      return {
        binlogFile: String(found.File),
        binlogPosition: Number(found.Position),
        ...(gtid ? { gtidExecuted: String(gtid).replaceAll('\n', '') } : {}),
      };
    } catch (thrown) {
      // 1064: the other name of newer servers. Else the right is missing, and the position is an extra.
      if (numberOf(thrown) === 1064) continue;
      if (numberOf(thrown) === undefined) throw thrown;
      return undefined;
    }
  }
  return undefined;
}

/** @param databases of a whole server; undefined: of the target's database alone. */
export async function readSource(
  server: Server,
  session: Session,
  databases: readonly string[] | undefined,
): Promise<DumpFacts['source']> {
  const { target } = server.context;
  const { id } = await session
    .row<{ id: string | number }>(server.isMariadb ? 'SELECT @@server_id AS id' : 'SELECT @@server_uuid AS id')
    .catch(() => ({ id: '' }));
  let bytes = 0;
  for (const name of databases ?? [target.database]) bytes += await databaseBytes(session, name);
  return {
    place: `${target.host}:${target.port}`,
    database: target.database,
    serverVersion: server.version,
    serverMajor: server.major,
    ...(id === '' ? {} : { systemIdentifier: String(id) }),
    tlsVerified: server.tlsVerified,
    databaseBytes: bytes,
    details: {
      flavour: server.isMariadb ? 'mariadb' : 'mysql',
      ...(databases ? {} : await charsetOf(session, target.database)),
    },
  };
}

/** `CREATE DATABASE` with a charset; of another flavour's collation, which the server does not know, with the charset alone. */
export async function createDatabase(
  session: Session,
  name: string,
  { charset, collation }: Charset,
  warn: (text: string) => void,
): Promise<void> {
  const create = `CREATE DATABASE ${ident(name)} CHARACTER SET ${charset}`;
  try {
    await session.rows(`${create} COLLATE ${collation}`);
  } catch (thrown) {
    if (numberOf(thrown) !== 1273) throw thrown;
    await session.rows(create);
    warn(
      `The server knows no collation ${collation}: the default one of ${charset} is used, so texts may sort differently.`,
    );
  }
}
