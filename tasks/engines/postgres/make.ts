/** A backup as a database of its own, under its working name: made, filled, compared and marked, or dropped again. */
import type { Comparison } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import { differs } from '../../comparing.ts';
import { onceConnected } from '../../once-connected.ts';
import { compareIn } from './compare.ts';
import { beside, createDatabase, databaseNamed, dropDatabase, noteOf, setComment } from './database.ts';
import { applyDefinition, livingDefinition, type DatabaseDefinition } from './definition.ts';
import { withoutEventTriggers } from './event-triggers.ts';
import { openFilling, type Filling } from './filling.ts';
import type { Server } from './server.ts';
import { noLimits } from './snapshot.ts';
import { encodingOf } from './tables.ts';

/** Makes the database under its working name, fills it, compares it and marks it. Whatever fails, it is dropped again. */
export async function make(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  place: string,
  replaces: boolean,
): Promise<Comparison> {
  const { report } = server.context;
  const filling = await openFilling(server, job, source, place);
  try {
    const { definition } = filling;
    const kept = job.mode === 'swap' && replaces ? await livingDefinition(server, job.database, place) : definition;
    const settings = await beside(server, [place], async (session) => {
      await createDatabase(session, place, definition, encodingOf(source.manifest.source), (text) => report.warn(text));
      return withoutEventTriggers(session);
    });
    return await filled(server, job, source, { filling, place, kept, settings });
  } finally {
    await filling.close();
  }
}

async function filled(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  made: { filling: Filling; place: string; kept: DatabaseDefinition; settings: string },
): Promise<Comparison> {
  const { report, signal } = server.context;
  const { filling, place, kept, settings } = made;
  try {
    // Objects are handed to their owners while loading, who need the rights of the database's owner.
    if (!job.noOwner && kept.owner) await beside(server, [place], (session) => session.rows(kept.owner!));
    report.phase('restoring');
    await filling.fill(settings);
    report.phase('comparing rows');
    const comparison = await compareIn(server, job, source, place, {
      only: filling.brings,
      jobs: filling.jobs,
      settings,
    });
    if (!comparison.equal) throw differs(comparison, `It was kept as ${place}.`);
    if (job.mode === 'swap') await analyze(server, place, settings);
    await beside(server, [place], async (session) => {
      await applyDefinition(server, session, kept, job.noOwner ?? false);
      const comment = (await databaseNamed(session, place))?.comment ?? null;
      await setComment(session, place, noteOf(job.id, source.manifest.backupId, comment));
    });
    return comparison;
  } catch (thrown) {
    if (thrown instanceof NightjarError && thrown.code === 'FINGERPRINT_DIFFERS') throw thrown;
    await beside(server, [place], (session) => dropDatabase(session, place), { last: true }).catch((again: unknown) =>
      report.warn(`The unfinished database ${place} could not be dropped: ${String(again)}`),
    );
    signal.throwIfAborted();
    throw onceConnected(thrown);
  }
}

/** Without statistics the first queries after a swap would go astray. */
async function analyze(server: Server, database: string, settings: string): Promise<void> {
  server.context.report.phase('collecting statistics');
  const session = await server.session(database, undefined, settings);
  const alive = setInterval(() => server.context.report.moved(0), 10_000);
  try {
    await noLimits(server, session);
    await session.rows('ANALYZE');
  } finally {
    clearInterval(alive);
    await session.close();
  }
}
