/** Every target by its name, for the handlers: those of the config, and those that were found by their tag. */
import type { Target } from '../../core/config.ts';
import * as discovery from '../../core/discovery.ts';
import type { Parts } from '../shared/parts.ts';

type Needs = Pick<Parts, 'config' | 'catalog'>;

export const targetOrNone = async ({ config, catalog }: Needs, name: string): Promise<Target | undefined> =>
  discovery.targetOrNone(await config(), catalog, name);

/** @throws NightjarError TARGET_UNKNOWN. */
export const findTarget = async ({ config, catalog }: Needs, name: string): Promise<Target> =>
  discovery.findTarget(await config(), catalog, name);

export const allTargets = async ({ config, catalog }: Needs): Promise<Target[]> =>
  (await discovery.listTargets(await config(), catalog)).map(({ target }) => target);
