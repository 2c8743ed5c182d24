/**
 * Exact rows per table and a hash of their content: the sum, over all rows, of DuckDB's own 64-bit hash of the stored
 * columns in the order of their names. It does not depend on the order of rows or columns and counts duplicates. It guards
 * against loss and damage, not against somebody who forges rows on purpose, and is the same only within one version of the
 * library.
 */
import type { Comparison, Fingerprint, TablePrint } from '../../../core/backup.ts';
import { tableName } from '../../../core/scope.ts';
import { comparisonOf, isSameAsFarAsSeen } from '../../comparing.ts';
import type { Reporter } from '../../engine.ts';
import { ident, qualified } from './names.ts';
import type { Session } from './session.ts';
import { bytesOf, conditionOf, inStretches, type Stretch } from './stretches.ts';
import type { DataTable } from './tables.ts';

export type Print = TablePrint & { readonly checksum?: string };

export interface Reading {
  readonly prints: TablePrint[];
  /** Of tables with large values, by their names: what was read of them at once. */
  readonly stretches: ReadonlyMap<string, readonly Stretch[]>;
}

/** `content`: reads every value, else counts only. */
export async function takePrints(
  session: Session,
  tables: readonly DataTable[],
  content: boolean,
  report: Pick<Reporter, 'moved'>,
  catalog?: string,
): Promise<Reading> {
  const prints: TablePrint[] = [];
  const stretches = new Map<string, readonly Stretch[]>();
  for (const one of tables) {
    const { print, taken } = await printOf(session, one, content, report, catalog);
    prints.push({ schema: one.schema, table: one.table, ...print });
    if (taken) stretches.set(tableName(one), taken);
    report.moved(0);
  }
  return { prints, stretches };
}

async function printOf(
  session: Session,
  table: DataTable,
  content: boolean,
  report: Pick<Reporter, 'moved'>,
  catalog: string | undefined,
): Promise<{ print: Pick<Print, 'rows' | 'checksum'>; taken?: readonly Stretch[] | undefined }> {
  const from = `FROM ${qualified(table, catalog)}`;
  if (!content) {
    const [found] = await session.rows<{ rows: string }>(`SELECT count(*)::VARCHAR AS "rows" ${from}`);
    return { print: { rows: Number(found!.rows) } };
  }
  const names = table.columns.map((column) => column.name).sort();
  const hash = names.length === 0 ? '0' : `coalesce(sum(hash(row(${names.map(ident).join(', ')}))), 0)`;
  let [rows, sum] = [0, 0n];
  const bytes = bytesOf(table.columns);
  const taken = await inStretches(session, table, catalog, async (stretch) => {
    const [found] = await session.rows<{ rows: string; sum: string; bytes: string }>(
      `SELECT count(*)::VARCHAR AS "rows", ${hash}::VARCHAR AS sum, (${bytes})::VARCHAR AS bytes ${from} ${conditionOf(stretch)}`,
    );
    rows += Number(found!.rows);
    sum += BigInt(found!.sum);
    report.moved(0);
    return Number(found!.bytes);
  });
  return { print: { rows, checksum: String(sum) }, taken };
}

const withChecksum = (checksum: string | undefined): { checksum?: string } =>
  checksum === undefined ? {} : { checksum };

/** As a target asked for it, of prints that hold everything. */
export function fingerprintOf(mode: Fingerprint['mode'], prints: readonly TablePrint[], seconds: number): Fingerprint {
  if (mode === 'none') return { mode, tables: [], seconds: 0 };
  const tables = prints.map(({ schema, table, rows, checksum }) => ({
    schema,
    table,
    rows,
    ...withChecksum(mode === 'checksums' ? checksum : undefined),
  }));
  return { mode, tables, seconds: Math.round(seconds * 1_000) / 1_000 };
}

export function compare(
  mode: Fingerprint['mode'],
  expected: readonly TablePrint[],
  prints: readonly TablePrint[],
): Comparison {
  const byName = new Map(prints.map((one) => [tableName(one), one]));
  // Counted only, where nobody asked for more.
  return comparisonOf(
    mode,
    expected,
    expected.map((one) => byName.get(tableName(one))),
    { same: isSameAsFarAsSeen },
  );
}
