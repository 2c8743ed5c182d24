/** Encryption before the upload, on the deployed stacks: sealed by a night, opened by a restore, and by nobody without the identity. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import {
  DeleteSecretCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { Decrypter } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpManifest, parseManifest } from '../../core/backup.ts';
import { sqlite } from '../../local/sqlite.ts';
import { IDENTITY } from './facts.ts';
import { succeeded, type World } from './world.ts';

export function sealed(get: () => World): void {
  describe('a target with encryption', () => {
    let world: World;
    let secrets: SecretsManagerClient;
    beforeAll(() => {
      world = get();
      secrets = new SecretsManagerClient(world.stage.account.clientConfig);
    });
    afterAll(() => secrets.destroy());

    const SecretId = `${IDENTITY}-database`;
    const hold = (SecretString: string) => secrets.send(new PutSecretValueCommand({ SecretId, SecretString }));
    const entries = async (): Promise<string> =>
      (await sqlite(world.ledger, "SELECT count(*), sum(words = 'entry ' || id) FROM entries;", ['-readonly'])).trim();
    const bytesOf = async (Key: string): Promise<Buffer> => {
      const { Body } = await world.s3.send(new GetObjectCommand({ Bucket: world.vault, Key }));
      return Buffer.from(await Body!.transformToByteArray());
    };
    /** The level of what doctor would say of the identity. */
    const identityLevel = async (): Promise<string> => {
      const { id } = succeeded(await world.run('probe', { target: 'ledger', of: 'identity' }));
      const outcome = (await world.catalog.getProgress(id))?.outcome;
      expect(JSON.stringify(outcome)).not.toContain(world.identity);
      return outcome?.kind === 'probe' ? outcome.findings.map((one) => one.level).join() : 'nothing';
    };

    it('is sealed by the night, whose task has no use for the identity: only a file of age is in the vault', async () => {
      const record = (await world.catalog.newestGood('ledger'))!;
      expect(record).toMatchObject({ status: 'COMPLETED', consistency: 'transaction', rows: 2_000 });
      const manifest = dumpManifest(
        parseManifest((await bytesOf(record.manifestKey!)).toString(), record.manifestKey!),
      );
      expect(manifest.encryption?.identity).toContain(IDENTITY);
      const stored = await bytesOf(manifest.objects[0]!.key);
      expect(manifest.objects[0]!.key).toMatch(/archive\.db\.zst\.age$/);
      expect(stored.subarray(0, 21).toString()).toBe('age-encryption.org/v1');
      const tool = new Decrypter();
      tool.addIdentity(world.identity);
      const magic = Buffer.from(await tool.decrypt(stored)).subarray(0, 4);
      expect(magic.toString('hex'), 'zstd’s').toBe('28b52ffd');
    });

    it.each([
      ['holds no identity', 'no identity here', 'is no age identity'],
      ['was deleted', undefined, 'is not there'],
    ])('whose secret %s can not be restored: nothing is changed, and it is said why', async (_, value, why) => {
      if (value === undefined) await secrets.send(new DeleteSecretCommand({ SecretId, RecoveryWindowInDays: 7 }));
      else await hold(value);
      await sqlite(world.ledger, 'UPDATE entries SET words = NULL WHERE id % 2 = 0;');
      const folder = path.dirname(world.ledger);
      const before = [await readFile(world.ledger, 'hex'), await readdir(folder)];
      expect(await identityLevel()).toBe('bad');
      const ended = await world.run('restore', { target: 'ledger', at: 'latest', mode: 'swap' });
      expect(ended).toMatchObject({ status: 'FAILED', error: 'IDENTITY_MISSING' });
      expect(ended.cause).toContain('The old data serves under ledger.db');
      const { failure } = (await world.catalog.getRestore(ended.id))!;
      expect(failure?.detail).toContain(why);
      expect(failure?.detail).toContain(IDENTITY);
      expect(failure?.hint).toContain('Nothing was touched');
      expect(JSON.stringify(failure)).not.toContain('no identity here');
      expect([await readFile(world.ledger, 'hex'), await readdir(folder)]).toEqual(before);
    });

    it('comes back once the secret holds the identity again', async () => {
      await secrets.send(new RestoreSecretCommand({ SecretId }));
      await hold(`${world.identity}\n`);
      expect(await identityLevel()).toBe('ok');
      expect(await entries()).toBe('2000|1000');
      succeeded(await world.run('restore', { target: 'ledger', at: 'latest', mode: 'swap' }));
      expect(await entries()).toBe('2000|2000');
    });
  });
}
