/** Deletes the original, once everything that could bring it back is proven, and waits until its name is free. */
import { NightjarError } from '../core/errors.ts';
import { notProven } from './native/table-proof.ts';
import { missing, tableState, whose, type TableNeeds } from './native/table.ts';
import * as wire from './shared/wiring.ts';

export const makeDeleteTable = (parts: TableNeeds) =>
  tableState(
    parts,
    () => 'DeleteTable',
    async (look) => {
      const { looked, service, name } = look;
      const { native } = looked.record;
      const asked = native.serving === 'nothing';
      const table = await service.read(name);
      // Gone, or somebody has made another one since: RecreateTable tells them apart.
      if (asked && (!table || whose(native, table) !== 'original')) return true;
      if (!table) {
        await looked.note({ serving: 'nothing' });
        throw missing(looked.record, name);
      }
      // It is changing, is backed up, or is on its way out.
      if (table.state === 'busy') return false;
      const reasons = await notProven(look, table);
      if (reasons.length > 0)
        throw new NightjarError('TABLE_NOT_SAFE', { operation: 'delete table', detail: reasons.join(' ') });
      // Said before it is done: a record that promises a table which is gone would be worse than one that promises none.
      if (!asked) await looked.note({ serving: 'nothing' });
      await service.remove(name, {});
      return false;
    },
  );

export const handler = wire.lambda(() =>
  makeDeleteTable({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    now: wire.now,
  }),
);
