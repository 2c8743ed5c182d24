/** Every target by its name: those of the config, and those that were found by their tag. */
import type { Target } from '../../core/config.ts';
import { namedInConfig, targetOfState } from '../../core/discovery.ts';
import { NightjarError } from '../../core/errors.ts';
import type { Parts } from '../shared/parts.ts';

type Needs = Pick<Parts, 'config' | 'catalog'>;

/**
 * The config's target of this name, else one that was ever found by its tag: also when its resource is gone by now, because
 * it can still be restored.
 */
export async function targetOrNone(parts: Needs, name: string): Promise<Target | undefined> {
  const config = await parts.config();
  const named = config.targets.find((one) => one.name === name);
  if (named) return named;
  const state = (await parts.catalog.readTargetStates([name])).get(name);
  return state && targetOfState(config, state);
}

/** @throws NightjarError TARGET_UNKNOWN. */
export async function findTarget(parts: Needs, name: string): Promise<Target> {
  const found = await targetOrNone(parts, name);
  if (found) return found;
  throw new NightjarError('TARGET_UNKNOWN', { operation: 'find target', detail: `Asked for: ${name}.` });
}

/** All that {@link findTarget} finds, without a tag's target for a resource that the config names itself. */
export async function allTargets(parts: Needs): Promise<Target[]> {
  const config = await parts.config();
  const names = new Set(config.targets.map((one) => one.name));
  const found = (await parts.catalog.listDiscovered()).flatMap((state) => {
    const { discovered } = state;
    if (!discovered || names.has(state.target)) return [];
    return namedInConfig(config, discovered.engine, discovered.resource) ? [] : (targetOfState(config, state) ?? []);
  });
  return [...config.targets, ...found];
}
