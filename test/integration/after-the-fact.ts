/** What goes wrong with a restore of a good backup: damage in the vault, an execution cut short, a function without rights. */
import {
  DeleteRolePolicyCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
  paginateListRoles,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { DescribeStateMachineCommand, UpdateStateMachineCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tableHashes } from '../../local/sample.ts';
import { dumpManifest, parseManifest } from '../../core/backup.ts';
import { startFaultProxy, type FaultProxy } from '../tasks/fault-proxy.ts';
import { succeeded, until, type World } from './world.ts';

export function afterTheFact(get: () => World): void {
  describe('a restore of a good backup', () => {
    let world: World;
    let backup: string;
    let proxy: FaultProxy;
    let before: Awaited<ReturnType<typeof look>>;

    /** Databases of `small`, and every row of the one that serves. */
    async function look() {
      const rows = await world.postgres.query<{ datname: string }>(
        `SELECT datname FROM pg_database WHERE datname LIKE 'small%' ORDER BY 1`,
      );
      const client = await world.postgres.connect('small');
      try {
        return { names: rows.map((row) => row.datname), hashes: await tableHashes(client) };
      } finally {
        await client.end();
      }
    }

    beforeAll(async () => {
      world = get();
      backup = succeeded(await world.run('backup', { target: 'small', trigger: 'user' })).id;
      await world.postgres.query('DELETE FROM shop.order_lines WHERE order_id % 5 = 0', { database: 'small' });
      proxy = await startFaultProxy(world.stage.account.endpoint, world.stage.facts.caPem);
      world.stage.account.containers.env.AWS_ENDPOINT_URL_S3 = proxy.endpoint;
    });
    beforeEach(async () => {
      before = await look();
      proxy.fault = () => undefined;
    });
    afterAll(async () => {
      delete world.stage.account.containers.env.AWS_ENDPOINT_URL_S3;
      await proxy.stop();
    });
    const input = () => ({ target: 'small', at: backup, mode: 'swap' });
    const free = async (): Promise<void> => {
      succeeded(await world.run('backup', { target: 'small', trigger: 'user' }));
    };

    it('whose archive was cut short in the vault: CHECKSUM_MISMATCH, and no row was touched', async () => {
      const damaged = succeeded(await world.run('backup', { target: 'small', trigger: 'user' })).id;
      const key = (await world.catalog.getBackup('small', damaged))!.manifestKey!;
      const read = async (Key: string): Promise<Buffer> => {
        const { Body } = await world.s3.send(new GetObjectCommand({ Bucket: world.vault, Key }));
        return Buffer.from(await Body!.transformToByteArray());
      };
      // Nothing can be overwritten under its version: the shorter one lies beside it, and the manifest names that.
      const replace = async (Key: string, Body: Buffer | string): Promise<string> => {
        await world.s3.send(new DeleteObjectCommand({ Bucket: world.vault, Key }));
        const put = new PutObjectCommand({ Bucket: world.vault, Key, Body, IfNoneMatch: '*' });
        return (await world.s3.send(put)).VersionId!;
      };
      const manifest = dumpManifest(parseManifest((await read(key)).toString('utf8'), key));
      const archive = manifest.objects.find((one) => one.role === 'archive')!;
      const bytes = await read(archive.key);
      const versionId = await replace(archive.key, bytes.subarray(0, Math.floor(bytes.length / 2)));
      const objects = manifest.objects.map((one) => (one === archive ? { ...one, versionId } : one));
      await world.pointAtManifest('small', damaged, await replace(key, JSON.stringify({ ...manifest, objects })));

      const ended = await world.run('restore', { ...input(), at: damaged });
      expect(ended.status).toBe('FAILED');
      expect(['CHECKSUM_MISMATCH', 'OBJECT_DAMAGED']).toContain(ended.error);
      expect(ended.cause).toContain('The old data serves under small');
      expect(await look()).toEqual(before);
      expect(await world.catalog.getRestore(ended.id)).toMatchObject({
        status: 'FAILED',
        failure: { code: ended.error },
      });
    });

    it('whose execution runs out of time: closed as EXECUTION_TIMED_OUT, the task stopped, no row touched', async () => {
      const stateMachineArn = world.machine('restore');
      const { definition } = await world.sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
      const short = { ...(JSON.parse(definition!) as object), TimeoutSeconds: 15 };
      const define = (text: string) =>
        world.sfn.send(new UpdateStateMachineCommand({ stateMachineArn, definition: text }));
      // A vault that answers nothing holds the task up for longer than that.
      proxy.fault = ({ operation, url }) =>
        operation === 'Get' && url.includes('/a1/') ? { status: 503, code: 'SlowDown' } : undefined;
      await define(JSON.stringify(short));
      try {
        const ended = await world.run('restore', input());
        expect(ended.status).toBe('TIMED_OUT');
        const record = await until('the record is closed', async () => {
          const one = await world.catalog.getRestore(ended.id);
          return one && one.status !== 'RUNNING' ? one : undefined;
        });
        expect(record).toMatchObject({ status: 'FAILED', failure: { code: 'EXECUTION_TIMED_OUT' } });
        await until('no task runs', () => {
          const running = world.stage.account.containers.list().some((one) => one.status === 'running');
          return Promise.resolve(running ? undefined : true);
        });
        expect(await look()).toEqual(before);
      } finally {
        proxy.fault = () => undefined;
        await define(definition!);
      }
      await free();
    });

    it('whose CloseRestore has lost its rights: FAILED, it is said which data serves, and a rollback gives the old back', async () => {
      const iam = new IAMClient(world.stage.account.clientConfig);
      const RoleName = await roleOf(iam, 'CloseRestore');
      const [PolicyName] = (await iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames!;
      const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
      await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
      try {
        const ended = await world.run('restore', input());
        expect(ended.status).toBe('FAILED');
        const record = (await world.catalog.getRestore(ended.id))!;
        expect(record).toMatchObject({ status: 'FAILED', failure: { code: ended.error } });
        expect(ended.cause).toContain(`the old data is kept as ${record.replacedDatabase}`);
        expect((await look()).names).toContain(record.replacedDatabase);
        expect((await look()).hashes).not.toEqual(before.hashes);
        succeeded(await world.run('rollback', { restoreId: ended.id }));
        expect((await look()).hashes).toEqual(before.hashes);
      } finally {
        const document = decodeURIComponent(PolicyDocument!);
        await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: document }));
        iam.destroy();
      }
      await free();
    });
  });
}

async function roleOf(iam: IAMClient, name: string): Promise<string> {
  for await (const { Roles = [] } of paginateListRoles({ client: iam }, {})) {
    const role = Roles.find((one) => one.Description?.endsWith(`: ${name}`) ?? one.RoleName?.includes(name));
    if (role) return role.RoleName!;
  }
  throw new Error(`No role is ${name}'s.`);
}
