/** What a restore brought back, beside what the backup recorded. */
import type { Comparison, Fingerprint, TablePrint } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { Reporter, RestoreSource } from '../../engine.ts';
import { prepareAsker, printTable, quoted, type Asker, type Mode, type Place } from './fingerprint.ts';
import { qualified } from './names.ts';
import type { Server, Session } from './server.ts';
import { noLimits } from './snapshot.ts';
import { conditionsIn } from './tables.ts';

const DIFFERENCES_KEPT = 50;

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
  const sum = (prints: readonly (TablePrint | undefined)[]): number =>
    prints.reduce((rows, print) => rows + (print?.rows ?? 0), 0);
  const differences = wanted.flatMap((one, index) =>
    isSame(one, found[index]) ? [] : [{ ...placeOf(one), expected: show(one), found: show(found[index]) }],
  );
  return {
    mode: expected.mode,
    tablesCompared: wanted.length,
    rowsExpected: sum(wanted),
    rowsFound: sum(found),
    differences: differences.slice(0, DIFFERENCES_KEPT),
    equal: differences.length === 0,
  };
}

const placeOf = ({ schema, table }: Place): Place => ({ schema, table });

/** Of large objects a user without the right sees the number only. */
const isSame = (one: TablePrint, found: TablePrint | undefined): boolean =>
  found?.rows === one.rows && (!one.checksum || !found.checksum || found.checksum === one.checksum);

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

const show = (print: TablePrint | undefined): string =>
  print === undefined ? 'no such table' : `${print.rows} rows${print.checksum ? `, checksum ${print.checksum}` : ''}`;

/** `where`: what became of the data that differs. */
export function differs(comparison: Comparison, where: string): NightjarError {
  const some = comparison.differences
    .slice(0, 10)
    .map((one) => `${one.schema}.${one.table}: expected ${one.expected}, found ${one.found}`);
  return new NightjarError('FINGERPRINT_DIFFERS', {
    operation: 'compare rows',
    detail: `${where} ${comparison.differences.length} tables differ: ${some.join('; ')}.`,
  });
}

/** What an earlier attempt of the same restore found: only after an equal comparison is a database marked. */
export function foundEqual(job: RestoreJob, source: RestoreSource): Comparison {
  const { mode, tables } = source.manifest.fingerprint;
  const compared = job.scope?.schemaOnly ? [] : tables.filter((one) => inScope(job, one));
  const rows = compared.reduce((sum, one) => sum + one.rows, 0);
  return {
    mode: job.scope?.schemaOnly ? 'none' : mode,
    tablesCompared: compared.length,
    rowsExpected: rows,
    rowsFound: rows,
    differences: [],
    equal: true,
  };
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
  options: { only: (place: Place) => boolean; jobs: number },
): Promise<Comparison> {
  const { fingerprint } = source.manifest;
  const { only, jobs } = options;
  if (job.scope?.schemaOnly) return foundEqual(job, source);
  const sessions: Session[] = [];
  try {
    for (let count = 0; count < jobs; count += 1) {
      const session = await server.session(database);
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
