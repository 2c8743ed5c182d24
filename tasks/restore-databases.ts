/** Which database of a backup an engine brings back: one, or every one of a server's, each under its own name. */
import type { Manifest } from '../core/backup.ts';
import { NightjarError, toNightjarError } from '../core/errors.ts';
import type { RestoreJob } from '../core/job.ts';
import { chooseDatabase, databasesIn, joinedComparison, manifestOfDatabase } from '../core/server-backup.ts';
import type { Engine, EngineContext, RestoreDone, RestoreSource } from './engine.ts';

/** `open`: the source of a manifest, which may be that of one database only. @throws the engine's error; see `restoreAll`. */
export async function restoreDatabases(
  engine: Engine,
  context: EngineContext,
  job: RestoreJob,
  whole: Manifest,
  open: (manifest: Manifest) => RestoreSource,
): Promise<RestoreDone> {
  if (job.allDatabases) return restoreAll(engine, context, job, whole, open);
  const fromDatabase = chooseDatabase(whole, job);
  return engine.restore(context, { ...job, fromDatabase }, open(manifestOfDatabase(whole, fromDatabase)));
}

/**
 * Users and globals first, then one database after the other. What is there already is left alone, and the others still come
 * back; so a restore that broke off can be started again. @throws DESTINATION_EXISTS with those that were left alone, when all
 * others are back; else what one of them failed with, and how far it had come.
 */
async function restoreAll(
  engine: Engine,
  context: EngineContext,
  job: RestoreJob,
  whole: Manifest,
  open: (manifest: Manifest) => RestoreSource,
): Promise<RestoreDone> {
  const { report, signal, target } = context;
  const names = databasesIn(whole);
  const done: { readonly database: string; readonly comparison: RestoreDone['comparison'] }[] = [];
  const there: string[] = [];
  const back = (): string => `Back are ${done.map((one) => one.database).join(', ') || 'none yet'}`;
  if (engine.restoreGlobals) {
    report.phase('restoring users and globals');
    await engine.restoreGlobals(context, open(whole));
  }
  for (const [index, database] of names.entries()) {
    const manifest = manifestOfDatabase(whole, database);
    report.phase(`database ${index + 1} of ${names.length}: ${database}`);
    try {
      const { comparison } = await engine.restore(
        context,
        { ...job, database, fromDatabase: database },
        open(manifest),
      );
      done.push({ database, comparison });
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toNightjarError(thrown, 'restore');
      if (error.code !== 'DESTINATION_EXISTS')
        throw new NightjarError(error.code, {
          ...(error.operation === undefined ? {} : { operation: error.operation }),
          detail: `Database ${database}, ${index + 1} of ${names.length}: ${error.detail ?? error.message} ${back()}; start the restore again to go on.`,
          cause: error,
        });
      // A server is made with some: its maintenance database, which holds nothing.
      if (manifest.fingerprint.mode !== 'none' && manifest.fingerprint.tables.length === 0)
        report.warn(`${database} was there already and was left as it is: the backup’s has no tables.`);
      else there.push(database);
    }
  }
  if (there.length > 0)
    throw new NightjarError('DESTINATION_EXISTS', {
      operation: 'restore all databases',
      detail: `Already on the server, and left as they are: ${there.join(', ')}. ${back()}. Take each of the others by itself: nightjar restore ${job.source.target} --from-database ${there[0]} --database ${there[0]} --swap.`,
    });
  return { restoredDatabase: target.database, comparison: joinedComparison(done) };
}
