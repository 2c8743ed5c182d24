/** Keys as IAM makes them and S3 takes them: rights on the exchange's prefix only, gone afterwards whatever happened. */
import { rm } from 'node:fs/promises';
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
import { benchOf, type Bench, type EngineServer } from '../../contracts/engine.ts';
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
  await iam.send(new CreateUserCommand({ UserName: USER }));
  // As docs/engines/myduck.md says.
  const statement = {
    Effect: 'Allow',
    Action: ['s3:PutObject', 's3:GetObject', 's3:AbortMultipartUpload'],
    Resource: `arn:aws:s3:::${BUCKET}/nightjar/*`,
  };
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await iam.send(new PutUserPolicyCommand({ UserName: USER, PolicyName: 'exchange', PolicyDocument }));
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
