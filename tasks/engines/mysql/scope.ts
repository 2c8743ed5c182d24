/** What of a backup a job brings back: what it asks for, within what the backup holds. */
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { narrowed, scopeRefused } from '../../../core/narrowing.ts';
import { names } from './dump-plan.ts';

/**
 * The job as if it had asked for no more than the backup holds.
 *
 * @throws SCOPE_REFUSED for what can't be; INPUT_INVALID for names that are no tables of the backup.
 */
export function narrowedTo(job: RestoreJob, manifest: Manifest): RestoreJob {
  const own = narrowed(job, manifest);
  const { fingerprint } = manifest;
  if (own.scope?.schemaOnly && job.mode === 'overwrite')
    throw scopeRefused(
      'Definitions of a living database are not replaced without their rows: restore them with mode `new`.',
    );
  const known = fingerprint.tables.map((one) => one.table);
  const missing = (job.scope?.tables ?? []).filter((table) => !known.includes(table));
  if (missing.length > 0 && fingerprint.mode !== 'none')
    throw new NightjarError('INPUT_INVALID', {
      operation: 'preflight',
      detail: `The backup has no rows of ${names(missing)}; a table is named by its bare name.`,
    });
  return own;
}
