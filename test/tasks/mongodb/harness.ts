/** A server that speaks MongoDB's wire for the engine's tests. */
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BSON, type Db, type Document, type MongoClient } from 'mongodb';
import { parseDumpTarget, type TargetOf } from '../../../core/config.ts';
import { ENGINES } from '../../../core/engines.ts';
import { MONGO_TOOLS, outsideMongodb, startMongodb, type Mongodb } from '../../../local/mongodb.ts';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import { OURS, SERVERS_OWN } from '../../../tasks/engines/mongodb/names.ts';
import type { Login } from '../../../tasks/engine.ts';
import type { EngineHarness, EngineServer, Rows } from '../../contracts/engine-bench.ts';
import { fillAwkward, type Row } from './awkward.ts';

export interface MongodbServer extends EngineServer<'mongodb'> {
  readonly login: Login;
  readonly mongodb: Mongodb;
  readonly client: MongoClient;
}

type Fields = Partial<TargetOf<'mongodb'>>;

/** A replica set of somebody’s, for what the stand-in can only play. */
export const OUTSIDE = process.env.NIGHTJAR_MONGODB_URI;

export const PATH = `${join(MONGO_TOOLS, 'bin')}:${process.env.PATH ?? '/usr/bin:/bin'}`;

export function targetAt(server: Mongodb, database: string, fields: Fields = {}): TargetOf<'mongodb'> {
  return parseDumpTarget({
    name: 'shop',
    engine: 'mongodb',
    host: server.host,
    port: server.port,
    database,
    secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
    tls: server.caPem === '' ? { verify: 'off', ca: 'rds' } : { verify: 'full', ca: server.caPem },
    fingerprint: 'checksums',
    ...fields,
  });
}

/** Tools that those of the image are replaced by. Returns a directory for the front of PATH. */
export async function fakeTools(scripts: Readonly<Record<string, string>>): Promise<string> {
  const bin = await mkdtemp(join(tmpdir(), 'nightjar-mongo-fakes-'));
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(bin, name), `#!/bin/sh\nREAL=${join(MONGO_TOOLS, 'bin', name)}\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  }
  return bin;
}

export async function startServer(
  fields: Fields = {},
  options: NonNullable<Parameters<typeof startMongodb>[0]> = {},
): Promise<MongodbServer> {
  const server = OUTSIDE && options.replicaSet ? outsideMongodb(OUTSIDE) : await startMongodb(options);
  const client = await server.connect();
  const silent = await fakeTools({ mongodump: 'exit 0', mongorestore: 'exit 0' });
  const databases = async (): Promise<string[]> => {
    const { databases: found } = (await client.db('admin').command({ listDatabases: 1 })) as {
      databases: { name: string }[];
    };
    return found.map((one) => one.name).filter((name) => !SERVERS_OWN.includes(name));
  };
  return {
    mongodb: server,
    client,
    login: { username: server.user, password: server.password },
    env: { PATH },
    silentTools: { PATH: `${silent}:${PATH}` },
    target: (database, more) => targetAt(server, database, { ...fields, ...more }),
    awkwardName: "Shop-é_😀'(1)&*[x]",
    lone: 'big',
    parts: {
      apart: 'tree',
      empty: async (database, table) => void (await client.db(database).collection(table).deleteMany({})),
    },
    large: {
      // In a collection each: the stand-in answers with all that it has, more than a message may hold.
      async make(database, bytes) {
        for (let at = 0; at < bytes.length; at += LARGEST)
          await client
            .db(database)
            .collection(`large${at}`)
            .insertOne({ bytes: bytes.subarray(at, at + LARGEST) });
      },
      async read(database) {
        const parts: Uint8Array[] = [];
        for (let at = 0, part; (part = await client.db(database).collection(`large${at}`).findOne()); at += LARGEST)
          parts.push((part.bytes as BSON.Binary).buffer);
        return Buffer.concat(parts);
      },
    },
    queries: {
      all: [
        count(3, { $eq: ['$n', 3] }),
        count(4, { $eq: ['$n', 4] }),
        JSON.stringify({ aggregate: 'orders', pipeline: [{ $noSuchStage: {} }] }),
        count(0, '$n'),
      ],
      failing: 'noSuchStage',
    },
    swapEndsSessions: false,
    seed: (database) => fillAwkward(client.db(database)),
    rowsOf: (database) => rowsOf(client.db(database)),
    async damage(database) {
      const db = client.db(database);
      await db.collection<Row>('select').deleteMany({ _id: { $gt: 50 } as never });
      await db.collection('tree').updateMany({}, { $set: { up: null } });
      await db.collection<Row>('big').insertOne({ _id: -1 });
      await db
        .collection('orders')
        .dropIndex('by who')
        .catch(() => undefined);
      await db.collection('log').drop();
      await db.collection('dear orders').drop();
      await db.createCollection('later', { viewOn: 'tree', pipeline: [] });
      await db.collection<Row>('made since').insertOne({ _id: 1 });
    },
    databases,
    dropDatabase: async (database) => void (await client.db(database).dropDatabase()),
    async busySession(database) {
      const other = await server.connect();
      const cursor = other.db(database).collection('big').find({}, { batchSize: 2 });
      await cursor.next();
      return {
        async wasEnded() {
          const ended = await other
            .db(database)
            .command({ ping: 1 })
            .then(
              () => false,
              () => true,
            );
          await other.close();
          return ended;
        },
      };
    },
    async stop() {
      await client.close();
      await server.stop();
    },
  };
}

/** A document holds 16 MiB with its names. */
const LARGEST = 16 * 1024 ** 2 - 1024;

const count = (_id: number, ok: unknown): string =>
  JSON.stringify({ aggregate: 'orders', pipeline: [{ $count: 'n' }, { $project: { _id: 0, ok } }] });

export const harness: EngineHarness<'mongodb'> = {
  title: `${ENGINES.mongodb.label} (mongo-java-server)`,
  engine: mongodb,
  start: () => startServer(),
};

/** Documents and structure; long ones as their hash. */
export async function rowsOf(db: Db): Promise<Rows> {
  const found: Record<string, string[]> = {};
  const structure: string[] = [];
  const all = ((await db.listCollections().toArray()) as Document[]).filter((one) => !OURS.includes(String(one.name)));
  for (const one of all) {
    const name = String(one.name);
    structure.push(
      BSON.EJSON.stringify({ name, type: one.type as string, options: one.options as Document }, { relaxed: false }),
    );
    if (one.type === 'view') continue;
    const rows: string[] = [];
    for await (const document of db.collection(name).find({}, { raw: true }))
      rows.push(short(document as unknown as Buffer));
    found[name] = rows.sort();
    const indexes = (await db.collection(name).listIndexes().toArray()) as Document[];
    // mongorestore tells an index's options in any order; that of its key's fields counts.
    for (const index of indexes) structure.push(`${name} ${BSON.EJSON.stringify(sorted(index), { relaxed: false })}`);
  }
  found['(structure)'] = structure.sort();
  return found;
}

const sorted = (document: Document): Document =>
  Object.fromEntries(Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1)));

const short = (document: Buffer): string =>
  document.length > 300 ? createHash('sha256').update(document).digest('hex') : document.toString('base64');
