/**
 * An overwrite of some tables, or of rows only: the rows are loaded into empty copies of the living tables, compared, and take
 * the place of the others in one transaction. Definitions stay as they are.
 */
import type { Comparison } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase } from '../../../core/names.ts';
import type { RestoreDone, RestoreSource } from '../../engine.ts';
import { differs } from '../../comparing.ts';
import { compareBy, compareIn, foundEqual } from './compare.ts';
import { names } from './dump-plan.ts';
import { withSigns } from './fingerprint.ts';
import { load } from './load.ts';
import { ident, qualified } from './names.ts';
import { databaseExists, dropDatabase, dropUnfinished, readNote, writeNote } from './place.ts';
import { within, type Server, type Session } from './server.ts';
import { charsetOf, createDatabase, generatedColumns, listTables, requireDatabase } from './tables.ts';

export async function overwriteRows(server: Server, job: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const { report, signal } = server.context;
  const place = aliasDatabase(job.database, job.id);
  const note = await within(server, async (session) => {
    await requireDatabase(session, job.database);
    return readNote(session, place);
  });
  if (note?.replaced === '1') {
    report.warn('An earlier attempt of this restore had replaced the rows already.');
    await within(server, (session) => dropDatabase(session, place));
    return { restoredDatabase: job.database, comparison: foundEqual(job, source) };
  }
  try {
    await within(server, (session) => makeCopies(session, job, place, wantedOf(job, source)));
    report.phase('restoring');
    const { visited } = await load(server, { ...job, scope: { ...job.scope, dataOnly: true } }, source, place);
    report.phase('comparing rows');
    const comparison = await compareIn(server, job, source, place);
    if (!comparison.equal) throw differs(comparison, `The rows of ${job.database} were left as they are.`);
    report.phase('replacing rows');
    const replaced = await withSigns(report, replace(server, job, source, place, [...visited]));
    await within(server, (session) => dropDatabase(session, place));
    report.warn('Foreign keys did not act on the rows while they were replaced.');
    return { restoredDatabase: job.database, comparison: replaced };
  } catch (thrown) {
    await dropUnfinished(server, place);
    signal.throwIfAborted();
    throw thrown;
  }
}

/** Of the tables that come back, as far as the backup says it; undefined: whatever its archive holds. */
function wantedOf({ scope }: RestoreJob, { manifest }: RestoreSource): readonly string[] | undefined {
  if (scope?.tables) return scope.tables;
  return manifest.fingerprint.mode === 'none' ? undefined : manifest.fingerprint.tables.map((one) => one.table);
}

/** Without foreign keys and triggers. @throws RESTORE_REFUSED for what can't be replaced. */
async function makeCopies(
  session: Session,
  { database }: RestoreJob,
  place: string,
  wanted: readonly string[] | undefined,
): Promise<void> {
  const refuse = (detail: string): never => {
    throw new NightjarError('RESTORE_REFUSED', { operation: 'preflight', detail: `${detail} Nothing was touched.` });
  };
  const there = await listTables(session, database);
  const missing = (wanted ?? []).filter((table) => !there.some((one) => one.table === table));
  if (missing.length > 0)
    refuse(`Rows need their tables to be there, and ${database} has no ${names(missing)}: restore with mode \`new\`.`);
  const chosen = wanted ? there.filter((one) => wanted.includes(one.table)) : there;
  const unsafe = chosen.filter((one) => !one.transactional);
  if (unsafe.length > 0)
    refuse(
      `Rows of ${names(unsafe.map((one) => `${one.table} (${one.engine})`))} can not be replaced in a transaction: restore with mode \`new\`.`,
    );
  const triggers = await session.rows<{ t: string; name: string }>(
    `SELECT event_object_table AS t, trigger_name AS name FROM information_schema.triggers
      WHERE trigger_schema = ? AND event_manipulation IN ('INSERT', 'DELETE')`,
    [database],
  );
  const acting = triggers.filter((one) => chosen.some(({ table }) => table === one.t));
  if (acting.length > 0)
    refuse(
      `The server would run triggers on every row: ${names(acting.map((one) => `${one.name} of ${one.t}`))}. Restore with mode \`new\` and copy the rows, or drop them first.`,
    );
  if (await databaseExists(session, place)) await dropDatabase(session, place);
  await createDatabase(session, place, await charsetOf(session, database), () => undefined);
  await writeNote(session, place, { replaced: '0' });
  for (const { table } of chosen)
    await session.rows(`CREATE TABLE ${qualified(place, table)} LIKE ${qualified(database, table)}`);
}

/** All or none; that it was done is written down in the same transaction. */
async function replace(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  place: string,
  tables: readonly string[],
): Promise<Comparison> {
  server.context.signal.throwIfAborted();
  return within(server, async (session) => {
    const generated = await generatedColumns(session, job.database);
    await session.rows(`SET SESSION foreign_key_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO'`);
    const columns = new Map<string, string>();
    for (const table of tables) columns.set(table, await columnsOf(session, job.database, table, generated.get(table)));
    await session.rows('START TRANSACTION');
    for (const table of tables) {
      await session.rows(`DELETE FROM ${qualified(job.database, table)}`);
      const list = columns.get(table)!;
      await session.rows(
        `INSERT INTO ${qualified(job.database, table)} (${list}) SELECT ${list} FROM ${qualified(place, table)}`,
      );
    }
    const comparison = await compareBy(session, job, source, job.database, server.context.report);
    // Whoever leaves without a COMMIT has changed nothing.
    if (!comparison.equal) throw differs(comparison, `The rows of ${job.database} were left as they are.`);
    await writeNote(session, place, { replaced: '1' }, { made: true });
    await session.rows('COMMIT');
    return comparison;
  });
}

async function columnsOf(
  session: Session,
  database: string,
  table: string,
  generated: ReadonlySet<string> = new Set(),
): Promise<string> {
  const rows = await session.rows<{ name: string }>(
    'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?',
    [database, table],
  );
  return rows
    .map((one) => one.name)
    .filter((name) => !generated.has(name))
    .map(ident)
    .join(', ');
}
