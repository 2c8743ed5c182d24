/** What a job takes of a backup that may itself hold a part only: the same rules for every engine with both. */
import type { Manifest } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import type { RestoreJob } from '../core/job.ts';

export const scopeRefused = (detail: string): NightjarError =>
  new NightjarError('SCOPE_REFUSED', { operation: 'preflight', detail });

/** The job as if it had asked for no more than the backup holds. @throws SCOPE_REFUSED for what can't be. */
export function narrowed(job: RestoreJob, { scope: held }: Pick<Manifest, 'scope'>): RestoreJob {
  const { scope: asked = {}, mode } = job;
  if (held?.schemaOnly && asked.dataOnly) throw scopeRefused('The backup holds definitions only.');
  if (held?.dataOnly && asked.schemaOnly) throw scopeRefused('The backup holds rows only.');
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
    throw scopeRefused(
      `A swap replaces the whole database${job.scope ? '' : ', and the backup holds only part of one'}.`,
    );
  if (dataOnly && mode === 'new') throw scopeRefused('Rows alone need tables that are there: use `overwrite`.');
  if (mode === 'overwrite' && held?.exclude && !tables && !dataOnly && !schemaOnly)
    throw scopeRefused(
      'The backup lacks the rows of excluded tables, and so would the safety backup: an overwrite would lose them. ' +
        'Use mode `swap`, which keeps the old database, or name the tables to be overwritten.',
    );
  return narrow ? { ...job, scope } : job;
}
