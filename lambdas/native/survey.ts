/** Looks for tags, so that a database that is tagged today is protected tonight. */
import type { TargetState } from '../../core/backup.ts';
import type { FoundTarget } from '../../core/catalog.ts';
import type { Target } from '../../core/config.ts';
import { namedInConfig, sortDiscovered, targetOfFound } from '../../core/discovery.ts';
import { ENGINES, type NativeEngine } from '../../core/engines.ts';
import { toNightjarError } from '../../core/errors.ts';
import type { Discovered } from '../../core/native.ts';
import type { Parts } from '../shared/parts.ts';
import { serviceOf } from './services.ts';

export interface Survey {
  /** Those of the config, and those that carry the tag now. */
  readonly targets: readonly Target[];
  /** Found by their tag before, and not now: not due, but still known to restores. */
  readonly gone: readonly TargetState[];
  /** For the run's report, a sentence each. */
  readonly warnings: readonly string[];
}

/** Searches the account, notes what it found. A service that can not be searched keeps what was known of it. */
export async function surveyTargets(parts: Pick<Parts, 'catalog' | 'config' | 'services' | 'now'>): Promise<Survey> {
  const config = await parts.config();
  const { engines, tagKey } = config.discovery;
  if (engines.length === 0) return { targets: config.targets, gone: [], warnings: [] };
  const discovered: Discovered[] = [];
  const unseen: { engine: NativeEngine; why: string }[] = [];
  for (const engine of engines)
    try {
      discovered.push(...(await serviceOf(parts, engine).discover(tagKey)));
    } catch (error) {
      const { message } = toNightjarError(error, 'discover');
      unseen.push({
        engine,
        why: `${ENGINES[engine].label} could not be searched for the tag ${tagKey}, so what was known of it is backed up and nothing new: ${message}`,
      });
    }
  const { found, warnings } = sortDiscovered(config, discovered);
  await parts.catalog.saveDiscovered(found, parts.now().toISOString());

  const names = new Set(found.map((one) => one.target));
  const others = (await parts.catalog.listDiscovered()).filter(
    ({ target, discovered: one }) =>
      one &&
      !names.has(target) &&
      engines.includes(one.engine) &&
      !config.targets.some((named) => named.name === target) &&
      !namedInConfig(config, one.engine, one.resource),
  );
  const kept = others.filter((state) => unseen.some((one) => one.engine === state.discovered!.engine));
  return {
    targets: [...config.targets, ...[...found, ...kept.map(asFound)].map((one) => targetOfFound(config, one))],
    gone: others.filter((state) => !kept.includes(state)),
    warnings: [...unseen.map((one) => one.why), ...warnings],
  };
}

const asFound = ({ target, discovered }: TargetState): FoundTarget => ({ target, ...discovered! });

/** A night's report tells of it for a week; after that it is news to nobody. */
const TOLD_DAYS = 7;

/** What the run's report says of targets that are gone. */
export const newlyGone = (gone: readonly TargetState[], now: Date): string[] =>
  gone
    .filter(({ discovered }) => now.getTime() - Date.parse(discovered!.seenAt) < TOLD_DAYS * 86_400_000)
    .map(
      ({ target, discovered }) =>
        `${target}: ${discovered!.arn} carries the tag no more, or is gone (last seen ${discovered!.seenAt}). It is not backed up any more; its backups can still be restored.`,
    );
