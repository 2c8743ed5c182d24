/** What a restore brought back, beside what the backup recorded. */
import type { Comparison, Fingerprint, TablePrint } from '../../../core/backup.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { comparisonOf, equalAsBefore, isSameAsFarAsSeen } from '../../comparing.ts';
import type { Reporter, RestoreSource } from '../../engine.ts';
import { prepareAsker, printTable, quoted, type Asker, type Mode, type Place } from './fingerprint.ts';
import { qualified } from './names.ts';
import type { Server, Session } from './server.ts';
import { noLimits } from './snapshot.ts';
import { conditionsIn } from './tables.ts';

/** Compares what is there with what the backup recorded; `only` narrows it to some tables. The askers share the work. */
export async function compareWith(
  askers: readonly Asker[],
  expected: Fingerprint,
  report: Reporter,
  options: { conditions: (place: Place) => string; only?: (place: Place) => boolean },
): Promise<Comparison> {
  const wanted = expected.tables.filter(options.only ?? (() => true));
  const found: (TablePrint | undefined)[] = [];
  const waiting = wanted.entries();
  await Promise.all(
    askers.slice(0, wanted.length).map(async (asker) => {
      await prepareAsker(asker);
      for (const [index, one] of waiting) {
        found[index] = await printIfThere(asker, { ...one, condition: options.conditions(one) }, expected.mode);
        report.moved(0);
      }
    }),
  );
  // Of large objects a user without the right sees the number only.
  return comparisonOf(expected.mode, wanted, found, { same: isSameAsFarAsSeen });
}

async function printIfThere(
  asker: Asker,
  place: Place & { condition: string },
  mode: Mode,
): Promise<TablePrint | undefined> {
  const [there] = await asker.rows<{ there: boolean }>(
    `SELECT to_regclass(${quoted(qualified(place.schema, place.table))}) IS NOT NULL AS there`,
  );
  return there?.there ? printTable(asker, place, mode) : undefined;
}

/** What an earlier attempt of the same restore found: only after an equal comparison is a database marked. */
export function foundEqual(job: RestoreJob, source: RestoreSource): Comparison {
  const { mode, tables } = source.manifest.fingerprint;
  const compared = job.scope?.schemaOnly ? [] : tables.filter((one) => inScope(job, one));
  return equalAsBefore(job.scope?.schemaOnly ? 'none' : mode, compared);
}

/** Without the archive at hand: by the names that were asked for. */
const inScope = (job: RestoreJob, place: Place): boolean =>
  !job.scope?.tables || job.scope.tables.includes(`${place.schema}.${place.table}`);

/**
 * Compares what is in `database`, which nobody else uses, with the backup's fingerprint, as far as the job brought it back;
 * in as many sessions as there are jobs.
 */
export async function compareIn(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  database: string,
  options: { only: (place: Place) => boolean; jobs: number; settings: string },
): Promise<Comparison> {
  const { fingerprint } = source.manifest;
  const { only, jobs, settings } = options;
  if (job.scope?.schemaOnly) return foundEqual(job, source);
  const sessions: Session[] = [];
  try {
    for (let count = 0; count < jobs; count += 1) {
      const session = await server.session(database, undefined, settings);
      sessions.push(session);
      await noLimits(server, session);
    }
    return await compareWith(sessions, fingerprint, server.context.report, {
      conditions: await conditionsIn(sessions[0]!),
      only,
    });
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}
