/** Bringing a backup back: beside everything else first, compared, and only then under its name. */
import type { Comparison } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob, RestoreOutcome } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import type { RestoreSource } from '../../engine.ts';
import {
  beside,
  createDatabase,
  databaseNamed,
  definitionIn,
  dropDatabase,
  isMadeBy,
  maintenanceDatabases,
  noteOf,
  setComment,
  type DatabaseDefinition,
} from './database.ts';
import { compareWith, differs, type Asker } from './fingerprint.ts';
import { fitsLockTable, jobsFor, load, openArchive, writeListFile, type OpenArchive } from './load.ts';
import { overwrite } from './overwrite.ts';
import { preflight } from './preflight.ts';
import { entriesFor, listFile, tablesNamed, withPartitions } from './scope.ts';
import { reachServer, type PostgresContext, type Server } from './server.ts';
import { noLimits } from './snapshot.ts';
import { exchange } from './swap.ts';
import { conditionsIn } from './tables.ts';
import { ident } from './names.ts';
import { isOf } from './toc.ts';
import { toolBytes } from './tool-run.ts';

export async function restore(
  context: PostgresContext,
  job: RestoreJob,
  source: RestoreSource,
): Promise<Omit<RestoreOutcome, 'kind'>> {
  const warnings: string[] = [];
  const report = {
    ...reporting(context),
    warn: (text: string) => void (warnings.push(text), context.report.warn(text)),
  };
  const told: PostgresContext = { ...context, report };
  report.phase('connecting');
  const place = aliasDatabase(job.database, job.id);
  const old = replacedDatabase(job.database, job.id);
  const names = [job.database, place, old];
  const server = await reachServer(told, maintenanceDatabases(names));
  await beside(server, names, (session) => preflight(server, session, job, source.manifest));
  if (job.scope) {
    // A narrowed restore never reads the archive's end: its hash is proven before.
    report.phase('proving the archive');
    await source.proveArchive();
  }
  if (job.mode === 'overwrite') {
    const comparison = await overwrite(server, job, source);
    return { restoredDatabase: job.database, comparison, warnings };
  }
  return { ...(await restoreBeside(server, job, source, { place, old })), warnings };
}

/** A reporter's methods, whatever object they hang on. */
const reporting = ({ report }: PostgresContext): PostgresContext['report'] => ({
  phase: (text) => report.phase(text),
  moved: (bytes) => report.moved(bytes),
  expect: (bytes) => report.expect(bytes),
  warn: (text) => report.warn(text),
});

async function restoreBeside(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  { place, old }: { place: string; old: string },
): Promise<Omit<RestoreOutcome, 'kind' | 'warnings'>> {
  const { report } = server.context;
  const names = [job.database, place, old];
  const [serving, leftover, replaced] = await beside(server, names, async (session) => [
    await databaseNamed(session, job.database),
    await databaseNamed(session, place),
    await databaseNamed(session, old),
  ]);
  if (isMadeBy(serving, job.id)) {
    report.warn('An earlier attempt of this restore had found the rows equal and given it its name already.');
    return {
      restoredDatabase: job.database,
      ...(replaced ? { replacedDatabase: old } : {}),
      comparison: foundEqual(job, source),
    };
  }
  if (job.mode === 'new' && serving)
    throw new NightjarError('DESTINATION_EXISTS', { operation: 'restore', detail: `Database: ${job.database}.` });

  let comparison: Comparison;
  if (isMadeBy(leftover, job.id)) {
    report.warn('An earlier attempt of this restore had loaded the data and found the rows equal; it was taken up.');
    comparison = foundEqual(job, source);
  } else {
    if (leftover) {
      report.phase('dropping an unfinished attempt');
      await beside(server, names, (session) => dropDatabase(session, place));
    }
    comparison = await make(server, job, source, place, serving !== undefined);
  }

  report.phase('renaming');
  if (job.mode === 'swap') {
    const had = await exchange(server, { name: job.database, incoming: place, keepAs: old });
    return { restoredDatabase: job.database, ...(had ? { replacedDatabase: old } : {}), comparison };
  }
  await beside(server, names, async (session) => {
    if (!(await databaseNamed(session, job.database)))
      return session.rows(`ALTER DATABASE ${ident(place)} RENAME TO ${ident(job.database)}`);
    await dropDatabase(session, place);
    throw new NightjarError('DESTINATION_EXISTS', {
      operation: 'restore',
      detail: `Somebody made ${job.database} while the backup was being restored.`,
    });
  });
  return { restoredDatabase: job.database, comparison };
}

