/**
 * Gives the restored table every setting that a restore resets, and says what still differs. The alias in modes `new` and
 * `pointer`, else the table under its own name (as BringSettingsBack whichever serves there).
 */
import { differencesOf, type NativeRestore } from '../core/native.ts';
import { onlyConsumers } from './native/table-consumers.ts';
import { aliasTable, foreign, missing, tableState, whose } from './native/table.ts';
import type { TableEvent, TableLook, TableNeeds } from './native/table.ts';
import * as wire from './shared/wiring.ts';

const ofAlias = ({ opened }: TableEvent): boolean => opened.mode !== 'swap';

export const makeApplyTable = (parts: TableNeeds) => tableState(parts, stepOf, (look) => apply(parts, look));

function stepOf(event: TableEvent): string {
  if (ofAlias(event)) return 'ApplyAlias';
  return event.failure ? 'BringSettingsBack' : 'ApplyTable';
}

async function apply(parts: TableNeeds, look: TableLook): Promise<boolean> {
  const { looked, service, event } = look;
  const { settings }: NativeRestore = looked.record.native;
  const table = ofAlias(event) ? await aliasTable(look) : await servingTable(look);
  if (table.state === 'busy') return false;
  const { name } = table.settings;
  // A service attaches consumers of a table's changes only to the name that the settings say: here the alias is to serve.
  const wanted = event.opened.mode === 'pointer' ? { ...settings, name } : settings;
  const awaited = await service.applySettings(name, wanted).catch((error: unknown) => {
    // An alias stands behind no fence: there somebody can put it right first.
    if (ofAlias(event)) throw error;
    return onlyConsumers(parts, look, error);
  });
  if (awaited.length > 0) return false;
  const after = await service.read(name);
  if (!after || after.state === 'busy') return false;
  await looked.note({ differences: differencesOf(settings, after.settings) });
  return true;
}

async function servingTable({ looked, service, name }: TableLook) {
  const table = await service.read(name);
  if (!table) throw missing(looked.record, name);
  if (whose(looked.record.native, table) === 'foreign') throw foreign(looked.record, name);
  return table;
}

export const handler = wire.lambda(() =>
  makeApplyTable({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    now: wire.now,
  }),
);
