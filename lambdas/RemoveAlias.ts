/** Takes away what was restored beside the original: after a cancelled restore, or when its data is where it belongs. */
import { NightjarError } from '../core/errors.ts';
import { looking, type LookParts } from './native/look.ts';
import { isAliasOf, removed } from './native/removal.ts';
import { serviceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeRemoveAlias = (parts: LookParts & Pick<Parts, 'services'>) =>
  looking(parts, 'RemoveAlias', async ({ record, target }) => {
    const { native } = record;
    if (native.pointer)
      throw new NightjarError('POINTER_FAILED', {
        operation: 'remove alias',
        detail: `${native.alias} was not removed: ${native.pointer.where} may name it.`,
      });
    return removed(serviceOf(parts, target.engine), native.alias, isAliasOf(record));
  });

export const handler = wire.lambda(() =>
  makeRemoveAlias({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