/** What an earlier attempt of the same restore found: only after an equal comparison is a database marked. */
function foundEqual(job: RestoreJob, source: RestoreSource): Comparison {
  const { mode, tables } = source.manifest.fingerprint;
  const compared = job.scope?.schemaOnly ? [] : tables.filter((one) => inScope(job, one));
  const rows = compared.reduce((sum, one) => sum + one.rows, 0);
  return {
    mode: job.scope?.schemaOnly ? 'none' : mode,
    tablesCompared: compared.length,
    rowsExpected: rows,
    rowsFound: rows,
    differences: [],
    equal: true,
  };
}

/** Without the archive at hand: by the names that were asked for. */
const inScope = (job: RestoreJob, place: { schema: string; table: string }): boolean =>
  !job.scope?.tables || job.scope.tables.includes(`${place.schema}.${place.table}`);

/** Makes the database under its working name, loads it, compares it and marks it. Whatever fails, it is dropped again. */
async function make(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  place: string,
  replaces: boolean,
): Promise<Comparison> {
  const { report, signal } = server.context;
  const { manifest } = source;
  report.phase('reading the archive');
  const archive = await openArchive(server, source, await jobsFor(server, job, source), signal);
  try {
    const args = await argsFor(server, job, archive, place);
    const tablespaces = !args.includes('--no-tablespaces');
    const definition = await definitionIn(
      server,
      archive.start.head,
      { from: manifest.source.database, to: place },
      signal,
      (text) => writeListFile(server, 'definition.list', text),
      { tablespaces },
    );
    const kept = job.mode === 'swap' && replaces ? await livingDefinition(server, job.database, place) : definition;
    await beside(server, [place], (session) =>
      createDatabase(session, place, definition, manifest.source, (text) => report.warn(text)),
    );
    return await filled(server, job, source, { archive, args, place, kept });
  } finally {
    await archive.close();
  }
}

async function filled(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  made: { archive: OpenArchive; args: readonly string[]; place: string; kept: DatabaseDefinition },
): Promise<Comparison> {
  const { report, signal } = server.context;
  const { archive, args, place, kept } = made;
  try {
    // Objects are handed to their owners while loading, who need the rights of the database's owner.
    if (!job.noOwner && kept.owner) await beside(server, [place], (session) => session.rows(kept.owner!));
    report.phase('restoring');
    const singleTransaction = await beside(server, [place], (session) => fitsLockTable(session, archive.start));
    await load(server, archive, { database: place, args, singleTransaction }, signal);
    report.phase('comparing rows');
    const comparison = await compareIn(server, job, source, place, broughtBy(job, archive));
    if (!comparison.equal) throw differs(comparison, `It was kept as ${place}.`);
    if (job.mode === 'swap') await analyze(server, place);
    await beside(server, [place], async (session) => {
      await applyDefinition(server, session, kept, job.noOwner ?? false);
      const comment = (await databaseNamed(session, place))?.comment ?? null;
      await setComment(session, place, noteOf(job.id, source.manifest.backupId, comment));
    });
    return comparison;
  } catch (thrown) {
    if (thrown instanceof NightjarError && thrown.code === 'FINGERPRINT_DIFFERS') throw thrown;
    await beside(server, [place], (session) => dropDatabase(session, place), { last: true }).catch((again: unknown) =>
      report.warn(`The unfinished database ${place} could not be dropped: ${String(again)}`),
    );
    signal.throwIfAborted();
    throw thrown;
  }
}

