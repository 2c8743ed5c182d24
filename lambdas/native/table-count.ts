/** Goes through a table page by page, over as many looks as it takes. */
import type { TableLook, TableNeeds } from './table.ts';

/** A Lambda lives for 15 minutes; a page takes seconds. */
const LOOK_MILLISECONDS = 10 * 60_000;

/**
 * Calls `page` until it answers without a cursor. Each answer is noted with its cursor by `page` itself. False when the time
 * of this look is over: the next one goes on there.
 */
export async function throughPages(
  parts: Pick<TableNeeds, 'now'>,
  first: string,
  page: (cursor: string | undefined) => Promise<string>,
): Promise<boolean> {
  const until = parts.now().getTime() + LOOK_MILLISECONDS;
  let cursor = first;
  do cursor = await page(cursor === '' ? undefined : cursor);
  while (cursor !== '' && parts.now().getTime() < until);
  return cursor === '';
}

/** Counts a table's items exactly. Undefined when the next look has to go on. */
export async function countItems(
  parts: Pick<TableNeeds, 'now'>,
  { looked, service }: TableLook,
  table: string,
): Promise<number | undefined> {
  const { cursor = '' } = looked.record.native;
  // Without a cursor it begins, whatever a look that died had counted.
  let counted = cursor === '' ? 0 : (looked.record.native.counted ?? 0);
  const done = await throughPages(parts, cursor, async (from) => {
    const { items, cursor: next = '' } = await service.count(table, from);
    counted += items;
    await looked.note({ cursor: next, counted });
    return next;
  });
  return done ? counted : undefined;
}
