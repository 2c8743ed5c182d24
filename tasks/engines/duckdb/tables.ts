/** The tables of an attached database, with what must be known to move their rows. */
import { NightjarError } from '../../../core/errors.ts';
import { tableName } from '../../../core/scope.ts';
import { literal, MAIN, qualified, type Place } from './names.ts';
import type { Session } from './session.ts';

export interface Column {
  readonly name: string;
  readonly type: string;
}
export interface ForeignKey {
  readonly columns: readonly string[];
  /** In the same schema: DuckDB knows no others. */
  readonly table: string;
  readonly referenced: readonly string[];
}
export interface DataTable extends Place {
  /** Those that are stored: generated ones are made again by themselves. */
  readonly columns: readonly Column[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Deleted ones that are stored still included. */
  readonly storedRows: number;
  /** Whether `rowid` is DuckDB's own number of a row: a column of that name hides it. */
  readonly hasRowIds: boolean;
}

interface TableRow extends Place {
  readonly sql: string;
  readonly stored: string;
  readonly columns: readonly (Column & { readonly has_default: boolean })[];
}

/** In the order in which they were made, which is the order in which they can be filled. */
export async function listTables(session: Session, catalog: string): Promise<DataTable[]> {
  const tables = await session.rows<TableRow>(`
    SELECT t.schema_name AS schema, t.table_name AS "table", t.sql, t.estimated_size::VARCHAR AS stored,
           list({'name': c.column_name, 'type': c.data_type, 'has_default': c.column_default IS NOT NULL} ORDER BY c.column_index) AS columns
      FROM duckdb_tables() t JOIN duckdb_columns() c ON c.table_oid = t.table_oid AND c.database_oid = t.database_oid
     WHERE t.database_name = ${literal(catalog)} AND NOT t.internal AND NOT t.temporary
     GROUP BY t.table_oid, t.schema_name, t.table_name, t.sql, t.estimated_size ORDER BY t.table_oid`);
  // The catalog's view of a generated column's kind is the text of the table alone; DESCRIBE shows it without a default.
  const suspects = tables.filter((one) => /GENERATED ALWAYS/i.test(one.sql));
  const generated = new Map<TableRow, ReadonlySet<string>>();
  for (const table of suspects) {
    const described = await session.rows<{ column_name: string; default: string | null }>(
      `DESCRIBE ${qualified(table, catalog)}`,
    );
    const withDefault = new Set(described.filter((one) => one.default !== null).map((one) => one.column_name));
    const names = table.columns.filter((one) => one.has_default && !withDefault.has(one.name)).map((one) => one.name);
    generated.set(table, new Set(names));
  }
  const keys = await foreignKeys(session, catalog);
  return tables.map((table) => ({
    schema: table.schema,
    table: table.table,
    columns: table.columns
      .filter((one) => !generated.get(table)?.has(one.name))
      .map(({ name, type }) => ({ name, type })),
    foreignKeys: keys.get(tableName(table)) ?? [],
    storedRows: Number(table.stored),
    hasRowIds: !table.columns.some((one) => one.name.toLowerCase() === 'rowid'),
  }));
}

async function foreignKeys(session: Session, catalog: string): Promise<Map<string, ForeignKey[]>> {
  const rows = await session.rows<Place & { columns: string[]; references: string; referenced: string[] }>(`
    SELECT schema_name AS schema, table_name AS "table", constraint_column_names AS columns,
           referenced_table AS references, referenced_column_names AS referenced
      FROM duckdb_constraints() WHERE database_name = ${literal(catalog)} AND constraint_type = 'FOREIGN KEY'`);
  const found = new Map<string, ForeignKey[]>();
  for (const { columns, references, referenced, ...place } of rows) {
    const own = found.get(tableName(place)) ?? [];
    own.push({ columns, table: references, referenced });
    found.set(tableName(place), own);
  }
  return found;
}

/** `schema.table`; of the schema `main` the table's name alone is enough. */
export const isNamed = (place: Place, name: string): boolean =>
  tableName(place) === name || (place.schema === MAIN && place.table === name);

/** @throws INPUT_INVALID for a name that no table has; `where` says of what, such as `the backup`. */
export function chosenTables<T extends Place>(
  tables: readonly T[],
  scope: { readonly tables?: readonly string[] | undefined; readonly exclude?: readonly string[] | undefined },
  where: string,
): T[] {
  const names = scope.tables ?? scope.exclude ?? [];
  const unknown = names.filter((name) => !tables.some((one) => isNamed(one, name)));
  if (unknown.length > 0)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read scope',
      detail: `scope: ${where} has no table ${unknown.join(', ')}; right would be schema.table, as the fingerprint names them.`,
    });
  const isListed = (one: T): boolean => names.some((name) => isNamed(one, name));
  if (scope.tables) return tables.filter(isListed);
  return scope.exclude ? tables.filter((one) => !isListed(one)) : [...tables];
}

/** Tables of a choice that refer to tables outside of it, in words; without those no row of theirs can be stored. */
export function danglingKeys(chosen: readonly DataTable[]): string[] {
  const has = (place: Place): boolean => chosen.some((one) => one.schema === place.schema && one.table === place.table);
  return chosen.flatMap((one) =>
    one.foreignKeys
      .filter((key) => !has({ schema: one.schema, table: key.table }))
      .map((key) => `${tableName(one)} refers to ${tableName({ schema: one.schema, table: key.table })}`),
  );
}
