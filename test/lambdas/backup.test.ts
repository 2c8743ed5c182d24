import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../core/backup.ts';
import { parseDumpTarget, type DumpTarget } from '../../core/config.ts';
import { parseJob, type DumpOutcome } from '../../core/job.ts';
import { objectKey } from '../../core/names.ts';
import type { TaskRequest } from '../../core/payloads.ts';
import { makeCloseBackup } from '../../lambdas/CloseBackup.ts';
import { makeCloseOrphan, type ExecutionEnded } from '../../lambdas/CloseOrphan.ts';
import { makeFailBackup } from '../../lambdas/FailBackup.ts';
import { makeJudgeTask } from '../../lambdas/JudgeTask.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makeVerifyBackup } from '../../lambdas/VerifyBackup.ts';
import { taskRequestOf } from '../../lambdas/shared/task-request.ts';
import {
  backupEvent,
  badBackup,
  caught,
  configOf,
  dump,
  execution,
  failTask,
  goodBackup,
  idOf,
  makeWorld,
  ofServer,
  succeed,
  targetOf,
  work,
  type World,
} from './support/world.ts';

let world: World;
beforeEach(() => (world = makeWorld()));

describe('opening a backup', () => {
  it('writes a RUNNING record and says which task to run where', async () => {
    const event = backupEvent(world, 'shop', { runId: 'daily-20261121T013000Z', requestedBy: 'someone' });
    const opened = await makeOpenBackup(world)(event);
    expect(opened).toMatchObject({ id: idOf(event), target: 'shop', attempt: 1 });
    if (opened.method !== 'dump') throw new Error('no dump');
    expect(opened.task).toMatchObject({
      subnetIds: ['subnet-0123456789abcdef0'],
      assignPublicIp: 'DISABLED',
      cpu: '1024',
      memory: '2048',
      ephemeralGiB: 21,
    });
    expect(parseJob(opened.task.job)).toMatchObject({ kind: 'dump', id: opened.id, target: { name: 'shop' } });
    expect(await world.catalog.getBackup('shop', opened.id)).toMatchObject({
      status: 'RUNNING',
      trigger: 'daily',
      runId: 'daily-20261121T013000Z',
      requestedBy: 'someone',
    });
  });

  it('uses the network and the size that the target names for itself', async () => {
    const network = { subnetIds: ['subnet-aaaaaaaa'], securityGroupIds: ['sg-bbbbbbbb'], assignPublicIp: true };
    const size = { cpu: 2048, memoryMiB: 8192, ephemeralGiB: 50 };
    world.setConfig(configOf({ targets: [targetOf('shop', { network, size })] }));
    const opened = await makeOpenBackup(world)(backupEvent(world, 'shop'));
    expect(opened.method === 'dump' && opened.task).toMatchObject({
      ...network,
      assignPublicIp: 'ENABLED',
      cpu: '2048',
      memory: '8192',
      ephemeralGiB: 50,
    });
  });

  it('gives the backup of a file the room that the one before turned out to need, though it failed', async () => {
    const GIB = 2 ** 30;
    const storage = { s3: { bucket: 'example-data' } };
    world.setConfig(
      configOf({ targets: [{ name: 'app', engine: 'sqlite', database: 'app.db', storage }, targetOf('shop')] }),
    );
    const failed = async (target: string, databaseBytes?: number): Promise<void> => {
      const event = backupEvent(world, target);
      const opened = await makeOpenBackup(world)(event);
      await failTask(world, opened.id, 'DISK_FULL');
      const said = (await world.catalog.getProgress(opened.id))!;
      await world.catalog.putProgress({ ...said, ...(databaseBytes === undefined ? {} : { databaseBytes }) });
      await makeFailBackup(world)({ ...event, opened, failure: caught('States.TaskFailed') });
      world.clock += 60_000;
    };
    const room = async (target: string): Promise<number> => {
      const event = backupEvent(world, target);
      const opened = await makeOpenBackup(world)(event);
      if (opened.method !== 'dump') throw new Error('no dump');
      world.over.add(event.executionArn);
      world.clock += 60_000;
      return opened.task.ephemeralGiB;
    };
    expect(await room('app')).toBe(21);
    // The very first, and then nights that came to nothing for other reasons.
    await failed('app', 40 * GIB);
    await failed('app');
    expect(await room('app')).toBe(93);
    // It is smaller now: what was seen last counts.
    await failed('app', 30 * GIB);
    expect(await room('app')).toBe(71);
    // What streams needs none.
    await failed('shop', 40 * GIB);
    expect(await room('shop')).toBe(21);
    // The larger of the last good one and those that failed since; what failed before it is forgotten.
    const good = await makeOpenBackup(world)(backupEvent(world, 'app'));
    const at = world.now().toISOString();
    const facts = { manifestKey: 'm', manifestVersionId: 'v', snapshotAt: at, storedBytes: 1, warnings: [] };
    await world.catalog.completeBackup('app', good.id, { ...facts, databaseBytes: 20 * GIB }, at);
    await world.catalog.unlock('app', 'backup', good.id);
    world.clock += 60_000;
    expect(await room('app')).toBe(49);
    await failed('app', 10 * GIB);
    expect(await room('app')).toBe(49);
    await failed('app', 50 * GIB);
    expect(await room('app')).toBe(115);
  });

  it('changes nothing when its state is retried', async () => {
    const event = backupEvent(world, 'shop');
    const first = await makeOpenBackup(world)(event);
    expect(await makeOpenBackup(world)(event)).toEqual(first);
    expect(await world.catalog.listBackups({ target: 'shop' })).toHaveLength(1);
  });

  it('refuses a target that is being backed up, and one that nobody knows, without a trace', async () => {
    await makeOpenBackup(world)(backupEvent(world, 'shop'));
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).rejects.toMatchObject({ name: 'TARGET_BUSY' });
    await expect(makeOpenBackup(world)(backupEvent(world, 'nobody'))).rejects.toMatchObject({ name: 'TARGET_UNKNOWN' });
    await expect(
      makeOpenBackup(world)({ ...backupEvent(world, 'shop'), input: { tarjet: 'shop' } as never }),
    ).rejects.toMatchObject({ name: 'INPUT_INVALID' });
    expect(await world.catalog.listBackups()).toHaveLength(1);
  });

  it('takes over from an execution that died: its task is stopped, its record closed, its lock gone', async () => {
    const dead = backupEvent(world, 'shop');
    const { id } = await makeOpenBackup(world)(dead);
    await work(world, id);
    world.over.add(dead.executionArn);
    const heir = await makeOpenBackup(world)(backupEvent(world, 'shop'));
    expect(world.stopped).toEqual([`arn:aws:ecs:eu-west-1:123456789012:task/nightjar/${id}`]);
    expect(await world.catalog.getBackup('shop', id)).toMatchObject({
      status: 'FAILED',
      failure: { code: 'EXECUTION_FAILED' },
    });
    expect((await world.catalog.getBackup('shop', heir.id))?.status).toBe('RUNNING');
  });

  it('does not run again what is closed already', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    await makeFailBackup(world)({ ...event, opened, failure: caught('VAULT_DENIED') });
    await expect(makeOpenBackup(world)(event)).rejects.toMatchObject({ name: 'VAULT_DENIED' });
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });
});

