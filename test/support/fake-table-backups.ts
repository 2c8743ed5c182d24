/** On-demand backups of the in-memory DynamoDB: of the moment they were asked for, and usable a while later. */
import type { PointState } from '../../core/native.ts';
import type { Backup, Table } from './fake-table-shape.ts';

/** @param after milliseconds until it can be used */
export const backupOf = ({ id, items, values }: Table, name: string, at: Date, after: number): Backup => ({
  name,
  sourceId: id,
  items: new Map(items),
  values: structuredClone(values),
  at: at.getTime(),
  readyAt: at.getTime() + after,
});

export function stateOfBackup(arn: string, { name, sourceId, items, at, readyAt }: Backup, now: Date): PointState {
  const ready = now.getTime() >= readyAt;
  return {
    status: ready ? 'ready' : 'creating',
    stateWord: ready ? 'AVAILABLE' : 'CREATING',
    point: {
      kind: 'table-backup',
      arn,
      name,
      sourceResourceId: sourceId,
      region: 'eu-west-1',
      at: new Date(at).toISOString(),
      bytes: items.size,
      encrypted: true,
    },
  };
}
