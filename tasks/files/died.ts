/** What restores that died have left of files: no second copy of a database stays for good. */
import type { DropJob, RestoreJob } from '../../core/job.ts';
import { aliasDatabase, besideNames, replacedDatabase } from '../../core/names.ts';
import type { FilePlace } from './place.ts';

/** As long as the end of an id that is in such names. */
const ID = '0123456789';

/** Removes a file and what lies beside it under names of its own. Resolves with whether there was one. */
export type Remove = (name: string) => Promise<boolean>;

/**
 * All that the restore left, whichever of its names is asked for: one that died in an exchange leaves what was to come in
 * and what was to be kept, and its record knows of one. Never the target's own name, but what died on its way there.
 */
export async function dropFiles(place: FilePlace, job: DropJob, remove: Remove): Promise<boolean> {
  const { replacedDatabase: asked, database, restoreId, target } = job;
  const working = database === undefined ? [] : besideNames(database, restoreId);
  let dropped = database !== undefined && (await place.sweep(database));
  for (const name of new Set([asked, ...working]))
    if (name !== target.database) dropped = (await remove(name)) || dropped;
  return dropped;
}

/**
 * Puts exchanges of the name in order that other restores died in. What such a restore had made has never served; what it
 * was to keep is what serves. A file that it kept because its rows differ is left to the pruner.
 */
export async function settleDied(
  place: FilePlace,
  { database, id, mode }: RestoreJob,
  options: { remove: Remove; warn: (text: string) => void; takenBack?: (keepAs: string) => Promise<void> },
): Promise<void> {
  if (mode === 'new') return;
  const own = aliasDatabase(database, id);
  const stem = own.slice(0, -ID.length);
  for (const incoming of await place.list(stem)) {
    const other = incoming.slice(stem.length);
    // Not what lies beside such a file.
    if (incoming === own || other.length !== ID.length) continue;
    const keepAs = replacedDatabase(database, other);
    const how = await place.settle({ name: database, incoming, keepAs });
    if (how === undefined) continue;
    if (how === 'taken back') {
      await options.takenBack?.(keepAs);
      await options.remove(incoming);
    }
    options.warn(
      how === 'finished'
        ? `An earlier restore had died when it had given ${database} its name: what it left, ${incoming}, was removed.`
        : `An earlier restore had died before it gave ${database} away: ${database} serves as it did, and what was to replace it, ${incoming}, was removed.`,
    );
  }
}
