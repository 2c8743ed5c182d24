/**
 * Looks into what was restored: keys, indexes, every item counted. As VerifyRecreated it compares the table that was made
 * again under its name with the alias that it is a copy of.
 */
import { NightjarError } from '../core/errors.ts';
import { countItems } from './native/table-count.ts';
import { indexesDiffer, keysDiffer, partitionKey } from './native/table-shape.ts';
import { aliasTable, foreign, missing, tableState, tell, warn, whose } from './native/table.ts';
import type { TableLook, TableNeeds } from './native/table.ts';
import * as wire from './shared/wiring.ts';

/**
 * Between the table's return and its fence an application can write for a minute: what it changed by then is told. More than
 * this part of the sample was not changed by an application.
 */
const CHANGED_AT_MOST = 0.1;

export const makeVerifyTable = (parts: TableNeeds) =>
  tableState(
    parts,
    (_, native) => (native.recreated ? 'VerifyRecreated' : 'VerifyTable'),
    (look) => (look.looked.record.native.recreated ? verifyRecreated(parts, look) : verifyAlias(parts, look)),
  );

async function verifyAlias(parts: TableNeeds, look: TableLook): Promise<boolean> {
  const { looked } = look;
  const { native, mode } = looked.record;
  const table = await aliasTable(look);
  const keys = keysDiffer(native.settings, table.settings);
  if (keys) throw wrong(keys);
  const indexes = indexesDiffer(native.settings, table.settings);
  // PITR takes the indexes of today, a backup those of its day: then it is no fault, and settings are applied later.
  if (indexes.length > 0 && native.from.kind === 'moment') throw wrong(indexes.join(' '));
  for (const sentence of indexes) await tell(looked, sentence);
  // Chosen items are compared one by one when they are copied.
  if (mode === 'items') return true;
  const items = await countItems(parts, look, native.alias);
  if (items === undefined) return false;
  await looked.note({ cursor: '', counted: 0, counts: { ...native.counts, alias: items } });
  await tell(looked, `${native.alias} has ${items} items, counted one by one.`);
  if (items === 0) await warn(parts, looked, `The restored table is empty: ${native.alias} has no item.`);
  return true;
}

async function verifyRecreated(parts: TableNeeds, look: TableLook): Promise<boolean> {
  const { looked, service, name, event } = look;
  const { native } = looked.record;
  const table = await service.read(name);
  if (!table) throw missing(looked.record, name);
  if (whose(native, table) !== 'recreated') throw foreign(looked.record, name);
  const keys = keysDiffer(native.settings, table.settings);
  if (keys) throw wrong(keys, name);
  if (event.fenceFailure)
    await warn(
      parts,
      looked,
      `Writes were not kept away from ${name} while it was compared (${event.fenceFailure.Error}): what they changed is in it.`,
    );
  const items = await countItems(parts, look, name);
  if (items === undefined) return false;
  await looked.note({ cursor: '', counted: 0, counts: { ...native.counts, recreated: items } });
  await tell(looked, `${name} has ${items} items, counted one by one.`);
  // There was no original, so there is no alias either: the table was made from the backup itself.
  if (!native.original) return true;
  const alias = await aliasTable(look);
  const indexes = indexesDiffer({ ...alias.settings, name }, table.settings);
  if (indexes.length > 0) throw wrong(indexes.join(' '), name);
  const expected = native.counts?.alias ?? 0;
  if (items < expected) throw wrong(`${name} has ${items} items, ${native.alias} has ${expected}.`, name);
  if (items > expected)
    await warn(
      parts,
      looked,
      `${items - expected} items were written to ${name} as soon as it was back, before its fence.`,
    );
  await compareSample(parts, look);
  return true;
}

/** The first page of the alias, item by item: a dry run of copying says how many are not the same. */
async function compareSample(parts: TableNeeds, { looked, service, name }: TableLook): Promise<void> {
  const { alias, settings } = looked.record.native;
  const { written, same, conflicts } = await service.copyItems({
    from: alias,
    to: name,
    choice: { filter: 'attribute_exists(#key)', names: { '#key': partitionKey(settings)! } },
    dryRun: true,
  });
  const [differ, sampled] = [written + conflicts, written + same + conflicts];
  if (differ > sampled * CHANGED_AT_MOST)
    throw wrong(`${differ} of ${sampled} items that were compared are not in ${name} as they are in ${alias}.`, name);
  await tell(looked, `${sampled} items were compared with ${alias}, ${differ} differ.`);
  if (differ > 0)
    await warn(
      parts,
      looked,
      `${differ} of ${sampled} items were changed in ${name} as soon as it was back, before its fence.`,
    );
}

const wrong = (detail: string, serving?: string): NightjarError =>
  new NightjarError('CHECK_FAILED', {
    operation: 'verify table',
    detail:
      serving === undefined ? detail : `${detail} The restored table serves as ${serving}, backups of both are kept.`,
  });

export const handler = wire.lambda(() =>
  makeVerifyTable({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    now: wire.now,
  }),
);
