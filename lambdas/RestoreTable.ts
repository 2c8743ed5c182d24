/**
 * Makes the alias beside the original, from the moment or the backup, and waits until it is there. Before a swap it finishes what
 * a broken one left undone: the settings of the table that serves.
 */
import { NightjarError } from '../core/errors.ts';
import { hasRoom } from './native/set-room.ts';
import { settingsOwed } from './native/table-owed.ts';
import { tableState, warn, type TableLook, type TableNeeds } from './native/table.ts';
import * as wire from './shared/wiring.ts';

export const makeRestoreTable = (parts: TableNeeds) =>
  tableState(
    parts,
    () => 'RestoreTable',
    async (look) => {
      const { looked, service } = look;
      if (looked.record.mode === 'swap' && !(await setRight(parts, look))) return false;
      const { native, restoreId } = looked.record;
      const table = await service.read(native.alias);
      if (!table && native.restored) throw failed(`The table ${native.alias} was begun, and is gone.`);
      if (!table && looked.record.set && !(await hasRoom(parts, looked.record))) return false;
      // At every look: a table takes our tag only some time after it was begun.
      await service.startAlias(native, restoreId);
      if (!table) return false;
      const { arn, resourceId } = table.settings;
      if (native.restored && native.restored.resourceId !== resourceId)
        throw failed(`A table ${native.alias} is there that this restore did not make.`);
      // Noted before it is ready: what fails from here on knows what is left behind.
      if (!native.restored) await looked.note({ restored: { arn, resourceId } });
      if (table.state === 'failed') throw failed(`The table ${native.alias} is ${table.stateWord}.`);
      return table.state === 'ready';
    },
  );

/** False while settings that are owed are being applied. */
async function setRight(parts: TableNeeds, { looked, service, name }: TableLook): Promise<boolean> {
  const { record } = looked;
  const { original, steps } = record.native;
  const known = steps.SetOriginalRight;
  if (!original || known?.doneAt) return true;
  const table = await service.read(name);
  const owed = table && (await settingsOwed(parts, record, table));
  if (!owed) return true;
  await looked.note({ settings: owed.settings });
  const awaited = await service.applySettings(name, owed.settings);
  if (awaited.length > 0) return false;
  await warn(
    parts,
    looked,
    `${name} had lost settings in the broken restore ${owed.restoreId}: they were brought back first.`,
  );
  const now = parts.now().toISOString();
  await looked.note({ steps: { ...looked.record.native.steps, SetOriginalRight: { startedAt: now, doneAt: now } } });
  return true;
}

const failed = (detail: string): NightjarError =>
  new NightjarError('ALIAS_FAILED', { operation: 'restore table', detail });

export const handler = wire.lambda(() =>
  makeRestoreTable({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    now: wire.now,
  }),
);
