/** Targets by name: of the deployed config, or found by their tag. */
import type { Catalog } from '../../core/catalog.ts';
import { targetNamed, type Config, type Target } from '../../core/config.ts';
import { targetOfState } from '../../core/discovery.ts';

/** @throws NightjarError TARGET_UNKNOWN. */
export async function findTarget(config: Config, catalog: Catalog, name: string): Promise<Target> {
  if (config.targets.some((one) => one.name === name)) return targetNamed(config, name);
  const state = (await catalog.readTargetStates([name])).get(name);
  return (state && targetOfState(config, state)) ?? targetNamed(config, name);
}
