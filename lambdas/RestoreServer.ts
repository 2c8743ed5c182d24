/** Begins the restored server beside the original and waits until it is there. */
import { NightjarError } from '../core/errors.ts';
import { RESTORE_TAG } from '../core/names.ts';
import { leftBehind, looking, type LookParts } from './native/look.ts';
import { serviceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeRestoreServer = (parts: LookParts & Pick<Parts, 'services'>) =>
  looking(parts, 'RestoreServer', async ({ record, target, note }) => {
    const { native, restoreId } = record;
    const service = serviceOf(parts, target.engine);
    const found = await service.read(native.alias);
    if (!found) {
      await service.startAlias(native, restoreId);
      return false;
    }
    const { arn, resourceId, tags } = found.settings;
    // Tags of a new resource may come a moment after it.
    const ours = tags[RESTORE_TAG] === restoreId || native.restored?.resourceId === resourceId;
    if (!ours && found.state === 'busy') return false;
    if (!ours)
      throw new NightjarError('ALIAS_FAILED', {
        operation: 'restore server',
        detail: `${native.alias} is there already and does not carry the tag ${RESTORE_TAG}=${restoreId}; it was left alone.`,
      });
    const { endpoint } = found;
    if (native.restored?.resourceId !== resourceId || native.restored.endpoint !== endpoint)
      await note({ restored: { arn, resourceId, ...(endpoint === undefined ? {} : { endpoint }) } });
    if (found.state === 'failed')
      throw new NightjarError('ALIAS_FAILED', {
        operation: 'restore server',
        detail: `${native.alias} is '${found.stateWord}'. ${leftBehind(record)}`,
      });
    return found.state === 'ready';
  });

export const handler = wire.lambda(() =>
  makeRestoreServer({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
