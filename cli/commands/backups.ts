/** `nightjar backups [TARGET]`: what there is, newest first. Needs only the vault's stack. */
import type { BackupRecord } from '../../core/backup.ts';
import { age, bytes, count, duration, paintStatus, secondsBetween, table, utc } from '../format.ts';
import { EXIT } from '../../core/errors.ts';
import { findTarget } from '../../core/discovery.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { BackupsJson } from '../shapes.ts';

export async function backups(
  session: Session,
  target: string | undefined,
  options: { limit: number },
): Promise<Outcome<BackupsJson>> {
  const { catalog } = await session.vault();
  const found = await catalog.listBackups({ ...(target === undefined ? {} : { target }), limit: options.limit + 1 });
  // A target that left the config still has its backups; only one that nobody knows is a mistake.
  if (found.length === 0 && target !== undefined) {
    const { config } = await session.backup();
    await findTarget(config, catalog, target);
  }
  const shown = found.slice(0, options.limit);
  const more = found.length > shown.length;
  return {
    json: { command: 'backups', ok: true, target: target ?? null, backups: shown, more },
    text:
      shown.length === 0
        ? [target === undefined ? 'There is no backup yet.' : `There is no backup of ${target} yet.`]
        : [...backupTable(session, shown), ...(more ? [`… and older ones: --limit ${options.limit * 2}`] : [])],
    exit: EXIT.ok,
  };
}

export function backupTable(session: Session, records: readonly BackupRecord[]): string[] {
  const now = session.world.now();
  return table(
    [
      { title: 'backup' },
      { title: 'target' },
      { title: 'data of' },
      { title: 'age', right: true },
      { title: 'status' },
      { title: 'trigger' },
      { title: 'stored', right: true },
      { title: 'rows', right: true },
      { title: 'took', right: true },
      { title: '' },
    ],
    records.map((record) => {
      const moment = record.snapshotAt ?? record.startedAt;
      const seconds = secondsBetween(record.startedAt, record.endedAt);
      return [
        record.backupId,
        record.target,
        utc(moment),
        age(moment, now),
        paintStatus(session.paint, record.status),
        record.trigger,
        record.storedBytes === undefined ? '' : bytes(record.storedBytes),
        record.rows === undefined ? '' : count(record.rows),
        seconds === undefined ? '' : duration(seconds),
        record.failure?.code ?? (record.warnings?.length ? `${record.warnings.length} warnings` : ''),
      ];
    }),
  );
}