describe('proving a backup', () => {
  const open = async () => (await makeOpenBackup(world)(backupEvent(world, 'shop'))).id;
  const verify = (id: string, attempt = 1) => makeVerifyBackup(world)({ id, target: 'shop', attempt });

  it('finds a good one good', async () => {
    const id = await open();
    await dump(world, { id, target: 'shop', bytes: 1234 });
    const stored = { objects: 1, storedBytes: 1234 };
    expect(await verify(id)).toEqual({ ...stored, manifestVersionId: expect.stringMatching(/^v\d/) as string });
  });

  it('believes no task that ended well and said nothing', async () => {
    const id = await open();
    await expect(verify(id)).rejects.toMatchObject({ name: 'TASK_DIED' });
    await work(world, id);
    await expect(verify(id)).rejects.toMatchObject({ name: 'TASK_DIED' });
  });

  it('believes no outcome before the task says that it succeeded', async () => {
    const id = await open();
    await dump(world, { id, target: 'shop' });
    const progress = (await world.catalog.getProgress(id))!;
    await world.catalog.putProgress({ ...progress, status: 'running' });
    await expect(verify(id)).rejects.toMatchObject({ name: 'TASK_DIED' });
  });

  it('does not take the outcome of an earlier attempt for this one', async () => {
    const id = await open();
    await dump(world, { id, target: 'shop', attempt: 1 });
    await expect(verify(id, 2)).rejects.toMatchObject({ name: 'TASK_DIED' });
  });

  it.each([
    ['is of another backup', { backupId: '01ARZ3NDEKTSV4RRFFQ69G5FAV' }],
    ['is of another target', { target: 'billing' }],
    ['is of another attempt', { attempt: 3 }],
    ['says another size', { storedBytes: 1 }],
    ['says another archive size', { archive: { bytes: 1, sha256: 'a'.repeat(64) } }],
    ['has no objects', { objects: [] }],
    ['is not JSON of ours', { manifestVersion: 2 as never }],
  ])('refuses a manifest that %s', async (_, change) => {
    const id = await open();
    await dump(world, { id, target: 'shop' }, (manifest) => ({ ...manifest, ...change }));
    await expect(verify(id)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
  });

  it('refuses a manifest whose objects lie in another backup', async () => {
    const other = await goodBackup(world, 'billing');
    const id = await open();
    const key = objectKey('billing', other, 1, 'archive.dump');
    await dump(world, { id, target: 'shop' }, (manifest) => ({
      ...manifest,
      objects: [{ ...manifest.objects[0]!, key }],
    }));
    await expect(verify(id)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
  });

  describe('of a whole server', () => {
    /** Two databases with an archive each: the second is a copy of the first under a key of its own. */
    const two =
      (id: string, change: (manifest: Manifest) => Partial<Manifest> = () => ({})) =>
      (manifest: Manifest): Manifest => {
        const [first] = manifest.objects;
        const copy = world.vault.put(objectKey('shop', id, 1, 'log.dump'), { body: 'x'.repeat(first!.bytes) });
        const made = ofServer(['shop', 'log'])(manifest);
        const whole = {
          ...made,
          databases: made.databases!.map((one) => ({ ...one, archive: manifest.archive })),
          objects: [
            { ...first!, database: 'shop' },
            { ...first!, ...copy, database: 'log' },
          ],
          archive: { ...manifest.archive, bytes: manifest.archive.bytes * 2 },
          storedBytes: manifest.storedBytes * 2,
        };
        return { ...whole, ...change(whole) };
      };
    const bytes = 5_000;
    const dumped = async (id: string, change?: (manifest: Manifest) => Partial<Manifest>) =>
      dump(world, { id, target: 'shop', bytes }, two(id, change));

    it('proves the archive of each database', async () => {
      const id = await open();
      await dumped(id);
      expect(await verify(id)).toMatchObject({ objects: 2, storedBytes: bytes * 2 });
    });

    it.each<[string, (manifest: Manifest) => Partial<Manifest>]>([
      [
        'says another size of one',
        ({ databases }) => ({
          databases: databases!.map((one) => ({ ...one, archive: { bytes: 1, sha256: 'a'.repeat(64) } })),
        }),
      ],
      [
        'has an archive of a database that it does not name',
        ({ databases }) => ({ databases: databases!.slice(0, 1) }),
      ],
      [
        'lacks the archive of one',
        ({ objects }) => ({ objects: objects.map((one) => ({ ...one, database: 'shop' })) }),
      ],
    ])('refuses a manifest that %s', async (_, change) => {
      const id = await open();
      await dumped(id, change);
      await expect(verify(id)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
    });
  });

  it('refuses a manifest that vanished', async () => {
    const id = await open();
    const { manifestKey, manifestVersionId } = await dump(world, { id, target: 'shop' });
    world.vault.objects.delete(`${manifestKey}@${manifestVersionId}`);
    await expect(verify(id)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
  });

  it('finds the version of a manifest whose answer was lost, by its bytes, and the record has it', async () => {
    const id = await open();
    const named = await dump(world, { id, target: 'shop' });
    await loseAnswer(id, named);
    const proven = await verify(id);
    expect(proven.manifestVersionId).toBe(named.manifestVersionId);
    await makeCloseBackup(world)({ id, target: 'shop', attempt: 1, manifestVersionId: proven.manifestVersionId });
    expect(await world.catalog.getBackup('shop', id)).toMatchObject({
      status: 'COMPLETED',
      manifestKey: named.manifestKey,
      manifestVersionId: named.manifestVersionId,
    });
  });

  it('takes no other manifest for the one whose answer was lost', async () => {
    const id = await open();
    const named = await dump(world, { id, target: 'shop' });
    await loseAnswer(id, named);
    const [name, held] = [...world.vault.objects].find(([key]) => key.startsWith(named.manifestKey))!;
    world.vault.objects.set(name, { ...held, body: `${held.body} ` });
    await expect(verify(id)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
    world.vault.objects.delete(name);
    await expect(verify(id)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
  });

  it('completes nothing whose manifest has no version', async () => {
    const id = await open();
    await loseAnswer(id, await dump(world, { id, target: 'shop' }));
    const closing = makeCloseBackup(world)({ id, target: 'shop', attempt: 1 });
    await expect(closing).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
    expect((await world.catalog.getBackup('shop', id))?.status).toBe('RUNNING');
  });

  /** As a task says it that was not told under which version its manifest lies. */
  async function loseAnswer(id: string, { manifestVersionId, ...outcome }: DumpOutcome): Promise<void> {
    const { body } = world.vault.objects.get(`${outcome.manifestKey}@${manifestVersionId}`)!;
    const manifestSha256 = createHash('sha256').update(body).digest('hex');
    await succeed<'dump'>(world, id, { ...outcome, kind: 'unnamed-dump', manifestSha256 });
  }

  it.each([
    ['OBJECT_DAMAGED', 'truncated after the fact', { bytes: 4_999 }],
    ['OBJECT_DAMAGED', 'with another checksum', { crc32: 'AAAAAA==' }],
    ['OBJECT_DAMAGED', 'without a checksum', { crc32: undefined }],
    ['OBJECT_UNENCRYPTED', 'without encryption by KMS', { keyArn: undefined }],
    [
      'OBJECT_UNENCRYPTED',
      'under another key',
      { keyArn: 'arn:aws:kms:eu-west-1:123456789012:key/99999999-2222-3333-4444-555555555555' },
    ],
  ])('says %s of an object %s', async (code, _, change) => {
    const id = await open();
    await dump(world, { id, target: 'shop' });
    const [name, held] = [...world.vault.objects].find(([key]) => key.includes('archive.dump'))!;
    world.vault.objects.set(name, { ...held, ...change });
    await expect(verify(id)).rejects.toMatchObject({ name: code });
  });

  it('says OBJECT_MISSING of an object that is gone', async () => {
    const id = await open();
    await dump(world, { id, target: 'shop' });
    world.vault.objects.delete([...world.vault.objects.keys()].find((key) => key.includes('archive.dump'))!);
    await expect(verify(id)).rejects.toMatchObject({ name: 'OBJECT_MISSING' });
  });
});

describe('closing a backup', () => {
  it('completes it, lets go of the target and tells the world; a retry changes nothing', async () => {
    const { id } = await makeOpenBackup(world)(backupEvent(world, 'shop'));
    await dump(world, { id, target: 'shop' });
    const closed = await makeCloseBackup(world)({ id, target: 'shop', attempt: 1 });
    expect(closed).toMatchObject({ backupId: id, target: 'shop', status: 'COMPLETED', rows: 12, kind: 'full' });
    expect(world.published).toMatchObject([{ name: 'Nightjar Backup Completed', detail: { backupId: id } }]);
    world.clock += 60_000;
    expect(await makeCloseBackup(world)({ id, target: 'shop', attempt: 1 })).toEqual(closed);
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });

  it('does not complete what somebody failed meanwhile', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    await dump(world, { id: opened.id, target: 'shop' });
    await makeCloseOrphan(world)(ended(event, 'ABORTED', 'shop'));
    await expect(makeCloseBackup(world)({ id: opened.id, target: 'shop', attempt: 1 })).rejects.toMatchObject({
      name: 'EXECUTION_ABORTED',
    });
    expect((await world.catalog.getBackup('shop', opened.id))?.status).toBe('FAILED');
    expect(await world.catalog.newestGood('shop')).toBeUndefined();
  });
});

describe('failing a backup', () => {
  it('rings at once when it left a server without writes, and for nothing else', async () => {
    for (const code of ['SERVER_READ_ONLY', 'AUTH_FAILED'] as const) await badBackup(world, 'shop', code);
    expect(world.metered).toEqual([{ serversReadOnly: 1 }]);
  });

  it('says what the task said, not what ECS guessed', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    await failTask(world, opened.id, 'AUTH_FAILED', 'password authentication failed for user "app"');
    const cause = JSON.stringify({
      StoppedReason: 'Essential container in task exited',
      Containers: [{ ExitCode: 1 }],
    });
    const failed = await makeFailBackup(world)({
      ...event,
      opened,
      failure: { Error: 'States.TaskFailed', Cause: cause },
    });
    expect(failed.code).toBe('AUTH_FAILED');
    expect(failed.cause).toContain('password authentication failed');
    expect(await world.catalog.getBackup('shop', opened.id)).toMatchObject({
      status: 'FAILED',
      failure: { code: 'AUTH_FAILED' },
    });
    expect(world.published).toMatchObject([{ name: 'Nightjar Backup Failed', detail: { backupId: opened.id } }]);
  });

  it('stops a task that outlived its time, and calls it TIMED_OUT though the task says it was stopped', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    await work(world, opened.id);
    const failure = { Error: 'States.Timeout', Cause: '' };
    expect((await makeFailBackup(world)({ ...event, opened, failure })).code).toBe('TIMED_OUT');
    expect(world.stopped).toHaveLength(1);

    const second = backupEvent(world, 'billing');
    const other = await makeOpenBackup(world)(second);
    await failTask(world, other.id, 'TASK_STOPPED');
    expect((await makeFailBackup(world)({ ...second, opened: other, failure })).code).toBe('TIMED_OUT');
  });

  it('whose dump can not be stopped is FAILED, told of and out of the way, and the failing is loud', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    await work(world, opened.id);
    world.tasks.stop = () => Promise.reject(new Error('Rate exceeded'));
    await expect(makeFailBackup(world)({ ...event, opened, failure: caught('States.Timeout') })).rejects.toMatchObject({
      name: 'UNEXPECTED',
      detail: expect.stringContaining('Rate exceeded') as string,
    });
    expect(await world.catalog.getBackup('shop', opened.id)).toMatchObject({
      status: 'FAILED',
      failure: { code: 'TIMED_OUT' },
    });
    expect(world.published).toHaveLength(1);
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });

  it('whose dump can not be stopped keeps no heir away', async () => {
    const dead = backupEvent(world, 'shop');
    const { id } = await makeOpenBackup(world)(dead);
    await work(world, id);
    world.over.add(dead.executionArn);
    world.tasks.stop = () => Promise.reject(new Error('Rate exceeded'));
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
    expect((await world.catalog.getBackup('shop', id))?.status).toBe('FAILED');
  });

  it('writes a FAILED record also when the target was busy, and leaves the holder alone', async () => {
    const holder = await makeOpenBackup(world)(backupEvent(world, 'shop'));
    const event = backupEvent(world, 'shop', { runId: 'daily-20261121T013000Z' });
    const error = await makeOpenBackup(world)(event).catch((one: Error) => one);
    const failed = await makeFailBackup(world)({ ...event, failure: caught('TARGET_BUSY', (error as Error).message) });
    expect(failed.code).toBe('TARGET_BUSY');
    expect(await world.catalog.getBackup('shop', idOf(event))).toMatchObject({
      status: 'FAILED',
      runId: 'daily-20261121T013000Z',
      failure: { code: 'TARGET_BUSY', detail: expect.stringContaining(holder.id) as string },
    });
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).rejects.toMatchObject({ name: 'TARGET_BUSY' });
  });

  it('closes the record of an opening that broke off after it had written it', async () => {
    const event = backupEvent(world, 'shop');
    await makeOpenBackup(world)(event);
    await makeFailBackup(world)({ ...event, failure: caught('Sandbox.Timedout', 'Task timed out after 60 seconds') });
    expect((await world.catalog.getBackup('shop', idOf(event)))?.status).toBe('FAILED');
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });

  it('never touches a COMPLETED backup, and says that it is good', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    await dump(world, { id: opened.id, target: 'shop' });
    await makeCloseBackup(world)({ id: opened.id, target: 'shop', attempt: 1 });
    const failed = await makeFailBackup(world)({ ...event, opened, failure: caught('UNEXPECTED', 'PutEvents') });
    expect(failed.cause).toContain('COMPLETED and good');
    expect((await world.catalog.getBackup('shop', opened.id))?.status).toBe('COMPLETED');
    expect(world.published.map((one) => one.name)).toEqual(['Nightjar Backup Completed']);
  });

  it('ends with the code of an input that can not be recorded', async () => {
    const event = { ...execution(world), input: {} as never };
    expect((await makeFailBackup(world)({ ...event, failure: caught('INPUT_INVALID') })).code).toBe('INPUT_INVALID');
    const unknown = backupEvent(world, 'nobody');
    expect((await makeFailBackup(world)({ ...unknown, failure: caught('TARGET_UNKNOWN') })).code).toBe(
      'TARGET_UNKNOWN',
    );
    expect(await world.catalog.listBackups()).toEqual([]);
  });

  it('changes nothing twice when it is retried', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    const first = await makeFailBackup(world)({ ...event, opened, failure: caught('VAULT_DENIED', 'first') });
    const there = await world.catalog.getBackup('shop', opened.id);
    world.clock += 5_000;
    expect(await makeFailBackup(world)({ ...event, opened, failure: caught('VAULT_DENIED', 'first') })).toEqual(first);
    expect(await world.catalog.getBackup('shop', opened.id)).toEqual(there);
  });
});

