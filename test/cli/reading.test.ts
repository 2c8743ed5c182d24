import { describe, expect, it } from 'vitest';
import { failure } from '../../core/errors.ts';
import { runId } from '../../core/names.ts';
import {
  backupsShape,
  errorShape,
  rebuildShape,
  runsShape,
  showShape,
  statusShape,
  targetsShape,
} from '../../cli/shapes.ts';
import { at, backupIdAt, denied, fakeWorld, manifestOf, putGood, recordOf, restoreOf } from './world.ts';

const RUN = runId('daily', at(7));
const aRun = {
  runId: RUN,
  trigger: 'daily' as const,
  scheduledTime: at(7),
  status: 'RUNNING' as const,
  executionArn: 'arn:run',
  startedAt: at(7),
  due: 3,
};

describe('nightjar status', () => {
  it('says first which targets are past their RPO', async () => {
    const world = fakeWorld();
    await putGood(world.store, 30);
    await putGood(world.store, 40, { target: 'blog' });
    expect(await world.run('status')).toBe(0);
    expect(world.lines[0]).toContain('1 target past the promised RPO');
    expect(world.text()).toMatch(/shop\s+1 d 6 h ago|shop\s+30 h 00 min ago\s+26 h.*PAST RPO/);
    await world.run('status', '--json');
    const { targets } = statusShape.parse(world.json());
    expect(targets.map((one) => [one.target, one.pastRpo])).toEqual([
      ['shop', true],
      ['blog', false],
    ]);
  });

  it('names the failure of a backup newer than the newest good one', async () => {
    const world = fakeWorld();
    await putGood(world.store, 20);
    const failed = recordOf(2);
    await world.store.openBackup(failed);
    await world.store.failBackup('shop', failed.backupId, failure('CONNECT_FAILED'), at(1.9));
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).targets[0]?.lastFailure).toEqual({
      backupId: failed.backupId,
      code: 'CONNECT_FAILED',
      at: at(1.9),
    });
  });

  it('still names the last failure while the next try runs', async () => {
    const world = fakeWorld();
    const failed = recordOf(2);
    await world.store.openBackup(failed);
    await world.store.failBackup('shop', failed.backupId, failure('CONNECT_FAILED'), at(1.9));
    await world.store.openBackup(recordOf(0.1));
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).targets[0]?.lastFailure?.code).toBe('CONNECT_FAILED');
  });

  it('forgets a failure that a good backup came after', async () => {
    const world = fakeWorld();
    const failed = recordOf(20);
    await world.store.openBackup(failed);
    await world.store.failBackup('shop', failed.backupId, failure('CONNECT_FAILED'), at(19));
    await putGood(world.store, 2);
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).targets[0]?.lastFailure).toBeNull();
  });

  it('shows what runs now with phase and bytes, also before there is a record', async () => {
    const world = fakeWorld({
      play: async ({ machine, id, executionArn, startedAt }) => {
        if (machine !== 'backup') return {};
        await world.store.openBackup(recordOf(0, { backupId: id, executionArn, startedAt }));
        await world.store.putProgress({
          id,
          attempt: 1,
          status: 'running',
          phase: 'dumping',
          bytes: 1024,
          totalBytes: 4096,
          updatedAt: at(0),
        });
        return {};
      },
    });
    await putGood(world.store, 5);
    await world.run('backup', 'shop', '--detach');
    world.moveOn(60_000);
    await world.run('restore', 'shop', '--detach');
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).running).toMatchObject([
      { machine: 'backup', target: 'shop', phase: 'dumping', bytes: 1024, totalBytes: 4096 },
      { machine: 'restore', target: null, phase: 'starting', bytes: null },
    ]);
    world.lines.length = 0;
    await world.run('status');
    expect(world.text()).toContain('1.0 KiB of 4.0 KiB, 25 %');
  });

  it('lists replaced databases that are still kept', async () => {
    const world = fakeWorld();
    await world.store.openRestore(restoreOf(3));
    await world.store.openRestore(restoreOf(200, { replacedDroppedAt: at(10) }));
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).replaced).toHaveLength(1);
  });

  it('lists also what a swap replaced that only could not be recorded, and until when', async () => {
    const world = fakeWorld();
    const failed = { status: 'FAILED', endedAt: at(24), replacedUntil: undefined } as const;
    await world.store.openRestore(restoreOf(30, failed));
    await world.store.openRestore({ ...restoreOf(40, failed), replacedDatabase: undefined });
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).replaced).toMatchObject([
      { replacedDatabase: 'shop_old_abcdefghij', replacedUntil: at(24 - 7 * 24) },
    ]);
  });

  it('of many targets shows everything that is wrong and not all that is right', async () => {
    const targets = Array.from({ length: 60 }, (_, index) => ({
      name: `t${index}`,
      engine: 'postgres' as const,
      host: 'h.example.org',
      database: 'd',
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf',
    }));
    const world = fakeWorld({ config: { targets } });
    for (const one of targets.slice(0, 59)) await putGood(world.store, 3, { target: one.name });
    await putGood(world.store, 90, { target: 't59' });
    await world.run('status');
    expect(world.text()).toMatch(/t59 .*PAST RPO/);
    expect(world.text()).toContain('… and 20 targets more, all within their RPO');
  });
});

