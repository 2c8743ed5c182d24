/** What a restore may have left behind besides what serves: the only databases that are ever dropped. */
import { NightjarError } from '../core/errors.ts';
import type { DropJob } from '../core/job.ts';
import { aliasDatabase, replacedDatabase, rolledBackDatabase } from '../core/names.ts';

/** @throws INPUT_INVALID for what no restore of that id has named, and for the target's own database. */
export function refuseStranger({ replacedDatabase: name, restoreId, target }: DropJob): void {
  const endings = [replacedDatabase, rolledBackDatabase, aliasDatabase].map((named) => named('', restoreId));
  if (name !== target.database && endings.some((ending) => name.endsWith(ending))) return;
  throw new NightjarError('INPUT_INVALID', {
    operation: 'drop',
    detail: `${name} is no database that restore ${restoreId} has left behind; nothing was dropped.`,
  });
}
