/** Bringing a backup back: on the task's disk first, checked and compared, and only then under a name. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import { timeOfId } from '../../../core/ids.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { isPart, narrowed, scopeRefused } from '../../../core/narrowing.ts';
import type { RestoreDone, RestoreSource } from '../../engine.ts';
import { missing, taken } from '../../files/mounted.ts';
import { readArchive } from './archive.ts';
import { differs, equalAsBefore } from '../../comparing.ts';
import { compare, printFile } from './fingerprint.ts';
import { readHeader } from './header.ts';
import { checkIntegrity } from './integrity.ts';
import { overwriteRows, overwriteWhole } from './overwrite.ts';
import { cut } from './scope.ts';
import { orNewer } from './newer.ts';
import { toolVersion, withShell } from './shell.ts';
import { exchange, setAside, settle } from './swap.ts';
import { withWork, type SqliteContext, type Work } from './work.ts';

export const restore = (context: SqliteContext, job: RestoreJob, source: RestoreSource): Promise<RestoreDone> =>
  withWork(context, (work) => restoreWith(work, job, source));

async function restoreWith(work: Work, job: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  work.context.report.phase('connecting');
  refuse(job, source.manifest);
  await settle(work, job);
  if (job.mode === 'overwrite') return overwrite(work, job, source);
  return job.mode === 'swap' ? swap(work, job, source) : beside(work, job, source);
}

/** @throws SCOPE_REFUSED before anything is read. */
function refuse(job: RestoreJob, manifest: Manifest): void {
  if (narrowed(job, manifest).scope?.schemaOnly && job.mode === 'overwrite')
    throw scopeRefused('A schema would overwrite rows with nothing: restore it beside, with mode `new`.');
}

interface Made {
  readonly file: string;
  readonly comparison: Comparison;
}

/** The archive as a file on the task's disk, narrowed, checked and compared, whatever the comparison says. */
async function make(work: Work, job: RestoreJob, source: RestoreSource): Promise<Made> {
  const { context } = work;
  const { fingerprint } = source.manifest;
  context.report.phase('restoring');
  work.signal.throwIfAborted();
  const whole = await readArchive(work, source);
  await readable(whole);
  await checkIntegrity(work, whole, 'RESTORE_FAILED').catch(async (thrown: unknown) => {
    throw orNewer(thrown, source.manifest.source.serverVersion, await toolVersion(work, 'RESTORE_FAILED'));
  });
  const file = await cut(work, whole, job.scope?.dataOnly ? { tables: job.scope.tables } : job.scope, 'RESTORE_FAILED');
  await fitForMount(work, file);
  context.report.phase('comparing rows');
  work.signal.throwIfAborted();
  const only = (table: string): boolean => job.scope?.tables?.includes(table) ?? true;
  const mode = job.scope?.schemaOnly ? 'none' : fingerprint.mode;
  // An index for full text over rows that don't come along has none to count any more.
  const bare = new Set<string>();
  const found = await printFile(work, file, mode, { only, uncounted: (name) => job.scope && bare.add(name) });
  const wanted = mode === 'none' ? [] : fingerprint.tables.filter(({ table }) => only(table) && !bare.has(table));
  return { file, comparison: compare(wanted, found.tables, mode) };
}

/** What came back is of the archive: its faults are the restore's. */
async function readable(file: string): Promise<void> {
  await readHeader(file, 'What came back').catch((thrown: unknown) => {
    const detail = thrown instanceof NightjarError ? thrown.detail : String(thrown);
    throw new NightjarError('RESTORE_FAILED', { operation: 'read the restored file', detail: detail ?? '' });
  });
}

/** A database that came from a bucket may be in WAL mode, which a mounted file system can't carry. */
async function fitForMount(work: Work, file: string): Promise<void> {
  if (work.place.directory === undefined || !(await readHeader(file, 'the restored file')).wal) return;
  const meaning = { operation: 'leave WAL mode', fallback: 'RESTORE_FAILED' } as const;
  await withShell(work, file, meaning, (shell) => shell.ask('PRAGMA journal_mode = DELETE;'));
  work.context.report.warn(
    'The backup was in WAL mode; what was restored is not, because a mounted file system can not carry it.',
  );
}

async function beside(work: Work, job: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const { place } = work;
  const there = await place.stat(job.database);
  // An earlier attempt of this restore may have come so far; then the bytes are the same.
  if (there && Date.parse(there.changedAt) < timeOfId(job.id)) throw taken(place.words, job.database);
  const made = await make(work, job, source);
  if (there) {
    await place.fetch(job.database, join(work.room, 'there.db'));
    if ((await hashOf(join(work.room, 'there.db'))) !== (await hashOf(made.file)))
      throw taken(place.words, job.database);
    work.context.report.warn('An earlier attempt of this restore had brought it there already.');
    return { restoredDatabase: job.database, comparison: made.comparison };
  }
  if (!made.comparison.equal) throw await kept(work, job, made);
  await setAside(work, job.database, aliasDatabase(job.database, job.id));
  await place.store(made.file, job.database);
  return { restoredDatabase: job.database, comparison: made.comparison };
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

/** Rows that are not the backup's are left for a person to look at. */
async function kept(work: Work, job: RestoreJob, { file, comparison }: Made): Promise<NightjarError> {
  const alias = aliasDatabase(job.database, job.id);
  await work.place.remove(alias);
  await work.place.store(file, alias);
  return differs(comparison, `It was kept as ${alias}.`);
}

async function swap(work: Work, job: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const { place, context } = work;
  const { database } = job;
  const alias = aliasDatabase(database, job.id);
  const old = replacedDatabase(database, job.id);
  const [living, waiting, replaced] = [await place.stat(database), await place.stat(alias), await place.stat(old)];
  const outcome = (was: boolean, comparison: Comparison): RestoreDone => ({
    restoredDatabase: database,
    ...(was ? { replacedDatabase: old } : {}),
    comparison,
  });
  // The old file is kept under its new name only after an equal comparison.
  if (replaced && !waiting && living && living.state !== replaced.state) {
    context.report.warn('An earlier attempt of this restore had found the rows equal and exchanged the names already.');
    return outcome(true, foundEqual(source.manifest));
  }
  if (replaced && waiting) {
    context.report.phase('renaming');
    return outcome(await exchange(work, { name: database, incoming: alias, keepAs: old }), foundEqual(source.manifest));
  }
  const made = await make(work, job, source);
  if (!made.comparison.equal) throw await kept(work, job, made);
  context.report.phase('renaming');
  work.signal.throwIfAborted();
  await place.remove(alias);
  await place.store(made.file, alias);
  try {
    return outcome(await exchange(work, { name: database, incoming: alias, keepAs: old }), made.comparison);
  } catch (thrown) {
    // A next attempt makes it anew, unless the exchange had begun.
    if (!(await place.stat(old).catch(() => true))) await place.remove(alias).catch(() => undefined);
    throw thrown;
  }
}

const foundEqual = ({ fingerprint }: Manifest): Comparison => equalAsBefore(fingerprint.mode, fingerprint.tables);

async function overwrite(work: Work, job: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const { place } = work;
  if (!(await place.stat(job.database))) throw missing(place.words, job.database);
  const made = await make(work, job, source);
  if (!made.comparison.equal)
    throw differs(made.comparison, `${job.database} was not touched, and what was restored was not kept.`);
  await (isPart(job, source.manifest) ? overwriteRows(work, job, made.file) : overwriteWhole(work, job, made.file));
  return { restoredDatabase: job.database, comparison: made.comparison };
}
