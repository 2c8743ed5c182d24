/** Whether a dump holds what it should: what its reader found, beside what was counted in the database at its moment. */
import type { Fingerprint, TablePrint } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import { names, type DatabasePlan, type DumpPlan } from './dump-plan.ts';
import type { MysqlContext } from './server.ts';
import type { Written, WrittenPart } from './write-archives.ts';

export interface Judged {
  readonly fingerprint: Fingerprint;
  /** Who runs views, triggers, routines and events: `user@host`. */
  readonly roles: string[];
}

/**
 * @throws DUMP_EMPTY for tables that are not in it; READ_THROUGH_FAILED for rows that are not; SCHEMA_CHANGED for tables
 * that came meanwhile.
 */
export function judge(context: MysqlContext, plan: DumpPlan, { parts, prints }: Written, seconds: number): Judged {
  const { target, report } = context;
  const tables = plan.databases.flatMap((one, index) => {
    const found = tablesOf(one, parts[index]!, prints?.get(one.database), target.scope?.dataOnly === true);
    return plan.whole ? found.map((print) => ({ ...print, database: one.database })) : found;
  });
  const roles = [...new Set(parts.flatMap(({ contents }) => [...contents.definers]))].sort();
  if (target.fingerprint === 'none') return { fingerprint: { mode: 'none', tables: [], seconds }, roles };
  if (!prints && target.fingerprint === 'checksums') report.warn('The fingerprint holds counts, no checksums.');
  return { fingerprint: { mode: prints ? target.fingerprint : 'counts', tables, seconds }, roles };
}

function tablesOf(
  { data }: DatabasePlan,
  { database, contents }: WrittenPart,
  print: readonly TablePrint[] | undefined,
  dataOnly: boolean,
): TablePrint[] {
  // Rows alone: of a table without any there are the words before and after them.
  const there = dataOnly ? contents.visited : contents.created;
  const missing = data.filter((table) => !there.has(table));
  if (missing.length > 0)
    throw new NightjarError('DUMP_EMPTY', {
      operation: 'mariadb-dump',
      detail: `It holds no ${names(missing)} of ${database}.`,
    });
  const unexpected = [...contents.rows.keys()].filter((table) => !data.includes(table));
  if (unexpected.length > 0)
    throw new NightjarError('SCHEMA_CHANGED', {
      operation: 'mariadb-dump',
      detail: `It holds rows of ${names(unexpected)} of ${database}, which were not there when it began.`,
    });
  const wrong = (print ?? []).filter((one) => one.rows !== (contents.rows.get(one.table) ?? 0));
  if (wrong.length > 0)
    throw new NightjarError('READ_THROUGH_FAILED', {
      operation: 'compare rows',
      detail: `The dump does not hold the rows that the tables of ${database} had at its moment: ${names(
        wrong.map((one) => `${one.table} (${one.rows}, in the dump ${contents.rows.get(one.table) ?? 0})`),
      )}.`,
    });
  return print ? [...print] : data.map((table) => ({ schema: '', table, rows: contents.rows.get(table) ?? 0 }));
}
