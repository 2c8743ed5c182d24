/** Into the living file: all of it by SQLite's own backup, or the rows of some tables in one transaction. */
import { join } from 'node:path';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { timeoutOf, walRefused } from './copy.ts';
import { listTables } from './fingerprint.ts';
import { readHeader } from './header.ts';
import { checkIntegrity } from './integrity.ts';
import { argument, ident, text, withShell, type Shell } from './shell.ts';
import { alive, type Work } from './work.ts';

const meaning = { operation: 'overwrite', fallback: 'RESTORE_FAILED' } as const;

/** Readers see the old content or the new; a crash between is undone by the next who opens it. @throws FILE_LOCKED, WAL_REFUSED. */
export async function overwriteWhole(work: Work, job: RestoreJob, file: string): Promise<void> {
  const { place } = work;
  if (place.directory === undefined) return replaceObject(work, job, file);
  const living = await openable(join(place.directory, job.database), job.database);
  const count = 'SELECT count(*) FROM sqlite_schema;';
  const wanted = await withShell(work, file, meaning, (shell) => shell.ask(count));
  await withShell(work, living, meaning, async (shell) => {
    // The lock is asked for with patience here: .restore itself gives up after less than a second.
    await shell.ask(`${timeoutOf(work)}\nBEGIN EXCLUSIVE; COMMIT;`);
    await alive(work, shell.ask(`.restore ${argument(file)}`));
    const found = await shell.ask(count);
    if (found.trim() !== wanted.trim())
      throw new NightjarError('RESTORE_FAILED', {
        operation: '.restore',
        detail: `${job.database} holds ${found.trim()} definitions, the backup ${wanted.trim()}. Look at it before it is used.`,
      });
  });
}

async function openable(path: string, name: string): Promise<string> {
  const header = await readHeader(path, name).catch((thrown: unknown) => {
    if (!(thrown instanceof NightjarError) || thrown.code !== 'DATABASE_DAMAGED') throw thrown;
    const detail = `${thrown.detail ?? ''} What is damaged can't be overwritten in place: use mode swap. Nothing was changed.`;
    throw new NightjarError('RESTORE_FAILED', { operation: 'open the living file', detail, cause: thrown });
  });
  if (header.wal) throw walRefused(name);
  return path;
}

/** One call gives an object new content; its older version is the bucket's to keep. */
async function replaceObject(work: Work, job: RestoreJob, file: string): Promise<void> {
  const { place } = work;
  const [alias, old] = [aliasDatabase(job.database, job.id), replacedDatabase(job.database, job.id)];
  await place.remove(alias);
  await place.remove(old);
  await place.store(file, alias);
  await place.exchange({ name: job.database, incoming: alias, keepAs: old });
  await place.remove(old);
}

/**
 * The backup's tables in place of the living ones', all other tables untouched. Tables that are missing are made, with their
 * indexes and triggers. Triggers are silent meanwhile.
 */
export async function overwriteRows(work: Work, job: RestoreJob, file: string): Promise<void> {
  const { place } = work;
  if (place.directory !== undefined) {
    await replaceRows(work, await openable(join(place.directory, job.database), job.database), file);
    return;
  }
  const living = join(work.room, 'living.db');
  const before = await place.stat(job.database);
  await place.fetch(job.database, living);
  await replaceRows(work, living, file);
  await checkIntegrity(work, living, 'RESTORE_FAILED');
  if ((await place.stat(job.database))?.state !== before?.state)
    throw new NightjarError('FILE_LOCKED', {
      operation: 'overwrite',
      detail: `${job.database} was written meanwhile; it was left as it is.`,
    });
  await replaceObject(work, job, living);
}

interface Row {
  readonly name: string;
  readonly column: string;
  /** As `pragma table_xinfo` says: 0 of a column that can be written. */
  readonly hidden: number;
}

