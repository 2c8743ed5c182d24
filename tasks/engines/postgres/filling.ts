/** The ways of filling a database of our own making: pg_restore of an archive, or psql of a script. */
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import { together } from '../../pipes/together.ts';
import { beside } from './database.ts';
import { definedFor, definitionIn, definitionOf, type DatabaseDefinition } from './definition.ts';
import type { Place } from './fingerprint.ts';
import { fitsLockTable, jobsFor, load, openArchive, type OpenArchive } from './load.ts';
import { startPsql, type PsqlSession } from './psql.ts';
import { runPlain, runScript } from './script.ts';
import { argsFor, broughtBy, hasTablespaces } from './selection.ts';
import type { Server } from './server.ts';
import { withoutLimits } from './snapshot.ts';
import { locksOf } from './toc.ts';

/** A backup that is open, and waits to be filled into a database. */
export interface Filling {
  /** How the database itself was made. */
  readonly definition: DatabaseDefinition;
  /** Sessions at once. */
  readonly jobs: number;
  /** Whose rows come back. */
  readonly brings: (place: Place) => boolean;
  /** Into the database, which nobody else uses; on failure the caller drops it. `settings`: of every session that does it. */
  fill(settings: string): Promise<void>;
  close(): Promise<void>;
}

/** `place`: the database, which is not there yet. */
export async function openFilling(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  place: string,
): Promise<Filling> {
  const { manifest } = source;
  const { report, signal } = server.context;
  const names = { from: manifest.source.database, to: place };
  report.phase('reading the archive');
  if (manifest.format === 'plain')
    return scriptFilling(server, job, source, { names, tablespaces: await hasTablespaces(server, manifest, place) });
  const archive = await openArchive(server, source, await jobsFor(server, job, source), signal);
  try {
    const args = await argsFor(server, job, manifest, archive, place);
    const tablespaces = !args.includes('--no-tablespaces');
    const definition = await definitionIn(server, archive.start.head, names, signal, { tablespaces });
    return {
      definition: definedFor(definition, job),
      jobs: archive.jobs,
      brings: broughtBy(job, manifest, archive),
      fill: (settings) => fillFrom(server, job, archive, { args, place, settings }),
      close: () => archive.close(),
    };
  } catch (thrown) {
    await archive.close();
    throw thrown;
  }
}

async function fillFrom(
  server: Server,
  job: RestoreJob,
  archive: OpenArchive,
  { args, place, settings }: { args: readonly string[]; place: string; settings: string },
): Promise<void> {
  const inTransaction = await beside(server, [place], (session) => fitsLockTable(session, locksOf(archive.start.toc)));
  if (!job.roleMap)
    return load(
      server,
      archive,
      { database: place, args, settings, singleTransaction: inTransaction },
      server.context.signal,
    );
  return inPsql(server, { database: place, settings }, async (psql, own, signal) => {
    if (inTransaction) await psql.run('BEGIN');
    await runScript(server, archive, { args, owners: job, inTransaction }, psql, own, signal);
    if (inTransaction) await psql.run('COMMIT');
  });
}

/** Plain SQL: everything that psql would run, as it is. */
function scriptFilling(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  { names, tablespaces }: { names: { from: string; to: string }; tablespaces: boolean },
): Filling {
  const { manifest } = source;
  const { report } = server.context;
  report.expect(manifest.archive.bytes);
  return {
    definition: definedFor(definitionOf(textOf(manifest), names), job),
    jobs: 1,
    brings: () => true,
    fill: (settings) =>
      inPsql(server, { database: names.to, settings }, (psql, own, signal) =>
        runPlain(server, source, { owners: job, inTransaction: false, tablespaces }, psql, own, signal),
      ),
    close: () => Promise.resolve(),
  };
}

function textOf({ source, backupId }: Manifest): string {
  const { definition } = source.details;
  if (typeof definition === 'string') return definition;
  throw new NightjarError('MANIFEST_INVALID', {
    operation: 'read manifest',
    detail: `The manifest of ${backupId} does not say how its database was made (source.details.definition).`,
  });
}

async function inPsql(
  server: Server,
  { database, settings }: { database: string; settings: string },
  work: (psql: PsqlSession, own: AbortController, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const own = new AbortController();
  const signal = AbortSignal.any([server.context.signal, own.signal]);
  const psql = startPsql(server, database, signal, settings);
  const alive = setInterval(() => server.context.report.moved(0), 10_000);
  const all = async (): Promise<void> => {
    await psql.run(withoutLimits(server));
    // Nobody relies on this database yet.
    await psql.run('SET synchronous_commit = off');
    await work(psql, own, signal);
    // Answers only after all of the script was run.
    await psql.run('RESET synchronous_commit');
    await psql.end();
  };
  try {
    await together(own, [all(), psql.ended]);
  } finally {
    clearInterval(alive);
  }
}
