/** The rows of a backup's tables in place of the living ones', in one transaction. */
import { NightjarError } from '../../../core/errors.ts';
import { timeoutOf } from './copy.ts';
import { ident, text, withShell, type Shell } from './shell.ts';
import { keptBy, makeVirtual, moduleOf, rebuildIndexes } from './virtual.ts';
import { alive, type Work } from './work.ts';

const meaning = { operation: 'overwrite', fallback: 'RESTORE_FAILED' } as const;
const BACKUP = 'nightjar_backup';

/** Of one schema, by name. */
export type Tables = ReadonlyMap<string, TableFacts>;
export interface TableFacts {
  /** `shadow`: a virtual table keeps its content in it. */
  readonly type: 'table' | 'virtual' | 'shadow' | 'view';
  /** Whether it has no rowid. */
  readonly wr: number;
  readonly sql: string;
  /** Columns that can be written; none of a virtual table or a view. */
  readonly columns: readonly string[];
}

/**
 * Both files lie where they can be opened; `living` is locked meanwhile. Of a virtual table the tables change places in which it
 * keeps its content: not every one gives back what was put in, or lets it be deleted.
 *
 * @throws FILE_LOCKED; RESTORE_FAILED, FINGERPRINT_DIFFERS: nothing was changed.
 */
export async function replaceRows(work: Work, living: string, file: string): Promise<void> {
  await withShell(work, living, meaning, async (shell) => {
    await shell.ask(
      `${timeoutOf(work)}\n.dbconfig enable_trigger off\n.dbconfig defensive off\nATTACH ${text(`file:${encodeURI(file)}?mode=ro`)} AS ${BACKUP};\nBEGIN IMMEDIATE;`,
    );
    const [there, coming] = [await tablesOf(shell, 'main'), await tablesOf(shell, BACKUP)];
    const brought = [...coming].filter(([, one]) => one.type !== 'view').sort(byKind);
    for (const [name, one] of brought) refuseOther(name, one, there.get(name));
    for (const [name, one] of brought) {
      if (one.type === 'virtual') {
        if (!there.has(name)) await makeVirtual(shell, name, one.sql);
      } else await alive(work, replaceTable(shell, name, one, there.has(name)));
    }
    // What the living one keeps besides, such as counts that only came with use, is of its old content.
    for (const [name, one] of there)
      if (one.type === 'shadow' && !coming.has(name) && coming.get(keptBy(name))?.type === 'virtual')
        await shell.ask(`DELETE FROM main.${ident(name)};`);
    await keepSequences(
      shell,
      brought.map(([name]) => name),
    );
    const rebuilt = await alive(work, rebuildIndexes(shell, there, coming));
    if (rebuilt.length > 0)
      work.context.report.warn(`Built anew from the rows that they are an index of: ${rebuilt.join(', ')}.`);
    const found = (await shell.ask('PRAGMA foreign_key_check;')).trim();
    if (found !== '')
      work.context.report.warn(
        `Rows of other tables refer to rows that are gone: ${found.split('\n').length} of them (PRAGMA foreign_key_check names them).`,
      );
    // Before this nothing is changed, whatever happened.
    await shell.ask('COMMIT;');
  });
}

/** A virtual table before those that it keeps, as SQLite makes them. */
const byKind = ([a, { type: one }]: [string, TableFacts], [b, { type: other }]: [string, TableFacts]): number =>
  Number(one === 'shadow') - Number(other === 'shadow') || (a < b ? -1 : 1);

