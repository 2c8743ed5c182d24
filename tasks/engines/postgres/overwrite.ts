/**
 * Into the living database: one transaction, which is committed only after the archive was proven to its last byte and the
 * rows in it were found to be the backup's. Whatever goes wrong before leaves everything as it was.
 */
import type { Comparison } from '../../../core/backup.ts';
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import { differs } from '../../comparing.ts';
import { compareWith } from './compare.ts';
import type { Place } from './fingerprint.ts';
import { openArchive, type OpenArchive } from './load.ts';
import { literal } from './names.ts';
import { planFor, type OverwritePlan } from './overwrite-plan.ts';
import { startPsql, type PsqlSession } from './psql.ts';
import type { Server } from './server.ts';
import { noLimits, withoutLimits } from './snapshot.ts';
import { conditionsIn } from './tables.ts';
import { together } from '../../pipes/together.ts';

export async function overwrite(server: Server, job: RestoreJob, source: RestoreSource): Promise<Comparison> {
  const { report, signal } = server.context;
  const session = await server.session(job.database);
  let archive: OpenArchive | undefined;
  try {
    await noLimits(server, session);
    report.phase('reading the archive');
    if (source.manifest.format !== 'plain') archive = await openArchive(server, source, 1, signal);
    else report.expect(source.manifest.archive.bytes);
    const plan = await planFor(server, session, job, source, archive);
    const conditions = await conditionsIn(session);
    report.phase('restoring');
    return await inOneTransaction(server, job, source, plan, conditions);
  } finally {
    await archive?.close();
    await session.close();
  }
}

async function inOneTransaction(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  plan: OverwritePlan,
  conditions: (place: Place) => string,
): Promise<Comparison> {
  const { report } = server.context;
  const own = new AbortController();
  const signal = AbortSignal.any([server.context.signal, own.signal]);
  const psql = startPsql(server, job.database, signal, plan.settings);
  let committing = false;
  const work = async (): Promise<Comparison> => {
    await psql.run(withoutLimits(server));
    await psql.run(`SET lock_timeout = '${server.context.target.lockTimeoutSeconds}s'`);
    await psql.run('BEGIN');
    await plan.prepare(psql);
    const begun = await transaction(psql);
    await plan.fill(psql, own, signal);
    if ((await transaction(psql)) !== begun) {
      committing = true;
      throw new NightjarError('RESTORE_FAILED', { operation: 'psql', detail: 'The script has ended the transaction.' });
    }
    await psql.run(`SET client_encoding = ${literal('UTF8')}`);
    report.phase('comparing rows');
    const { fingerprint } = source.manifest;
    const comparison = await compareWith([psql], fingerprint, report, { conditions, only: plan.compared });
    if (!comparison.equal) throw differs(comparison, `The transaction was rolled back, ${job.database} is as it was.`);
    committing = true;
    await psql.run('COMMIT');
    await psql.end();
    return job.scope?.schemaOnly ? { ...comparison, mode: 'none' } : comparison;
  };
  try {
    const [comparison] = await together(own, [work(), psql.ended]);
    return comparison;
  } catch (thrown) {
    if (!committing) throw thrown;
    // Not to be tried again: rows written since a COMMIT that was done would be lost.
    throw new NightjarError('UNEXPECTED', {
      operation: 'COMMIT',
      detail:
        `Whether the overwrite was committed is not known, for its answer was lost (${toNightjarError(thrown).message}). ` +
        `${job.database} holds either all of the old data or all of the restored: look before you start it again.`,
      cause: thrown,
    });
  }
}

const transaction = async (psql: PsqlSession): Promise<string | undefined> =>
  (await psql.rows<{ id: string }>('SELECT pg_catalog.pg_current_xact_id()::text AS id'))[0]?.id;