describe('nightjar targets, backups and runs', () => {
  it('show each target with its promise', async () => {
    const world = fakeWorld();
    await putGood(world.store, 5);
    await world.run('targets', '--json');
    expect(targetsShape.parse(world.json()).targets).toMatchObject([
      { target: 'shop', rpoHours: 26, pastRpo: false, newestGoodAt: at(5) },
      { target: 'blog', frequency: 'weekly', rpoHours: 170, newestGoodAt: null },
    ]);
  });

  it('list newest first, and say when there are more', async () => {
    const world = fakeWorld();
    for (const hours of [30, 20, 10]) await putGood(world.store, hours);
    await world.run('backups', 'shop', '--limit', '2', '--json');
    const json = backupsShape.parse(world.json());
    expect(json.backups.map((one) => one.backupId)).toEqual([backupIdAt(10, 'shop'), backupIdAt(20, 'shop')]);
    expect(json.more).toBe(true);
  });

  it('know the backups of a target that left the config, also without the backup stack', async () => {
    const world = fakeWorld({
      outputs: (stack) =>
        Promise.resolve(
          stack === 'nightjar-vault' ? { VaultBucket: 'b', CatalogTable: 't', VaultKeyArn: 'k' } : undefined,
        ),
    });
    await putGood(world.store, 10, { target: 'gone' });
    expect(await world.run('backups', 'gone', '--json')).toBe(0);
    expect(backupsShape.parse(world.json()).backups).toHaveLength(1);
  });

  it('refuse a target that nobody ever knew', async () => {
    const world = fakeWorld();
    expect(await world.run('backups', 'nope', '--json')).toBe(3);
    expect(errorShape.parse(world.json()).failure.code).toBe('TARGET_UNKNOWN');
  });

  it('say of a run whose report was not sent that it was not', async () => {
    const world = fakeWorld();
    await world.store.openRun(aRun);
    await world.store.closeRun(RUN, { status: 'COMPLETED', endedAt: at(6), completed: 2, failed: 1 });
    await world.run('runs');
    expect(world.text()).toContain('NOT SENT');
    await world.run('runs', '--json');
    expect(runsShape.parse(world.json()).runs[0]).toMatchObject({ due: 3, failed: 1 });
  });
});

