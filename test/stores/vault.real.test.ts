import {
  CreateBucketCommand,
  DeleteObjectCommand,
  CreateMultipartUploadCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAccount, type Account } from '../../local/account.ts';
import type { NativeManifest, VaultObject } from '../../core/backup.ts';
import { idOfExecution } from '../../core/ids.ts';
import { backupPrefix, manifestKey, objectKey } from '../../core/names.ts';
import { s3Client } from '../../stores/clients.ts';
import { readDeployedConfig } from '../../stores/deployed-config.ts';
import { memoryCatalog } from '../../stores/memory-catalog.ts';
import { rebuildCatalog } from '../../stores/rebuild.ts';
import { accessOf, s3Vault, type Vault } from '../../stores/vault.ts';
import { s3Work } from '../../stores/work.ts';
import { configOf, dump, makeWorld } from '../lambdas/support/world.ts';

let account: Account;
let client: S3Client;
let vault: Vault;
let keyArn: string;
const BUCKET = 'vault-123456789012';
const newId = (name: string) => idOfExecution(name, '2026-11-21T01:30:00.000Z');

beforeAll(async () => {
  account = await startAccount();
  client = s3Client({ ...account.clientConfig });
  keyArn = (await new KMSClient({ ...account.clientConfig }).send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  await client.send(new PutBucketVersioningCommand({ Bucket: BUCKET, VersioningConfiguration: { Status: 'Enabled' } }));
  vault = s3Vault(client, BUCKET);
});
afterAll(() => account.stop());

async function put(key: string, body: string, more: object = {}) {
  const answer = await client.send(
    new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body, ChecksumAlgorithm: 'CRC32', ...more }),
  );
  return { key, versionId: answer.VersionId! };
}

/** A manifest as the task writes it. */
async function manifestOf(id: string, target = 'shop', more: Partial<VaultObject> = {}): Promise<string> {
  const world = makeWorld();
  await dump(world, { id, target }, (manifest) => ({
    ...manifest,
    objects: manifest.objects.map((object) => ({ ...object, ...more })),
  }));
  return [...world.vault.objects.values()].at(-1)!.body;
}

/** A whole backup, its archive first. */
async function putBackup(id: string, target: string) {
  const archive = await put(objectKey(target, id, 1, 'archive.dump'), 'x'.repeat(5_000));
  const { crc32: crc } = (await vault.head(archive))!;
  const manifest = await put(manifestKey(target, id), await manifestOf(id, target, { ...archive, crc32: crc! }));
  return { archive, manifest };
}

