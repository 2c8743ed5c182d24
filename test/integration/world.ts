/** The pretend account with the real stacks, a real PostgreSQL, and the few things the tests ask of both. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ListMultipartUploadsCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { BackupRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { idOfExecution } from '../../core/ids.ts';
import { BACKUP_OUTPUTS, backupStackName, VAULT_OUTPUTS, vaultStackName, type Machine } from '../../core/names.ts';
import { fileSystemsOf } from '../../local/account.ts';
import { freePort } from '../../local/free-port.ts';
import { startPostgres, type Postgres } from '../../local/postgres.ts';
import { makeSample } from '../../local/sample.ts';
import { sqlite } from '../../local/sqlite.ts';
import { startStage, type Stage } from '../../local/stage.ts';
import { dynamoCatalog } from '../../stores/dynamodb-catalog.ts';
import { DATABASE_FACTS, IDENTITY, LEDGER, type DatabaseFacts } from './facts.ts';

export interface Ended {
  readonly executionArn: string;
  /** Of the backup or restore that this execution made. */
  readonly id: string;
  readonly status: string;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly output: Record<string, unknown>;
}

export interface World {
  readonly stage: Stage;
  readonly postgres: Postgres;
  /** Another server, which has nothing at first. */
  readonly elsewhere: Postgres;
  readonly catalog: Catalog;
  readonly sfn: SFNClient;
  readonly s3: S3Client;
  readonly vault: string;
  readonly vaultKeyArn: string;
  readonly catalogTable: string;
  /** The file of `ledger` on this machine. */
  readonly ledger: string;
  /** Opens what is encrypted for `ledger`; its secret holds something else at first. */
  readonly identity: string;
  /** Every authorized request so far: a file, one JSON a line. */
  readonly journal: string;
  machine(name: Machine): string;
  start(machine: Machine, input: object, name?: string): Promise<{ executionArn: string; id: string }>;
  end(executionArn: string, seconds?: number): Promise<Ended>;
  run(machine: Machine, input: object): Promise<Ended>;
  /** Keys of current objects below a target, manifests included. */
  objects(target: string): Promise<string[]>;
  openUploads(): Promise<string[]>;
  /** Makes a record name another version of its manifest: no code of ours does that. */
  pointAtManifest(target: string, backupId: string, versionId: string): Promise<void>;
  stop(): Promise<void>;
}

export const until = async <T>(what: string, ask: () => Promise<T | undefined>, seconds = 60): Promise<T> => {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

/** Starts everything; a few minutes on two cores. */
export async function startWorld(): Promise<World> {
  const dir = await mkdtemp(path.join(tmpdir(), 'nightjar-integration-'));
  const postgres = await startPostgres({ major: 17, durable: false });
  const elsewhere = await startPostgres({ major: 17, durable: false });
  try {
    for (const [database, sizeMiB] of [
      ['shop', 24],
      ['small', 8],
    ] as const) {
      await postgres.query(`CREATE DATABASE ${database}`);
      const client = await postgres.connect(database);
      await makeSample(client, { sizeMiB });
      await client.end();
    }
    await postgres.query(`CREATE ROLE meek LOGIN PASSWORD 'meek'`);
    const loginOf = ({ user: username, password }: Postgres) => ({ username, password });
    const login = loginOf(postgres);
    const identity = await generateX25519Identity();
    const facts: DatabaseFacts = {
      host: postgres.host,
      port: postgres.port,
      ca: postgres.caPem,
      elsewhere: { host: elsewhere.host, port: elsewhere.port, ca: elsewhere.caPem },
      closedPort: await freePort(),
      recipient: await identityToRecipient(identity),
    };
    const journal = path.join(dir, 'journal.jsonl');
    const stage = await startStage({
      dir,
      // The pauses between attempts are for a real night.
      account: { waitScale: 0.02, journal },
      env: { [DATABASE_FACTS]: JSON.stringify(facts) },
      nightly: '03:59',
      config: path.join(import.meta.dirname, 'nightjar.config.ts'),
      logins: {
        shop: login,
        small: login,
        everything: login,
        elsewhere: loginOf(elsewhere),
        'wrong-password': { username: postgres.user, password: 'not the password' },
        'no-privilege': { username: 'meek', password: 'meek' },
        [IDENTITY]: { username: 'nobody', password: 'no identity yet' },
      },
    });
    const ledger = await makeLedger(stage);
    return worldOf({ dir, journal, ledger, identity, elsewhere }, stage, postgres);
  } catch (error) {
    await Promise.all([postgres.stop(), elsewhere.stop()]);
    throw error;
  }
}

async function makeLedger(stage: Stage): Promise<string> {
  const { accessPoint, directory } = LEDGER.storage;
  const folder = path.join(fileSystemsOf(stage.account.dir), accessPoint, directory);
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, LEDGER.file);
  await sqlite(
    file,
    `CREATE TABLE entries (id INTEGER PRIMARY KEY, words TEXT);
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO entries SELECT i, 'entry ' || i FROM n;`,
  );
  return file;
}

