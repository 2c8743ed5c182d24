/** Bringing a backup back: beside everything else first, compared, and only then under its name. */
import type { Comparison } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import type { RestoreDone, RestoreSource } from '../../engine.ts';
import { foundEqual } from './compare.ts';
import { beside, databaseNamed, dropDatabase, isMadeBy, maintenanceDatabases } from './database.ts';
import { make } from './make.ts';
import { ident } from './names.ts';
import { overwrite } from './overwrite.ts';
import { preflight } from './preflight.ts';
import { within } from './selection.ts';
import { reachServer, type PostgresContext, type Server } from './server.ts';
import { exchange } from './swap.ts';

export async function restore(
  context: PostgresContext,
  asked: RestoreJob,
  source: RestoreSource,
): Promise<RestoreDone> {
  const job = within(asked, source.manifest);
  const { report } = context;
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
