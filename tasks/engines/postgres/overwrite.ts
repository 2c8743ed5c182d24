/**
 * Into the living database: one transaction, which is committed only after the archive was proven to its last byte and the
 * rows in it were found to be the backup's. Whatever goes wrong before leaves everything as it was.
 */
import type { Comparison } from '../../../core/backup.ts';
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import { feedArchive } from './archive.ts';
import { compareWith, differs } from './fingerprint.ts';
import { fitsLockTable, openArchive, writeListFile, type OpenArchive } from './load.ts';
import { literal, qualified } from './names.ts';
import { childOutlet } from './pipes.ts';
import { startPsql, type PsqlSession } from './psql.ts';
import { dataOf, entriesFor, listFile, tablesNamed, withPartitions } from './scope.ts';
import type { Server, Session } from './server.ts';
import { noLimits, withoutLimits } from './snapshot.ts';
import { conditionsIn, listTables } from './tables.ts';
import { isOf } from './toc.ts';
import { together } from './together.ts';
import { judge, startTool } from './tool-run.ts';
import { locksOfWiping, wiping } from './wipe.ts';

type Place = Readonly<{ schema: string; table: string }>;

interface Plan {
  readonly args: readonly string[];
  /** Statements inside the transaction, before the script. */
  readonly before: readonly string[];
  /** What is compared before COMMIT. */
  readonly compared: (place: Place) => boolean;
}

export async function overwrite(server: Server, job: RestoreJob, source: RestoreSource): Promise<Comparison> {
  const { report, signal } = server.context;
  const session = await server.session(job.database);
  let archive: OpenArchive | undefined;
  try {
    await noLimits(server, session);
    report.phase('reading the archive');
    archive = await openArchive(server, source, 1, signal);
    const plan = await planFor(server, session, job, source, archive);
    const conditions = await conditionsIn(session);
    report.phase('restoring');
    return await inOneTransaction(server, job, source, archive, plan, conditions);
  } finally {
    await archive?.close();
    await session.close();
  }
}

const keyOf = (place: Place): string => `${place.schema}.${place.table}`;

async function planFor(
  server: Server,
  session: Session,
  job: RestoreJob,
  source: RestoreSource,
  archive: OpenArchive,
): Promise<Plan> {
  const { scope } = job;
  const owners = job.noOwner ? ['--no-owner', '--no-privileges'] : [];
  if (scope?.tables || scope?.dataOnly) return planRows(server, session, job, source, archive, owners);
  if (scope?.schemaOnly) {
    await refuseRows(session, source.manifest.fingerprint.tables);
    return { args: ['--clean', '--if-exists', '--schema-only', ...owners], before: [], compared: () => false };
  }
  if (!(await fitsLockTable(session, archive.start, await locksOfWiping(session))))
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail:
        'The archive has more objects than the server can lock in one transaction, without which nothing is overwritten. ' +
        'Use mode `swap`, or raise max_locks_per_transaction. Nothing was touched.',
    });
  return { args: owners, before: await wiping(server, session), compared: () => true };
}

/** Replacing the schema drops its tables: only empty ones may go that way. */
async function refuseRows(session: Session, tables: readonly Place[]): Promise<void> {
  const there = new Set((await listTables(session)).map(keyOf));
  for (const one of tables.filter((place) => there.has(keyOf(place)))) {
    const rows = await session.rows(`SELECT 1 FROM ONLY ${qualified(one.schema, one.table)} LIMIT 1`);
    if (rows.length > 0)
      throw new NightjarError('SCOPE_REFUSED', {
        operation: 'preflight',
        detail: `Restoring the schema drops ${keyOf(one)}, which has rows; nothing was touched.`,
      });
  }
}

