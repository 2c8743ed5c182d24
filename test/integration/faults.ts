import { readdirSync, readFileSync } from 'node:fs';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { DeleteEmailIdentityCommand, PutAccountDetailsCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../core/errors.ts';
import { verifyMail } from '../../local/deploy.ts';
import { startFaultProxy, type Asked, type Fault, type FaultProxy } from '../tasks/fault-proxy.ts';
import { closed, succeeded, until, type World } from './world.ts';

/** Pids of the processes whose parent is (or is below) `pid`. */
function below(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const found: number[] = [];
  let layer = [pid];
  while (layer.length > 0) {
    layer = [...parents].filter(([, parent]) => layer.includes(parent)).map(([child]) => child);
    found.push(...layer);
  }
  return found;
}

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]!;
  } catch {
    return '';
  }
};

export function faults(get: () => World): void {
  describe('a fault while a backup runs', () => {
    let world: World;
    let proxy: FaultProxy;

    beforeAll(async () => {
      world = get();
      // More than the uploader keeps in memory, so that a vault that answers nothing stops pg_dump midway.
      await world.postgres.query(
        `CREATE TABLE shop.noise AS
           SELECT i, (SELECT string_agg(sha512((i || '-' || j)::bytea), '') FROM generate_series(1, 16) j) AS bytes
           FROM generate_series(1, 60000) i`,
        { database: 'shop' },
      );
      proxy = await startFaultProxy(world.stage.account.endpoint, world.stage.facts.caPem);
      world.stage.account.containers.env.AWS_ENDPOINT_URL_S3 = proxy.endpoint;
    });
    afterEach(() => {
      proxy.fault = () => undefined;
    });
    afterAll(async () => {
      delete world.stage.account.containers.env.AWS_ENDPOINT_URL_S3;
      await proxy.stop();
      await world.postgres.query('DROP TABLE shop.noise', { database: 'shop' });
    });

    // The globals are small and go first; a dump is midway when parts of its archive are asked for.
    const ofArchive = ({ operation, url }: Asked): boolean => operation === 'Part' && !url.includes('globals');
    const noPart = (): void => {
      proxy.fault = (asked): Fault | undefined => (ofArchive(asked) ? { status: 503, code: 'SlowDown' } : undefined);
    };

    /** A backup of `shop` whose task is in the middle of its dump. */
    async function midway(): Promise<{ executionArn: string; id: string; pid: number; dump: number }> {
      noPart();
      const parts = proxy.asked.filter(ofArchive).length;
      const begun = await world.start('backup', { target: 'shop', trigger: 'user' });
      const task = await until('the task is dumping', () => {
        const asked = proxy.asked.filter(ofArchive).length;
        const running = world.stage.account.containers.list().find((one) => one.status === 'running' && one.pid);
        const dump = running?.pid && below(running.pid).find((pid) => commandOf(pid).endsWith('/pg_dump'));
        return Promise.resolve(asked > parts && running?.pid && dump ? { pid: running.pid, dump } : undefined);
      });
      return { ...begun, ...task };
    }

    async function failedWith(id: string, executionArn: string, codes: ErrorCode[]): Promise<void> {
      const record = await closed(world, 'shop', id);
      expect(record.status).toBe('FAILED');
      expect(codes).toContain(record.failure?.code);
      await world.end(executionArn);
      const keys = await world.objects('shop');
      expect(keys.filter((key) => key.includes(id))).toEqual([]);
    }

    it('pg_dump killed midway: FAILED, no object, no open upload', async () => {
      const { id, executionArn, dump } = await midway();
      process.kill(dump, 'SIGKILL');
      proxy.fault = () => undefined;
      await failedWith(id, executionArn, ['DUMP_FAILED', 'READ_THROUGH_FAILED']);
      expect(await world.openUploads()).toEqual([]);
    });

    it('the task killed without a word: FAILED with TASK_DIED, and no object', async () => {
      const { id, executionArn, pid } = await midway();
      world.stage.account.containers.kill(pid, 'SIGKILL');
      proxy.fault = () => undefined;
      await failedWith(id, executionArn, ['TASK_DIED']);
    });

    it('the execution stopped from outside: closed as EXECUTION_ABORTED, the task stopped, the target free again', async () => {
      const { id, executionArn, pid } = await midway();
      await world.sfn.send(new StopExecutionCommand({ executionArn }));
      await failedWith(id, executionArn, ['EXECUTION_ABORTED']);
      await until('the task is gone', () => Promise.resolve(commandOf(pid) === '' ? true : undefined), 150);
      proxy.fault = () => undefined;
      const again = await world.run('backup', { target: 'shop', trigger: 'user' });
      succeeded(again);
    });

    it('two backups of one target at once: one COMPLETED, one FAILED with TARGET_BUSY', async () => {
      const first = await midway();
      const second = await world.run('backup', { target: 'shop', trigger: 'user' });
      expect(second).toMatchObject({ status: 'FAILED', error: 'TARGET_BUSY' });
      proxy.fault = () => undefined;
      succeeded(await world.end(first.executionArn));
    });

    it('the server gone midway and back again: the next attempt succeeds', async () => {
      const { id, executionArn } = await midway();
      await world.postgres.kill();
      proxy.fault = () => undefined;
      await until('the first attempt has failed', async () => {
        const progress = await world.catalog.getProgress(id, 1);
        return progress?.status === 'failed' ? progress : undefined;
      });
      expect((await world.catalog.getProgress(id, 1))?.failure?.code).toBe('CONNECTION_LOST');
      await world.postgres.start();
      succeeded(await world.end(executionArn));
      const keys = (await world.objects('shop')).filter((key) => key.includes(id));
      expect(keys.filter((key) => key.includes('/a1/'))).toEqual([]);
      expect(keys).toHaveLength(3);
    });

    it('S3 refusing with 503 and then recovering: COMPLETED', async () => {
      let refused = 0;
      proxy.fault = ({ operation }) => {
        if (operation === 'Get' || operation === 'other' || refused >= 5) return undefined;
        refused += 1;
        return { status: 503, code: 'SlowDown' };
      };
      const ended = await world.run('backup', { target: 'shop', trigger: 'user' });
      succeeded(ended);
      expect(refused).toBe(5);
    });
  });

  describe('a fault after the backup', () => {
    let world: World;
    beforeAll(() => {
      world = get();
    });
    const serving = async (): Promise<string[]> =>
      (
        await world.postgres.query<{ datname: string }>(`SELECT datname FROM pg_database WHERE datname LIKE 'small%'`)
      ).map((row) => row.datname);

    it('an archive that was deleted: the restore is refused before anything starts', async () => {
      const backup = await world.run('backup', { target: 'small', trigger: 'user' });
      const record = await world.catalog.getBackup('small', backup.id);
      const archive = (await world.objects('small')).find(
        (key) => key.includes(record!.backupId) && key.includes('/a1/') && !key.includes('globals'),
      );
      const manifest = await manifestOf(world, record!.manifestKey!);
      const object = manifest.objects.find((one) => one.key === archive)!;
      await world.s3.send(
        new DeleteObjectCommand({ Bucket: world.vault, Key: object.key, VersionId: object.versionId }),
      );
      const before = await serving();
      const restore = await world.run('restore', { target: 'small', at: backup.id, mode: 'swap' });
      expect(restore).toMatchObject({ status: 'FAILED', error: 'OBJECT_MISSING' });
      expect(await serving()).toEqual(before);
    });

    it('other bytes than the manifest’s: CHECKSUM_MISMATCH, and nothing under the old name was touched', async () => {
      const backup = await world.run('backup', { target: 'small', trigger: 'user' });
      const record = (await world.catalog.getBackup('small', backup.id))!;
      const manifest = await manifestOf(world, record.manifestKey!);
      await world.s3.send(new DeleteObjectCommand({ Bucket: world.vault, Key: record.manifestKey! }));
      const lie = { ...manifest, archive: { ...manifest.archive, sha256: 'f'.repeat(64) } };
      const { VersionId } = await world.s3.send(
        new PutObjectCommand({
          Bucket: world.vault,
          Key: record.manifestKey!,
          Body: JSON.stringify(lie),
          IfNoneMatch: '*',
        }),
      );
      await world.pointAtManifest('small', backup.id, VersionId!);
      const before = await serving();
      const restore = await world.run('restore', { target: 'small', at: backup.id, mode: 'swap' });
      expect(restore).toMatchObject({ status: 'FAILED', error: 'CHECKSUM_MISMATCH' });
      expect(await serving()).toEqual(before);
    });

    it('SES refusing the report: the run fails loudly with MAIL_REFUSED, its backups stay good', async () => {
      const ses = new SESv2Client(world.stage.account.clientConfig);
      // In the sandbox SES refuses a recipient who is not verified.
      const access = (ProductionAccessEnabled: boolean) =>
        ses.send(
          new PutAccountDetailsCommand({
            ProductionAccessEnabled,
            MailType: 'TRANSACTIONAL',
            WebsiteURL: 'https://example.org',
          }),
        );
      await access(false);
      await ses.send(new DeleteEmailIdentityCommand({ EmailIdentity: 'you@example.org' }));
      try {
        const scheduledTime = '2026-11-22T04:00:00Z';
        const ended = await world.run('nightly', { trigger: 'weekly', scheduledTime });
        expect(ended).toMatchObject({ status: 'FAILED', error: 'MAIL_REFUSED' });
        const [newest] = await world.catalog.listBackups({ target: 'weekly', limit: 1 });
        expect(newest).toMatchObject({ status: 'COMPLETED' });
      } finally {
        await verifyMail(world.stage.account, ['you@example.org']);
        await access(true);
        ses.destroy();
      }
    });
  });
}

interface Written {
  readonly objects: { key: string; versionId: string }[];
  readonly archive: { bytes: number; sha256: string };
}

async function manifestOf(world: World, Key: string): Promise<Written> {
  const { Body } = await world.s3.send(new GetObjectCommand({ Bucket: world.vault, Key }));
  return JSON.parse(await Body!.transformToString()) as Written;
}
