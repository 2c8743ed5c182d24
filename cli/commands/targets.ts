/** `nightjar targets`: what the deployed config protects. */
import { rpoHoursOf, type Target } from '../../core/config.ts';
import { ENGINES } from '../../core/engines.ts';
import { EXIT } from '../../core/errors.ts';
import { overdueOf } from '../../core/rpo.ts';
import { age, table } from '../format.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { TargetsJson } from '../shapes.ts';
import { statesOf } from '../target-states.ts';

export async function targets(session: Session): Promise<Outcome<TargetsJson>> {
  const { config } = await session.backup();
  const { catalog } = await session.vault();
  const now = session.world.now();
  const names = config.targets.map((one) => one.name);
  const states = await statesOf(catalog, names, now);
  const list = config.targets.map((target: Target) => {
    const newest = states.get(target.name)?.newestGood;
    return {
      target: target.name,
      engine: target.engine,
      host: target.host,
      port: target.port,
      database: target.database,
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
    `${one.host}:${one.port}/${one.database}`,
    one.frequency,
    one.rpoHours === null ? 'none' : `${one.rpoHours} h`,
    one.newestGoodAt === null ? 'never' : age(one.newestGoodAt, now),
    one.pastRpo ? session.paint('red', 'PAST RPO') : '',
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
