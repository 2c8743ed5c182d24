/**
 * Rows of each table and, if asked, a hash of their content.
 *
 * A checksum is the SHA3-256 over the sorted SHA3-256 of all rows, each row being its values with their types, in the order
 * of the columns' names: it depends neither on the order of rows nor of columns, and counts duplicates. Of a virtual table
 * only rows are counted; what it keeps lies in tables of its own, which the file's check covers.
 */
import type { Comparison, Fingerprint, TablePrint } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import { comparisonOf } from '../../comparing.ts';
import { isAnswer } from './errors.ts';
import { ident, text, withShell, type Shell } from './shell.ts';
import { alive, type Work } from './work.ts';

export interface Table {
  readonly name: string;
  readonly type: 'table' | 'virtual';
}
export type Mode = Fingerprint['mode'];

/** What a person calls tables: neither SQLite's own, nor those that a virtual table keeps for itself. */
export const listTables = (shell: Shell): Promise<Table[]> =>
  shell.rows<Table>(
    `SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
  );

/** By table the names of its columns, also of generated ones, in their order. */
export async function listColumns(shell: Shell): Promise<Map<string, string[]>> {
  const rows = await shell.rows<{ name: string; column: string }>(
    `SELECT l.name, x.name AS "column" FROM pragma_table_list l, pragma_table_xinfo(l.name) x WHERE l.schema = 'main' AND l.type = 'table' AND x.hidden <> 1 ORDER BY l.name, x.name`,
  );
  const columns = new Map<string, string[]>();
  for (const { name, column } of rows) columns.set(name, [...(columns.get(name) ?? []), column]);
  return columns;
}

/** The prints of these tables, in the transaction in which the shell stands. */
export async function printTables(shell: Shell, tables: readonly Table[], mode: Mode): Promise<TablePrint[]> {
  if (mode === 'none' || tables.length === 0) return [];
  const columns = mode === 'checksums' ? await listColumns(shell) : undefined;
  const statements = tables.map(({ name }) => {
    const of = columns?.get(name);
    return `SELECT count(*)${of ? `, ${checksumOf(name, of)}` : ''} FROM ${ident(name)};`;
  });
  const lines = (await shell.ask(`.separator " "\n${statements.join('\n')}`)).trim().split('\n');
  return tables.map(({ name }, index) => {
    const [rows, checksum] = (lines[index] ?? '').split(' ');
    return { schema: '', table: name, rows: Number(rows), ...(checksum ? { checksum: checksum.toLowerCase() } : {}) };
  });
}

function checksumOf(table: string, columns: readonly string[]): string {
  const rows = `SELECT sha3(${joined(columns.map(valueOf))}, 256) AS h FROM ${ident(table)}`;
  return `hex(sha3_query(${text(`SELECT h FROM (${rows}) ORDER BY h`)}, 256))`;
}

/** Text and blobs by their hash: SQLite's own quoting stops at a zero byte, and doubles a large blob. */
const valueOf = (column: string): string => {
  const c = ident(column);
  return `CASE typeof(${c}) WHEN 'text' THEN 't' || hex(sha3(CAST(${c} AS BLOB), 256)) WHEN 'blob' THEN 'b' || hex(sha3(${c}, 256)) ELSE quote(${c}) END || ','`;
};

/** Balanced, because an expression may be 1,000 deep, and a table 2,000 columns wide. */
function joined(parts: readonly string[]): string {
  if (parts.length === 1) return parts[0]!;
  const half = parts.length >> 1;
  return `(${joined(parts.slice(0, half))}) || (${joined(parts.slice(half))})`;
}

/** Of a file on the task's disk. A virtual table whose module the image has not is told and left out. */
export async function printFile(
  work: Work,
  file: string,
  mode: Mode,
  options: {
    readonly only?: (table: string) => boolean;
    readonly readonly?: boolean;
    /** Hears of what was left out. */
    readonly uncounted?: (table: string) => void;
  } = {},
): Promise<Fingerprint> {
  const started = performance.now();
  const meaning = { operation: 'count rows', fallback: 'DUMP_FAILED', readonly: options.readonly ?? false } as const;
  const prints = await withShell(work, file, meaning, async (shell) => {
    await shell.ask(`.timeout ${work.context.target.busyTimeoutSeconds * 1_000}\nBEGIN;`);
    const tables = (await listTables(shell)).filter(({ name }) => options.only?.(name) ?? true);
    const plain = tables.filter((one) => one.type === 'table');
    const found = await alive(work, printTables(shell, plain, mode));
    if (mode !== 'none')
      for (const one of tables.filter(({ type }) => type === 'virtual')) {
        const print = await alone(work, file, one, meaning);
        if (print) found.push(print);
        else options.uncounted?.(one.name);
      }
    return found.sort((a, b) => (a.table < b.table ? -1 : 1));
  });
  return { mode, tables: prints, seconds: Math.round(performance.now() - started) / 1_000 };
}

/** In a shell of its own, which ends with the first error. */
async function alone(
  work: Work,
  file: string,
  table: Table,
  meaning: Parameters<typeof withShell>[2],
): Promise<TablePrint | undefined> {
  try {
    return (await withShell(work, file, meaning, (shell) => printTables(shell, [table], 'counts')))[0];
  } catch (thrown) {
    if (!(thrown instanceof NightjarError) || !isAnswer(thrown)) throw thrown;
    work.context.report.warn(
      `The virtual table ${table.name} could not be counted: ${thrown.detail ?? thrown.message}`,
    );
    return undefined;
  }
}

/** `wanted`: what the backup recorded, of the tables that were brought back. */
export function compare(wanted: readonly TablePrint[], found: readonly TablePrint[], mode: Mode): Comparison {
  const byName = new Map(found.map((one) => [one.table, one]));
  return comparisonOf(
    mode,
    wanted,
    wanted.map((one) => byName.get(one.table)),
  );
}
