import type { TargetState } from '../core/backup.ts';
import type { Catalog } from '../core/catalog.ts';

/**
 * The states of these targets, as a person with the right to read sees them. One that was never looked at, because the
 * hourly watch has not come by since it was deployed, is watched from now on, and not overdue since ever.
 */
export async function statesOf(
  catalog: Pick<Catalog, 'readTargetStates'>,
  targets: readonly string[],
  now: number,
): Promise<Map<string, TargetState>> {
  const states = await catalog.readTargetStates(targets);
  const firstSeenAt = new Date(now).toISOString();
  return new Map(targets.map((target) => [target, states.get(target) ?? { target, firstSeenAt }]));
}
