/** Copies chosen items from the alias back into the living table, where they are not the same already. */
import { NightjarError } from '../core/errors.ts';
import { throughPages } from './native/table-count.ts';
import { aliasTable, originalTable, tableState, tell, warn, type TableNeeds } from './native/table.ts';
import * as wire from './shared/wiring.ts';

export const makeCopyItems = (parts: TableNeeds) =>
  tableState(
    parts,
    () => 'CopyItems',
    async (look) => {
      const { looked, service, name, event } = look;
      const choice = event.input.items;
      if (!choice)
        throw new NightjarError('INPUT_INVALID', { operation: 'copy items', detail: 'No items are chosen.' });
      await originalTable(look);
      await aliasTable(look);
      const { native } = looked.record;
      const begun = native.cursor !== undefined && native.cursor !== '';
      let copied = (begun ? native.copied : undefined) ?? { written: 0, same: 0, conflicts: 0, missing: 0 };
      const done = await throughPages(parts, native.cursor ?? '', async (cursor) => {
        const page = await service.copyItems({
          from: native.alias,
          to: name,
          choice,
          dryRun: false,
          ...(cursor === undefined ? {} : { cursor }),
        });
        copied = {
          written: copied.written + page.written,
          same: copied.same + page.same,
          conflicts: copied.conflicts + page.conflicts,
          missing: (copied.missing ?? 0) + (page.missing ?? 0),
        };
        await looked.note({ cursor: page.cursor ?? '', copied });
        return page.cursor ?? '';
      });
      if (!done) return false;
      const { written, same, conflicts, missing = 0 } = copied;
      await tell(looked, `${written} items were written into ${name}, ${same} were the same already.`);
      if (missing > 0)
        await warn(
          parts,
          looked,
          `${missing} items that were chosen are not in the restored table, so nothing came of them: were they there at that moment, and are their keys right?`,
        );
      if (conflicts > 0)
        await warn(
          parts,
          looked,
          `${conflicts} items changed in ${name} while they were copied and were left as they are: start it again to copy them too.`,
        );
      return true;
    },
  );

export const handler = wire.lambda(() =>
  makeCopyItems({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    now: wire.now,
  }),
);
