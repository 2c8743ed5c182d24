/** Bringing a backup back: beside everything else first, compared, and only then under its name. */
import type { Comparison } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { emptiedBySwap } from '../../../core/narrowing.ts';
import type { RestoreDone, RestoreSource } from '../../engine.ts';
import { differs } from '../../comparing.ts';
import { compareIn, foundEqual } from './compare.ts';
import { exchange } from './exchange.ts';
import { load } from './load.ts';
import { isForeign, rehearse } from './migrate/rehearse.ts';
import { ident } from './names.ts';
import { overwriteRows } from './overwrite-rows.ts';
import { databaseExists, dropDatabase, dropUnfinished, readNote, writeNote } from './place.ts';
import { preflight } from './preflight.ts';
import { recover } from './recover.ts';
import { narrowedTo } from './scope.ts';
import { reachServer, within, type MysqlContext, type Server } from './server.ts';
import { charsetOf, createDatabase } from './tables.ts';

export async function restore(context: MysqlContext, asked: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const job = narrowedTo(asked, source.manifest);
  const emptied = emptiedBySwap(job, source.manifest);
  if (emptied) context.report.warn(emptied);
  context.report.phase('connecting');
  const server = await reachServer(context);
  await within(server, (session) => preflight(server, session, job, source.manifest));
  const rows = job.mode === 'overwrite' && job.scope !== undefined;
  return rows ? overwriteRows(server, job, source) : restoreBeside(server, job, source);
}

async function restoreBeside(server: Server, job: RestoreJob, source: RestoreSource): Promise<RestoreDone> {
  const { report } = server.context;
  const place = aliasDatabase(job.database, job.id);
  const old = replacedDatabase(job.database, job.id);
  // An earlier restore or rollback may have left its exchange: nobody else comes back for that.
  await recover(server, job.database, { own: place, insist: false });
  const [serves, leftover, kept] = await within(server, async (session) => [
    await databaseExists(session, job.database),
    (await databaseExists(session, place)) ? ((await readNote(session, place)) ?? {}) : undefined,
    await readNote(session, old),
  ]);
  if (!leftover && kept?.restore === job.id) {
    report.warn('An earlier attempt of this restore had found the rows equal and given it its name already.');
    await dropReplaced(server, job, old);
    return outcome(job, foundEqual(job, source), old);
  }
  // Its own name is there when an exchange was broken off.
  if (job.mode === 'new' && serves && leftover?.plan === undefined)
    throw new NightjarError('DESTINATION_EXISTS', { operation: 'restore', detail: `Database: ${job.database}.` });

  let comparison: Comparison;
  if (leftover?.equal === '1') {
    report.warn('An earlier attempt of this restore had loaded the data and found the rows equal; it was taken up.');
    comparison = foundEqual(job, source);
  } else {
    if (leftover) {
      report.phase('dropping an unfinished attempt');
      await within(server, (session) => dropDatabase(session, place));
    }
    comparison = await make(server, job, source, place);
  }

  report.phase('renaming');
  const had = await exchange(server, {
    restoreId: job.id,
    name: job.database,
    incoming: place,
    keepAs: old,
    wakeEvents: job.mode !== 'new',
    inVault: true,
  });
  if (had) await dropReplaced(server, job, old);
  return outcome(job, comparison, had ? old : undefined);
}

const outcome = (job: RestoreJob, comparison: Comparison, old: string | undefined) => ({
  restoredDatabase: job.database,
  ...(old !== undefined && job.mode === 'swap' ? { replacedDatabase: old } : {}),
  comparison,
});

/** An overwrite keeps nothing of what it replaced; its safety backup is in the vault. */
async function dropReplaced(server: Server, job: RestoreJob, old: string): Promise<void> {
  if (job.mode === 'overwrite') await within(server, (session) => dropDatabase(session, old));
}

/** Makes the database under its working name, loads it, compares it and marks it. Whatever fails, it is dropped again. */
async function make(server: Server, job: RestoreJob, source: RestoreSource, place: string): Promise<Comparison> {
  const { report, signal } = server.context;
  try {
    const migration = isForeign(server, source.manifest)
      ? await rehearse(server, job, source, place, charsetIn(source))
      : undefined;
    const charset = migration?.charset(charsetIn(source)) ?? charsetIn(source);
    const made = await within(server, async (session) => {
      await createDatabase(session, place, charset, (text) => report.warn(text));
      await writeNote(session, place, { restore: job.id });
      return charsetOf(session, place);
    });
    report.phase('restoring');
    const { events } = await load(server, job, source, place, migration?.translate);
    // The tool sets the charset that code was written under, and not always the database's own again after it.
    await within(server, (session) =>
      session.rows(`ALTER DATABASE ${ident(place)} CHARACTER SET ${made.charset} COLLATE ${made.collation}`),
    );
    report.phase('comparing rows');
    const comparison = await compareIn(server, job, source, place);
    if (!comparison.equal) throw differs(comparison, `It was kept as ${place}.`);
    await within(server, (session) => writeNote(session, place, { events: JSON.stringify(events), equal: '1' }));
    return comparison;
  } catch (thrown) {
    if (thrown instanceof NightjarError && thrown.code === 'FINGERPRINT_DIFFERS') throw thrown;
    await dropUnfinished(server, place);
    signal.throwIfAborted();
    throw thrown;
  }
}

function charsetIn({ manifest }: RestoreSource): { charset: string; collation: string } {
  const { charset, collation } = manifest.source.details;
  return { charset: String(charset ?? 'utf8mb4'), collation: String(collation ?? 'utf8mb4_general_ci') };
}
