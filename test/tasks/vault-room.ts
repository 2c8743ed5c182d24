/** The set-up that tests of the task's S3 side share. */
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startAccount, type Account } from '../../local/account.ts';
import { VAULT_CLIENT } from '../../tasks/vault-calls.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { makeVault } from './support.ts';

export interface VaultRoom {
  /** To the emulator itself. */
  readonly direct: S3Client;
  /** Through the proxy, as the task is given it. */
  readonly s3: S3Client;
  readonly proxy: FaultProxy;
  /** A new one for each test. */
  readonly bucket: string;
}

/** For a test file: an S3 of its own behind a proxy that can fail, and an empty vault before each test. */
export function useVault(): VaultRoom {
  let account: Account;
  let vaults = 0;
  const room = {} as { -readonly [Key in keyof VaultRoom]: VaultRoom[Key] };
  beforeAll(async () => {
    account = await startAccount();
    room.direct = new S3Client(account.clientConfig);
    const { ca } = account.clientConfig.requestHandler.httpsAgent.options;
    room.proxy = await startFaultProxy(account.endpoint, ca as string);
    room.s3 = new S3Client({
      ...account.clientConfig,
      ...VAULT_CLIENT,
      endpoint: room.proxy.endpoint,
      requestHandler: {},
    });
  });
  afterAll(async () => {
    room.s3.destroy();
    room.direct.destroy();
    await room.proxy.stop();
    await account.stop();
  });
  beforeEach(async () => {
    room.proxy.asked.length = 0;
    room.proxy.fault = () => undefined;
    room.bucket = await makeVault(room.direct, `vault-${(vaults += 1)}`);
  });
  return room;
}
