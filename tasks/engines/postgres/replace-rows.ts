/** An overwrite of some tables, or of rows only: which entries come in, and how the old rows go. */
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import type { Place } from './fingerprint.ts';
import { fitsLockTable, writeListFile, type OpenArchive } from './load.ts';
import { qualified } from './names.ts';
import { runAll, type PsqlSession } from './psql.ts';
import { dataOf, entriesFor, listFile, rowlessIn, tablesIn, wantedTables } from './scope.ts';
import type { Server, Session } from './server.ts';
import { listTables } from './tables.ts';
import { byTable, type TocEntry } from './toc.ts';

const keyOf = (place: Place): string => `${place.schema}.${place.table}`;

export interface RowsPlan {
  /** pg_restore's. */
  readonly args: readonly string[];
  /** Inside the transaction, before the script. */
  readonly prepare: (psql: PsqlSession) => Promise<void>;
  /** What is compared before COMMIT. */
  readonly compared: (place: Place) => boolean;
}

/** Rows of tables that are there are replaced; tables that are missing are made, with all that is theirs. */
export async function planRows(
  server: Server,
  session: Session,
  job: RestoreJob,
  source: RestoreSource,
  archive: OpenArchive,
  owners: readonly string[],
): Promise<RowsPlan> {
  const { toc } = archive.start;
  const { manifest } = source;
  const named = job.scope?.tables && wantedTables(toc, job.scope.tables, manifest);
  const wanted = named ?? wholeOf(toc, manifest);
  const entries = toc.filter((entry) => wanted.has(entry.id));
  const find = byTable(entries);
  const idsOf = (places: readonly Place[]): Set<number> =>
    new Set(places.flatMap((one) => find(one).map((entry) => entry.id)));
  const there = (await listTables(session)).filter((one) => find(one).length > 0);
  const present = idsOf(there);
  const parents = idsOf(await partitionedParents(session));
  const missing = entries.filter((entry) => !present.has(entry.id) && !parents.has(entry.id));
  if (job.scope?.schemaOnly && present.size > 0)
    throw new NightjarError('SCOPE_REFUSED', {
      operation: 'preflight',
      detail: `${there.map(keyOf).join(', ')} is there already; its schema is not replaced. Nothing was touched.`,
    });
  if (job.scope?.dataOnly && missing.length > 0)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail: `Data only needs these tables to be there: ${missing.map((one) => one.rest).join(', ')}. Nothing was touched.`,
    });

  await refuseTooMany(session, there);

  const belongings = entriesFor(toc, wanted);
  // Without definitions nothing says whose a sequence is: of all tables all come.
  const bare = manifest.scope?.dataOnly && !named;
  const data = new Set(dataOf(toc, (id) => bare === true || belongings.chosen.has(id)).map((entry) => entry.id));
  const fresh = entriesFor(toc, new Set(missing.map((entry) => entry.id)));
  const isThere = await existing(
    session,
    toc.filter((entry) => fresh.chosen.has(entry.id)),
  );
  const chosen = (id: number): boolean => data.has(id) || (fresh.chosen.has(id) && !isThere.has(id));
  const list = await writeListFile(server, 'scope.list', listFile(toc, chosen));
  if (toc.some((entry) => entry.kind.startsWith('BLOB')) && !named)
    server.context.report.warn('Large objects are not replaced by a restore of data only.');
  const brought = new Set(source.manifest.fingerprint.tables.filter((one) => find(one).length > 0).map(keyOf));
  return {
    args: [`--use-list=${list}`, ...(job.scope?.schemaOnly ? ['--schema-only'] : []), ...owners],
    prepare: runAll(job.scope?.schemaOnly ? [] : await emptying(server, session, there)),
    compared: (place) => !job.scope?.schemaOnly && brought.has(keyOf(place)),
  };
}

/** Every table whose rows are in the archive. */
function wholeOf(toc: readonly TocEntry[], { scope: held }: Manifest): Set<number> {
  const rowless = held?.exclude ? rowlessIn(toc) : new Set<number>();
  return new Set(tablesIn(toc).flatMap(({ id }) => (rowless.has(id) ? [] : [id])));
}