describe('nightjar show', () => {
  it('shows a backup with what its manifest says, largest tables first', async () => {
    const manifests: ReturnType<typeof manifestOf>[] = [];
    const world = fakeWorld({ manifests });
    const good = await putGood(world.store, 10);
    manifests.push(manifestOf(good));
    await world.run('show', good.backupId.toLowerCase(), '--json');
    const json = showShape.parse(world.json());
    expect(json).toMatchObject({
      kind: 'backup',
      manifest: { fingerprint: { tables: 2, rows: 1_234_567, top: [{ table: 'orders' }, { table: 'customers' }] } },
    });
    await world.run('show', good.backupId);
    expect(world.text()).toMatch(/public\.orders\s+1,000,000/);
  });

  it('shows the record also to a person who may not read the vault', async () => {
    const world = fakeWorld();
    const good = await putGood(world.store, 10);
    expect(await world.run('show', good.backupId, '--json')).toBe(0);
    expect(showShape.parse(world.json())).toMatchObject({
      manifest: null,
      manifestFailure: { code: 'MANIFEST_INVALID' },
    });
  });

  it('shows a restore, and how to take it back', async () => {
    const world = fakeWorld();
    const record = restoreOf(3);
    await world.store.openRestore(record);
    await world.run('show', record.restoreId, '--json');
    expect(showShape.parse(world.json())).toMatchObject({ kind: 'restore', restore: { status: 'COMPLETED' } });
    await world.run('show', record.restoreId);
    expect(world.text()).toContain(`nightjar rollback ${record.restoreId}`);
  });

  it('shows a run with its backups and counts targets that never began', async () => {
    const world = fakeWorld();
    await world.store.openRun(aRun);
    await putGood(world.store, 6.9, { runId: RUN });
    await putGood(world.store, 6.8, { runId: RUN, target: 'blog' });
    await putGood(world.store, 6.7, { target: 'other' });
    await world.store.closeRun(RUN, { status: 'COMPLETED', endedAt: at(6), completed: 2, failed: 1 });
    await world.run('show', RUN, '--json');
    const json = showShape.parse(world.json());
    expect(json.kind === 'run' && json.backups.map((one) => one.target).sort()).toEqual(['blog', 'shop']);
    await world.run('show', RUN);
    expect(world.text()).toContain('1 due target without any backup (NOT_STARTED)');
  });

  it.each([
    ['01ARZ3NDEKTSV4RRFFQ69G5FAV', 'BACKUP_UNKNOWN', 3],
    ['daily-20200101T000000Z', 'BACKUP_UNKNOWN', 3],
    ['shop', 'INPUT_INVALID', 2],
  ])('of %s says %s', async (id, code, exit) => {
    const world = fakeWorld();
    expect(await world.run('show', id, '--json')).toBe(exit);
    expect(errorShape.parse(world.json()).failure.code).toBe(code);
  });
});

describe('nightjar rebuild', () => {
  const whole = { bytes: 5_000_000, crc32: 'AAAAAA==', keyArn: undefined, access: 'frozen' as const };
  /** A vault with three backups, and a catalog that has lost two of them. */
  async function lost() {
    const elsewhere = fakeWorld();
    const [older, newer, known] = [
      await putGood(elsewhere.store, 30),
      await putGood(elsewhere.store, 5),
      await putGood(elsewhere.store, 5, { target: 'blog' }),
    ];
    const world = fakeWorld({
      manifests: [older, newer, known].map(manifestOf),
      head: () => whole,
      outputs: (stack) =>
        Promise.resolve(
          stack === 'nightjar-vault' ? { VaultBucket: 'b', CatalogTable: 't', VaultKeyArn: 'k' } : undefined,
        ),
    });
    await putGood(world.store, 5, { target: 'blog' });
    return { world, older, newer };
  }

  it('gives back what the catalog lost, newest first, with the vault’s stack alone', async () => {
    const { world, older, newer } = await lost();
    expect(await world.run('rebuild', '--json')).toBe(0);
    const json = rebuildShape.parse(world.json());
    expect(json).toMatchObject({ ok: true, plan: false, known: 1, unreadable: [] });
    expect(json.recovered.map((one) => one.backupId)).toEqual([newer.backupId, older.backupId]);
    expect(await world.store.newestGood('shop')).toMatchObject({ backupId: newer.backupId, status: 'COMPLETED' });
    expect((await world.store.readTargetStates(['shop'])).get('shop')?.newestGood?.backupId).toBe(newer.backupId);
    await world.run('rebuild');
    expect(world.text()).toContain('0 backups came back. The catalog knew 3 already');
  });

  it('--plan lists the same and writes nothing', async () => {
    const { world } = await lost();
    expect(await world.run('rebuild', '--plan', '--json')).toBe(0);
    expect(rebuildShape.parse(world.json())).toMatchObject({ plan: true, recovered: [{}, {}], known: 1 });
    expect(await world.store.listBackups({ target: 'shop' })).toEqual([]);
    expect((await world.store.readTargetStates(['shop'])).size).toBe(0);
  });

  it('takes back no backup whose objects are gone or damaged, says so, and is not 0', async () => {
    const { world, older } = await lost();
    const damaged = fakeWorld({
      manifests: [manifestOf(older)],
      head: () => ({ ...whole, bytes: 4_999_999 }),
    });
    expect(await damaged.run('rebuild', '--json')).toBe(1);
    expect(rebuildShape.parse(damaged.json()).unreadable).toMatchObject([{ failure: { code: 'OBJECT_DAMAGED' } }]);
    expect(await damaged.store.listBackups()).toEqual([]);
    await damaged.run('rebuild');
    expect(damaged.text()).toContain('1 manifest can not be taken back; no object was touched');
    expect(await world.store.listBackups({ target: 'shop' })).toEqual([]);
  });

  it('brings no failed or deleted backup back', async () => {
    const { world, older } = await lost();
    await world.store.openBackup({ ...older, status: 'RUNNING' });
    await world.store.failBackup('shop', older.backupId, failure('OBJECT_DAMAGED'), at(29));
    await world.run('rebuild', '--json');
    expect(rebuildShape.parse(world.json())).toMatchObject({ known: 2, recovered: [{}] });
    expect((await world.store.getBackup('shop', older.backupId))?.status).toBe('FAILED');
  });
});

