import { describe, expect, it } from 'vitest';
import type { BackupRecord } from '../../core/backup.ts';
import { chooseBackup } from '../../core/backup-choice.ts';
import { idOfExecution } from '../../core/ids.ts';
import { parseSafetyExecution, safetyExecution } from '../../core/names.ts';
import { memoryCatalog } from '../../stores/memory-catalog.ts';

const newId = (ms: number): string => idOfExecution('arn:x', new Date(ms).toISOString());
const hour = (n: number): string => new Date(Date.UTC(2026, 10, 21, n)).toISOString();
const EXECUTION = 'arn:aws:states:eu-west-1:123456789012:execution:nightjar-backup';
const RESTORE = newId(Date.UTC(2026, 10, 21, 3));

function world() {
  const catalog = memoryCatalog();
  const put = async (n: number, execution: string): Promise<BackupRecord> => {
    const backupId = newId(Date.parse(hour(n)));
    await catalog.openBackup({
      backupId,
      target: 'shop',
      engine: 'postgres',
      method: 'dump',
      kind: 'full',
      trigger: 'daily',
      status: 'RUNNING',
      executionArn: `${EXECUTION}:${execution}`,
      startedAt: hour(n),
    });
    const facts = {
      manifestKey: 'k',
      manifestVersionId: 'v',
      snapshotAt: hour(n),
      storedBytes: 1,
      databaseBytes: 1,
      warnings: [],
    };
    await catalog.completeBackup('shop', backupId, facts, hour(n));
    return (await catalog.getBackup('shop', backupId))!;
  };
  return { catalog, put };
}

describe('which backup a restore takes', () => {
  it('latest passes by the safety backups of restores that failed: they hold the damage', async () => {
    const { catalog, put } = world();
    const good = await put(1, 'daily-1');
    await put(3, safetyExecution(RESTORE));
    await put(4, safetyExecution(newId(Date.UTC(2026, 10, 21, 4))));
    expect((await chooseBackup(catalog, 'shop', 'latest')).backupId).toBe(good.backupId);
  });

  it('latest is the safety backup where there is no other', async () => {
    const { catalog, put } = world();
    const safety = await put(3, safetyExecution(RESTORE));
    expect((await chooseBackup(catalog, 'shop', 'latest')).backupId).toBe(safety.backupId);
  });

  it('a safety backup is taken when somebody names it, or a moment right after it', async () => {
    const { catalog, put } = world();
    await put(1, 'daily-1');
    const safety = await put(3, safetyExecution(RESTORE));
    expect((await chooseBackup(catalog, 'shop', safety.backupId)).backupId).toBe(safety.backupId);
    expect((await chooseBackup(catalog, 'shop', hour(3))).backupId).toBe(safety.backupId);
  });

  it('tells a safety backup by its execution, and by nothing that only looks like it', () => {
    expect(parseSafetyExecution(`${EXECUTION}:${safetyExecution(RESTORE)}`)).toBe(RESTORE);
    for (const name of [
      'user-safety-shop-20261121T090000Z-27c6fe37',
      `user-${safetyExecution(RESTORE)}`,
      'safety-shop',
    ])
      expect(parseSafetyExecution(`${EXECUTION}:${name}`), name).toBeUndefined();
  });

  it.each([
    ['latest', 'NO_BACKUP'],
    [hour(1), 'NO_BACKUP'],
    [newId(Date.UTC(2026, 10, 21, 1)), 'BACKUP_UNKNOWN'],
  ])('of a target without any, %s is %s…', async (at, code) => {
    const { catalog } = world();
    await expect(chooseBackup(catalog, 'shop', at)).rejects.toMatchObject({ code });
  });

  it('takes no backup that is not COMPLETED', async () => {
    const { catalog, put } = world();
    const old = await put(1, 'daily-1');
    await put(2, 'daily-2');
    await catalog.deleteBackup('shop', old.backupId, hour(3));
    await expect(chooseBackup(catalog, 'shop', old.backupId)).rejects.toMatchObject({ code: 'BACKUP_NOT_GOOD' });
  });
});
