/**
 * `EXPORT DATABASE` as Parquet, made whole: DuckDB 1.5 writes HUGEINT as a rounded DOUBLE, cuts INTERVAL to milliseconds
 * (and fails on a negative one), and moves TIME WITH TIME ZONE to UTC; its schema.sql puts views before those that they
 * read, and forgets comments and keys of a table to itself. So such columns are written as text, which `COPY` reads back, and
 * the definitions lie beside as a DuckDB file without rows.
 */
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { tableName } from '../../../core/scope.ts';
import { attachLike, attachReadOnly, detach, removeDatabase } from './assemble.ts';
import { ident, literal, MAIN, qualified, type Place } from './names.ts';
import { loadRows } from './rows.ts';
import { withSession, type DuckdbContext } from './session.ts';
import { listTables, type Column } from './tables.ts';

/** Name of the directory inside of the archive, and so in `load.sql`. */
export const EXPORT = 'export';
const DEFINITIONS = 'schema.duckdb';
/** A schema of the user's must not share a name with them. */
const [WHOLE, BARE] = ['nightjar_whole', 'nightjar_bare'];
/** A group of rows is held in memory, written and read: so its bytes count, not its rows. */
const OPTIONS = "FORMAT parquet, COMPRESSION 'zstd', ROW_GROUP_SIZE_BYTES '4MB'";

const isWrittenAsText = ({ type }: Column): boolean => /HUGEINT|INTERVAL|TIME WITH TIME ZONE/.test(type);
const written = (column: Column): string =>
  isWrittenAsText(column) ? `${ident(column.name)}::VARCHAR AS ${ident(column.name)}` : ident(column.name);
const read = (column: Column): string =>
  isWrittenAsText(column)
    ? `CAST(${ident(column.name)} AS ${column.type}) AS ${ident(column.name)}`
    : ident(column.name);

/** `export/` in the room, of the database in `from`. Every file of it is one of `IMPORT DATABASE`'s, but the definitions. */
export async function exportParquet(context: DuckdbContext, from: string): Promise<void> {
  const directory = join(context.room, EXPORT);
  const options = { file: ':memory:', fallback: 'DUMP_FAILED', operation: 'EXPORT DATABASE' } as const;
  await withSession(context, options, async (session) => {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory);
    await attachReadOnly(session, from, WHOLE);
    await attachLike(session, WHOLE, join(directory, DEFINITIONS), BARE);
    await session.rows(`COPY FROM DATABASE ${WHOLE} TO ${BARE} (SCHEMA)`);
    await session.rows(`EXPORT DATABASE ${BARE} TO ${literal(EXPORT)} (${OPTIONS})`);
    await detach(session, BARE);
    const files = await filesOf(directory, 'DUMP_FAILED');
    for (const table of await listTables(session, WHOLE)) {
      const file = fileOf(files, table, 'DUMP_FAILED');
      const columns = table.columns.map(written).join(', ');
      await session.rows(`COPY (SELECT ${columns} FROM ${qualified(table, WHOLE)}) TO ${literal(file)} (${OPTIONS})`);
      context.report.moved(0);
    }
  });
}

/** The database that an export in `directory` is of, in `into`. @throws DISK_FULL, `fallback`. */
export async function importParquet(
  context: DuckdbContext,
  directory: string,
  into: string,
  fallback: ErrorCode,
): Promise<void> {
  const files = await filesOf(join(directory, EXPORT), fallback);
  await withSession(context, { file: ':memory:', fallback, operation: 'IMPORT DATABASE' }, async (session) => {
    await removeDatabase(into);
    await copyFile(join(directory, EXPORT, DEFINITIONS), into).catch((cause: unknown) => {
      throw new NightjarError(fallback, { operation: 'read the export', detail: String(cause), cause });
    });
    await session.rows(`ATTACH ${literal(into)} AS ${WHOLE}`);
    await loadRows(await listTables(session, WHOLE), {
      session,
      into: WHOLE,
      from: (table) => {
        const file = join(directory, fileOf(files, table, fallback));
        return `SELECT ${table.columns.map(read).join(', ')} FROM read_parquet(${literal(file)})`;
      },
      report: context.report,
    });
    await detach(session, WHOLE);
  });
}

/** By table, the file of its rows as `load.sql` names it: relative to where the directory lies. */
async function filesOf(directory: string, fallback: ErrorCode): Promise<Map<string, string>> {
  const text = await readFile(join(directory, 'load.sql'), 'utf8').catch((cause: unknown) => {
    throw new NightjarError(fallback, { operation: 'read load.sql', detail: String(cause), cause });
  });
  const NAME = String.raw`("(?:[^"]|"")*"|[^\s".]+)`;
  const statement = new RegExp(String.raw`^COPY (?:${NAME}\.)?${NAME} FROM '((?:[^']|'')*)' \(`, 'gm');
  const files = new Map<string, string>();
  for (const [, schema, table, file] of text.matchAll(statement))
    files.set(
      tableName({ schema: schema === undefined ? MAIN : unquoted(schema), table: unquoted(table!) }),
      file!.replaceAll("''", "'"),
    );
  return files;
}
const unquoted = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

function fileOf(files: ReadonlyMap<string, string>, table: Place, fallback: ErrorCode): string {
  const file = files.get(tableName(table));
  if (file !== undefined && /^export\/[^/]+\.parquet$/.test(file)) return file;
  throw new NightjarError(fallback, {
    operation: 'read load.sql',
    detail: `The export names no file of ${tableName(table)}.`,
  });
}
