/** Gives the restored server every setting that the restoring call did not take. */
import { NightjarError } from '../core/errors.ts';
import { leftBehind, looking, type LookParts } from './native/look.ts';
import { serviceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeApplyServer = (parts: LookParts & Pick<Parts, 'services'>) =>
  looking(parts, 'ApplyServer', async ({ record, target, note }) => {
    const { native } = record;
    const service = serviceOf(parts, target.engine);
    const awaited = await service.applySettings(native.alias, native.settings, native.steps.ApplyServer?.startedAt);
    const found = await service.read(native.alias);
    if (found?.state === 'failed')
      throw new NightjarError('ALIAS_FAILED', {
        operation: 'apply settings',
        detail: `${native.alias} is '${found.stateWord}'. ${leftBehind(record)}`,
      });
    if (awaited.length > 0 || found?.state !== 'ready') return false;
    // A port is a setting, and a cluster has its endpoint before its members.
    if (found.endpoint !== undefined && native.restored && native.restored.endpoint !== found.endpoint)
      await note({ restored: { ...native.restored, endpoint: found.endpoint } });
    return true;
  });

export const handler = wire.lambda(() =>
  makeApplyServer({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