describe('judging a failed task', () => {
  const GIB = 2 ** 30;
  const SHOP = parseDumpTarget({ ...targetOf('shop'), engine: 'postgres' });
  const taskFor = (target: DumpTarget): TaskRequest => {
    const job = {
      kind: 'dump',
      id: 'ID',
      target,
      idleMinutes: 30,
      trigger: 'daily',
      startedAt: world.now().toISOString(),
    } as const;
    return taskRequestOf(configOf({ targets: [target] }), target, job, undefined);
  };
  const judge = (attempt: number, failure = caught('x'), target: DumpTarget = SHOP) =>
    makeJudgeTask(world)({ id: 'ID', attempt, failure, task: taskFor(target) });

  it('tries again what may pass, later each time, and at most four times', async () => {
    const waits: number[] = [];
    for (const attempt of [1, 2, 3]) {
      await failTask(world, 'ID', 'CONNECTION_LOST', '', attempt);
      const judgement = await judge(attempt);
      expect(judgement).toMatchObject({ retry: true, attempt: attempt + 1, code: 'CONNECTION_LOST' });
      waits.push(judgement.waitSeconds);
    }
    expect([...waits].sort((left, right) => left - right)).toEqual(waits);
    await failTask(world, 'ID', 'CONNECTION_LOST', '', 4);
    expect(await judge(4)).toMatchObject({ retry: false, attempt: 4 });
  });

  it('tries once more while definitions change, not all night', async () => {
    await failTask(world, 'ID', 'SCHEMA_CHANGED');
    expect(await judge(1)).toMatchObject({ retry: true, attempt: 2 });
    await failTask(world, 'ID', 'SCHEMA_CHANGED', '', 2);
    expect(await judge(2)).toMatchObject({ retry: false, code: 'SCHEMA_CHANGED' });
  });

  it('does not try again what a person must mend', async () => {
    await failTask(world, 'ID', 'AUTH_FAILED');
    expect(await judge(1)).toMatchObject({ retry: false, code: 'AUTH_FAILED' });
  });

  it('gives a file that outgrew its disk the disk that it takes, the same night', async () => {
    const storage = { s3: { bucket: 'example-data' } };
    const file = { name: 'app', engine: 'sqlite', database: 'app.db', storage } as const;
    const app = parseDumpTarget(file);
    const full = async (found?: number): Promise<void> => {
      await failTask(world, 'ID', 'DISK_FULL');
      const said = (await world.catalog.getProgress('ID'))!;
      await world.catalog.putProgress({ ...said, ...(found === undefined ? {} : { databaseBytes: found }) });
    };
    await full(40 * GIB);
    expect(await judge(1, undefined, app)).toMatchObject({ retry: true, attempt: 2, ephemeralGiB: 93 });
    expect(await judge(4, undefined, app)).toMatchObject({ retry: false, ephemeralGiB: 21 });
    // What the config says is not gone beyond, and what streams needs no disk.
    const sized = parseDumpTarget({ ...file, size: { cpu: 1024, memoryMiB: 2048, ephemeralGiB: 30 } });
    expect(await judge(1, undefined, sized)).toMatchObject({ retry: false, code: 'DISK_FULL', ephemeralGiB: 30 });
    expect(await judge(1)).toMatchObject({ retry: false, code: 'DISK_FULL', ephemeralGiB: 21 });
    // It fits what it has, or nobody knows how large it is: more of the same would end the same.
    await full(1 * GIB);
    expect(await judge(1, undefined, app)).toMatchObject({ retry: false, ephemeralGiB: 21 });
    await full();
    expect(await judge(1, undefined, app)).toMatchObject({ retry: false, ephemeralGiB: 21 });
  });

  it('waits longer for capacity', async () => {
    const failure = { Error: 'ECS.AmazonECSException', Cause: 'Capacity is unavailable at this time.' };
    const judgement = await judge(1, failure);
    expect(judgement).toMatchObject({ retry: true, code: 'NO_CAPACITY' });
    expect(judgement.waitSeconds).toBeGreaterThanOrEqual(300);
  });
});

