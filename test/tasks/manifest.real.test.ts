import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../core/backup.ts';
import type { OutcomeOf } from '../../core/job.ts';
import { manifestKey, objectKey } from '../../core/names.ts';
import { makeCloseBackup } from '../../lambdas/CloseBackup.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makeVerifyBackup } from '../../lambdas/VerifyBackup.ts';
import { startAccount, type Account } from '../../local/account.ts';
import { s3Vault, type Vault } from '../../stores/vault.ts';
import { crc32Text } from '../../tasks/upload/crc32.ts';
import { ObjectUpload } from '../../tasks/upload/object-upload.ts';
import { writeManifest } from '../../tasks/upload/manifest.ts';
import { VAULT_CLIENT } from '../../tasks/vault-calls.ts';
import { backupEvent, dump, makeWorld, succeed } from '../lambdas/support/world.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { dumpJob, goodDump, lookInto, makeVault, QUICK, run } from './support.ts';

let account: Account;
let direct: S3Client;
let proxy: FaultProxy;
let s3: S3Client;
let keyArn: string;
let vaults = 0;
let bucket: string;
let vault: Vault;

beforeAll(async () => {
  account = await startAccount();
  direct = new S3Client(account.clientConfig);
  proxy = await startFaultProxy(account.endpoint, account.clientConfig.requestHandler.httpsAgent.options.ca as string);
  s3 = new S3Client({ ...account.clientConfig, ...VAULT_CLIENT, endpoint: proxy.endpoint, requestHandler: {} });
  keyArn = (await new KMSClient({ ...account.clientConfig }).send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
});
afterAll(async () => {
  s3.destroy();
  direct.destroy();
  await proxy.stop();
  await account.stop();
});
beforeEach(async () => {
  proxy.asked.length = 0;
  proxy.fault = () => undefined;
  bucket = await makeVault(direct, `manifests-${(vaults += 1)}`);
  vault = s3Vault(direct, bucket);
});

/** A backup that is open, its archive in the vault, its manifest still to be written. */
async function dumped() {
  const world = makeWorld();
  const { id } = await makeOpenBackup(world)(backupEvent(world, 'shop'));
  const body = Buffer.from('an archive');
  const put = new PutObjectCommand({
    Bucket: bucket,
    Key: objectKey('shop', id, 1, 'archive.dump'),
    Body: body,
    ChecksumAlgorithm: 'CRC32',
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: keyArn,
  });
  const { VersionId } = await direct.send(put);
  const sha256 = createHash('sha256').update(body).digest('hex');
  let manifest: Manifest | undefined;
  await dump(world, { id, target: 'shop' }, (one) => {
    const [object] = one.objects;
    manifest = {
      ...one,
      storedBytes: body.length,
      archive: { bytes: body.length, sha256 },
      objects: [{ ...object!, versionId: VersionId!, bytes: body.length, sha256, crc32: crc32Text(crc32(body)) }],
    };
    return manifest;
  });
  const write = (): Promise<OutcomeOf<'dump'>> =>
    writeManifest({ s3, bucket, patience: QUICK, signal: new AbortController().signal }, manifest!);
  return {
    world,
    proof: { catalog: world.catalog, vault, vaultKeyArn: keyArn },
    id,
    key: manifestKey('shop', id),
    write,
  };
}

const puts = (): number => proxy.asked.filter((one) => one.operation === 'Put').length;

describe('writing the manifest', () => {
  it('says the version that it lies under', async () => {
    const { key, write } = await dumped();
    const outcome = await write();
    const { versionId } = await vault.readManifest(key);
    expect(outcome).toMatchObject({
      kind: 'dump',
      manifestKey: key,
      manifestVersionId: versionId,
      rows: 12,
      tables: 1,
    });
  });

  it('whose answer was lost still ends in a COMPLETED backup of that very version', async () => {
    const { world, proof, id, key, write } = await dumped();
    proxy.fault = ({ operation, before }) => (operation === 'Put' && before === 0 ? 'lose answer' : undefined);
    const outcome = await write();
    const stored = await vault.readManifest(key);
    expect([outcome.kind, puts()]).toEqual(['unnamed-dump', 2]);
    expect(outcome).toMatchObject({ manifestSha256: stored.sha256 });
    await succeed<'dump'>(world, id, outcome);
    const proven = await makeVerifyBackup(proof)({ id, target: 'shop', attempt: 1 });
    expect(proven).toMatchObject({ manifestVersionId: stored.versionId });
    const closed = await makeCloseBackup(world)({ id, target: 'shop', attempt: 1, ...proven });
    expect(closed).toMatchObject({ status: 'COMPLETED', manifestVersionId: stored.versionId });
  });

  it('is what makes a dump succeed, also when its answer was lost', async () => {
    proxy.fault = ({ operation, before }) => (operation === 'Put' && before === 0 ? 'lose answer' : undefined);
    const { status, last } = await run(dumpJob(), { dump: goodDump(Buffer.from('an archive')) }, { s3, bucket });
    expect([status, last.status, last.outcome?.kind]).toEqual([0, 'succeeded', 'unnamed-dump']);
  });

  it('goes on through a conflict, which says that S3 is still at it', async () => {
    const { write } = await dumped();
    proxy.fault = ({ operation, before }) =>
      operation === 'Put' && before < 2 ? { status: 409, code: 'ConditionalRequestConflict' } : undefined;
    expect((await write()).kind).toBe('dump');
    expect(puts()).toBe(3);
  });

  it('is given up when the conflict does not pass', async () => {
    const { write } = await dumped();
    proxy.fault = ({ operation }) =>
      operation === 'Put' ? { status: 409, code: 'ConditionalRequestConflict' } : undefined;
    await expect(write()).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
  });

  it('takes nobody else’s manifest for its own', async () => {
    const { world, proof, id, key, write } = await dumped();
    await direct.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'older' }));
    await expect(write()).rejects.toMatchObject({
      code: 'UNEXPECTED',
      detail: expect.stringContaining('is there already') as string,
    });
    // Not even when an answer was lost before it: the bytes tell.
    proxy.asked.length = 0;
    proxy.fault = ({ operation, before }) => (operation === 'Put' && before === 0 ? 'drop' : undefined);
    await succeed<'dump'>(world, id, await write());
    await expect(makeVerifyBackup(proof)({ id, target: 'shop', attempt: 1 })).rejects.toMatchObject({
      name: 'MANIFEST_INVALID',
    });
  });

  it('that S3 refuses is VAULT_DENIED at the first try', async () => {
    const { write } = await dumped();
    proxy.fault = ({ operation }) => (operation === 'Put' ? { status: 403, code: 'AccessDenied' } : undefined);
    await expect(write()).rejects.toMatchObject({ code: 'VAULT_DENIED' });
    expect(puts()).toBe(1);
  });
});

describe('completing an object', () => {
  it('of which S3 says that it is being written already is left to the next attempt', async () => {
    const signal = new AbortController().signal;
    const upload = new ObjectUpload({ s3, bucket, key: 'shop/archive', patience: QUICK, signal });
    const data = Buffer.from('an archive');
    await upload.send(data, crc32(data));
    proxy.fault = ({ operation }) =>
      operation === 'Complete' ? { status: 409, code: 'ConditionalRequestConflict' } : undefined;
    await expect(upload.complete(signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
    proxy.fault = () => undefined;
    await upload.abort();
    expect(await lookInto(direct, bucket)).toEqual({ keys: [], openUploads: [] });
  });
});
