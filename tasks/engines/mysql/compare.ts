/** What a restore brought back, beside what the backup recorded. */
import type { Comparison, TablePrint } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import { numberOf } from './errors.ts';
import { printTable, withSigns } from './fingerprint.ts';
import { within, type Server } from './server.ts';

const DIFFERENCES_KEPT = 50;

/** Of the fingerprint, what the job brings back. */
const expectedOf = (job: RestoreJob, source: RestoreSource): readonly TablePrint[] => {
  if (job.scope?.schemaOnly) return [];
  const { tables } = source.manifest.fingerprint;
  return job.scope?.tables ? tables.filter((one) => job.scope!.tables!.includes(one.table)) : tables;
};

const modeOf = (job: RestoreJob, source: RestoreSource): Comparison['mode'] =>
  job.scope?.schemaOnly ? 'none' : source.manifest.fingerprint.mode;

export async function compareIn(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  database: string,
): Promise<Comparison> {
  const { report } = server.context;
  const wanted = expectedOf(job, source);
  const mode = modeOf(job, source);
  const found = await withSigns(
    report,
    within(
      server,
      async (session) => {
        const prints: (TablePrint | undefined)[] = [];
        for (const { table } of wanted) {
          prints.push(
            await printTable(session, database, table, mode).catch((thrown: unknown) => {
              if (numberOf(thrown) !== 1146) throw thrown;
              return undefined;
            }),
          );
          report.moved(0);
        }
        return prints;
      },
      database,
    ),
  );
  const sum = (prints: readonly (TablePrint | undefined)[]): number =>
    prints.reduce((rows, print) => rows + (print?.rows ?? 0), 0);
  const differences = wanted.flatMap((one, index) => {
    const there = found[index];
    const isSame = there?.rows === one.rows && (!one.checksum || there.checksum === one.checksum);
    return isSame ? [] : [{ schema: one.schema, table: one.table, expected: show(one), found: show(there) }];
  });
  return {
    mode,
    tablesCompared: wanted.length,
    rowsExpected: sum(wanted),
    rowsFound: sum(found),
    differences: differences.slice(0, DIFFERENCES_KEPT),
    equal: differences.length === 0,
  };
}

const show = (print: TablePrint | undefined): string =>
  print === undefined ? 'no such table' : `${print.rows} rows${print.checksum ? `, checksum ${print.checksum}` : ''}`;

/** `where`: what became of the data that differs. */
export function differs(comparison: Comparison, where: string): NightjarError {
  const some = comparison.differences
    .slice(0, 10)
    .map((one) => `${one.table}: expected ${one.expected}, found ${one.found}`);
  return new NightjarError('FINGERPRINT_DIFFERS', {
    operation: 'compare rows',
    detail: `${where} ${comparison.differences.length} tables differ: ${some.join('; ')}.`,
  });
}

/** What an earlier attempt of the same restore found: only after an equal comparison is a database marked. */
export function foundEqual(job: RestoreJob, source: RestoreSource): Comparison {
  const tables = expectedOf(job, source);
  const rows = tables.reduce((sum, one) => sum + one.rows, 0);
  return {
    mode: modeOf(job, source),
    tablesCompared: tables.length,
    rowsExpected: rows,
    rowsFound: rows,
    differences: [],
    equal: true,
  };
}
