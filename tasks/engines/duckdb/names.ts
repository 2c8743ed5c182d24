/** Names and texts in DuckDB's SQL. */
export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export interface Place {
  readonly schema: string;
  readonly table: string;
}
/** `catalog`: the attached database's name. */
export const qualified = ({ schema, table }: Place, catalog?: string): string =>
  [...(catalog === undefined ? [] : [catalog]), schema, table].map(ident).join('.');

/** Schema of tables that are named without one. */
export const MAIN = 'main';

/** What a file's writer keeps beside it until its next checkpoint. */
export const walOf = (file: string): string => `${file}.wal`;
