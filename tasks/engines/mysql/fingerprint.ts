/** Exact rows of each table, and if asked a hash over them that does not depend on their order. */
import type { TablePrint } from '../../../core/backup.ts';
import type { TargetOf } from '../../../core/config.ts';
import type { Reporter } from '../../engine.ts';
import { ident, literal, qualified } from './names.ts';
import type { Session } from './server.ts';

export type Mode = TargetOf<'mysql'>['fingerprint'];

/**
 * MD5 of a row's MD5s, added up in two halves: no column is too long for it, and equal rows do not cancel each other out. A
 * sum of 64-bit numbers fits DECIMAL's 65 digits.
 */
function checksumOf(columns: readonly string[]): string {
  const cells = columns.map((name) => `coalesce(md5(${ident(name)}), '-')`);
  const row = `md5(concat(${cells.join(', ')}))`;
  const half = (from: number): string =>
    `coalesce(sum(cast(conv(substr(h, ${from}, 16), 16, 10) AS decimal(20, 0))), 0)`;
  return `concat(${half(1)}, '-', ${half(17)}) AS checksum FROM (SELECT ${row} AS h`;
}

/** In the session's own snapshot. */
export async function printTable(session: Session, database: string, table: string, mode: Mode): Promise<TablePrint> {
  const place = { schema: '', table };
  const from = qualified(database, table);
  if (mode !== 'checksums') {
    const { n } = await session.row<{ n: number | string }>(`SELECT count(*) AS n FROM ${from}`);
    return { ...place, rows: Number(n) };
  }
  const columns = await session.rows<{ name: string }>(
    `SELECT column_name AS name FROM information_schema.columns
      WHERE table_schema = ${literal(database)} AND table_name = ${literal(table)}`,
  );
  // By their bytes: each server sorts names in its own way, and a backup may come back on another one.
  const names = columns.map((one) => Buffer.from(one.name)).sort((a, b) => Buffer.compare(a, b));
  const { n, checksum } = await session.row<{ n: number | string; checksum: string | Buffer }>(
    `SELECT count(*) AS n, ${checksumOf(names.map(String))} FROM ${from}) AS hashed`,
  );
  return { ...place, rows: Number(n), checksum: String(checksum) };
}

/** @throws what the server says of a table that can't be read. */
export async function printTables(
  session: Session,
  database: string,
  tables: readonly string[],
  mode: Mode,
  report: Reporter,
): Promise<TablePrint[]> {
  const prints: TablePrint[] = [];
  for (const table of tables) {
    prints.push(await printTable(session, database, table, mode));
    report.moved(0);
  }
  return prints;
}

/** Work that says nothing for long is no stall. */
export async function withSigns<T>(report: Reporter, work: Promise<T>): Promise<T> {
  const alive = setInterval(() => report.moved(0), 10_000);
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}
