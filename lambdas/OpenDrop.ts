/** Opens the drop of one database that a restore left behind. */
import type { Catalog } from '../core/catalog.ts';
import { targetNamed } from '../core/config.ts';
import type { DropEvent, OpenedTask } from '../core/payloads.ts';
import { asDumpTarget } from './shared/dump-target.ts';
import type { Parts } from './shared/parts.ts';
import { dropIdOf } from './shared/prune-plan.ts';
import { leftBehind, lockReplaced } from './shared/replaced.ts';
import { taskRequestOf } from './shared/task-request.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'config' | 'executions' | 'tasks' | 'madeNetwork' | 'now'>;

export const makeOpenDrop =
  (parts: Needs) =>
  async (event: DropEvent): Promise<OpenedTask> => {
    const config = await parts.config();
    const look = (catalog: Catalog, restoreId: string): ReturnType<typeof leftBehind> =>
      leftBehind(catalog, restoreId, config.targets);
    const { restore, database } = await look(parts.catalog, event.restoreId);
    const target = asDumpTarget(targetNamed(config, restore.destination), 'open drop');
    const id = dropIdOf(event);
    const task = taskRequestOf(
      config,
      target,
      {
        kind: 'drop',
        id,
        target,
        idleMinutes: config.limits.idleMinutes,
        restoreId: restore.restoreId,
        replacedDatabase: database,
        ...(restore.allDatabases ? { everyDatabase: true } : { database: restore.database }),
      },
      parts.madeNetwork,
    );
    await lockReplaced(parts, restore, { id, executionArn: event.executionArn }, look);
    return { id, target: target.name, attempt: 1, task };
  };

export const handler = wire.lambda(() =>
  makeOpenDrop({
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    tasks: wire.tasks(),
    madeNetwork: wire.madeNetwork(),
    now: wire.now,
  }),
);
