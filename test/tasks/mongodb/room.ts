/** A server with the engine's bench, for one group of tests. */
import { rm } from 'node:fs/promises';
import type { Document } from 'mongodb';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import { benchOf, type Bench } from '../../contracts/engine-bench.ts';
import type { Row } from './awkward.ts';
import { OUTSIDE, startServer, type MongodbServer } from './harness.ts';

export interface Room {
  readonly server: MongodbServer;
  readonly bench: Bench<'mongodb'>;
}

export async function room(...given: Parameters<typeof startServer>): Promise<Room> {
  const server = await startServer(...given);
  const bench = await benchOf({ title: '', engine: mongodb, start: async () => Promise.resolve(server) });
  return { server, bench };
}
export const leave = async ({ server, bench }: Room): Promise<void> => {
  await server.stop();
  await rm(bench.scratch, { recursive: true, force: true });
};

/** Some collections, a view and an index; `megabytes` of documents that hardly compress. */
export async function shop({ server }: Room, database: string, megabytes = 0): Promise<void> {
  const db = server.client.db(database);
  await db.collection<Row>('customers').insertMany(Array.from({ length: 500 }, (_, i) => ({ _id: i, name: `c${i}` })));
  await db.collection<Row>('orders').insertMany(Array.from({ length: 300 }, (_, i) => ({ _id: i, customer: i })));
  await db.collection('orders').createIndex({ customer: 1 }, { name: 'by customer' });
  await db.createCollection('first orders', { viewOn: 'orders', pipeline: [{ $match: { _id: { $lt: 10 } } }] });
  const noise = (i: number): string => {
    let text = '';
    for (let at = 0, state = i + 1; at < 1_024; at += 8) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      text += state.toString(16).padStart(8, '0');
    }
    return text;
  };
  for (let done = 0; done < megabytes; done += 1)
    await db
      .collection<Row>('filling')
      .insertMany(Array.from({ length: 1_024 }, (_, i) => ({ _id: done * 1_024 + i, noise: noise(done * 1_024 + i) })));
}

/** All of it at once, as entries of the oplog name it; in `pieces`: logged as a transaction that one entry can not hold. */
export async function transact({ server }: Room, operations: Document[], pieces?: number): Promise<unknown> {
  if (OUTSIDE) {
    const session = server.client.startSession();
    try {
      return await session.withTransaction(async () => {
        for (const { op, ns, o, o2 } of operations as { op: string; ns: string; o: Document; o2: Document }[]) {
          const [db, ...rest] = ns.split('.');
          const collection = server.client.db(db).collection<Row>(rest.join('.'));
          if (op === 'i') await collection.insertOne(o as Row, { session });
          else if ('$v' in o) await collection.updateOne(o2, { $set: o.$set as Document }, { session });
          else await collection.replaceOne(o2, o, { session });
        }
      });
    } finally {
      await session.endSession();
    }
  }
  const admin = server.client.db('admin');
  return admin.command(pieces === undefined ? { applyOps: operations } : { nightjarTransaction: operations, pieces });
}

/** Undefined: nothing goes wrong any more. `swallowed`: called done once, and left undone. */
export const failNext = (
  { server }: Room,
  how?: { command: string; after?: number } & ({ code: number; name: string } | { swallowed: true }),
): Promise<Document> => server.client.db('admin').command({ nightjarFail: how ?? {} });
