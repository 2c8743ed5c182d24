/** Which database of a backup an engine brings back: one, or every one of a server's, each under its own name. */
import type { Manifest } from '../core/backup.ts';
import { NightjarError, toNightjarError } from '../core/errors.ts';
import type { RestoreJob } from '../core/job.ts';
import { chooseDatabase, databasesIn, joinedComparison, manifestOfDatabase } from '../core/server-backup.ts';
import type { Engine, EngineContext, RestoreDone, RestoreSource } from './engine.ts';

export interface Restoring {
  readonly engine: Engine;
  readonly context: EngineContext;
  readonly job: RestoreJob;
  /** Of the whole backup. */
  readonly manifest: Manifest;
  /** The source of a manifest, which may be that of one database only. */
  readonly open: (manifest: Manifest) => RestoreSource;
}

/** @throws the engine's error; see `restoreAll`. */
export async function restoreDatabases(restoring: Restoring): Promise<RestoreDone> {
  const { job, manifest } = restoring;
  return job.allDatabases ? restoreAll(restoring) : restoreOne(restoring, job.database, chooseDatabase(manifest, job));
}

const restoreOne = (
  { engine, context, job, manifest, open }: Restoring,
  database: string,
  fromDatabase: string,
): Promise<RestoreDone> =>
  engine.restore(context, { ...job, database, fromDatabase }, open(manifestOfDatabase(manifest, fromDatabase)));

/**
 * Users and globals first, then one database after the other. What is there already is left alone, and the others still come
 * back; so a restore that broke off can be started again. @throws DESTINATION_EXISTS with those that were left alone, when all
 * others are back; else what one of them failed with, and how far it had come.
 */
async function restoreAll(restoring: Restoring): Promise<RestoreDone> {
  const { engine, context, job, manifest, open } = restoring;
  const { report, signal, target } = context;
  const names = databasesIn(manifest);
  const done: { readonly database: string; readonly comparison: RestoreDone['comparison'] }[] = [];
  const there: string[] = [];
  const back = (): string => `Back are ${done.map((one) => one.database).join(', ') || 'none yet'}`;
  if (engine.restoreGlobals) report.phase('restoring users and globals');
  const server = await engine.restoreGlobals?.(context, open(manifest), job);
  for (const [index, database] of names.entries()) {
    report.phase(`database ${index + 1} of ${names.length}: ${database}`);
    try {
      const bring = (): Promise<RestoreDone> => restoreOne(restoring, database, database);
      const { comparison } = await (server ? server.bring(database, bring) : bring());
      done.push({ database, comparison });
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toNightjarError(thrown, 'restore');
      if (error.code !== 'DESTINATION_EXISTS')
        throw error.retold({
          detail: `Database ${database}, ${index + 1} of ${names.length}: ${error.detail ?? error.message} ${back()}; start the restore again to go on.`,
        });
      const { fingerprint } = manifestOfDatabase(manifest, database);
      // A server is made with some: its maintenance database, which holds nothing.
      if (fingerprint.mode !== 'none' && fingerprint.tables.length === 0)
        report.warn(`${database} was there already and was left as it is: the backup’s has no tables.`);
      else there.push(database);
    }
  }
  if (there.length > 0)
    throw new NightjarError('DESTINATION_EXISTS', {
      operation: 'restore all databases',
      detail: `Already on the server, and left as they are: ${there.join(', ')}. ${back()}. Take each of the others by itself: nightjar restore ${job.source.target} --from-database ${there[0]} --database ${there[0]} --swap.`,
    });
  await server?.end();
  return { restoredDatabase: target.database, comparison: joinedComparison(done) };
}
