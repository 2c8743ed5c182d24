/** Which database of a backup an engine brings back: one, or every one of a server's, each under its own name. */
import type { Manifest } from '../core/backup.ts';
import { NightjarError, toNightjarError, type ErrorCode } from '../core/errors.ts';
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

/** What befell one database befalls the next as well. */
const STOPPING: ReadonlySet<ErrorCode> = new Set([
  'CONNECT_FAILED',
  'AUTH_FAILED',
  'TLS_FAILED',
  'CONNECTION_LOST',
  'DISK_FULL',
  'VAULT_UNAVAILABLE',
  'VAULT_DENIED',
]);

interface Failed {
  readonly database: string;
  readonly error: NightjarError;
}

/**
 * Users and globals first, then one database after the other. What is there already is left alone, and one that fails keeps no
 * other from coming back. The same job again goes on where it was. @throws what the databases that are not back failed with: a
 * failure that may pass first; else DESTINATION_EXISTS with those that were left alone.
 */
async function restoreAll(restoring: Restoring): Promise<RestoreDone> {
  const { engine, context, job, manifest, open } = restoring;
  const { report, signal, target } = context;
  const names = databasesIn(manifest);
  const done: { readonly database: string; readonly comparison: RestoreDone['comparison'] }[] = [];
  const there: string[] = [];
  const failed: Failed[] = [];
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
      if (STOPPING.has(error.code))
        throw error.retold({
          detail: `Database ${database}, ${index + 1} of ${names.length}: ${error.detail ?? error.message} ${back()}. When that is mended, start the restore again: it leaves alone what is there, and brings the others.`,
        });
      if (error.code !== 'DESTINATION_EXISTS') {
        failed.push({ database, error });
        continue;
      }
      const { fingerprint } = manifestOfDatabase(manifest, database);
      // A server is made with some: its maintenance database, which holds nothing.
      if (fingerprint.mode !== 'none' && fingerprint.tables.length === 0)
        report.warn(`${database} was there already and was left as it is: the backup’s has no tables.`);
      else there.push(database);
    }
  }
  const error = notWhole({ job, names, back: back(), there, failed });
  if (error) throw error;
  await server?.end();
  return { restoredDatabase: target.database, comparison: joinedComparison(done) };
}

interface Outcome {
  readonly job: RestoreJob;
  /** Of all databases in the backup. */
  readonly names: readonly string[];
  /** A sentence without its end: which are back. */
  readonly back: string;
  /** Were on the server already. */
  readonly there: readonly string[];
  readonly failed: readonly Failed[];
}

/** What keeps a whole restore from being one; undefined when all is back. */
function notWhole({ job, names, back, there, failed }: Outcome): NightjarError | undefined {
  const from = job.source.target;
  const alone = (database: string): string =>
    `nightjar restore ${from} --from-database ${database} --database ${database}`;
  const left =
    there.length === 0
      ? ''
      : `Already on the server, and left as they are: ${there.join(', ')}. If an earlier restore of this backup brought them, nothing is missing; else replace each by itself: ${alone(there[0]!)} --swap.`;
  const first = failed.find(({ error }) => error.entry.retryable) ?? failed[0];
  if (first) {
    const which = failed.map(({ database, error }) => `${database}: ${error.code}: ${error.detail ?? error.message}`);
    return first.error.retold({
      detail:
        `Not back: ${failed.length} of ${names.length} databases. ${which.join(' ')} ${back}. Mend that, then bring each by itself: ${alone(first.database)}. ${left}`.trim(),
    });
  }
  if (!left) return undefined;
  return new NightjarError('DESTINATION_EXISTS', { operation: 'restore all databases', detail: `${back}. ${left}` });
}
