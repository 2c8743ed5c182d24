/** Every hour: how many targets have been without a good backup for longer than promised, whatever the reason. */
import { EVENTS } from '../core/names.ts';
import { overdueOf, watchedTargets, type Overdue } from '../core/rpo.ts';
import { surveyTargets } from './native/survey.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'name' | 'catalog' | 'config' | 'events' | 'metrics' | 'services' | 'now'>;

export interface PublishedRpo {
  readonly pastRpo: string[];
  readonly targetsWatched: number;
  /** Found by their tag before, and without it or without their database now: nobody watches them any more. */
  readonly gone: string[];
}

export const makePublishRpo = (parts: Needs) => async (): Promise<PublishedRpo> => {
  const { targets, gone } = await surveyTargets(parts);
  const watched = watchedTargets(targets);
  const now = parts.now();
  const states = await parts.catalog.targetStates(
    watched.map((target) => target.name),
    now.toISOString(),
  );
  const overdue = watched.flatMap((target): Overdue[] => {
    const one = overdueOf(target, states.get(target.name), now.getTime());
    return one ? [one] : [];
  });
  // The metric first: it is what the alarm watches, and missing data breaches.
  await parts.metrics.put({ pastRpo: overdue.length, targetsWatched: watched.length }, now);
  if (overdue.length > 0)
    await parts.events.publish(
      EVENTS.targetPastRpo,
      overdue.map((one) => ({ name: parts.name, ...one })),
    );
  return {
    pastRpo: overdue.map((one) => one.target),
    targetsWatched: watched.length,
    gone: gone.map((one) => one.target),
  };
};

export const handler = wire.lambda(() =>
  makePublishRpo({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    events: wire.events(),
    metrics: wire.metrics(),
    services: wire.services(),
    now: wire.now,
  }),
);
