/** A task's whole way with an encrypted target: into a real vault, and back for whoever holds the identity. */
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import { dumpManifest, parseManifest, type Manifest } from '../../core/backup.ts';
import type { DumpOutcome } from '../../core/job.ts';
import { manifestKey } from '../../core/names.ts';
import {
  BACKUP,
  collect,
  dumpJob,
  goodDump,
  KIB,
  PASSWORD,
  restoreJob,
  run,
  save,
  sha256,
  someBytes,
  type Double,
  type Ran,
  type Saved,
} from './support.ts';
import { useVault } from './vault-room.ts';

const room = useVault();
const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:identity-AbCdEf';
const MANIFEST = manifestKey('shop', BACKUP);
const archive = someBytes(2500 * KIB);

let identity: string;
let recipient: string;
beforeAll(async () => {
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
});

async function backedUp(): Promise<{ versionId: string; manifest: Manifest; ran: Ran }> {
  const job = dumpJob();
  const target = { ...job.target, encryption: { recipients: [recipient], identity: SECRET } };
  const ran = await run({ ...job, target }, { dump: goodDump(archive) }, { s3: room.s3, bucket: room.bucket });
  const { Body } = await room.direct.send(new GetObjectCommand({ Bucket: room.bucket, Key: MANIFEST }));
  const manifest = dumpManifest(parseManifest(await Body!.transformToString(), MANIFEST));
  return { versionId: (ran.last.outcome as DumpOutcome).manifestVersionId, manifest, ran };
}

/** The destination knows nothing of the encryption: the manifest does. */
function restoring(versionId: string, restore: Double['restore'], held: string): Promise<Ran> {
  const secrets = {
    send: (command: { input: { SecretId?: string } }) => {
      const login = JSON.stringify({ username: 'shop', password: PASSWORD });
      return Promise.resolve({ SecretString: command.input.SecretId === SECRET ? held : login });
    },
  };
  return run(
    restoreJob({ manifestKey: MANIFEST, versionId }),
    { restore },
    { s3: room.s3, bucket: room.bucket, secrets: secrets },
  );
}

describe('an encrypted backup', () => {
  it('lies in the vault as age, says for whom, and holds nothing that can be read there', async () => {
    const { manifest, ran } = await backedUp();
    expect(ran.status).toBe(0);
    expect(manifest.encryption).toEqual({ format: 'age', recipients: [recipient], identity: SECRET });
    expect(manifest.archive.bytes).toBeGreaterThan(archive.length);
    for (const { key, role, sha256: expected } of manifest.objects) {
      expect(key).toContain('.age');
      const { Body } = await room.direct.send(new GetObjectCommand({ Bucket: room.bucket, Key: key }));
      const stored = Buffer.from(await Body!.transformToByteArray());
      expect(sha256(stored)).toBe(expected);
      expect(stored.includes(role === 'globals' ? Buffer.from('CREATE ROLE') : archive.subarray(0, 64))).toBe(false);
    }
  });

  it('comes back byte by byte with the identity, streamed and from the disk, and its globals too', async () => {
    const { versionId } = await backedUp();
    const read: Buffer[] = [];
    const globals: (string | undefined)[] = [];
    const { status, last, logged } = await restoring(versionId, collect(read, globals), `${identity}\n`);
    expect([status, last.failure?.detail]).toEqual([0, undefined]);
    expect(sha256(Buffer.concat(read))).toBe(sha256(archive));
    expect(globals).toEqual(['CREATE ROLE shop;\n']);
    expect(logged).not.toContain(identity);
    const saved: Saved = {};
    expect((await restoring(versionId, save(saved), identity)).status).toBe(0);
    expect(sha256(saved.bytes!)).toBe(sha256(archive));
  });

  it('stays shut for another identity, which is named by its secret and told nowhere', async () => {
    const { versionId } = await backedUp();
    const stranger = await generateX25519Identity();
    const { status, last, logged } = await restoring(versionId, collect([]), stranger);
    expect(status).not.toBe(0);
    expect(last.failure).toMatchObject({
      code: 'IDENTITY_MISSING',
      detail: expect.stringContaining(SECRET) as string,
    });
    expect(logged + JSON.stringify(last)).not.toContain(stranger);
  });
});
