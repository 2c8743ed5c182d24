/** Backs the proven alias up: the table is made from this backup under its own name. Notes the original's backup beside it. */
import { NightjarError } from '../core/errors.ts';
import { RESTORE_TAG, swapBackupName } from '../core/names.ts';
import { aliasTable, tableState, type TableLook, type TableNeeds } from './native/table.ts';
import { safetyBackupIn } from './shared/safety.ts';
import * as wire from './shared/wiring.ts';

export const makeBackUpAlias = (parts: TableNeeds) =>
  tableState(
    parts,
    () => 'BackUpAlias',
    async (look) => {
      const { looked, service } = look;
      const { restoreId, native } = looked.record;
      const original = native.backups?.original ?? (await noteSafety(parts, look));
      const alias = await aliasTable(look);
      const asked = native.backups?.restored;
      if (!asked) {
        if (alias.state !== 'ready') return false;
        const { arn } = await service.createPoint(native.alias, swapBackupName(restoreId), {
          [RESTORE_TAG]: restoreId,
        });
        await looked.note({ backups: { original, restored: arn } });
      }
      const arn = looked.record.native.backups!.restored!;
      const state = await service.pointState(arn);
      if (state?.status === 'failed')
        throw new NightjarError('POINT_FAILED', {
          operation: 'back up alias',
          detail: `The backup of ${native.alias} is ${state.stateWord}. The original serves on.`,
        });
      return state?.status === 'ready';
    },
  );

/** The ARN of the original's safety backup, which the state before has made. */
async function noteSafety({ catalog }: TableNeeds, { looked, event }: TableLook): Promise<string> {
  const { restoreId, destination, safetyBackupId } = looked.record;
  const id = safetyBackupIn(event.safety) ?? safetyBackupId;
  const backup = id === undefined ? undefined : await catalog.getBackup(destination, id);
  const arn = backup?.status === 'COMPLETED' ? backup.points?.[0] : undefined;
  if (arn === undefined)
    throw new NightjarError('TABLE_NOT_SAFE', {
      operation: 'find safety backup',
      detail: `The safety backup ${id ?? ''} of ${destination} is ${backup?.status ?? 'not there'}${backup?.status === 'COMPLETED' ? ', and names no recovery point' : ''}.`,
    });
  await catalog.updateRestore(restoreId, ['RUNNING'], { safetyBackupId: backup!.backupId });
  await looked.note({ backups: { ...looked.record.native.backups, original: arn } });
  return arn;
}

export const handler = wire.lambda(() =>
  makeBackUpAlias({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    now: wire.now,
  }),
);
