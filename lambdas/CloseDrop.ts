/** Notes that what a restore left behind is gone; from now on a swap can't be rolled back. */
import type { DropEvent, OpenedTask } from '../core/payloads.ts';
import { outcomeOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export type CloseDropEvent = DropEvent & { readonly opened: OpenedTask };

export const makeCloseDrop =
  (parts: Pick<Parts, 'catalog' | 'now'>) =>
  async ({ restoreId, opened }: CloseDropEvent): Promise<{ restoreId: string; dropped: boolean }> => {
    const { dropped } = await outcomeOf(parts.catalog, 'drop', opened.id, opened.attempt);
    const restore = await parts.catalog.getRestore(restoreId);
    if (restore?.replacedDroppedAt === undefined)
      await parts.catalog.updateRestore(restoreId, ['COMPLETED', 'FAILED'], {
        replacedDroppedAt: parts.now().toISOString(),
      });
    await parts.catalog.unlock(opened.target, 'restore', opened.id);
    return { restoreId, dropped };
  };

export const handler = wire.lambda(() => makeCloseDrop({ catalog: wire.catalog(), now: wire.now }));
