/** Bringing a backup back: beside everything else first, compared, and only then under its name. */
import type { Comparison } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { emptiedBySwap, narrowed } from '../../../core/narrowing.ts';
import type { RestoreDone, RestoreSource } from '../../engine.ts';
import { foundEqual } from './compare.ts';
import { beside, databaseNamed, dropDatabase, isMadeBy, maintenanceDatabases } from './database.ts';
import { isUntouched, isVacant } from './databases.ts';
import { make } from './make.ts';
import { ident } from './names.ts';
import { overwrite } from './overwrite.ts';
import { preflight } from './preflight.ts';
import { reachServer, type PostgresContext, type Server } from './server.ts';
import { exchange } from './swap.ts';

export async function restore(
  context: PostgresContext,
  asked: RestoreJob,
  source: RestoreSource,
): Promise<RestoreDone> {
  const job = narrowed(asked, source.manifest);
  const { report } = context;
  const emptied = emptiedBySwap(job, source.manifest);
  if (emptied) report.warn(emptied);
  report.phase('connecting');
  const place = aliasDatabase(job.database, job.id);
  const old = replacedDatabase(job.database, job.id);
  const names = [job.database, place, old];
  const server = await reachServer(context, maintenanceDatabases(names));
  await beside(server, names, (session) => preflight(server, session, job, source.manifest));
  if (job.scope) {
    // A narrowed restore never reads the archive's end: its hash is proven before.
    report.phase('proving the archive');
    await source.proveArchive();
  }
  if (job.mode === 'overwrite') {
    const comparison = await overwrite(server, job, source);
    return { restoredDatabase: job.database, comparison };
  }
  return restoreBeside(server, job, source, { place, old });
}

async function restoreBeside(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  { place, old }: { place: string; old: string },
): Promise<RestoreDone> {
  const { report } = server.context;
  const names = [job.database, place, old];
  const [serving, leftover, replaced] = await beside(server, names, async (session) => [
    await databaseNamed(session, job.database),
    await databaseNamed(session, place),
    await databaseNamed(session, old),
  ]);
  const isNew = job.mode === 'new';
  if (isMadeBy(serving, job.id)) {
    const kept = replaced && !(isNew && (await dropUntouched(server, old)));
    report.warn('An earlier attempt of this restore had found the rows equal and given it its name already.');
    return {
      restoredDatabase: job.database,
      ...(kept ? { replacedDatabase: old } : {}),
      comparison: foundEqual(job, source),
    };
  }
  if (isNew && serving && !(await isVacant(server, job.database)))
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
  if (isNew && !serving) {
    await takeName(server, job, place);
    return { restoredDatabase: job.database, comparison };
  }
  const had = await exchange(server, { name: job.database, incoming: place, keepAs: old }).catch(
    async (thrown: unknown) => {
      if (isNew) await beside(server, names, (session) => dropDatabase(session, place), { last: true });
      throw thrown;
    },
  );
  const kept = had && !(isNew && (await dropUntouched(server, old)));
  return { restoredDatabase: job.database, ...(kept ? { replacedDatabase: old } : {}), comparison };
}

async function takeName(server: Server, { database }: RestoreJob, place: string): Promise<void> {
  await beside(server, [database, place], async (session) => {
    if (!(await databaseNamed(session, database)))
      return session.rows(`ALTER DATABASE ${ident(place)} RENAME TO ${ident(database)}`);
    await dropDatabase(session, place);
    throw new NightjarError('DESTINATION_EXISTS', {
      operation: 'restore',
      detail: `Somebody made ${database} while the backup was being restored.`,
    });
  });
}

/** What the server was made with held nothing before hours of loading; if somebody has used it since, it is kept. */
async function dropUntouched(server: Server, old: string): Promise<boolean> {
  if (await isUntouched(server, old)) return beside(server, [old], (session) => dropDatabase(session, old));
  server.context.report.warn(`Somebody used the empty database that was replaced while it was; it is kept as ${old}.`);
  return false;
}
