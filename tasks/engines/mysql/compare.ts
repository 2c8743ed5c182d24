/** What a restore brought back, beside what the backup recorded. */
import type { Comparison, TablePrint } from '../../../core/backup.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { comparisonOf, equalAsBefore } from '../../comparing.ts';
import type { Reporter, RestoreSource } from '../../engine.ts';
import { numberOf } from './errors.ts';
import { printTable, withSigns } from './fingerprint.ts';
import { within, type Server, type Session } from './server.ts';

/** Of the fingerprint, what the job brings back. */
const expectedOf = (job: RestoreJob, source: RestoreSource): readonly TablePrint[] => {
  if (job.scope?.schemaOnly) return [];
  const { tables } = source.manifest.fingerprint;
  return job.scope?.tables ? tables.filter((one) => job.scope!.tables!.includes(one.table)) : tables;
};

const modeOf = (job: RestoreJob, source: RestoreSource): Comparison['mode'] =>
  job.scope?.schemaOnly ? 'none' : source.manifest.fingerprint.mode;

export const compareIn = (
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  database: string,
): Promise<Comparison> =>
  withSigns(
    server.context.report,
    within(server, (session) => compareBy(session, job, source, database, server.context.report), database),
  );

/** As this session sees it. */
export async function compareBy(
  session: Session,
  job: RestoreJob,
  source: RestoreSource,
  database: string,
  report: Reporter,
): Promise<Comparison> {
  const wanted = expectedOf(job, source);
  const mode = modeOf(job, source);
  const found: (TablePrint | undefined)[] = [];
  for (const { table } of wanted) {
    found.push(
      await printTable(session, database, table, mode).catch((thrown: unknown) => {
        if (numberOf(thrown) !== 1146) throw thrown;
        return undefined;
      }),
    );
    report.moved(0);
  }
  return comparisonOf(mode, wanted, found);
}

/** What an earlier attempt of the same restore found: only after an equal comparison is a database marked. */
export const foundEqual = (job: RestoreJob, source: RestoreSource): Comparison =>
  equalAsBefore(modeOf(job, source), expectedOf(job, source));
