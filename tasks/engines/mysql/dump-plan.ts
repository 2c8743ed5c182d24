/** What of a database is dumped, and how mariadb-dump is told. */
import { NightjarError } from '../../../core/errors.ts';
import type { BackupScope } from '../../../core/scope.ts';
import { KEPT_TABLE, NOTE_TABLE } from './names.ts';
import type { Server, Session } from './server.ts';
import { generatedColumns, listTables, versionedTables, type DataTable } from './tables.ts';

export interface DumpPlan {
  readonly database: string;
  /** Tables whose rows are in the backup. */
  readonly data: readonly string[];
  /** Those of them that a snapshot does not cover. */
  readonly unsafe: readonly DataTable[];
  /** By table, the names of its generated columns. */
  readonly generated: ReadonlyMap<string, ReadonlySet<string>>;
  /** The tool's, without connection and login. */
  readonly args: readonly string[];
}

const NAMED = 10;
/** Rows with blobs are written in hex, two characters a byte; a server takes 1 GiB at most. */
const PACKET = '--max-allowed-packet=1G';

/** @throws INPUT_INVALID for names that are no tables; SERVER_UNSUPPORTED where `unsafeTables` refuses. */
export async function tablesInScope(server: Server, session: Session): Promise<DumpPlan> {
  const { target, report } = server.context;
  const scope = target.scope ?? {};
  const all = await listTables(session, target.database);
  const chosen = narrowed(all, scope, target.database);
  const data = scope.schemaOnly ? [] : chosen;
  const unsafe = data.filter((one) => !one.transactional);
  if (unsafe.length > 0 && target.unsafeTables === 'refuse')
    throw new NightjarError('TABLES_UNSAFE', {
      operation: 'look around',
      detail: `${names(unsafe.map((one) => `${one.table} (${one.engine})`))}.`,
    });
  const versioned = await versionedTables(session, target.database);
  if (versioned.length > 0)
    report.warn(
      `System-versioned tables are in the backup as they are now, without their history: ${names(versioned)}.`,
    );
  return {
    database: target.database,
    data: data.map((one) => one.table),
    unsafe,
    generated: await generatedColumns(session, target.database),
    args: argsFor(target.database, scope),
  };
}

export const names = (all: readonly string[]): string =>
  all.slice(0, NAMED).join(', ') + (all.length > NAMED ? `, … (${all.length} in all)` : '');

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

function argsFor(database: string, scope: BackupScope): string[] {
  // Routines and events belong to no table.
  const whole = !scope.tables;
  return [
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
    ...(whole ? ['--routines', '--events'] : []),
    '--triggers',
    ...(scope.schemaOnly ? ['--no-data'] : []),
    ...[NOTE_TABLE, KEPT_TABLE].map((table) => `--ignore-table=${database}.${table}`),
    ...(scope.exclude ?? []).map((table) => `--ignore-table-data=${database}.${table}`),
    // Whatever it is called, it is no option.
    '--',
    database,
    ...(scope.tables ?? []),
  ];
}
