/** What of a backup a job brings back: what it asks for, within what the backup holds. */
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { names } from './dump-plan.ts';

/**
 * The job as if it had asked for no more than the backup holds.
 *
 * @throws SCOPE_REFUSED for what can't be; INPUT_INVALID for names that are no tables of the backup.
 */
export function narrowedTo(job: RestoreJob, { scope: held, fingerprint }: Manifest): RestoreJob {
  const { scope: asked = {}, mode } = job;
  const refuse = (detail: string): never => {
    throw new NightjarError('SCOPE_REFUSED', { operation: 'preflight', detail });
  };
  if (held?.schemaOnly && asked.dataOnly) refuse('The backup holds definitions only.');
  if (held?.dataOnly && asked.schemaOnly) refuse('The backup holds rows only.');
  const schemaOnly = asked.schemaOnly ?? held?.schemaOnly;
  const dataOnly = asked.dataOnly ?? held?.dataOnly;
  const tables = asked.tables ?? held?.tables;
  const scope = {
    ...(tables ? { tables } : {}),
    ...(schemaOnly ? { schemaOnly } : {}),
    ...(dataOnly ? { dataOnly } : {}),
  };
  const narrow = Object.keys(scope).length > 0;
  if (narrow && mode === 'swap')
    refuse(`A swap replaces the whole database${job.scope ? '' : ', and the backup holds only part of one'}.`);
  if (dataOnly && mode === 'new') refuse('Rows alone need tables that are there: use `overwrite`.');
  if (schemaOnly && mode === 'overwrite')
    refuse('Definitions of a living database are not replaced without their rows: restore them with mode `new`.');
  if (mode === 'overwrite' && held?.exclude && !tables && !dataOnly)
    refuse(
      'The backup lacks the rows of excluded tables, and so would the safety backup: an overwrite would lose them. ' +
        'Use mode `swap`, which keeps the old database, or name the tables to be overwritten.',
    );
  const known = fingerprint.tables.map((one) => one.table);
  const missing = (asked.tables ?? []).filter((table) => !known.includes(table));
  if (missing.length > 0 && fingerprint.mode !== 'none')
    throw new NightjarError('INPUT_INVALID', {
      operation: 'preflight',
      detail: `The backup has no rows of ${names(missing)}; a table is named by its bare name.`,
    });
  return narrow ? { ...job, scope } : job;
}
