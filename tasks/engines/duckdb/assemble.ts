/**
 * A new database file out of others: definitions from one, rows from one or several. DuckDB's `COPY FROM DATABASE` brings
 * definitions over whole (its rows stop at a table that refers to itself, and its EXPORT loses such keys and all comments).
 */
import { rm } from 'node:fs/promises';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { tableName, type BackupScope, type Scope } from '../../../core/scope.ts';
import { ident, literal, qualified, walOf } from './names.ts';
import { inOrder, loadRows } from './rows.ts';
import { withSession, type DuckdbContext, type Session } from './session.ts';
import { piecesOf } from './stretches.ts';
import { chosenTables, danglingKeys, listTables, type DataTable } from './tables.ts';

const [FROM, INTO] = ['nightjar_from', 'nightjar_into'];

/** With the storage version of the file whose definitions it takes: what reads that one reads this one. */
export async function attachLike(session: Session, catalog: string, file: string, as: string): Promise<void> {
  const [found] = await session.rows<{ version: string | null }>(
    `SELECT tags['storage_version'] AS version FROM duckdb_databases() WHERE database_name = ${literal(catalog)}`,
  );
  const version = found?.version?.replace('+', '');
  await session.rows(
    `ATTACH ${literal(file)} AS ${ident(as)}${version ? ` (STORAGE_VERSION ${literal(version)})` : ''}`,
  );
}

/** Of an earlier go that had too little memory. */
export const removeDatabase = async (file: string): Promise<void> => {
  for (const one of [walOf(file), file]) await rm(one, { force: true });
};

export const attachReadOnly = (session: Session, file: string, as: string): Promise<unknown> =>
  session.rows(`ATTACH ${literal(file)} AS ${ident(as)} (READ_ONLY)`);

/** To the disk, and let go of. */
export async function detach(session: Session, name: string): Promise<void> {
  await session.rows('USE memory');
  await session.rows(`CHECKPOINT ${ident(name)}`);
  await session.rows(`DETACH ${ident(name)}`);
}

export interface NarrowOptions {
  readonly from: string;
  readonly into: string;
  readonly scope: Scope | BackupScope;
  /** Of what the scope speaks, such as `the backup`. */
  readonly where: string;
  readonly fallback: ErrorCode;
}

/**
 * Part of a database as a database. Some tables come without views; definitions come with every schema, type, sequence and
 * macro; rows alone come in tables without keys, defaults and indexes.
 *
 * @throws INPUT_INVALID, SCOPE_REFUSED, DISK_FULL, `fallback`.
 */
export async function narrow(context: DuckdbContext, options: NarrowOptions): Promise<void> {
  const { scope, where, fallback } = options;
  await withSession(
    context,
    { file: ':memory:', fallback, operation: 'make the part that was asked for' },
    async (session) => {
      await removeDatabase(options.into);
      await attachReadOnly(session, options.from, FROM);
      await attachLike(session, FROM, options.into, INTO);
      const all = await listTables(session, FROM);
      const chosen = chosenTables(all, scope, where);
      if (scope.dataOnly) await copyRowsOnly(session, chosen, context);
      else {
        refuseDangling(chosen);
        await copyDefinitions(session, all, chosen, scope.tables !== undefined);
        if (!scope.schemaOnly)
          await loadRows(chosen, {
            session,
            into: INTO,
            from: (table) => piecesOf(session, table, FROM),
            report: context.report,
          });
      }
      await detach(session, INTO);
    },
  );
}

export function refuseDangling(chosen: readonly DataTable[]): void {
  const dangling = danglingKeys(chosen);
  if (dangling.length > 0)
    throw new NightjarError('SCOPE_REFUSED', {
      operation: 'read scope',
      detail: `DuckDB can’t part a table from those that its foreign keys name: ${dangling.join('; ')}. Name both, or neither.`,
    });
}

async function copyDefinitions(
  session: Session,
  all: readonly DataTable[],
  chosen: readonly DataTable[],
  withoutViews: boolean,
): Promise<void> {
  await session.rows(`COPY FROM DATABASE ${FROM} TO ${INTO} (SCHEMA)`);
  if (withoutViews) {
    const views = await session.rows<{ schema: string; table: string }>(
      `SELECT schema_name AS schema, view_name AS "table" FROM duckdb_views() WHERE database_name = ${literal(INTO)} AND NOT internal`,
    );
    for (const view of views) await session.rows(`DROP VIEW ${qualified(view, INTO)}`);
  }
  const kept = new Set(chosen.map(tableName));
  // Children first: a table that is referred to can't be dropped.
  for (const one of inOrder(all).reverse())
    if (!kept.has(tableName(one))) await session.rows(`DROP TABLE ${qualified(one, INTO)}`);
}