describe('the vault on S3', () => {
  it('tells size, checksum and key of the very version', async () => {
    const id = newId('head');
    const key = objectKey('shop', id, 1, 'archive.dump');
    const first = await put(key, 'first', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn });
    const second = await put(key, 'the second', {});
    const crcOf = (text: string) => {
      const sum = Buffer.alloc(4);
      sum.writeUInt32BE(crc32(text));
      return sum.toString('base64');
    };
    expect(await vault.head(first)).toEqual({ bytes: 5, crc32: crcOf('first'), keyArn, access: 'here' });
    expect(await vault.head(second)).toMatchObject({ bytes: 10, crc32: crcOf('the second') });
    expect((await vault.head(second))?.keyArn).not.toBe(keyArn);
    expect(await vault.head({ key, versionId: '11111111-1111-1111-1111-111111111111' })).toBeUndefined();
    expect(await vault.head({ key: `${key}x`, versionId: first.versionId })).toBeUndefined();
  });

  it('reads the manifest of the version that is named, not one that was put over it', async () => {
    const id = newId('manifest');
    const key = manifestKey('shop', id);
    const good = await put(key, await manifestOf(id));
    await put(key, '{}');
    expect((await vault.readManifest(key, good.versionId)).manifest.backupId).toBe(id);
    await expect(vault.readManifest(key)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
    await expect(vault.readManifest(`${key}x`)).rejects.toMatchObject({ name: 'MANIFEST_INVALID' });
  });

  it('writes a native backup’s manifest once, and says its version', async () => {
    const id = newId('native');
    const at = '2026-11-21T01:30:00.000Z';
    const arn = 'arn:aws:dynamodb:eu-west-1:123456789012:table/orders';
    const manifest: NativeManifest = {
      manifestVersion: 1,
      backupId: id,
      target: 'orders',
      engine: 'dynamodb',
      method: 'native',
      kind: 'full',
      trigger: 'daily',
      startedAt: at,
      snapshotAt: at,
      completedAt: at,
      window: { on: true, earliest: at, latest: at },
      points: [
        { kind: 'table-backup', arn: `${arn}/backup/1`, name: 'b', region: 'eu-west-1', at, bytes: 7, encrypted: true },
      ],
      settings: {
        engine: 'dynamodb',
        name: 'orders',
        arn,
        resourceId: 'id-1',
        readAt: at,
        values: { BillingMode: 'PAY_PER_REQUEST' },
        instances: [],
        tags: {},
      },
      warnings: [],
    };
    const { key, versionId } = await vault.writeManifest(manifest);
    expect(key).toBe(manifestKey('orders', id));
    expect(await vault.readManifest(key, versionId)).toMatchObject({ manifest, versionId });
    await expect(vault.writeManifest({ ...manifest, warnings: ['another'] })).rejects.toMatchObject({
      name: 'VAULT_DENIED',
      cause: { name: 'PreconditionFailed' },
    });
    expect(await vault.readManifest(key)).toMatchObject({ manifest, versionId });
  });

  it('takes a refusal for no absence', async () => {
    const stranger = s3Vault(
      s3Client({ ...account.clientConfig, credentials: { accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'x' } }),
      BUCKET,
    );
    await expect(stranger.readManifest('a')).rejects.toMatchObject({ name: 'VAULT_DENIED' });
    await expect(stranger.head({ key: 'a', versionId: 'b' })).rejects.toMatchObject({ name: 'VAULT_DENIED' });
    await expect(stranger.deleteBackup('shop', newId('x'))).rejects.toMatchObject({ name: 'VAULT_DENIED' });
  });

  it('deletes every version and marker of one backup, and nothing of its neighbours', async () => {
    const [id, neighbour] = [newId('delete'), newId('neighbour')];
    const key = objectKey('shop', id, 1, 'archive.dump');
    await put(key, 'one');
    await put(key, 'two');
    await put(manifestKey('shop', id), 'x');
    await client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: key }));
    const kept = await put(objectKey('shop', neighbour, 1, 'archive.dump'), 'kept');
    expect(await vault.deleteBackup('shop', id)).toEqual({ deleted: 4, refused: [] });
    expect(await vault.deleteBackup('shop', id)).toEqual({ deleted: 0, refused: [] });
    expect(await vault.head(kept)).toBeDefined();
  });

  it('finds prefixes with and without a manifest, and uploads that were left open', async () => {
    const [whole, torn] = [newId('whole'), newId('torn')];
    await put(objectKey('list', whole, 1, 'archive.dump'), 'x');
    await put(manifestKey('list', whole), 'x');
    await put(objectKey('list', torn, 1, 'archive.dump'), 'x');
    const { found, next } = await vault.listPrefixes({ after: 'list/', pages: 10 });
    expect(next).toBeUndefined();
    expect(found.find((one) => one.backupId === whole)?.manifestKey).toBe(manifestKey('list', whole));
    expect(found.find((one) => one.backupId === torn)).toEqual({
      target: 'list',
      backupId: torn,
      manifestKey: undefined,
    });

    await client.send(
      new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: objectKey('list', torn, 2, 'archive.dump') }),
    );
    const uploads = await vault.listUploads({ target: 'list', backupId: torn });
    expect(uploads.map((one) => one.key)).toEqual([objectKey('list', torn, 2, 'archive.dump')]);
    expect(await vault.listUploads({ target: 'list', backupId: whole })).toEqual([]);
  });

  it('gives a lost catalog back, one unreadable manifest notwithstanding', async () => {
    const [id, odd, gone] = [newId('rebuild'), newId('odd'), newId('gone')];
    const { versionId } = (await putBackup(id, 'lost')).manifest;
    await put(manifestKey('lost', odd), await manifestOf(id, 'lost'));
    const { archive } = await putBackup(gone, 'lost');
    await client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: archive.key, VersionId: archive.versionId }));
    const catalog = memoryCatalog();
    const planned = await rebuildCatalog(vault, catalog, { plan: true });
    expect(await catalog.listBackups()).toEqual([]);
    const rebuilt = await rebuildCatalog(vault, catalog);
    expect(rebuilt).toEqual(planned);
    const whyOf = (one: string) => rebuilt.unreadable.find(({ key }) => key === manifestKey('lost', one))?.failure.code;
    expect([whyOf(odd), whyOf(gone)]).toEqual(['MANIFEST_INVALID', 'OBJECT_MISSING']);
    expect(await catalog.getBackup('lost', gone)).toBeUndefined();
    const again = await rebuildCatalog(vault, catalog);
    expect([again.recovered, again.known]).toEqual([[], rebuilt.recovered.length]);
    expect(await catalog.newestGood('lost')).toMatchObject({
      backupId: id,
      status: 'COMPLETED',
      manifestKey: manifestKey('lost', id),
      manifestVersionId: versionId,
    });
    expect(await catalog.getBackup('lost', odd)).toBeUndefined();
  });
});

