/** `nightjar targets`: what the deployed config protects, and what was found by its tag. */
import { isDumpTarget, resourceOf, rpoHoursOf, whereOf, type Target } from '../../core/config.ts';
import { ENGINES } from '../../core/engines.ts';
import { EXIT } from '../../core/errors.ts';
import { overdueOf } from '../../core/rpo.ts';
import { age, table } from '../format.ts';
import { listTargets } from '../../core/discovery.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { TargetsJson } from '../shapes.ts';
import { statesOf } from '../target-states.ts';

export async function targets(session: Session): Promise<Outcome<TargetsJson>> {
  const { config } = await session.backup();
  const { catalog } = await session.vault();
  const now = session.world.now();
  const listed = await listTargets(config, catalog);
  const names = listed.map(({ target }) => target.name);
  const states = await statesOf(catalog, names, now);
  const region = listed.some(({ target }) => !isDumpTarget(target))
    ? (config.region ?? (await session.world.aws.region()))
    : '';
  const list = listed.map(({ target, foundIn }) => {
    const newest = states.get(target.name)?.newestGood;
    return {
      target: target.name,
      engine: target.engine,
      ...placeOf(target, foundIn ?? region),
      discovered: foundIn !== undefined,
      frequency: target.frequency,
      rpoHours: rpoHoursOf(target) ?? null,
      pastRpo: overdueOf(target, states.get(target.name), now) !== undefined,
      newestGoodId: newest?.backupId ?? null,
      newestGoodAt: newest?.snapshotAt ?? null,
    };
  });
  const rows = list.map((one) => [
    one.target,
    ENGINES[one.engine].label,
    one.resource === null ? `${one.place}/${one.database}` : `${one.resource} in ${one.region}`,
    one.frequency,
    one.rpoHours === null ? 'none' : `${one.rpoHours} h`,
    one.newestGoodAt === null ? 'never' : age(one.newestGoodAt, now),
    [one.pastRpo ? session.paint('red', 'PAST RPO') : '', one.discovered ? 'by its tag' : '']
      .filter((part) => part !== '')
      .join('  '),
  ]);
  return {
    json: { command: 'targets', ok: true, targets: list },
    text: table(
      [
        { title: 'target' },
        { title: 'engine' },
        { title: 'where' },
        { title: 'frequency' },
        { title: 'rpo', right: true },
        { title: 'newest good', right: true },
        { title: '' },
      ],
      rows,
    ),
    exit: EXIT.ok,
  };
}

type Place = Pick<TargetsJson['targets'][number], 'place' | 'database' | 'resource' | 'region'>;
const placeOf = (target: Target, region: string): Place =>
  isDumpTarget(target)
    ? { place: whereOf(target), database: target.database, resource: null, region: null }
    : { place: null, database: null, resource: resourceOf(target), region };