type Own = Pick<World, 'journal' | 'ledger' | 'identity' | 'elsewhere'> & { readonly dir: string };

function worldOf({ dir, ...own }: Own, stage: Stage, postgres: Postgres): World {
  const { clientConfig } = stage.account;
  const sfn = new SFNClient(clientConfig);
  const s3 = new S3Client(clientConfig);
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(clientConfig), {
    marshallOptions: { removeUndefinedValues: true },
  });
  const { outputs } = stage.facts;
  const vaultOutputs = outputs[vaultStackName('nightjar')]!;
  const backupOutputs = outputs[backupStackName('nightjar')]!;
  const vault = vaultOutputs[VAULT_OUTPUTS.bucket]!;
  const machine = (name: Machine): string => backupOutputs[BACKUP_OUTPUTS[name]]!;

  const start: World['start'] = async (name, input, executionName) => {
    const { executionArn } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn: machine(name), input: JSON.stringify(input), name: executionName }),
    );
    const { startDate } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    return { executionArn: executionArn!, id: idOfExecution(executionArn!, startDate!.toISOString()) };
  };
  const end: World['end'] = (executionArn, seconds = 240) =>
    until(
      `${executionArn} has ended`,
      async () => {
        const one = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        if (one.status === 'RUNNING') return undefined;
        return {
          executionArn,
          id: idOfExecution(executionArn, one.startDate!.toISOString()),
          status: one.status!,
          error: one.error,
          cause: one.cause,
          output: JSON.parse(one.output ?? '{}') as Record<string, unknown>,
        };
      },
      seconds,
    );
  return {
    stage,
    postgres,
    catalog: dynamoCatalog(dynamo, vaultOutputs[VAULT_OUTPUTS.catalog]!),
    sfn,
    s3,
    vault,
    vaultKeyArn: vaultOutputs[VAULT_OUTPUTS.key]!,
    catalogTable: vaultOutputs[VAULT_OUTPUTS.catalog]!,
    ...own,
    machine,
    start,
    end,
    run: async (name, input) => end((await start(name, input)).executionArn),
    objects: async (target) => {
      const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: vault, Prefix: `${target}/` }));
      return Versions.map((one) => one.Key!);
    },
    openUploads: async () => {
      const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: vault }));
      return Uploads.map((one) => one.Key!);
    },
    pointAtManifest: async (target, backupId, versionId) => {
      await dynamo.send(
        new UpdateCommand({
          TableName: vaultOutputs[VAULT_OUTPUTS.catalog]!,
          Key: { pk: `TARGET#${target}`, sk: `BACKUP#${backupId}` },
          UpdateExpression: 'SET manifestVersionId = :version',
          ExpressionAttributeValues: { ':version': versionId },
        }),
      );
    },
    stop: async () => {
      sfn.destroy();
      s3.destroy();
      dynamo.destroy();
      await stage.stop();
      await Promise.all([postgres.stop(), own.elsewhere.stop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** @throws Error with the execution's own words when it did not succeed. */
export function succeeded(ended: Ended): Ended {
  if (ended.status === 'SUCCEEDED') return ended;
  throw new Error(`${ended.executionArn} is ${ended.status}: ${ended.error ?? ''} ${ended.cause ?? ''}`);
}

/** The record once it is no longer RUNNING. */
export const closed = (world: World, target: string, id: string): Promise<BackupRecord> =>
  until(`the record ${id} of ${target} is closed`, async () => {
    const record = await world.catalog.getBackup(target, id);
    return record && record.status !== 'RUNNING' ? record : undefined;
  });

/** The account's log, for a test that wonders. */
export const accountLog = (world: World): Promise<string> => readFile(world.stage.facts.logs.account, 'utf8');