describe('a listing that is cut', () => {
  it('never judges a backup of which it has not seen everything', async () => {
    const ids = ['a', 'b', 'c'].map((one) => newId(`cut-${one}`)).sort();
    const keys = ids.flatMap((id) => [objectKey('cut', id, 1, 'archive.dump'), manifestKey('cut', id)]);
    const pages = [keys.slice(0, 3), keys.slice(3)];
    const asked: Record<string, unknown>[] = [];
    const paged = s3Vault(
      {
        send: ({ input }: { input: Record<string, unknown> }) => {
          asked.push(input);
          const page = input.ContinuationToken ? 1 : 0;
          return Promise.resolve({
            Contents: pages[page]!.map((Key) => ({ Key })),
            ...(page === 0 ? { NextContinuationToken: 'more' } : {}),
          });
        },
      } as unknown as S3Client,
      BUCKET,
    );
    const first = await paged.listPrefixes({ pages: 1 });
    expect(first.found.map((one) => one.backupId)).toEqual([ids[0]]);
    expect(first.next).toBe(backupPrefix('cut', ids[1]!));
    const all = await paged.listPrefixes({ pages: 2, after: first.next! });
    expect(asked.at(-2)).toMatchObject({ StartAfter: first.next });
    expect(all.found.every((one) => one.manifestKey !== undefined)).toBe(true);
  });
});

describe('an archived object', () => {
  it.each([
    ['here', {}],
    ['here', { StorageClass: 'GLACIER_IR' }],
    ['frozen', { StorageClass: 'GLACIER' }],
    ['frozen', { StorageClass: 'DEEP_ARCHIVE' }],
    ['thawing', { StorageClass: 'GLACIER', Restore: 'ongoing-request="true"' }],
    [
      'here',
      { StorageClass: 'GLACIER', Restore: 'ongoing-request="false", expiry-date="Fri, 21 Dec 2026 00:00:00 GMT"' },
    ],
  ] as const)('is %s with %o', (access, head) => {
    expect(accessOf(head as Parameters<typeof accessOf>[0])).toBe(access);
  });
});

describe('the work bucket and the deployed config', () => {
  it('give back what was put, and tell absent from broken', async () => {
    const work = s3Work(client, BUCKET);
    await work.putJson('w/a.json', { a: ['ä', 1] });
    expect(await work.getJson('w/a.json')).toEqual({ a: ['ä', 1] });
    expect(await work.getJson('w/none.json')).toBeUndefined();
    await expect(s3Work(client, 'no-such-bucket').getJson('a')).rejects.toThrow();
  });

  it('reads the config once, and tries again after a failure', async () => {
    await expect(readDeployedConfig(client, BUCKET, 'c.json')).rejects.toMatchObject({ name: 'CONFIG_INVALID' });
    await put('c.json', JSON.stringify(configOf()));
    expect(await readDeployedConfig(client, BUCKET, 'c.json')).toEqual(configOf());
    await put('c.json', '{}');
    expect(await readDeployedConfig(client, BUCKET, 'c.json')).toEqual(configOf());
  });
});
