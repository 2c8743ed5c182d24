/** The stand-in with the exchange's bucket and keys, for the engine's tests. */
import { createHash, randomBytes } from 'node:crypto';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDumpTarget, type TargetOf } from '../../../core/config.ts';
import { ENGINES } from '../../../core/engines.ts';
import { tableName } from '../../../core/scope.ts';
import { startAccount } from '../../../local/account.ts';
import { SESSION_ENV } from '../../../tasks/engines/duckdb/session.ts';
import { makeMyduck } from '../../../tasks/engines/myduck.ts';
import type { Key, KeyCalls } from '../../../tasks/engines/myduck/keys.ts';
import type { EngineHarness, EngineServer, Rows } from '../../contracts/engine-bench.ts';
import { AWKWARD, DAMAGE, STRUCTURE } from '../duckdb/awkward.ts';
import { startStandIn, type StandIn } from './stand-in.ts';

export const [BUCKET, USER] = ['shop-exchange', 'nightjar-exchange'];
const ENDPOINT = 's3.eu-west-1.amazonaws.com';
const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** IAM as the engine sees it: a key is refused a few times before it is taken, by turns. */
export interface Keys extends KeyCalls {
  readonly made: Key[];
  readonly alive: Map<string, Key & { readonly createdAt: Date }>;
  /** How often a new key is still refused. */
  refusals: number;
}

export function fakeKeys(): Keys {
  const alive: Keys['alive'] = new Map();
  const made: Key[] = [];
  let refused = 0;
  return {
    made,
    alive,
    refusals: 2,
    create() {
      if (alive.size >= 2) return Promise.reject(new Error('LimitExceeded'));
      const key = {
        id: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
        secret: randomBytes(20).toString('base64'),
      };
      refused = 0;
      made.push(key);
      alive.set(key.id, { ...key, createdAt: new Date() });
      return Promise.resolve(key);
    },
    list: () => Promise.resolve([...alive.values()].map(({ id, createdAt }) => ({ id, createdAt }))),
    remove(_, id) {
      alive.delete(id);
      return Promise.resolve();
    },
    works({ id }) {
      refused += 1;
      return Promise.resolve(alive.has(id) && refused > this.refusals);
    },
  };
}

export const targetAt = (
  port: number,
  database: string,
  fields: Readonly<Record<string, unknown>> = {},
): TargetOf<'myduck'> =>
  parseDumpTarget({
    name: 'shop',
    engine: 'myduck',
    host: '127.0.0.1',
    port,
    database,
    secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
    tls: { verify: 'off' },
    exchange: { bucket: BUCKET, user: USER, endpoint: ENDPOINT },
    ...fields,
  });

export interface MyduckServer extends EngineServer<'myduck'> {
  readonly standIn: StandIn;
  readonly keys: Keys;
  readonly s3: S3Client;
  /** Names of the objects in the exchange. */
  exchanged(): Promise<string[]>;
}

export async function startServer(keys: Keys): Promise<MyduckServer> {
  const account = await startAccount();
  const s3 = new S3Client(account.clientConfig);
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const standIn = await startStandIn({
    s3({ id, secret }) {
      if (keys.alive.get(id)?.secret !== secret) throw new Error('InvalidAccessKeyId');
      return s3;
    },
  });
  const silent = await mkdtemp(join(tmpdir(), 'nightjar-silent-'));
  await writeFile(join(silent, 'zstd'), '#!/bin/sh\nexit 0\n');
  await chmod(join(silent, 'zstd'), 0o755);
  await writeFile(join(silent, 'session.mjs'), 'process.exit(0);\n');
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', AWS_REGION: 'eu-west-1' };
  const server: MyduckServer = {
    standIn,
    keys,
    s3,
    env,
    silentTools: { ...env, PATH: `${silent}:${env.PATH}`, [SESSION_ENV]: join(silent, 'session.mjs') },
    login: { username: 'nightjar', password: standIn.password },
    target: (database, fields) => targetAt(standIn.port, database, fields),
    awkwardName: 'shop_1-b',
    lone: 'main.big',
    queries: {
      all: ['SELECT 1 = 1', 'SELECT 1 = 0', 'SELECT 1 = 1 FROM no_such_table', 'SELECT 1'],
      failing: 'no_such_table',
    },
    large: {
      async make(database, bytes) {
        const file = join(silent, 'large');
        await writeFile(file, bytes);
        await standIn.create(database);
        await standIn.run(database, `CREATE TABLE large AS SELECT content AS b FROM read_blob('${file}')`);
      },
      async read(database) {
        const [row] = await standIn.run(database, 'SELECT hex(b) AS b FROM large');
        return Buffer.from(row!.b as string, 'hex');
      },
    },
    swapEndsSessions: false,
    async seed(database) {
      await standIn.create(database);
      for (const statement of AWKWARD) await standIn.run(database, statement);
      // A sequence says another last value once its file was opened again.
      await standIn.restart();
    },
    rowsOf: (database) => rowsOf(standIn, database),
    async damage(database) {
      for (const statement of DAMAGE) await standIn.run(database, statement);
    },
    databases: () => standIn.databases(),
    dropDatabase: (database) => standIn.drop(database),
    busySession: () => Promise.resolve({ wasEnded: () => Promise.resolve(false) }),
    async exchanged() {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }));
      return Contents.map((one) => one.Key!);
    },
    async stop() {
      await standIn.stop();
      await account.stop();
      await rm(silent, { recursive: true });
    },
  };
  return server;
}

export function harness(): Omit<EngineHarness<'myduck'>, 'start'> & { start(): Promise<MyduckServer> } {
  const keys = fakeKeys();
  return {
    title: `${ENGINES.myduck.label} (stand-in)`,
    engine: makeMyduck(() => ({ keys, pauseMs: 1 })),
    start: () => startServer(keys),
  };
}

const short = (line: string): string => (line.length > 300 ? createHash('md5').update(line).digest('hex') : line);

async function rowsOf(standIn: StandIn, database: string): Promise<Rows> {
  const of = (sql: string): Promise<Record<string, unknown>[]> => standIn.run(database, sql);
  const found: Record<string, string[]> = {};
  const tables = (await of(
    'SELECT schema_name AS "schema", table_name AS "table" FROM duckdb_tables() WHERE database_name = current_database()',
  )) as { schema: string; table: string }[];
  for (const one of tables) {
    const rows = await of(`SELECT * FROM ${ident(one.schema)}.${ident(one.table)}`);
    found[tableName(one)] = rows.map((row) => short(JSON.stringify(row))).sort();
  }
  for (const [key, query] of Object.entries(STRUCTURE)) {
    const own = `${query} ${query.includes('WHERE') ? 'AND' : 'WHERE'} database_name = current_database()`;
    found[`(${key})`] = (await of(own)).map((row) => short(String(Object.values(row)[0]))).sort();
  }
  return found;
}