describe('an execution that ended where no Catch could see it', () => {
  it.each([
    ['ABORTED', 'EXECUTION_ABORTED'],
    ['TIMED_OUT', 'EXECUTION_TIMED_OUT'],
    ['FAILED', 'EXECUTION_FAILED'],
  ])('%s closes its backup as %s, stops its task and frees the target', async (status, code) => {
    const event = backupEvent(world, 'shop');
    const { id } = await makeOpenBackup(world)(event);
    await work(world, id);
    await makeCloseOrphan(world)(ended(event, status, 'shop'));
    expect(await world.catalog.getBackup('shop', id)).toMatchObject({ status: 'FAILED', failure: { code } });
    expect(world.stopped).toHaveLength(1);
    expect(world.published).toHaveLength(1);
    await expect(makeOpenBackup(world)(backupEvent(world, 'shop'))).resolves.toBeDefined();
  });

  it('tells of a backup that an heir of its lock had closed without a word', async () => {
    const event = backupEvent(world, 'shop');
    await makeOpenBackup(world)(event);
    world.over.add(event.executionArn);
    await makeOpenBackup(world)(backupEvent(world, 'shop'));
    expect(world.published).toHaveLength(0);
    await makeCloseOrphan(world)(ended(event, 'ABORTED', 'shop'));
    expect(world.published).toHaveLength(1);
  });

  it('changes nothing when the workflow closed itself, and tells nobody twice', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    const { code, cause } = await makeFailBackup(world)({ ...event, opened, failure: caught('VAULT_DENIED') });
    const { detail } = ended(event, 'FAILED', 'shop');
    for (let times = 0; times < 2; times += 1)
      await makeCloseOrphan(world)({ detail: { ...detail, error: code, cause } });
    expect((await world.catalog.getBackup('shop', opened.id))?.failure?.code).toBe('VAULT_DENIED');
    expect(world.published).toHaveLength(1);
  });

  it('tells of a backup whose failure was written down while the world could not be told', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    const { events } = world;
    const deaf = { ...world, events: { publish: () => Promise.reject(new Error('no event bus')) } };
    const failed = { ...event, opened, failure: caught('VAULT_DENIED') };
    await expect(makeFailBackup(deaf)(failed)).rejects.toThrow('no event bus');
    expect((await world.catalog.getBackup('shop', opened.id))?.status).toBe('FAILED');
    // As FailBackupUnrecorded ends it.
    const { detail } = ended(event, 'FAILED', 'shop');
    const unrecorded = { ...detail, error: 'EXECUTION_FAILED', cause: 'The failure could not be recorded.' };
    // The first try of the rule is deaf too.
    await expect(makeCloseOrphan(deaf)({ detail: unrecorded })).rejects.toThrow('no event bus');
    await makeCloseOrphan({ ...world, events })({ detail: unrecorded });
    expect(world.published.map(({ detail: told }) => told)).toEqual([expect.objectContaining({ backupId: opened.id })]);
  });

  it('finds its backup also when the input did not fit into the event', async () => {
    const event = backupEvent(world, 'shop');
    const { id } = await makeOpenBackup(world)(event);
    const { detail } = ended(event, 'ABORTED', 'shop');
    await makeCloseOrphan(world)({ detail: { ...detail, input: null } });
    expect((await world.catalog.getBackup('shop', id))?.status).toBe('FAILED');
  });

  it('never touches a COMPLETED backup', async () => {
    const event = backupEvent(world, 'shop');
    const opened = await makeOpenBackup(world)(event);
    await dump(world, { id: opened.id, target: 'shop' });
    await makeCloseBackup(world)({ id: opened.id, target: 'shop', attempt: 1 });
    await makeCloseOrphan(world)(ended(event, 'ABORTED', 'shop'));
    expect((await world.catalog.getBackup('shop', opened.id))?.status).toBe('COMPLETED');
  });

  it('leaves machines alone that hold nothing, and those of others', async () => {
    const event = execution(world, 'nightly');
    const { detail } = ended({ ...event, input: {} }, 'FAILED', 'x');
    for (const stateMachineArn of [
      detail.stateMachineArn.replace('backup', 'nightly'),
      'arn:aws:states:x:1:stateMachine:y',
    ])
      expect(await makeCloseOrphan(world)({ detail: { ...detail, stateMachineArn } })).toEqual({ closed: undefined });
  });
});

function ended(
  event: { executionArn: string; startedAt: string; input: unknown },
  status: string,
  target: string,
): ExecutionEnded {
  return {
    detail: {
      executionArn: event.executionArn,
      stateMachineArn: 'arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-backup',
      status,
      startDate: Date.parse(event.startedAt),
      input: JSON.stringify({ target, trigger: 'daily' }),
    },
  };
}
