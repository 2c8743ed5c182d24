/** Whether a dump holds what it should: what its reader found, beside what was counted in the database at its moment. */
import type { Fingerprint, TablePrint } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { DumpPlan } from './dump-plan.ts';
import { names } from './dump-plan.ts';
import type { DumpContents } from './read-through.ts';
import type { MysqlContext } from './server.ts';

/**
 * @param print what was counted beside the dump; undefined where it could not be.
 * @throws DUMP_EMPTY for tables that are not in it; READ_THROUGH_FAILED for rows that are not.
 */
export function fingerprintFrom(
  { target, report }: MysqlContext,
  plan: DumpPlan,
  contents: DumpContents,
  print: readonly TablePrint[] | undefined,
  seconds: number,
): Fingerprint {
  const missing = plan.data.filter((table) => !contents.created.has(table));
  if (missing.length > 0)
    throw new NightjarError('DUMP_EMPTY', { operation: 'mariadb-dump', detail: `It holds no ${names(missing)}.` });
  const unexpected = [...contents.rows.keys()].filter((table) => !plan.data.includes(table));
  if (unexpected.length > 0)
    throw new NightjarError('SCHEMA_CHANGED', {
      operation: 'mariadb-dump',
      detail: `It holds rows of ${names(unexpected)}, which were not there when it began.`,
    });
  const wrong = (print ?? []).filter((one) => one.rows !== (contents.rows.get(one.table) ?? 0));
  if (wrong.length > 0)
    throw new NightjarError('READ_THROUGH_FAILED', {
      operation: 'compare rows',
      detail: `The dump does not hold the rows that its tables had at its moment: ${names(
        wrong.map((one) => `${one.table} (${one.rows}, in the dump ${contents.rows.get(one.table) ?? 0})`),
      )}.`,
    });
  if (target.fingerprint === 'none') return { mode: 'none', tables: [], seconds };
  if (print) return { mode: target.fingerprint, tables: [...print], seconds };
  if (target.fingerprint === 'checksums') report.warn('The fingerprint holds counts, no checksums.');
  return {
    mode: 'counts',
    tables: plan.data.map((table) => ({ schema: '', table, rows: contents.rows.get(table) ?? 0 })),
    seconds,
  };
}
