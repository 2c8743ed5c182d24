/** Bringing a backup back: made and compared on the task's own disk, and only then given a name where applications look. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Comparison, Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { isPart, narrowed, scopeRefused } from '../../../core/narrowing.ts';
import { scopeKinds } from '../../../core/scope.ts';
import type { EngineContext, RestoreDone, RestoreSource } from '../../engine.ts';
import { taken } from '../../files/mounted.ts';
import { openArchive, readAll } from './archive.ts';
import { merge, narrow } from './assemble.ts';
import { inRoom, type Call } from './context.ts';
import { takeCopy } from './copy.ts';
import { isOf, recoded } from './errors.ts';
import { exchange, guard, settle, type Guard } from './exchange.ts';
import { differs, equalAsBefore } from '../../comparing.ts';
import { compare } from './fingerprint.ts';
import { walOf } from './names.ts';
import type { DuckdbContext } from './session.ts';
import { NEWEST_STORAGE } from './storage.ts';
import { isNamed } from './tables.ts';

export const restore = (
  context: EngineContext<'duckdb'>,
  job: RestoreJob,
  source: RestoreSource,
): Promise<RestoreDone> => inRoom(context, (call) => restoreIn(call, job, source));

async function restoreIn(call: Call, wanted: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const { place, step, report } = call;
  const job = inScope(wanted, source.manifest);
  const { database, mode } = job;
  const [alias, old] = [aliasDatabase(database, job.id), replacedDatabase(database, job.id)];
  step('connecting');
  refuseNewerFile(source.manifest);
  await settle(call, job);
  const [serving, replaced, leftover] = [await place.stat(database), await place.stat(old), await place.stat(alias)];
  if (mode === 'swap' && replaced && serving && !leftover) {
    report.warn('An earlier attempt of this restore had found the rows equal and given it its name already.');
    return { restoredDatabase: database, replacedDatabase: old, comparison: foundEqual(job, source.manifest) };
  }
  if (mode === 'new' && serving) throw taken(place.words, database);
  if (mode === 'new' && (await place.stat(walOf(database)))) throw taken(place.words, walOf(database));
  if (leftover) {
    step('dropping an unfinished attempt');
    await place.remove(alias);
  }
  // What an overwrite had replaced is nobody's any more, and its safety backup is in the vault.
  if (mode === 'overwrite' && replaced && serving) await place.remove(old);

  step('restoring');
  const archive = await openArchive(call, source);
  // Rows that are put into a living file must not miss what is written meanwhile.
  const merging = mode === 'overwrite' && isPart(job, source.manifest);
  const held: Guard | undefined = merging ? await guard(call, database) : undefined;
  try {
    const state = merging ? (await place.stat(database))?.state : undefined;
    const file = await inDamage(() => asked(call, job, archive, merging));
    step('comparing rows');
    const comparison = await compared(call, job, source.manifest, file);
    if (!comparison.equal) {
      if (mode === 'overwrite') throw differs(comparison, `${database} serves as it did.`);
      await place.store(file, alias);
      throw differs(comparison, `It was kept as ${alias}.`);
    }
    step('renaming');
    if (mode === 'new') {
      await place.store(file, database);
      return { restoredDatabase: database, comparison };
    }
    await place.store(file, alias);
    if (merging && (await place.stat(database))?.state !== state)
      throw new NightjarError('FILE_LOCKED', {
        operation: 'overwrite',
        detail: `${database} was replaced while rows were put into a copy of it. It was left as it is.`,
      });
    const had = await swapped(call, { database, alias, old, held });
    if (mode === 'swap') return { restoredDatabase: database, ...(had ? { replacedDatabase: old } : {}), comparison };
    await place.remove(walOf(old));
    await place.remove(old);
    return { restoredDatabase: database, comparison };
  } finally {
    await held?.release();
  }
}

async function swapped(
  call: Call,
  names: { database: string; alias: string; old: string; held: Guard | undefined },
): Promise<boolean> {
  const { database, alias, old } = names;
  const held = names.held ?? (await guard(call, database));
  try {
    return await exchange(call, { name: database, incoming: alias, keepAs: old });
  } catch (thrown) {
    call.signal.throwIfAborted();
    if (thrown instanceof NightjarError) throw thrown;
    throw new NightjarError('SWAP_FAILED', { operation: 'exchange names', detail: String(thrown), cause: thrown });
  } finally {
    await held.release();
  }
}

/** A file that was proven to be the stored one, and can't be read, is the backup's own fault. */
export async function inDamage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (isOf(thrown, 'DATABASE_DAMAGED')) throw recoded(thrown, 'RESTORE_FAILED');
    if (isOf(thrown, 'SERVER_UNSUPPORTED')) throw recoded(thrown, 'RESTORE_REFUSED');
    throw thrown;
  }
}

