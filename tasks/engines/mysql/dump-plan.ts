/** What is dumped, and how mariadb-dump is told. */
import { NightjarError } from '../../../core/errors.ts';
import type { BackupScope } from '../../../core/scope.ts';
import type { Generated } from './dump-sections.ts';
import { listDatabases } from './databases.ts';
import { KEPT_TABLE, NOTE_TABLE } from './names.ts';
import type { Server, Session } from './server.ts';
import { generatedColumns, listTables, listViews, requireDatabase, versionedTables, type DataTable } from './tables.ts';

export interface DatabasePlan {
  readonly database: string;
  /** Tables whose rows are in the backup. */
  readonly data: readonly string[];
  /** Those of them that a snapshot does not cover. */
  readonly unsafe: readonly DataTable[];
  readonly generated: Generated;
  /** Only of a whole server. */
  readonly views: readonly string[];
}

export interface DumpPlan {
  /** In the order of the dump. */
  readonly databases: readonly DatabasePlan[];
  /** Whether it is of every database of the server. */
  readonly whole: boolean;
  /** Whether there are tables that a snapshot does not cover. */
  readonly unsafe: boolean;
  /** The tool's, without connection and login. */
  readonly args: readonly string[];
}

const NAMED = 10;
/** Rows with blobs are written in hex, two characters a byte; a server takes 1 GiB at most. */
const PACKET = '--max-allowed-packet=1G';

/** @throws INPUT_INVALID for names that are no tables; TABLES_UNSAFE where `unsafeTables` refuses; DATABASE_MISSING. */
export async function planDump(server: Server, session: Session): Promise<DumpPlan> {
  const { target, report } = server.context;
  const scope = target.scope ?? {};
  const whole = scope.allDatabases === true;
  if (!whole) await requireDatabase(session, target.database);
  const names = whole ? await listDatabases(server, session, (text) => report.warn(text)) : [target.database];
  if (names.length === 0)
    throw new NightjarError('DATABASE_MISSING', {
      operation: 'look around',
      detail: 'The server has no database besides its own.',
    });
  const databases: DatabasePlan[] = [];
  for (const name of names) databases.push(await planDatabase(server, session, name, scope));
  refuseUnsafe(server, databases);
  return {
    databases,
    whole,
    unsafe: databases.some((one) => one.unsafe.length > 0),
    args: whole ? argsForAll(databases, scope) : argsFor(target.database, scope),
  };
}

export const names = (all: readonly string[]): string =>
  all.slice(0, NAMED).join(', ') + (all.length > NAMED ? `, … (${all.length} in all)` : '');

async function planDatabase(
  server: Server,
  session: Session,
  database: string,
  scope: BackupScope,
): Promise<DatabasePlan> {
  const data = scope.schemaOnly ? [] : narrowed(await listTables(session, database), scope, database);
  const versioned = await versionedTables(session, database);
  if (versioned.length > 0)
    server.context.report.warn(
      `System-versioned tables are in the backup as they are now, without their history: ${names(versioned)}.`,
    );
  return {
    database,
    data: data.map((one) => one.table),
    unsafe: data.filter((one) => !one.transactional),
    generated: await generatedColumns(session, database),
    views: scope.allDatabases ? await listViews(session, database) : [],
  };
}

function refuseUnsafe({ context: { target } }: Server, databases: readonly DatabasePlan[]): void {
  if (target.unsafeTables !== 'refuse') return;
  const several = databases.length > 1;
  const unsafe = databases.flatMap((one) =>
    one.unsafe.map(({ table, engine }) => `${several ? `${one.database}.` : ''}${table} (${engine})`),
  );
  if (unsafe.length > 0)
    throw new NightjarError('TABLES_UNSAFE', { operation: 'look around', detail: `${names(unsafe)}.` });
}

function narrowed(all: readonly DataTable[], scope: BackupScope, database: string): DataTable[] {
  const asked = scope.tables ?? scope.exclude ?? [];
  const missing = asked.filter((name) => !all.some((one) => one.table === name));
  if (missing.length > 0)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read scope',
      detail: `${database} has no tables ${names(missing)}; a table is named by its bare name.`,
    });
  if (scope.tables) return all.filter((one) => scope.tables!.includes(one.table));
  if (scope.exclude) return all.filter((one) => !scope.exclude!.includes(one.table));
  return [...all];
}

const ALWAYS = [
  '--single-transaction',
  '--quick',
  '--hex-blob',
  '--tz-utc',
  // Columns by name: rows of tables with invisible ones could not be read back.
  '--complete-insert',
  '--no-tablespaces',
  '--skip-add-drop-table',
  '--skip-add-locks',
  PACKET,
];

/** `code`: whether routines and events come too; they belong to no table. */
const partArgs = ({ schemaOnly, dataOnly }: BackupScope, code: boolean): string[] => [
  ...ALWAYS,
  ...(dataOnly ? ['--no-create-info', '--skip-triggers'] : [...(code ? ['--routines', '--events'] : []), '--triggers']),
  ...(schemaOnly ? ['--no-data'] : []),
];

const ignored = (database: string, tables: readonly string[]): string[] =>
  tables.map((table) => `--ignore-table=${database}.${table}`);
const OURS = [NOTE_TABLE, KEPT_TABLE];

const argsFor = (database: string, scope: BackupScope): string[] => [
  ...partArgs(scope, !scope.tables),
  ...ignored(database, OURS),
  ...(scope.exclude ?? []).map((table) => `--ignore-table-data=${database}.${table}`),
  // Whatever it is called, it is no option.
  '--',
  database,
  ...(scope.tables ?? []),
];

/**
 * One process, so one snapshot. Views are dumped before it, by themselves: the tool would write those of all databases after
 * the last one, when the archives of the others should long be done.
 */
const argsForAll = (databases: readonly DatabasePlan[], scope: BackupScope): string[] => [
  ...partArgs(scope, true),
  ...databases.flatMap((one) => ignored(one.database, one.views)),
  '--no-create-db',
  '--databases',
  '--',
  ...databases.map((one) => one.database),
];

export const viewArgs = ({ database, views }: DatabasePlan): string[] => [
  ...ALWAYS,
  '--no-data',
  '--skip-triggers',
  '--',
  database,
  ...views,
];