async function copyRowsOnly(
  session: Session,
  chosen: readonly DataTable[],
  { report }: Pick<DuckdbContext, 'report'>,
): Promise<void> {
  for (const schema of new Set(chosen.map((one) => one.schema)))
    await session.rows(`CREATE SCHEMA IF NOT EXISTS ${ident(INTO)}.${ident(schema)}`);
  for (const one of chosen) {
    const columns = one.columns.map((column) => ident(column.name)).join(', ');
    const [first, ...others] = (await piecesOf(session, one, FROM)).map((piece) => `SELECT ${columns} FROM (${piece})`);
    await session.rows(`CREATE TABLE ${qualified(one, INTO)} AS ${first}`);
    for (const other of others) {
      await session.rows(`CHECKPOINT ${ident(INTO)}`);
      await session.rows(`INSERT INTO ${qualified(one, INTO)} ${other}`);
      report.moved(0);
    }
    report.moved(0);
  }
}

export interface MergeOptions {
  /** Whose definitions, and whose rows where nothing else is said. */
  readonly living: string;
  readonly backup: string;
  readonly into: string;
  readonly scope: Scope;
  readonly fallback: ErrorCode;
}

/**
 * The living database with the rows of some tables from the backup. A table that is gone is made again unless rows alone
 * were asked for. Resolves with the tables that were brought back.
 *
 * @throws INPUT_INVALID, RESTORE_REFUSED, DISK_FULL, `fallback`.
 */
export async function merge(context: DuckdbContext, options: MergeOptions): Promise<DataTable[]> {
  const { scope, fallback } = options;
  const session = { file: ':memory:', fallback, operation: 'put the backup’s rows into a copy' };
  return withSession(context, session, async (session) => {
    const BACKUP = 'nightjar_backup';
    await removeDatabase(options.into);
    await attachReadOnly(session, options.living, FROM);
    await attachReadOnly(session, options.backup, BACKUP);
    await attachLike(session, FROM, options.into, INTO);
    const chosen = chosenTables(await listTables(session, BACKUP), scope, 'the backup');
    const living = await listTables(session, FROM);
    const names = new Set(chosen.map(tableName));
    const gone = chosen.filter((one) => !living.some((other) => tableName(other) === tableName(one)));
    refuseMismatch(chosen, living, gone, scope);
    await session.rows(`COPY FROM DATABASE ${FROM} TO ${INTO} (SCHEMA)`);
    if (gone.length > 0) await makeTables(session, BACKUP, gone);
    await loadRows(await listTables(session, INTO), {
      session,
      into: INTO,
      from: (table) => {
        const from = names.has(tableName(table)) ? { name: BACKUP, tables: chosen } : { name: FROM, tables: living };
        return piecesOf(
          session,
          from.tables.find((one) => tableName(one) === tableName(table))!,
          from.name,
        );
      },
      report: context.report,
    });
    await detach(session, INTO);
    return chosen;
  });
}

function refuseMismatch(
  chosen: readonly DataTable[],
  living: readonly DataTable[],
  gone: readonly DataTable[],
  scope: Scope,
): void {
  const refuse = (detail: string): never => {
    throw new NightjarError('RESTORE_REFUSED', {
      operation: 'compare tables',
      detail: `${detail} Nothing was touched.`,
    });
  };
  if (scope.dataOnly && gone.length > 0)
    refuse(`The living database has no ${gone.map(tableName).join(', ')}, and rows alone need their table.`);
  const self = gone.filter((one) => one.foreignKeys.length > 0);
  if (self.length > 0)
    refuse(
      `The living database has no ${self.map(tableName).join(', ')}, and DuckDB does not tell how foreign keys are made: restore it beside with mode \`new\`.`,
    );
  const shape = (one: DataTable): string =>
    one.columns
      .map((column) => column.name)
      .sort()
      .join(', ');
  for (const one of chosen) {
    const other = living.find((table) => tableName(table) === tableName(one));
    if (other && shape(other) !== shape(one))
      refuse(`${tableName(one)} has the columns ${shape(other)} now, and ${shape(one)} in the backup.`);
  }
}

async function makeTables(session: Session, backup: string, gone: readonly DataTable[]): Promise<void> {
  for (const { schema, table } of gone) {
    const where = `WHERE database_name = ${literal(backup)} AND schema_name = ${literal(schema)} AND table_name = ${literal(table)}`;
    await session.rows(`CREATE SCHEMA IF NOT EXISTS ${ident(INTO)}.${ident(schema)}`);
    await session.rows(`USE ${ident(INTO)}.${ident(schema)}`);
    const statements = await session.rows<{ sql: string | null }>(
      `SELECT sql FROM duckdb_tables() ${where} UNION ALL SELECT sql FROM duckdb_indexes() ${where}`,
    );
    for (const { sql } of statements) if (sql) await session.rows(sql);
  }
  await session.rows('USE memory');
}
