/** Keys as IAM makes them and S3 takes them: rights on the exchange's prefix only, gone afterwards whatever happened. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  ListAccessKeysCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startAccount, type Account } from '../../../local/account.ts';
import type { TargetOf } from '../../../core/config.ts';
import { makeMyduck } from '../../../tasks/engines/myduck.ts';
import { awsKeys, type KeyCalls } from '../../../tasks/engines/myduck/keys.ts';
import { listeningReporter, memorySource } from '../../contracts/doubles.ts';
import { benchOf, type Bench, type EngineServer } from '../../contracts/engine-bench.ts';
import { blocksOf, typed } from '../../support/by-hand.ts';
import { BUCKET, targetAt, USER } from './harness.ts';
import { startStandIn, type StandIn } from './stand-in.ts';

const HOURS = 3_600_000;

let account: Account;
let standIn: StandIn;
let iam: IAMClient;
let admin: S3Client;
let bench: Bench<'myduck'>;
/** Replaced by tests that break one call. */
let keys: KeyCalls;
let real: KeyCalls;

const inIam = async (): Promise<string[]> =>
  ((await iam.send(new ListAccessKeysCommand({ UserName: USER }))).AccessKeyMetadata ?? []).map(
    (one) => one.AccessKeyId!,
  );
const target = (database: string): TargetOf<'myduck'> => targetAt(standIn.port, database);

beforeAll(async () => {
  account = await startAccount();
  iam = new IAMClient(account.clientConfig);
  admin = new S3Client(account.clientConfig);
  await admin.send(new CreateBucketCommand({ Bucket: BUCKET }));
  await makeUser();
  real = awsKeys(account.clientConfig);
  // The server has nothing but the key that came with the statement.
  standIn = await startStandIn({
    s3: ({ id, secret }) =>
      new S3Client({ ...account.clientConfig, credentials: { accessKeyId: id, secretAccessKey: secret } }),
  });
  const server = {
    target,
    login: { username: 'nightjar', password: standIn.password },
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', AWS_REGION: 'eu-west-1' },
    s3: admin,
  } as unknown as EngineServer<'myduck'>;
  bench = await benchOf({
    title: '',
    engine: makeMyduck(() => ({ keys, pauseMs: 1 })),
    start: () => Promise.resolve(server),
  });
  await standIn.create('shop');
  await standIn.run('shop', 'CREATE TABLE t AS SELECT i FROM range(100) r(i)');
});
afterAll(async () => {
  await standIn.stop();
  await account.stop();
  await rm(bench.scratch, { recursive: true, force: true });
});
beforeEach(() => {
  keys = real;
  standIn.asked.length = 0;
});

/** The user and its rights, as the page's own lines make them. */
async function makeUser(): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'nightjar-user-'));
  const heading = 'The exchange and its keys';
  const [[policy], [lines]] = await Promise.all([
    blocksOf('myduck.md', heading, 'json'),
    blocksOf('myduck.md', heading),
  ]);
  try {
    await writeFile(join(home, 'exchange.json'), policy!);
    const { stdout } = await typed(lines!, { vault: home, cwd: home, doubles: { aws: '#!/bin/sh\necho "$@"\n' } });
    for (const line of stdout.trim().split('\n')) {
      const option = (name: string): string => new RegExp(`--${name} (\\S+)`).exec(line)![1]!;
      const UserName = option('user-name');
      if (line.startsWith('iam create-user ')) await iam.send(new CreateUserCommand({ UserName }));
      else if (line.startsWith('iam put-user-policy ')) {
        const PolicyDocument = await readFile(join(home, option('policy-document').replace('file://', '')), 'utf8');
        await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: option('policy-name'), PolicyDocument }));
      } else throw new Error(`aws ${line}: not known here`);
    }
  } finally {
    await rm(home, { recursive: true });
  }
}

/** Ids and secrets that went over the wire. */
const shown = (): string[] =>
  standIn.asked.flatMap((sql) =>
    [...sql.matchAll(/(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY) = '([^']+)'/g)].map(([, one]) => one!),
  );

it('a backup and its restore go with a key of their own each, which is nowhere afterwards and was said to nobody', async () => {
  const report = listeningReporter();
  const { manifest, backup } = await bench.dump('shop', { report });
  expect(await inIam()).toEqual([]);
  const outcome = await bench.restore(bench.restoreJob('again', 'new'), memorySource(manifest, backup), {
    report,
    target: target('shop'),
  });
  expect(outcome.comparison).toMatchObject({ equal: true, rowsFound: 100 });
  expect(await inIam()).toEqual([]);
  const words = shown();
  expect(new Set(words).size).toBe(4);
  for (const one of words) expect(JSON.stringify([manifest, report, outcome])).not.toContain(one);
  expect((await admin.send(new ListObjectsV2Command({ Bucket: BUCKET }))).Contents ?? []).toEqual([]);
});

it('a key is of use for the exchange’s prefix only, and of none when it was deleted', async () => {
  const key = await real.create(USER);
  expect(await real.works(key, BUCKET, 'nightjar/probe')).toBe(true);
  expect(await real.works(key, BUCKET, 'other/probe')).toBe(false);
  await real.remove(USER, key.id);
  expect(await real.works(key, BUCKET, 'nightjar/probe')).toBe(false);
});

it('is deleted when the backup failed, in the code that the failure deserves, with no key in its words', async () => {
  Object.assign(standIn.mood, { uploadFails: true, blabs: true });
  const error = (await bench.dump('shop').catch((thrown: unknown) => thrown)) as Error & { code: string };
  Object.assign(standIn.mood, { uploadFails: false, blabs: false });
  await standIn.restart();
  expect(error.code).toBe('SERVER_READ_ONLY');
  expect(await inIam()).toEqual([]);
  const words = shown();
  expect(words).toHaveLength(2);
  for (const one of words) expect(JSON.stringify([error, error.stack, error.message])).not.toContain(one);
});

it('that a task which died left is found and deleted by a backup of the next night; a young one is somebody’s', async () => {
  const dead = (await iam.send(new CreateAccessKeyCommand({ UserName: USER }))).AccessKey!.AccessKeyId!;
  await bench.dump('shop');
  expect(await inIam()).toEqual([dead]);
  keys = {
    ...real,
    list: async (user) =>
      (await real.list(user)).map(({ id, createdAt }) => ({
        id,
        createdAt: new Date(createdAt.getTime() - 21 * HOURS),
      })),
  };
  await bench.dump('shop');
  expect(await inIam()).toEqual([]);
});
