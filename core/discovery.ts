/** Databases that were found by their tag, as targets. What the config names itself wins over the tag. */
import {
  configSchema,
  FREQUENCIES,
  isNativeTarget,
  resourceOf,
  type Config,
  type Frequency,
  type NativeTarget,
  type Target,
} from './config.ts';
import type { TargetState } from './backup.ts';
import type { Catalog, FoundTarget } from './catalog.ts';
import { NightjarError } from './errors.ts';
import type { Discovered } from './native.ts';
import { discoveredTarget, isMadeByRestore } from './names.ts';

type Found = Pick<FoundTarget, 'target' | 'engine' | 'resource' | 'frequency'>;

/** Which field of a target names its resource. */
const RESOURCE_FIELD = { rds: 'instance', aurora: 'cluster', dynamodb: 'table' } as const;

const parse = ({ discovery }: Pick<Config, 'discovery'>, { engine, target, frequency, resource }: Found) =>
  configSchema.shape.targets.element.safeParse({
    name: target,
    engine,
    frequency,
    pitr: discovery.pitr,
    [RESOURCE_FIELD[engine]]: resource,
  });

/** A target with every default that the config gives to what is discovered. @throws what a config would be refused for. */
export function targetOfFound(config: Pick<Config, 'discovery'>, found: Found): NativeTarget {
  const result = parse(config, found);
  if (result.success && isNativeTarget(result.data)) return result.data;
  throw new NightjarError('CONFIG_INVALID', {
    operation: 'read target',
    detail: `${found.target}, found by its tag, can not be a target: ${result.error?.message ?? 'it is of no service that Nightjar knows'}`,
  });
}

/** The same of what the catalog knows. Undefined for a target that was never found by its tag. */
export const targetOfState = (config: Pick<Config, 'discovery'>, state: TargetState): NativeTarget | undefined =>
  state.discovered && targetOfFound(config, { target: state.target, ...state.discovered });

/** The target of the config that names this very resource. */
export const namedInConfig = (
  config: Pick<Config, 'targets'>,
  engine: NativeTarget['engine'],
  resource: string,
): NativeTarget | undefined =>
  config.targets.filter(isNativeTarget).find((one) => one.engine === engine && resourceOf(one) === resource);

/**
 * The config's target of this name, else one that was ever found by its tag: also when its resource is gone by now, because
 * it can still be restored.
 */
export async function targetOrNone(
  config: Pick<Config, 'discovery' | 'targets'>,
  catalog: Pick<Catalog, 'readTargetStates'>,
  name: string,
): Promise<Target | undefined> {
  const named = config.targets.find((one) => one.name === name);
  if (named) return named;
  const state = (await catalog.readTargetStates([name])).get(name);
  return state && targetOfState(config, state);
}

/** @throws NightjarError TARGET_UNKNOWN. */
export async function findTarget(...asked: Parameters<typeof targetOrNone>): Promise<Target> {
  const found = await targetOrNone(...asked);
  if (found) return found;
  throw new NightjarError('TARGET_UNKNOWN', { operation: 'find target', detail: `Asked for: ${asked[2]}.` });
}

export interface Listed {
  readonly target: Target;
  /** Region of what was found by its tag. */
  readonly foundIn?: string;
}

/** All that {@link findTarget} finds, without a tag's target for a resource that the config names itself. */
export async function listTargets(
  config: Pick<Config, 'discovery' | 'targets'>,
  catalog: Pick<Catalog, 'listDiscovered'>,
): Promise<Listed[]> {
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

export interface Sorted {
  /** Targets from now on. */
  readonly found: readonly FoundTarget[];
  /** What a person should know about the tags, one sentence each. */
  readonly warnings: readonly string[];
}

const isFrequency = (value: string): value is Frequency => (FREQUENCIES as readonly string[]).includes(value);

/** What one look for tags found, without what the config names itself and without what a restore made. */
export function sortDiscovered(
  config: Pick<Config, 'discovery' | 'targets'>,
  discovered: readonly Discovered[],
): Sorted {
  const found: FoundTarget[] = [];
  const warnings: string[] = [];
  for (const { engine, name, arn, value } of discovered) {
    // An alias, or an original that was set aside, carries the tags of the original.
    if (isMadeByRestore(name) || namedInConfig(config, engine, name)) continue;
    const target = discoveredTarget(engine, name);
    if (!isFrequency(value))
      warnings.push(
        `${arn} carries the tag ${config.discovery.tagKey} with the value '${value}', which is none of ${FREQUENCIES.join(', ')}: it is not backed up by its tag.`,
      );
    else if (config.targets.some((one) => one.name === target))
      warnings.push(
        `${arn} would be the target ${target} by its tag, and the config has another target of that name: it is not backed up. Name it in the config.`,
      );
    else if (!parse(config, { target, engine, resource: name, frequency: value }).success)
      warnings.push(`${arn} can not be a target by its tag, because of its name: it is not backed up.`);
    else found.push({ target, engine, resource: name, arn, frequency: value });
  }
  return { found, warnings };
}