async function tablesOf(shell: Shell, schema: string): Promise<Tables> {
  const rows = await shell.rows<Pick<TableFacts, 'type' | 'wr' | 'sql'> & { name: string }>(
    `SELECT l.name, l.type, l.wr, s.sql FROM pragma_table_list l JOIN ${schema}.sqlite_schema s ON s.name = l.name AND s.type IN ('table', 'view')
      WHERE l.schema = ${text(schema)} AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
  );
  const columns = await columnsOf(shell, schema);
  return new Map(rows.map(({ name, ...one }) => [name, { ...one, columns: columns.get(name) ?? [] }]));
}

async function columnsOf(shell: Shell, schema: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await shell.rows<{ name: string; column: string }>(
    `SELECT l.name, x.name AS "column" FROM pragma_table_list l, pragma_table_xinfo(l.name, ${text(schema)}) x
      WHERE l.schema = ${text(schema)} AND l.type IN ('table', 'shadow') AND x.hidden = 0`,
  );
  const columns = new Map<string, string[]>();
  for (const { name, column } of rows) columns.set(name, [...(columns.get(name) ?? []), column]);
  return columns;
}

/** @throws RESTORE_FAILED where the living one can't take what the backup's holds. */
function refuseOther(name: string, backup: TableFacts, living: TableFacts | undefined): void {
  if (!living) return;
  const refused = (why: string): NightjarError =>
    new NightjarError('RESTORE_FAILED', { operation: 'preflight', detail: `${why} Nothing was changed.` });
  if (living.type !== backup.type)
    throw refused(`${name} is ${KINDS[living.type]} now, and ${KINDS[backup.type]} in the backup.`);
  if (living.type === 'virtual' && living.sql !== backup.sql)
    throw refused(
      `The virtual table ${name} (${moduleOf(backup.sql)}) is defined otherwise than in the backup, and what it keeps goes by its definition: restore it beside, with mode new.`,
    );
  const lost = backup.columns.filter((column) => !living.columns.includes(column));
  if (lost.length > 0) throw refused(`${name} has no ${lost.join(', ')} any more, and the backup's rows have.`);
}
const KINDS = {
  table: 'a table',
  virtual: 'a virtual table',
  shadow: 'a table that a virtual one keeps',
  view: 'a view',
} as const;

async function replaceTable(shell: Shell, name: string, table: TableFacts, isThere: boolean): Promise<void> {
  await shell.ask(isThere ? `DELETE FROM main.${ident(name)};` : `${table.sql};`);
  await fill(shell, name, table);
  if (isThere) return;
  const rest = await shell.rows<{ sql: string }>(
    `SELECT sql FROM ${BACKUP}.sqlite_schema WHERE tbl_name = ${text(name)} AND sql IS NOT NULL AND type IN ('index', 'trigger') ORDER BY rowid`,
  );
  if (rest.length > 0) await shell.ask(rest.map(({ sql }) => `${sql};`).join('\n'));
}

async function fill(shell: Shell, name: string, { wr, columns }: TableFacts): Promise<void> {
  // Rowids that nobody gave a name are kept: an index for full text may refer to them.
  const taken = new Set(columns.map((one) => one.toLowerCase()));
  const rowid = wr === 0 ? ['rowid', '_rowid_', 'oid'].filter((one) => !taken.has(one)).slice(0, 1) : [];
  const list = [...rowid, ...columns.map(ident)].join(', ');
  const [from, to] = [`${BACKUP}.${ident(name)}`, `main.${ident(name)}`];
  await shell.ask(`INSERT INTO ${to} (${list}) SELECT ${list} FROM ${from};`);
  const counts = (await shell.ask(`SELECT (SELECT count(*) FROM ${from}) = (SELECT count(*) FROM ${to});`)).trim();
  if (counts !== '1')
    throw new NightjarError('FINGERPRINT_DIFFERS', {
      operation: 'compare rows',
      detail: `${name} would not hold the backup's rows; nothing was changed.`,
    });
}

/** AUTOINCREMENT goes on behind what the backup had given out. */
async function keepSequences(shell: Shell, tables: readonly string[]): Promise<void> {
  const [has] = await shell.rows<{ both: number }>(
    `SELECT (SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_sequence') * (SELECT count(*) FROM ${BACKUP}.sqlite_schema WHERE name = 'sqlite_sequence') AS "both"`,
  );
  if (!has?.both) return;
  const ours = `b.name IN (${tables.map(text).join(', ')})`;
  const from = `${BACKUP}.sqlite_sequence AS b`;
  await shell.ask(`UPDATE main.sqlite_sequence AS a SET seq = max(a.seq, b.seq) FROM ${from} WHERE b.name = a.name AND ${ours};
    INSERT INTO main.sqlite_sequence (name, seq) SELECT b.name, b.seq FROM ${from}
     WHERE ${ours} AND NOT EXISTS (SELECT 1 FROM main.sqlite_sequence AS a WHERE a.name = b.name);`);
}