/** Rows of tables that are there are replaced; tables that are missing are made, with all that is theirs. */
async function planRows(
  server: Server,
  session: Session,
  job: RestoreJob,
  source: RestoreSource,
  archive: OpenArchive,
  owners: readonly string[],
): Promise<Plan> {
  const { toc } = archive.start;
  const named = job.scope?.tables ? tablesNamed(toc, job.scope.tables).map((one) => one.entry.id) : undefined;
  const wanted = named
    ? withPartitions(toc, named)
    : new Set(toc.filter((entry) => entry.kind === 'TABLE').map((entry) => entry.id));
  const entries = toc.filter((entry) => wanted.has(entry.id));
  const there = (await listTables(session)).filter((one) =>
    entries.some((entry) => isOf(entry, one.schema, one.table)),
  );
  const present = new Set(
    entries.filter((entry) => there.some((one) => isOf(entry, one.schema, one.table))).map((entry) => entry.id),
  );
  const parents = await partitionedParents(session);
  const missing = entries.filter(
    (entry) => !present.has(entry.id) && !parents.some((one) => isOf(entry, one.schema, one.table)),
  );
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

  const belongings = entriesFor(toc, wanted);
  const data = new Set(dataOf(toc, (id) => belongings.chosen.has(id)).map((entry) => entry.id));
  const fresh = entriesFor(toc, new Set(missing.map((entry) => entry.id)));
  const isThere = await existing(
    session,
    toc.filter((entry) => fresh.chosen.has(entry.id)),
  );
  const chosen = (id: number): boolean => data.has(id) || (fresh.chosen.has(id) && !isThere.has(id));
  const list = await writeListFile(server, 'scope.list', listFile(toc, chosen));
  if (toc.some((entry) => entry.kind.startsWith('BLOB')) && !named)
    server.context.report.warn('Large objects are not replaced by a restore of data only.');
  const brought = new Set(
    source.manifest.fingerprint.tables
      .filter((one) => entries.some((entry) => isOf(entry, one.schema, one.table)))
      .map(keyOf),
  );
  return {
    args: [`--use-list=${list}`, ...(job.scope?.schemaOnly ? ['--schema-only'] : []), ...owners],
    before: job.scope?.schemaOnly ? [] : await emptying(server, session, there),
    compared: (place) => !job.scope?.schemaOnly && brought.has(keyOf(place)),
  };
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

async function inOneTransaction(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  archive: OpenArchive,
  plan: Plan,
  conditions: (place: Place) => string,
): Promise<Comparison> {
  const { report } = server.context;
  const own = new AbortController();
  const signal = AbortSignal.any([server.context.signal, own.signal]);
  const psql = startPsql(server, job.database, signal);
  let committing = false;
  const work = async (): Promise<Comparison> => {
    await psql.run(withoutLimits(server));
    await psql.run(`SET lock_timeout = '${server.context.target.lockTimeoutSeconds}s'`);
    await psql.run('BEGIN');
    for (const statement of plan.before) await psql.run(statement);
    await script(server, archive, plan.args, psql, own, signal);
    await psql.run(`SET client_encoding = ${literal('UTF8')}`);
    report.phase('comparing rows');
    const { fingerprint } = source.manifest;
    const comparison = await compareWith(psql, fingerprint, report, { conditions, only: plan.compared });
    if (!comparison.equal) throw differs(comparison, `The transaction was rolled back, ${job.database} is as it was.`);
    committing = true;
    await psql.run('COMMIT');
    await psql.end();
    return job.scope?.schemaOnly ? { ...comparison, mode: 'none' } : comparison;
  };
  try {
    const [comparison] = await together(own, [work(), psql.ended]);
    return comparison;
  } catch (thrown) {
    if (!committing) throw thrown;
    // Not to be tried again: rows written since a COMMIT that was done would be lost.
    throw new NightjarError('UNEXPECTED', {
      operation: 'COMMIT',
      detail:
        `Whether the overwrite was committed is not known, for its answer was lost (${toNightjarError(thrown).message}). ` +
        `${job.database} holds either all of the old data or all of the restored: look before you start it again.`,
      cause: thrown,
    });
  }
}

/** pg_restore writes the script, psql takes it; resolves when all of it was taken and the archive proven. */
async function script(
  server: Server,
  archive: OpenArchive,
  args: readonly string[],
  psql: PsqlSession,
  own: AbortController,
  signal: AbortSignal,
): Promise<void> {
  // --single-transaction: else pg_restore would commit after each large object.
  const writer = startTool(server, 'pg_restore', ['--single-transaction', '--no-tablespaces', ...args, '--file=-'], {
    signal,
    stdin: 'pipe',
    stdout: 'pipe',
  });
  const judged = judge(writer, 'pg_restore', signal, 'RESTORE_FAILED');
  const outlet = childOutlet(writer.stdin!);
  await together(own, [
    feedArchive(archive.start.head, archive.rest!, outlet).then(() => outlet.end()),
    judged,
    (async () => {
      for await (const chunk of withoutLastCommit(writer.stdout as AsyncIterable<Buffer>))
        await psql.input.write(chunk);
    })(),
  ]);
}

const TAIL_BYTES = 64 * 1024;
const COMMIT = Buffer.from('\nCOMMIT;\n');

/** pg_restore ends its script with COMMIT; that is ours to say. @throws RESTORE_FAILED when there is none to leave out. */
export async function* withoutLastCommit(scriptBytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let tail = Buffer.alloc(0);
  for await (const chunk of scriptBytes) {
    tail = Buffer.concat([tail, chunk]);
    if (tail.length <= TAIL_BYTES * 2) continue;
    yield tail.subarray(0, tail.length - TAIL_BYTES);
    tail = tail.subarray(tail.length - TAIL_BYTES);
  }
  const at = tail.lastIndexOf(COMMIT);
  if (at < 0)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'pg_restore',
      detail: 'The script of pg_restore has no COMMIT at its end, so it can not be run in one transaction.',
    });
  yield tail.subarray(0, at + 1);
  yield tail.subarray(at + COMMIT.length);
}
