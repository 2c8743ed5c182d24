/** A rollback by pointer: it says again what it said before, unless somebody has changed it since. */
import { NightjarError } from '../core/errors.ts';
import { placeOf } from '../services/pointer.ts';
import { lookedAt, type LookParts } from './native/look.ts';
import type { RollbackEvent } from './RollBackNames.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeRollBackPointer =
  (parts: LookParts & Pick<Parts, 'pointers'>) =>
  async ({ input: { restoreId } }: RollbackEvent): Promise<{ says: string }> => {
    const { record, target, note } = await lookedAt(parts, { restoreId, statuses: ['COMPLETED', 'FAILED'] });
    const { pointer } = record.native;
    if (!pointer || !target.pointer || placeOf(target.pointer) !== pointer.where)
      throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
        operation: 'roll back pointer',
        detail: `${restoreId} switched ${pointer?.where ?? 'nothing'}, and the config of ${target.name} names ${target.pointer ? placeOf(target.pointer) : 'no pointer'}.`,
      });
    await parts.pointers.change(target.pointer, pointer.after, pointer.before);
    await note({ pointer: { ...pointer, switched: false }, serving: 'original' });
    return { says: pointer.before };
  };

export const handler = wire.lambda(() =>
  makeRollBackPointer({ catalog: wire.catalog(), config: wire.config(), pointers: wire.pointers(), now: wire.now }),
);