/** What the job wants of the backup, as a file of the room; `merging`: with all else of the living one. */
async function asked(call: Call, job: RestoreJob, archive: string, merging: boolean): Promise<string> {
  const { scope = {}, mode, database } = job;
  if (!merging && scopeKinds(scope).length === 0) return archive;
  const file = join(call.room, 'nightjar_asked.duckdb');
  const fallback = 'RESTORE_FAILED';
  if (merging && !scope.schemaOnly) {
    const living = await takeCopyUnderGuard(call, database);
    await merge(call, { living, backup: archive, into: file, scope, fallback });
    await rm(living);
    return file;
  }
  if (mode === 'overwrite') await refuseRows(call, database);
  await narrow(call, { from: archive, into: file, scope, where: 'the backup', fallback });
  await rm(archive);
  return file;
}

/** The guard's own lock would keep a reader's session out: the file is whole as it lies there. */
async function takeCopyUnderGuard(call: Call, database: string): Promise<string> {
  const { place, room } = call;
  if (place.directory === undefined)
    return (await takeCopy(call, database, { fallback: 'RESTORE_FAILED', as: 'nightjar_living.duckdb' })).file;
  const file = join(room, 'nightjar_living.duckdb');
  await place.fetch(database, file);
  return file;
}

/** Definitions replace a database only while it has no row. */
async function refuseRows(call: Call, database: string): Promise<void> {
  if (!(await call.place.stat(database))) return;
  const living = await takeCopyUnderGuard(call, database);
  const { prints } = await readAll(call, living, {
    content: false,
    fallback: 'RESTORE_FAILED',
    operation: 'look for rows',
  });
  await rm(living);
  const full = prints.filter((one) => one.rows > 0);
  if (full.length > 0)
    throw new NightjarError('SCOPE_REFUSED', {
      operation: 'look for rows',
      detail: `${full.length} tables of ${database} have rows, which a schema alone would remove: ${full
        .slice(0, 10)
        .map((one) => `${one.schema}.${one.table}`)
        .join(', ')}. Nothing was touched.`,
    });
}

export async function compared(
  call: DuckdbContext,
  job: RestoreJob,
  manifest: Manifest,
  file: string,
): Promise<Comparison> {
  const { fingerprint, tool } = manifest;
  const expected = tablesOf(job, manifest);
  if (expected.length === 0) return foundEqual(job, manifest);
  const read = (content: boolean): ReturnType<typeof readAll> =>
    inDamage(() => readAll(call, file, { content, fallback: 'RESTORE_FAILED', operation: 'compare rows' }));
  if (fingerprint.mode !== 'checksums') return compare(fingerprint.mode, expected, (await read(false)).prints);
  const { prints, version } = await read(true);
  if (version === tool.version) return compare(fingerprint.mode, expected, prints);
  call.report.warn(
    `Checksums are DuckDB’s own and may differ between ${tool.version} and ${version}: rows were counted only.`,
  );
  return compare(
    'counts',
    expected,
    prints.map(({ schema, table, rows }) => ({ schema, table, rows })),
  );
}

/** Tables whose rows come back. */
function tablesOf({ scope }: RestoreJob, { fingerprint }: Manifest): Manifest['fingerprint']['tables'] {
  if (scope?.schemaOnly) return [];
  return fingerprint.tables.filter((one) => !scope?.tables || scope.tables.some((name) => isNamed(one, name)));
}

/** Nothing to compare, or what an earlier attempt of the same restore found: only then is a name given. */
const foundEqual = (job: RestoreJob, manifest: Manifest): Comparison =>
  equalAsBefore(job.scope?.schemaOnly ? 'none' : manifest.fingerprint.mode, tablesOf(job, manifest));

/** @throws SCOPE_REFUSED for what can't be. */
function inScope(wanted: RestoreJob, manifest: Manifest): RestoreJob {
  const job = narrowed(wanted, manifest);
  const { scope, mode } = job;
  if (mode === 'overwrite' && scope?.schemaOnly && (scope.tables ?? manifest.scope?.exclude))
    throw scopeRefused(
      'Definitions of some tables can’t replace those of a living database: restore them beside with mode `new`.',
    );
  return job;
}

/** Found out before an hour of download. @throws RESTORE_REFUSED. */
export function refuseNewerFile({ source, format }: Manifest): void {
  const theirs = Number(source.details.storageVersion ?? 0);
  if (format === 'parquet' || theirs <= NEWEST_STORAGE) return;
  throw new NightjarError('RESTORE_REFUSED', {
    operation: 'preflight',
    detail: `The backup is of storage version ${theirs} (DuckDB ${source.serverVersion}), and Nightjar’s image reads up to ${NEWEST_STORAGE}: update the image. Nothing was touched.`,
  });
}