describe('a person who may only read', () => {
  it.each([['status'], ['targets'], ['prune', '--plan'], ['rebuild', '--plan'], ['backups'], ['runs']])(
    'writes nothing with nightjar %s %s',
    async (...argv) => {
      const world = fakeWorld();
      await putGood(world.store, 5);
      const refuse = (): never => {
        throw denied();
      };
      Object.assign(world.store, { targetStates: refuse, recoverBackup: refuse, openBackup: refuse });
      expect(await world.run(...argv.filter(Boolean), '--json')).toBe(0);
    },
  );

  it('is not told that a target is overdue which nobody has looked at yet', async () => {
    const world = fakeWorld();
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).targets.map((one) => one.pastRpo)).toEqual([false, false]);
  });
});

describe('every command', () => {
  it('prints exactly one JSON object with --json, the last line of stdout', async () => {
    const world = fakeWorld({ play: () => ({ status: 'FAILED', error: 'AUTH_FAILED', cause: '' }) });
    await world.run('--json', 'backup', 'shop');
    expect(world.lines).toHaveLength(1);
    expect(world.errors.join('\n')).toContain('has begun');
  });

  it('says which stack is missing', async () => {
    const world = fakeWorld({ outputs: () => Promise.resolve(undefined) });
    expect(await world.run('status', '--name', 'other', '--json')).toBe(5);
    const { failure: found } = errorShape.parse(world.json());
    expect([found.code, found.detail]).toEqual(['STACKS_MISSING', 'There is no stack other-backup in eu-west-1.']);
  });

  it('takes the name from NIGHTJAR_NAME', async () => {
    const world = fakeWorld({ outputs: () => Promise.resolve(undefined), env: { NIGHTJAR_NAME: 'second' } });
    await world.run('runs');
    expect(world.errors.join('\n')).toContain('second-vault');
  });

  it.each([
    [denied(), 'AWS_DENIED'],
    [Object.assign(new Error('x'), { name: 'ExpiredTokenException' }), 'AWS_DENIED'],
    [Object.assign(new Error('no credentials'), { name: 'CredentialsProviderError' }), 'AWS_UNREACHABLE'],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'AWS_UNREACHABLE'],
    [new Error('Region is missing'), 'AWS_UNREACHABLE'],
    [new Error('a surprise'), 'UNEXPECTED'],
  ])('answers %s with %s and keeps its words', async (thrown, code) => {
    const world = fakeWorld({ outputs: () => Promise.reject(thrown) });
    expect(await world.run('status', '--json')).toBe(code === 'UNEXPECTED' ? 1 : 5);
    const found = errorShape.parse(world.json()).failure;
    expect([found.code, found.detail?.includes(thrown.message)]).toEqual([code, true]);
  });

  it.each([[['nonsense']], [['backups', '--limit', '0']], [['backup', 'shop', '--trigger', 'me']], [['show']]])(
    'refuses %j as a wrong command line, in JSON too',
    async (argv) => {
      const world = fakeWorld();
      expect(await world.run(...argv, '--json')).toBe(2);
      expect(errorShape.parse(world.json()).failure.code).toBe('INPUT_INVALID');
    },
  );

  it('without any argument shows its help and is not 0', async () => {
    const world = fakeWorld();
    expect(await world.run()).toBe(2);
    expect(world.errors.join('\n')).toContain('Usage: nightjar');
    expect(await world.run('--help')).toBe(0);
  });

  it('colours only for a person, and not with --no-color or NO_COLOR', async () => {
    const coloured = async (env: Record<string, string>, ...argv: string[]): Promise<boolean> => {
      const world = fakeWorld({ terminal: true, env });
      await world.run('status', ...argv);
      return world.text().includes('\u001b[');
    };
    expect(await coloured({})).toBe(true);
    expect(await coloured({}, '--no-color')).toBe(false);
    expect(await coloured({ NO_COLOR: '1' })).toBe(false);
    expect(await coloured({}, '--json')).toBe(false);
  });
});
