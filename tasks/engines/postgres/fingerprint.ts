/**
 * The fingerprint of a database: exact rows per table and, if asked, a hash of their content.
 *
 * A checksum is the sum, over all rows, of a 64-bit hash of the row's text with its columns in the order of their names.
 * It does not depend on the order of rows or of columns, counts duplicates, and is the same on every server from 14 to 18 for
 * data that PostgreSQL writes as text alike (settings that change the text are fixed here). It guards against loss and
 * damage, not against somebody who forges rows on purpose.
 *
 * Sequences are left out: they stand outside transactions, so no snapshot holds their value. pg_dump reads them after
 * the snapshot, so a restored sequence is never behind the restored rows. Large objects stand as one table,
 * `pg_catalog.pg_largeobject_metadata`.
 */
import type { Fingerprint, TablePrint } from '../../../core/backup.ts';
import type { Reporter } from '../../engine.ts';
import { ident, qualified } from './names.ts';
import type { DataTable } from './tables.ts';

/** Whatever answers SQL with rows. */
export interface Asker {
  rows<Row extends object = Record<string, unknown>>(sql: string): Promise<Row[]>;
}

export type Mode = Fingerprint['mode'];
export type Place = Pick<TablePrint, 'schema' | 'table'>;

export const LARGE_OBJECTS: Place = { schema: 'pg_catalog', table: 'pg_largeobject_metadata' };
const isLargeObjects = (place: Place): boolean =>
  place.schema === LARGE_OBJECTS.schema && place.table === LARGE_OBJECTS.table;

/** Everything that changes how a value is written. */
const TEXT_SETTINGS = `
  SET extra_float_digits = 3; SET bytea_output = 'hex'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres';
  SET TimeZone = 'UTC'; SET xmloption = 'content'; SET lc_monetary = 'C'; SET search_path = pg_catalog;
  SET row_security = off;`;

/** Once per session, before {@link printTable}. */
export const prepareAsker = async (asker: Asker): Promise<void> => {
  await asker.rows(TEXT_SETTINGS);
};

/** One table's rows, and its checksum where asked. */
export async function printTable(asker: Asker, place: Place & { condition?: string }, mode: Mode): Promise<TablePrint> {
  const { schema, table } = place;
  const from = `FROM ONLY ${qualified(schema, table)} AS "row" ${place.condition ?? ''}`;
  const sum = mode === 'checksums' ? `, ${await checksumOf(asker, place)} AS checksum` : '';
  const [found] = await asker.rows<{ rows: string; checksum?: string | null }>(
    isLargeObjects(place)
      ? `SELECT count(*)::text AS rows${sum} FROM pg_catalog.pg_largeobject_metadata`
      : `SELECT count(*)::text AS rows${sum} ${from}`,
  );
  return {
    schema,
    table,
    rows: Number(found!.rows),
    ...(found!.checksum === undefined || found!.checksum === null ? {} : { checksum: found!.checksum }),
  };
}

async function checksumOf(asker: Asker, place: Place): Promise<string> {
  if (isLargeObjects(place)) {
    const [may] = await asker.rows<{ read: boolean }>(
      `SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT') AS read`,
    );
    if (!may?.read) return 'NULL';
    // Pages that are missing and pages of zeros read the same.
    return `(SELECT coalesce(sum(hashtextextended((loid, pageno, rtrim(data, '\\x00'::bytea))::text COLLATE "C", 0)::numeric), 0)::text
               FROM pg_catalog.pg_largeobject WHERE rtrim(data, '\\x00'::bytea) <> ''::bytea)`;
  }
  const columns = await asker.rows<{ name: string }>(`
    SELECT attname AS name FROM pg_catalog.pg_attribute
     WHERE attrelid = ${regclass(place)} AND attnum > 0 AND NOT attisdropped ORDER BY attname COLLATE "C"`);
  const row = columns.map((column) => `"row".${ident(column.name)}`).join(', ');
  return `coalesce(sum(hashtextextended(ROW(${row})::text COLLATE "C", 0)::numeric), 0)::text`;
}

export const quoted = (text: string): string => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
const regclass = ({ schema, table }: Place): string => `${quoted(qualified(schema, table))}::regclass`;

/** The fingerprint of these tables, in the transaction that the asker stands in. */
export async function takeFingerprint(
  asker: Asker,
  tables: readonly DataTable[],
  mode: Mode,
  report: Reporter,
  options: { largeObjects: boolean },
): Promise<Fingerprint> {
  const started = performance.now();
  const prints: TablePrint[] = [];
  if (mode !== 'none') {
    await prepareAsker(asker);
    for (const table of tables) {
      prints.push(await withoutLeavingLocks(asker, () => printTable(asker, table, mode)));
      report.moved(0);
    }
    const large = options.largeObjects ? await printTable(asker, LARGE_OBJECTS, mode) : undefined;
    if (large && large.rows > 0) prints.push(large);
  }
  return { mode, tables: prints, seconds: Math.round(performance.now() - started) / 1_000 };
}

/** Counting locks a table's indexes too, until the transaction ends: thousands of tables would fill the lock table. */
async function withoutLeavingLocks<T>(asker: Asker, work: () => Promise<T>): Promise<T> {
  await asker.rows('SAVEPOINT print');
  const result = await work();
  await asker.rows('ROLLBACK TO SAVEPOINT print; RELEASE SAVEPOINT print');
  return result;
}
