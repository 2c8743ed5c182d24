/** The servers that every engine's rounds share, and the environments of those who use them. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TASK_ENV } from '../core/environment.ts';
import type { Catalog } from '../core/catalog.ts';
import type { DumpEngine } from '../core/engines.ts';
import { REGION, startAccount, type Account } from '../local/account.ts';
import { buildTask } from '../local/build-task.ts';
import { IMAGE_ENV } from '../local/paths.ts';
import { makeSecrets, type Login } from '../local/secrets.ts';
import type { LocalServer } from '../local/serving.ts';
import { documentClient } from '../stores/clients.ts';
import { dynamoCatalog } from '../stores/dynamodb-catalog.ts';
import type { Environment } from './measure.ts';
import { startMinio, type Minio } from './minio.ts';
import { awsProgram, minioProgram } from './tools.ts';

const TABLE = 'bench-catalog';

export interface Ground {
  readonly minio: Minio;
  readonly catalog: Catalog;
  /** May be written to; goes at the end. */
  readonly dir: string;
  /** Command of the task. */
  readonly task: readonly string[];
  /** What ECS, Fargate and the image give a task, but for the job. */
  readonly taskEnv: Environment;
  /** What a person gives the rivals: credentials, and the tools of every engine on the PATH. */
  readonly rivalEnv: Environment;
  /** ARN of a new secret. */
  secret(name: string, login: Login): Promise<string>;
  /** Called at the end, the last one first. */
  onStop(stop: () => Promise<void>): void;
  stop(): Promise<void>;
}

/** Starts everything; whatever fails, nothing is left running. */
export async function makeGround(say: (text: string) => void): Promise<Ground> {
  const stops: (() => Promise<void>)[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopped ??= (async () => {
      for (const one of stops.reverse()) await one();
    })());
  // A stop from outside: 128 + the signal's number, as a shell says it.
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(name, () => {
      say('stopping the servers');
      void stop().finally(() => process.exit(code));
    });
  try {
    const [minioPath, awsPath] = [await minioProgram(say), await awsProgram(say)];
    const bundle = await buildTask();
    say('starting MinIO and the pretend account');
    const account = await startAccount();
    stops.push(() => account.stop());
    const minio = await startMinio(minioPath, account.clientConfig.credentials);
    stops.push(() => minio.stop());

    const caFile = join(account.dir, 'bench-ca.pem');
    await writeFile(caFile, [await readFile(account.env.NODE_EXTRA_CA_CERTS!, 'utf8'), minio.caPem].join('\n'));
    const catalog = await makeCatalog(account);
    const aws = {
      AWS_ENDPOINT_URL: account.endpoint,
      AWS_ENDPOINT_URL_S3: minio.endpoint,
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_ACCESS_KEY_ID: account.clientConfig.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.clientConfig.credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    return {
      minio,
      catalog,
      dir: account.dir,
      task: [process.execPath, bundle],
      taskEnv: {
        ...aws,
        ...IMAGE_ENV,
        HOME: account.dir,
        NODE_EXTRA_CA_CERTS: caFile,
        NODE_ENV: 'production',
        // As tasks/Dockerfile has them.
        NODE_OPTIONS: '--max-semi-space-size=1',
        MALLOC_MMAP_THRESHOLD_: '131072',
        [TASK_ENV.scratch]: account.dir,
        [TASK_ENV.catalog]: TABLE,
        [TASK_ENV.vault]: minio.bucket,
      },
      rivalEnv: {
        ...aws,
        PATH: [dirname(awsPath), IMAGE_ENV.PATH].join(':'),
        HOME: account.dir,
        AWS_CA_BUNDLE: caFile,
      },
      secret: async (name, login) => (await makeSecrets(account, { [name]: login }))[name]!,
      onStop: (one) => void stops.push(one),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Only the keys of the vault stack's table that a task's progress needs. */
async function makeCatalog(account: Account): Promise<Catalog> {
  const client = new DynamoDBClient(account.clientConfig);
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map((one) => ({ AttributeName: one, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  return dynamoCatalog(documentClient(client), TABLE);
}

/** The fields of a target on a server of `local/`, as a config has them; its login becomes a secret of the account. */
export async function serverTarget<E extends DumpEngine>(
  ground: Ground,
  name: string,
  engine: E,
  server: LocalServer,
  database: string,
) {
  return {
    name,
    engine,
    host: server.host,
    port: server.port,
    database,
    secret: await ground.secret(name, { username: server.user, password: server.password }),
    tls: { verify: 'full', ca: server.caPem },
  } as const;
}
