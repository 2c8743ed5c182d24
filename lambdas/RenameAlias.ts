/** The restored server takes the name: from here on it serves. */
import { NightjarError } from '../core/errors.ts';
import { looking, type LookParts } from './native/look.ts';
import { giveName, restoredOf } from './native/names.ts';
import { renamingServiceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeRenameAlias = (parts: LookParts & Pick<Parts, 'services'>) =>
  looking(parts, 'RenameAlias', async ({ record, target, note }) => {
    const { native } = record;
    const restored = restoredOf(native, record.restoreId);
    if (!restored)
      throw new NightjarError('RENAME_FAILED', { operation: 'rename', detail: `${native.alias} was never there.` });
    const { name } = native.settings;
    const service = renamingServiceOf(parts, target.engine);
    if (!(await giveName(service, restored, { to: name, serves: true, leaving: native.original?.resourceId })))
      return false;
    const endpoint = (await service.read(name))?.endpoint ?? native.restored!.endpoint;
    await note({
      serving: 'restored',
      restored: { ...native.restored!, ...(endpoint === undefined ? {} : { endpoint }) },
    });
    return true;
  });

export const handler = wire.lambda(() =>
  makeRenameAlias({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