async function replaceRows(work: Work, living: string, file: string): Promise<void> {
  await withShell(work, living, meaning, async (shell) => {
    await shell.ask(
      `${timeoutOf(work)}\n.dbconfig enable_trigger off\nATTACH ${text(`file:${encodeURI(file)}?mode=ro`)} AS nightjar_backup;\nBEGIN IMMEDIATE;`,
    );
    const tables = await tablesIn(shell, 'nightjar_backup');
    const there = new Set((await listTables(shell)).map((one) => one.name));
    const columns = await columnsIn(shell, 'nightjar_backup');
    const living = await columnsIn(shell, 'main');
    for (const name of tables)
      refuseOthers(name, columns.get(name) ?? [], there.has(name) ? living.get(name) : undefined);
    for (const name of tables) {
      if (there.has(name)) await shell.ask(`DELETE FROM main.${ident(name)};`);
      else await makeTable(shell, name, 'table');
      await alive(work, fill(shell, name, columns.get(name) ?? []));
      if (!there.has(name)) await makeTable(shell, name, 'rest');
    }
    await keepSequences(shell, tables);
    const found = (await shell.ask('PRAGMA foreign_key_check;')).trim();
    if (found !== '')
      work.context.report.warn(
        `Rows of other tables refer to rows that are gone: ${found.split('\n').length} of them (PRAGMA foreign_key_check names them).`,
      );
    // Before this nothing is changed, whatever happened.
    await shell.ask('COMMIT;');
  });
}

async function tablesIn(shell: Shell, schema: string): Promise<string[]> {
  const rows = await shell.rows<{ name: string }>(
    `SELECT name FROM pragma_table_list WHERE schema = ${text(schema)} AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
  );
  return rows.map((one) => one.name);
}

/** Columns that can be written, by table. */
async function columnsIn(shell: Shell, schema: string): Promise<Map<string, string[]>> {
  const rows = await shell.rows<Row>(
    `SELECT l.name, x.name AS "column", x.hidden FROM pragma_table_list l, pragma_table_xinfo(l.name, ${text(schema)}) x WHERE l.schema = ${text(schema)} AND x.hidden = 0`,
  );
  const columns = new Map<string, string[]>();
  for (const { name, column } of rows) columns.set(name, [...(columns.get(name) ?? []), column]);
  return columns;
}

function refuseOthers(name: string, backup: readonly string[], living: readonly string[] | undefined): void {
  const lost = living ? backup.filter((column) => !living.includes(column)) : [];
  if (lost.length > 0)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail: `${name} has no ${lost.join(', ')} any more, and the backup's rows have. Nothing was changed.`,
    });
}

async function makeTable(shell: Shell, name: string, what: 'table' | 'rest'): Promise<void> {
  const rows = await shell.rows<{ sql: string }>(
    `SELECT sql FROM nightjar_backup.sqlite_schema WHERE tbl_name = ${text(name)} AND sql IS NOT NULL AND type ${what === 'table' ? "= 'table'" : "IN ('index', 'trigger')"} ORDER BY rowid`,
  );
  if (rows.length > 0) await shell.ask(rows.map(({ sql }) => `${sql};`).join('\n'));
}

async function fill(shell: Shell, name: string, columns: readonly string[]): Promise<void> {
  const [kind] = await shell.rows<{ wr: number; type: string }>(
    `SELECT wr, type FROM pragma_table_list WHERE schema = 'nightjar_backup' AND name = ${text(name)}`,
  );
  // Rowids that nobody gave a name are kept: an index for full text may refer to them.
  const rowid = kind?.wr === 0 && !columns.some((one) => one.toLowerCase() === 'rowid') ? ['rowid'] : [];
  const list = [...rowid, ...columns.map(ident)].join(', ');
  const [from, to] = [`nightjar_backup.${ident(name)}`, `main.${ident(name)}`];
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
    `SELECT (SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_sequence') * (SELECT count(*) FROM nightjar_backup.sqlite_schema WHERE name = 'sqlite_sequence') AS "both"`,
  );
  if (!has?.both) return;
  const ours = `b.name IN (${tables.map(text).join(', ')})`;
  const from = 'nightjar_backup.sqlite_sequence AS b';
  await shell.ask(`UPDATE main.sqlite_sequence AS a SET seq = max(a.seq, b.seq) FROM ${from} WHERE b.name = a.name AND ${ours};
    INSERT INTO main.sqlite_sequence (name, seq) SELECT b.name, b.seq FROM ${from}
     WHERE ${ours} AND NOT EXISTS (SELECT 1 FROM main.sqlite_sequence AS a WHERE a.name = b.name);`);
}