/** pg_restore's arguments besides where to. */
async function argsFor(server: Server, job: RestoreJob, archive: OpenArchive, place: string): Promise<string[]> {
  const own = await beside(server, [place], (session) =>
    session.row<{ tablespaces: number }>('SELECT count(*)::int - 2 AS tablespaces FROM pg_catalog.pg_tablespace'),
  );
  return [
    ...(job.noOwner ? ['--no-owner', '--no-privileges'] : []),
    // A server that has none of its own can't mean the backup's.
    ...(own.tablespaces > 0 ? [] : ['--no-tablespaces']),
    ...(job.scope?.schemaOnly ? ['--schema-only'] : []),
    ...(job.scope?.tables ? [await tableList(server, job.scope.tables, archive)] : []),
  ];
}

async function tableList(server: Server, names: readonly string[], archive: OpenArchive): Promise<string> {
  const { toc } = archive.start;
  const tables = withPartitions(
    toc,
    tablesNamed(toc, names).map((one) => one.entry.id),
  );
  const { chosen, leftOut } = entriesFor(toc, tables);
  const lost = leftOut.filter((entry) => entry.kind === 'FK CONSTRAINT');
  if (lost.length > 0)
    server.context.report.warn(
      `${lost.length} foreign keys to tables outside the scope were left out: ${lost.map((one) => one.rest).join(', ')}.`,
    );
  const file = await writeListFile(
    server,
    'scope.list',
    listFile(toc, (id) => chosen.has(id)),
  );
  return `--use-list=${file}`;
}

/** Tables whose rows come back: all, or those of the scope with their partitions. */
function broughtBy(
  job: RestoreJob,
  { start: { toc } }: OpenArchive,
): (place: { schema: string; table: string }) => boolean {
  if (!job.scope?.tables) return () => true;
  const ids = withPartitions(
    toc,
    tablesNamed(toc, job.scope.tables).map((one) => one.entry.id),
  );
  const entries = toc.filter((entry) => ids.has(entry.id));
  return (place) => entries.some((entry) => isOf(entry, place.schema, place.table));
}

/** Compares what is in `database` with the backup's fingerprint, as far as the job brought it back. */
async function compareIn(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  database: string,
  only: (place: { schema: string; table: string }) => boolean,
): Promise<Comparison> {
  const { fingerprint } = source.manifest;
  if (job.scope?.schemaOnly) return foundEqual(job, source);
  const session = await server.session(database);
  try {
    await noLimits(server, session);
    return await compareWith(session, fingerprint, server.context.report, {
      conditions: await conditionsIn(session),
      only,
    });
  } finally {
    await session.close();
  }
}

/** Without statistics the first queries after a swap would go astray. */
async function analyze(server: Server, database: string): Promise<void> {
  server.context.report.phase('collecting statistics');
  const session = await server.session(database);
  const alive = setInterval(() => server.context.report.moved(0), 10_000);
  try {
    await noLimits(server, session);
    await session.rows('ANALYZE');
  } finally {
    clearInterval(alive);
    await session.close();
  }
}

/** What is set on the living database: the one that takes its place carries on with that, not with what was once. */
async function livingDefinition(server: Server, database: string, to: string): Promise<DatabaseDefinition> {
  const { signal } = server.context;
  const archive = toolBytes(
    server,
    'pg_dump',
    [
      '--format=custom',
      '--schema-only',
      '--exclude-schema=*',
      '--no-password',
      `--dbname=${server.conninfo(database)}`,
    ],
    { signal, fallback: 'SWAP_FAILED' },
  );
  return definitionIn(
    server,
    await archive,
    { from: database, to },
    signal,
    (text) => writeListFile(server, 'living.list', text),
    { tablespaces: false },
  );
}

async function applyDefinition(
  server: Server,
  session: Asker,
  definition: DatabaseDefinition,
  noOwner: boolean,
): Promise<void> {
  const roleBound = (statement: string): boolean => statement.startsWith('ALTER ROLE ');
  const statements = [
    ...(definition.comment ? [definition.comment] : []),
    ...definition.properties.filter((one) => !noOwner || !roleBound(one)),
    ...(noOwner ? [] : definition.privileges),
  ];
  for (const statement of statements) {
    await session.rows(statement).catch((thrown: unknown) => {
      if (!(thrown instanceof NightjarError) || thrown.code === 'CONNECTION_LOST') throw thrown;
      server.context.report.warn(`Not taken over: ${statement} (${thrown.detail ?? thrown.message})`);
    });
  }
}
