/** The task that looks into the restored server before it takes the name: at its own endpoint, with the target's login. */
import { dumpTargetSchema } from '../core/config.ts';
import { NightjarError } from '../core/errors.ts';
import type { NativeEvent, OpenedTask } from '../core/payloads.ts';
import { checkingEngine, checkOf } from './native/check.ts';
import { withRecord, type LookParts } from './native/look.ts';
import { serviceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import { taskRequestOf } from './shared/task-request.ts';
import * as wire from './shared/wiring.ts';

export const makeOpenCheck =
  (parts: LookParts & Pick<Parts, 'services' | 'madeNetwork'>) =>
  async (event: NativeEvent): Promise<OpenedTask> => {
    const { record, target } = await withRecord(parts, event);
    const { alias, settings } = record.native;
    const check = checkOf(target);
    const engine = checkingEngine(settings);
    const found = await serviceOf(parts, target.engine).read(alias);
    if (!check || !engine || !found?.endpoint)
      throw new NightjarError('ALIAS_FAILED', {
        operation: 'open check',
        detail: `${alias} can not be looked into: ${check && engine ? 'it has no endpoint' : 'the target has no check any more'}.`,
      });
    const config = await parts.config();
    const { name, network, size } = target;
    const { queries, ...login } = check;
    const server = dumpTargetSchema.parse({
      name,
      engine,
      host: found.endpoint,
      ...(found.port === undefined ? {} : { port: found.port }),
      ...login,
      ...(network === undefined ? {} : { network }),
      ...(size === undefined ? {} : { size }),
    });
    const { idleMinutes } = config.limits;
    const job = { kind: 'check', id: record.restoreId, target: server, idleMinutes, queries } as const;
    return {
      id: record.restoreId,
      target: name,
      attempt: 1,
      task: taskRequestOf(config, server, job, parts.madeNetwork),
    };
  };

export const handler = wire.lambda(() =>
  makeOpenCheck({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    madeNetwork: wire.madeNetwork(),
    now: wire.now,
  }),
);
