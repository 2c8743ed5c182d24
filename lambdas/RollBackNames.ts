/**
 * A rollback by names: the restored server steps aside, the original gets its name back and is started when it was stopped. As
 * RollBackNamesAgain it tries once more after it broke off, so that the name is not left empty.
 */
import { NightjarError } from '../core/errors.ts';
import type { CaughtFailure, ExecutionFacts, Look, OpenedRollback, RollbackInput } from '../core/payloads.ts';
import { undoneName } from '../core/serving.ts';
import { lookAt, type LookParts } from './native/look.ts';
import { originalOf, whereIs } from './native/names.ts';
import { renamingServiceOf } from './native/services.ts';
import { originalToItsName } from './native/settling.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export interface RollbackEvent extends ExecutionFacts {
  readonly input: RollbackInput;
  readonly opened: OpenedRollback;
  /** Set on the second try. */
  readonly failure?: CaughtFailure;
}

export const makeRollBackNames =
  (parts: LookParts & Pick<Parts, 'services'>) =>
  ({ input: { restoreId }, failure, startedAt: since }: RollbackEvent): Promise<Look> => {
    const step = failure ? 'RollBackNamesAgain' : 'RollBackNames';
    return lookAt(parts, { restoreId, step, statuses: ['COMPLETED', 'FAILED'], since }, async (looked) => {
      const { native } = looked.record;
      const service = renamingServiceOf(parts, looked.target.engine);
      const original = originalOf(native);
      // Before it is asked: whoever reads the record after a crash must expect the worst. While the original is only looked for,
      // the restored one serves on.
      if (native.serving === 'restored' && original && (await whereIs(service, original)))
        await looked.note({ serving: 'nothing' });
      if (!(await originalToItsName(service, looked, undoneName(native, restoreId)))) return false;
      // As RollBackNamesAgain whatever serves is good.
      if (failure || looked.record.native.serving === 'original') return true;
      throw new NightjarError('RENAME_FAILED', {
        operation: 'roll back names',
        detail: `The original ${original?.resourceId ?? ''} is not there any more, under ${original?.names.join(' or ') ?? 'no name'}. ${native.settings.name} was left as it is.`,
      });
    });
  };

export const handler = wire.lambda(() =>
  makeRollBackNames({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
