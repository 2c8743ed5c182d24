/** Targets by name: of the deployed config, or found by their tag. */
import type { Catalog } from '../../core/catalog.ts';
import { targetNamed, type Config, type Target } from '../../core/config.ts';
import { namedInConfig, targetOfState } from '../../core/discovery.ts';

/** @throws NightjarError TARGET_UNKNOWN. */
export async function findTarget(
  config: Config,
  catalog: Pick<Catalog, 'readTargetStates'>,
  name: string,
): Promise<Target> {
  if (config.targets.some((one) => one.name === name)) return targetNamed(config, name);
  const state = (await catalog.readTargetStates([name])).get(name);
  return (state && targetOfState(config, state)) ?? targetNamed(config, name);
}

export interface Listed {
  readonly target: Target;
  /** Region of what was found by its tag. */
  readonly foundIn?: string;
}

/** Those of the config, then those that were ever found by their tag and that the config does not name. */
export async function listTargets(config: Config, catalog: Pick<Catalog, 'listDiscovered'>): Promise<Listed[]> {
  const names = new Set(config.targets.map((one) => one.name));
  const found = (await catalog.listDiscovered()).flatMap((state): Listed[] => {
    const { discovered } = state;
    if (!discovered || names.has(state.target)) return [];
    if (namedInConfig(config, discovered.engine, discovered.resource)) return [];
    const target = targetOfState(config, state);
    return target ? [{ target, foundIn: discovered.arn.split(':')[3] ?? '' }] : [];
  });
  return [...config.targets.map((target) => ({ target })), ...found];
}
