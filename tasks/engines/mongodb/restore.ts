/** Bringing a backup back: beside everything else first, compared, and only then under its name. */
import type { Comparison, Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { isPart, narrowed, scopeRefused } from '../../../core/narrowing.ts';
import { withDifferences, type Difference } from '../../comparing.ts';
import type { RestoreDone, RestoreSource } from '../../engine.ts';
import { databaseExists, dropDatabase, indexSeries, isServers, listAll } from './collections.ts';
import { compareDefinitions, compareRows, differs, foundEqual } from './compare.ts';
import { exchange } from './exchange.ts';
import { isBegun } from './journal.ts';
import { beImpatient } from './expiry.ts';
import { load, type Loaded } from './load.ts';
import { isOurs, swapTag } from './names.ts';
import { noteEqual, noteIn, noteUnfinished, ownNote } from './note.ts';
import { recover } from './recover.ts';
import { rename } from './rename.ts';
import { replay, replayRefusal } from './replay.ts';
import { steadily, within, type MongodbContext, type Server } from './server.ts';
import { mayTakeUp } from './take-up.ts';

export async function restore(context: MongodbContext, asked: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const job = inScope(asked, source.manifest);
  context.report.phase('connecting');
  return within(context, async (server) => {
    await refuseSeries(server, job, source);
    if (job.scope) {
      // A narrowed restore is refused before anything is made of it.
      context.report.phase('proving the archive');
      await source.proveArchive();
    }
    return job.mode === 'new' ? restoreBeside(server, job, source) : restoreInto(server, job, source);
  });
}

/** @throws SCOPE_REFUSED for what makes no sense. */
function inScope(asked: RestoreJob, manifest: Manifest): RestoreJob {
  if (asked.scope?.dataOnly)
    throw scopeRefused('MongoDB’s tools bring documents and definitions together. Restore some collections instead.');
  const job = narrowed(asked, manifest);
  if (job.scope?.schemaOnly && job.mode === 'overwrite')
    throw scopeRefused('Definitions without documents would empty the living database. Use mode `new`.');
  return job;
}

/** @throws RESTORE_REFUSED for what can not be renamed. */
async function refuseSeries(server: Server, job: RestoreJob, { manifest }: RestoreSource): Promise<void> {
  if (job.mode === 'new') return;
  const series = (await listAll(server, job.database))
    .filter((one) => one.type === 'timeseries')
    .map((one) => one.name);
  if (series.length > 0 && !isPart(job, manifest))
    throw new NightjarError('RESTORE_REFUSED', {
      operation: 'preflight',
      detail: `MongoDB renames no time series, and ${job.database} has ${series.join(', ')}. Use mode \`new\`, and point the application there. Nothing was touched.`,
    });
}

/** Under its own name at once: nobody knows of it yet, and renaming would copy it all a second time. */
async function restoreBeside(server: Server, job: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const { database } = job;
  const note = await noteIn(server, database);
  const own = note?._id === job.id;
  if (own && note.state === 'equal') {
    server.context.report.warn('An earlier attempt of this restore had brought all of it and found it right.');
    return { restoredDatabase: database, comparison: foundEqual(job, source) };
  }
  if (!own && note?.state === 'unfinished') await mayTakeUp(server, job, source, note);
  else if (!own && (await databaseExists(server, database)))
    throw new NightjarError('DESTINATION_EXISTS', { operation: 'restore', detail: `Database: ${database}.` });
  const comparison = await make(server, job, source, database);
  return { restoredDatabase: database, comparison };
}

/** Into an alias, compared there, then exchanged with what serves. */
async function restoreInto(server: Server, job: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const { report } = server.context;
  const { database, mode } = job;
  const place = aliasDatabase(database, job.id);
  const old = replacedDatabase(database, job.id);
  const tag = swapTag(job.id);
  // An earlier restore or rollback may have left its exchange: nobody else comes back for that.
  await recover(server.context, database, tag);
  const begun = await isBegun(server, database, tag);
  let comparison: Comparison;
  if (!begun && (await ownNote(server, database, job.id))) {
    report.warn('An earlier attempt of this restore had found the documents equal and given them the name already.');
    const had = mode === 'swap' && (await databaseExists(server, old));
    if (mode === 'overwrite') await dropDatabase(server, old);
    return {
      restoredDatabase: database,
      ...(had ? { replacedDatabase: old } : {}),
      comparison: foundEqual(job, source),
    };
  }
  if (begun || (await ownNote(server, place, job.id))?.state === 'equal') {
    report.warn('An earlier attempt of this restore had loaded the data and found it right; it was taken up.');
    comparison = foundEqual(job, source);
  } else {
    comparison = await make(server, job, source, place);
  }
  report.phase('renaming');
  server.context.signal.throwIfAborted();
  const others = isPart(job, source.manifest) ? 'stay' : 'leave';
  await steadily(server.context, (steady) =>
    exchange(steady, { tag, name: database, incoming: place, keepAs: old, others, inVault: true }),
  );
  if (mode === 'overwrite') await dropDatabase(server, old);
  const had = mode === 'swap' && (await databaseExists(server, old));
  return { restoredDatabase: database, ...(had ? { replacedDatabase: old } : {}), comparison };
}

/** Loads, compares and notes it. Whatever fails, it is dropped again; what differs is kept for inspection. */
async function make(server: Server, job: RestoreJob, source: RestoreSource, place: string): Promise<Comparison> {
  const { report, signal } = server.context;
  const { backupId } = source.manifest;
  if (await databaseExists(server, place)) {
    report.phase('dropping an unfinished attempt');
    await dropDatabase(server, place);
  }
  try {
    await noteUnfinished(server, place, { _id: job.id, backupId });
    const replaying = await mayReplay(server, job, source, place);
    report.phase('restoring');
    signal.throwIfAborted();
    const loaded = await load(server, job, source, { place, replaying });
    report.phase('comparing rows');
    signal.throwIfAborted();
    const comparison = await compared(server, job, source, { place, loaded });
    if (!comparison.equal && job.mode === 'overwrite')
      throw differs(comparison, `${job.database} is as it was, and what was brought was dropped.`);
    if (!comparison.equal) {
      const alias = aliasDatabase(job.database, job.id);
      if (place !== alias) await setAside(server, place, alias);
      throw differs(comparison, `It was kept as ${alias}.`);
    }
    await noteEqual(server, place, job.id);
    return comparison;
  } catch (thrown) {
    const kept = thrown instanceof NightjarError && thrown.code === 'FINGERPRINT_DIFFERS' && job.mode !== 'overwrite';
    if (!kept)
      await steadily(server.context, (steady) => dropOwn(steady, place, job.id)).catch((again: unknown) =>
        report.warn(`The unfinished database ${place} could not be dropped: ${String(again)}`),
      );
    signal.throwIfAborted();
    throw thrown;
  }
}

/** Not what another restore has taken up meanwhile. */
async function dropOwn(server: Server, place: string, restoreId: string): Promise<void> {
  const note = await noteIn(server, place);
  if (!note || note._id === restoreId) await dropDatabase(server, place);
}

/** Under the name that was asked for nobody shall find what is not right. What can not be renamed goes. */
async function setAside(server: Server, from: string, to: string): Promise<void> {
  for (const { name, type } of await listAll(server, from))
    // The mark of what is unfinished goes last, with all that is left.
    if (type === 'collection' && !isServers(name) && !isOurs(name))
      await rename(server, `${from}.${name}`, `${to}.${name}`, { dropTarget: true });
  await dropDatabase(server, from);
}

/** Documents as they were dumped; then, when the oplog was played, what it changed; then indexes and options. */
async function compared(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  { place, loaded: { header, entries, slice } }: { place: string; loaded: Loaded },
): Promise<Comparison> {
  const { report, signal } = server.context;
  const rows = await compareRows(server, job, source, place);
  if (!rows.equal) return rows;
  let played: Difference[] = [];
  if (slice) {
    report.phase('playing the oplog');
    signal.throwIfAborted();
    played = await replay(server, { place, header, entries, slice, jobs: job.jobs });
    await indexSeries(server, place, entries);
  }
  const here = entries.filter((one) => !slice?.fates.get(one.collection)?.dropped);
  await beImpatient(server, place, here);
  const same = here.filter((one) => !slice?.redefined.has(one.collection));
  return withDifferences(rows, [...played, ...(await compareDefinitions(server, place, same))]);
}

/**
 * Whether the oplog of the backup is to be played in this database, and can be. @throws RESTORE_REFUSED when it can't and the
 * data is to serve; beside the original it comes back as it was read, and that is said.
 */
async function mayReplay(
  server: Server,
  job: RestoreJob,
  { manifest }: RestoreSource,
  place: string,
): Promise<boolean> {
  const operations = Number(manifest.source.details.oplogOperations ?? 0);
  if (operations === 0 || job.scope?.schemaOnly) return false;
  const unplayed = `${operations} changes were made in ${manifest.source.database} while it was dumped; without them the collections are as they were when each was read, and may not fit together.`;
  if (manifest.consistency !== 'snapshot') {
    server.context.report.warn(`The oplog of the backup is not played, because not all of it can be. ${unplayed}`);
    return false;
  }
  const refusal = await replayRefusal(server, place);
  if (refusal === undefined) return true;
  const grant = `Grant the role readWriteAnyDatabase on a replica set; mongos and Atlas’s shared clusters never take applyOps.`;
  if (job.mode !== 'new')
    throw new NightjarError('RESTORE_REFUSED', {
      operation: 'applyOps',
      detail: `The server does not take the oplog of the backup: ${refusal} ${unplayed} ${grant} Or restore with mode \`new\`, beside the original. Nothing was touched.`,
    });
  server.context.report.warn(`The oplog of the backup was not played: ${refusal} ${unplayed} ${grant}`);
  return false;
}
