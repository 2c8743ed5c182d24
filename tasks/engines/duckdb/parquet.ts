/**
 * `EXPORT DATABASE` as Parquet, made whole: DuckDB 1.5 writes HUGEINT as a rounded DOUBLE, cuts INTERVAL to milliseconds
 * (and fails on a negative one), and moves TIME WITH TIME ZONE to UTC; its schema.sql puts views before those that they
 * read, and forgets comments and keys of a table to itself. So such columns are written as text, which `COPY` reads back, and
 * the definitions lie beside as a DuckDB file without rows.
 */
import { copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { tableName } from '../../../core/scope.ts';
import { attachLike, attachReadOnly, detach, removeDatabase } from './assemble.ts';
import { ident, literal, MAIN, qualified, type Place } from './names.ts';
import type { Reading } from './fingerprint.ts';
import { loadRows } from './rows.ts';
import { withSession, type DuckdbContext, type Session } from './session.ts';
import { conditionOf, GROUP, groupOf, quartered } from './stretches.ts';
import { listTables, type Column } from './tables.ts';

/** Name of the directory inside of the archive, and so in `load.sql`. */
export const EXPORT = 'export';
const DEFINITIONS = 'schema.duckdb';
const LOAD = 'load.sql';
/** A schema of the user's must not share a name with them. */
const [WHOLE, BARE] = ['nightjar_whole', 'nightjar_bare'];
/** A group of rows is held in memory, written and read: so its bytes count, not its rows. */
const OPTIONS = "FORMAT parquet, COMPRESSION 'zstd', ROW_GROUP_SIZE_BYTES '4MB'";

/** Of a smaller file, however well it was packed, no group takes much: 10,000 tiny ones are not asked. */
const WIDE = 64 * 1024;

const isWrittenAsText = ({ type }: Column): boolean => /HUGEINT|INTERVAL|TIME WITH TIME ZONE/.test(type);
const written = (column: Column): string =>
  isWrittenAsText(column) ? `${ident(column.name)}::VARCHAR AS ${ident(column.name)}` : ident(column.name);
const read = (column: Column): string =>
  isWrittenAsText(column)
    ? `CAST(${ident(column.name)} AS ${column.type}) AS ${ident(column.name)}`
    : ident(column.name);

/** `export/` in the room, of the database in `from`. Every file of it is one of `IMPORT DATABASE`'s, but the definitions. */
export async function exportParquet(
  context: DuckdbContext,
  from: string,
  stretches: Reading['stretches'],
): Promise<void> {
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
    const parts = new Map<string, readonly string[]>();
    for (const table of await listTables(session, WHOLE)) {
      const [file] = filesOfTable(files, table, 'DUMP_FAILED');
      const rows = `SELECT ${table.columns.map(written).join(', ')} FROM ${qualified(table, WHOLE)}`;
      const taken = stretches.get(tableName(table)) ?? [undefined];
      if (taken.length > 1)
        parts.set(
          file!,
          taken.map((_, index) => partOf(file!, index)),
        );
      for (const [index, stretch] of taken.entries()) {
        // What the writer is given at once is a group of rows in the file, and what its reader holds.
        const some = stretch
          ? quartered(stretch)
              .map((one) => `${rows} ${conditionOf(one)}`)
              .join(' UNION ALL ')
          : rows;
        await session.rows(`COPY (${some}) TO ${literal(partOf(file!, index))} (${OPTIONS})`);
        context.report.moved(0);
      }
    }
    if (parts.size > 0) await nameParts(join(directory, LOAD), parts);
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
    const attach = (group: number): Promise<unknown> =>
      session.rows(`ATTACH ${literal(into)} AS ${WHOLE} (ROW_GROUP_SIZE ${group})`);
    let group = GROUP;
    await attach(group);
    await loadRows(await listTables(session, WHOLE), {
      session,
      into: WHOLE,
      async from(table) {
        const own = filesOfTable(files, table, fallback).map((file) => join(directory, file));
        const wanted = await groupFor(session, own);
        if (wanted !== group) {
          await detach(session, WHOLE);
          await attach((group = wanted));
        }
        return own.map((file) => `SELECT ${table.columns.map(read).join(', ')} FROM read_parquet(${literal(file)})`);
      },
      report: context.report,
    });
    await detach(session, WHOLE);
  });
}

/** Rows of a group of the table in these files; where there are several, a single file is less than a group. */
async function groupFor(session: Session, files: readonly string[]): Promise<number> {
  if (files.length !== 1 || (await stat(files[0]!)).size < WIDE) return GROUP;
  const [found] = await session.rows<{ bytes: string; rows: string }>(
    `SELECT sum(total_uncompressed_size)::VARCHAR AS bytes, (SELECT num_rows FROM parquet_file_metadata(${literal(files[0]!)}))::VARCHAR AS "rows"
       FROM parquet_metadata(${literal(files[0]!)})`,
  );
  return groupOf(Number(found!.bytes) / Math.max(1, Number(found!.rows)));
}

/** A table of large values has several files. DuckDB puts no `-` into a name that it makes of a table's. */
const partOf = (file: string, index: number): string =>
  index === 0 ? file : file.replace(/\.parquet$/, `-${index + 1}.parquet`);

/** Each file's line of `load.sql` once for each of its parts. */
async function nameParts(path: string, parts: ReadonlyMap<string, readonly string[]>): Promise<void> {
  const lines = (await readFile(path, 'utf8')).split('\n').flatMap((line) => {
    const [file, all] =
      [...parts].find(([name]) => line.startsWith('COPY ') && line.includes(` FROM '${name}' (`)) ?? [];
    return file === undefined ? [line] : all!.map((one) => line.replace(` FROM '${file}' (`, ` FROM '${one}' (`));
  });
  await writeFile(path, lines.join('\n'));
}

/** By table, the files of its rows as `load.sql` names them: relative to where the directory lies. */
async function filesOf(directory: string, fallback: ErrorCode): Promise<Map<string, string[]>> {
  const text = await readFile(join(directory, LOAD), 'utf8').catch((cause: unknown) => {
    throw new NightjarError(fallback, { operation: 'read load.sql', detail: String(cause), cause });
  });
  const NAME = String.raw`("(?:[^"]|"")*"|[^\s".]+)`;
  const statement = new RegExp(String.raw`^COPY (?:${NAME}\.)?${NAME} FROM '((?:[^']|'')*)' \(`, 'gm');
  const files = new Map<string, string[]>();
  for (const [, schema, table, file] of text.matchAll(statement)) {
    const name = tableName({ schema: schema === undefined ? MAIN : unquoted(schema), table: unquoted(table!) });
    files.set(name, [...(files.get(name) ?? []), file!.replaceAll("''", "'")]);
  }
  return files;
}
const unquoted = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

function filesOfTable(
  files: ReadonlyMap<string, readonly string[]>,
  table: Place,
  fallback: ErrorCode,
): readonly string[] {
  const own = files.get(tableName(table));
  if (own?.every((file) => /^export\/[^/]+\.parquet$/.test(file))) return own;
  throw new NightjarError(fallback, {
    operation: 'read load.sql',
    detail: `The export names no file of ${tableName(table)}.`,
  });
}
