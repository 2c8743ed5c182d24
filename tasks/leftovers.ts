/** What a restore may have left behind besides what serves: the only databases that are ever dropped. */
import { NightjarError } from '../core/errors.ts';
import type { DropJob, DropOutcome } from '../core/job.ts';
import { aliasDatabase, replacedDatabase, rolledBackDatabase } from '../core/names.ts';
import type { Engine, EngineContext } from './engine.ts';

/** @throws INPUT_INVALID for what no restore of that id has named, and for the target's own database. */
export function refuseStranger({ replacedDatabase: name, restoreId, target }: DropJob): void {
  const endings = [replacedDatabase, rolledBackDatabase, aliasDatabase].map((named) => named('', restoreId));
  if (name !== target.database && endings.some((ending) => name.endsWith(ending))) return;
  throw new NightjarError('INPUT_INVALID', {
    operation: 'drop',
    detail: `${name} is no database that restore ${restoreId} has left behind; nothing was dropped.`,
  });
}

/** @throws the engine's error; what was dropped before it stays dropped. */
export async function dropLeft(
  engine: Engine,
  context: EngineContext,
  job: DropJob,
): Promise<Omit<DropOutcome, 'kind'>> {
  const { everyDatabase, ...one } = job;
  if (!everyDatabase) return engine.drop(context, one);
  let dropped = false;
  for (const replacedDatabase of (await engine.unfinished?.(context, job.restoreId)) ?? [])
    dropped = (await engine.drop(context, { ...one, replacedDatabase })).dropped || dropped;
  return { dropped };
}
