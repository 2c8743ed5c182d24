/** The servers that every round shares, and the environments of those who use them. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TASK_ENV } from '../core/environment.ts';
import { dumpTargetSchema, type DumpTarget } from '../core/config.ts';
import type { Catalog } from '../core/catalog.ts';
import { REGION, startAccount, type Account } from '../local/account.ts';
import { buildTask } from '../local/build-task.ts';
import { POSTGRES_ROOT, TOOLS } from '../local/paths.ts';
import { startPostgres, type Postgres } from '../local/postgres.ts';
import { makeSecrets } from '../local/secrets.ts';
import { documentClient } from '../stores/clients.ts';
import { dynamoCatalog } from '../stores/dynamodb-catalog.ts';
import { makeDatabase, type Database } from './data.ts';
import type { Environment } from './measure.ts';
import { startMinio, type Minio } from './minio.ts';
import { awsProgram, minioProgram } from './tools.ts';

const MAJOR = 18;
const TABLE = 'bench-catalog';

export interface World {
  readonly postgres: Postgres;
  readonly minio: Minio;
  readonly catalog: Catalog;
  readonly database: Database;
  /** As a config names it, with these of its fields changed. */
  target(changes?: Partial<DumpTarget>): DumpTarget;
  /** Command of the task. */
  readonly task: readonly string[];
  /** What ECS, Fargate and the image give a task, but for the job. */
  readonly taskEnv: Environment;
  /** What a person gives the rivals: credentials, login, and their tools on the PATH. */
  readonly rivalEnv: Environment;
  stop(): Promise<void>;
}

export interface WorldOptions {
  readonly sizeMiB: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

/** Starts everything; whatever fails, nothing is left running. */
export async function makeWorld({ sizeMiB, seed, say }: WorldOptions): Promise<World> {
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
    say('starting PostgreSQL, MinIO and the pretend account');
    const postgres = await startPostgres({
      major: MAJOR,
      // Kept, because its rows take longer to make than to measure.
      dir: join(dirname(TOOLS), 'bench', `postgres-${MAJOR}`),
      settings: { shared_buffers: '512MB', max_wal_size: '4GB', maintenance_work_mem: '256MB', autovacuum: 'off' },
    });
    stops.push(() => postgres.stop({ keep: true }));
    const account = await startAccount();
    stops.push(() => account.stop());
    const minio = await startMinio(minioPath, account.clientConfig.credentials);
    stops.push(() => minio.stop());

    const caFile = join(account.dir, 'bench-ca.pem');
    await writeFile(caFile, [await readFile(account.env.NODE_EXTRA_CA_CERTS!, 'utf8'), minio.caPem].join('\n'));
    const serverCa = join(account.dir, 'bench-server-ca.pem');
    await writeFile(serverCa, postgres.caPem);
    const login = {
      PGHOST: postgres.host,
      PGPORT: String(postgres.port),
      PGUSER: postgres.user,
      PGPASSWORD: postgres.password,
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: serverCa,
    };
    const database = await makeDatabase(postgres, login, { sizeMiB, seed, say });
    const catalog = await makeCatalog(account);
    const secrets = await makeSecrets(account, {
      bench: { username: postgres.user, password: postgres.password },
    });
    const aws = {
      AWS_ENDPOINT_URL: account.endpoint,
      AWS_ENDPOINT_URL_S3: minio.endpoint,
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_ACCESS_KEY_ID: account.clientConfig.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.clientConfig.credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    const path = [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'];
    return {
      postgres,
      minio,
      catalog,
      database,
      target: (changes = {}) =>
        dumpTargetSchema.parse({
          name: 'bench',
          engine: 'postgres',
          host: postgres.host,
          port: postgres.port,
          database: database.name,
          secret: secrets.bench,
          tls: { verify: 'full', ca: postgres.caPem },
          ...changes,
        }),
      task: [process.execPath, bundle],
      taskEnv: {
        ...aws,
        PATH: path.join(':'),
        HOME: account.dir,
        NODE_EXTRA_CA_CERTS: caFile,
        NODE_ENV: 'production',
        [TASK_ENV.postgresRoot]: POSTGRES_ROOT,
        [TASK_ENV.scratch]: account.dir,
        [TASK_ENV.catalog]: TABLE,
        [TASK_ENV.vault]: minio.bucket,
      },
      rivalEnv: {
        ...aws,
        ...login,
        PATH: [dirname(awsPath), join(POSTGRES_ROOT, String(MAJOR), 'bin'), ...path].join(':'),
        HOME: account.dir,
        AWS_CA_BUNDLE: caFile,
      },
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
