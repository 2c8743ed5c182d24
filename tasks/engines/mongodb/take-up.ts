/** A database that a restore was filling under its own name when it died: neither there nor not. */
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import { isServers, listAll } from './collections.ts';
import { listed } from './found.ts';
import { isOurs } from './names.ts';
import { halfFilled, type Note } from './note.ts';
import type { Server } from './server.ts';

/**
 * May what another restore left half filled be dropped and loaded anew? Only where that one is over, and as far as can be told
 * nobody wrote to it since. @throws RESTORE_UNFINISHED where not; nothing was touched then.
 */
export async function mayTakeUp(server: Server, job: RestoreJob, source: RestoreSource, note: Note): Promise<void> {
  const { database } = job;
  const why = await refusal(server, job, source, note);
  if (why === undefined) {
    server.context.report.warn(`${halfFilled(database, note)} It was dropped, and all of it is loaded anew.`);
    return;
  }
  throw new NightjarError('RESTORE_UNFINISHED', {
    operation: 'restore',
    detail: `${halfFilled(database, note)} It was left as it is: ${why}. When that restore is over and nobody needs what is in ${database}, drop it in mongosh: db.getSiblingDB(${JSON.stringify(database)}).dropDatabase(). Then start this restore again.`,
  });
}

async function refusal(
  server: Server,
  job: RestoreJob,
  { manifest }: RestoreSource,
  note: Note,
): Promise<string | undefined> {
  // Two restores into one target do not run at once: the catalog's lock sees to that.
  if (note.target !== job.target.name)
    return `it belongs to ${note.target === undefined ? 'an older version of Nightjar' : `the target ${note.target}`}, whose restore may still run`;
  if (note.backupId !== manifest.backupId)
    return 'it is of another backup, so what is in it can not be told from what others wrote';
  if (manifest.fingerprint.mode === 'none')
    return 'the backup has no fingerprint, so what is in it can not be told from what others wrote';
  const strange = await strangers(server, job.database, manifest.fingerprint.tables);
  return strange.length === 0
    ? undefined
    : `somebody may have written to it: more than the backup’s is in ${listed(strange)}`;
}

/** Collections that the backup lacks, or that hold more documents than its own. */
async function strangers(
  server: Server,
  database: string,
  tables: readonly { readonly table: string; readonly rows: number }[],
): Promise<string[]> {
  const rows = new Map(tables.map((one) => [one.table, one.rows]));
  const found: string[] = [];
  for (const { name, type } of await listAll(server, database)) {
    if (type !== 'collection' || isOurs(name) || (isServers(name) && !name.startsWith('system.buckets.'))) continue;
    const most = rows.get(name);
    const has = await server.ask('count documents', () =>
      server.database(database).collection(name).estimatedDocumentCount(),
    );
    if (most === undefined || has > most) found.push(name);
    server.context.report.moved(0);
  }
  return found;
}