async function partitionedParents(session: Session): Promise<Place[]> {
  return session.rows<Place>(`
    SELECT n.nspname AS schema, c.relname AS table FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'p'`);
}

/** What a missing table needs and the database has: schemas, types, functions and extensions are not made twice. */
async function existing(
  session: Session,
  entries: readonly { id: number; kind: string; rest: string }[],
): Promise<Set<number>> {
  const things = await session.rows<{ kind: string; rest: string }>(`
    SELECT 'SCHEMA' AS kind, '- ' || nspname AS rest FROM pg_catalog.pg_namespace
    UNION ALL SELECT 'EXTENSION', '- ' || extname FROM pg_catalog.pg_extension
    UNION ALL SELECT k.kind, n.nspname || ' ' || t.typname
      FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace,
           (VALUES ('TYPE'), ('DOMAIN'), ('SHELL TYPE')) AS k(kind)
    UNION ALL SELECT k.kind, n.nspname || ' ' || p.proname || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')'
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace,
           (VALUES ('FUNCTION'), ('PROCEDURE'), ('AGGREGATE')) AS k(kind)`);
  const known = new Set(things.map((one) => `${one.kind} ${one.rest}`));
  const isKnown = (entry: { kind: string; rest: string }): boolean => {
    const text = `${entry.kind} ${entry.rest}`;
    // The owner, which may hold spaces too, comes last.
    for (let at = text.lastIndexOf(' '); at > 0; at = text.lastIndexOf(' ', at - 1))
      if (known.has(text.slice(0, at))) return true;
    return false;
  };
  return new Set(entries.filter(isKnown).map((entry) => entry.id));
}

/** Emptied and filled, a table is locked with its indexes, its TOAST table and that one's index. */
async function refuseTooMany(session: Session, tables: readonly Place[]): Promise<void> {
  const { indexes } = await session.row<{ indexes: number }>(
    `SELECT count(*)::int AS indexes FROM pg_catalog.pg_index
       JOIN pg_catalog.pg_class c ON c.oid = indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN unnest($1::text[], $2::text[]) AS t(schema, name) ON t.schema = n.nspname AND t.name = c.relname`,
    [tables.map((one) => one.schema), tables.map((one) => one.table)],
  );
  if (await fitsLockTable(session, tables.length * 3 + indexes)) return;
  throw new NightjarError('RESTORE_FAILED', {
    operation: 'preflight',
    detail:
      `${tables.length} tables are more than the server can lock in one transaction, without which nothing is overwritten. ` +
      'Name fewer of them, use mode `swap`, or raise max_locks_per_transaction. Nothing was touched.',
  });
}

/** How the old rows go: the fast way where no other table refers to them, else row by row without triggers. */
async function emptying(server: Server, session: Session, tables: readonly Place[]): Promise<string[]> {
  if (tables.length === 0) return [];
  const names = tables.map((one) => qualified(one.schema, one.table));
  const referring = await session.rows<{ name: string }>(
    `SELECT DISTINCT conrelid::regclass::text AS name FROM pg_catalog.pg_constraint
      WHERE contype = 'f' AND confrelid = ANY ($1::regclass[]) AND NOT conrelid = ANY ($1::regclass[])`,
    [names],
  );
  const quiet = await session.rows(`SET session_replication_role = replica; RESET session_replication_role`).then(
    () => true,
    () => false,
  );
  const hush = quiet ? ['SET session_replication_role = replica'] : [];
  if (quiet) server.context.report.warn('Triggers and foreign keys did not act on the rows while they were replaced.');
  if (referring.length === 0) return [...hush, `TRUNCATE ONLY ${names.join(', ONLY ')}`];
  if (quiet) return [...hush, ...names.map((name) => `DELETE FROM ONLY ${name}`)];
  throw new NightjarError('PRIVILEGE_MISSING', {
    operation: 'preflight',
    detail:
      `${referring.map((one) => one.name).join(', ')} refer to these tables, and the user may not set session_replication_role: ` +
      'put them into the scope too, or restore with mode `new`. Nothing was touched.',
  });
}
