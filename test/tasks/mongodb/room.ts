/** A server with the engine's bench, for one group of tests. */
import { rm } from 'node:fs/promises';
import type { Document } from 'mongodb';
import { NightjarError } from '../../../core/errors.ts';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import { benchOf, type Bench } from '../../contracts/engine.ts';
import type { Row } from './awkward.ts';
import { startServer, type MongodbServer } from './harness.ts';

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

/** Undefined: nothing goes wrong any more. */
export const failNext = (
  { server }: Room,
  how?: { command: string; code: number; name: string; after?: number },
): Promise<Document> => server.client.db('admin').command({ nightjarFail: how ?? {} });

/** What `hello` says besides, from now on. */
export const sayHello = ({ server }: Room, more: Document): Promise<Document> =>
  server.client.db('admin').command({ nightjarHello: more });

export const failure = async (work: Promise<unknown>): Promise<NightjarError> =>
  work.then(
    (value) => {
      throw new Error(`no error, but ${JSON.stringify(value)}`);
    },
    (thrown: unknown) => {
      if (thrown instanceof NightjarError) return thrown;
      throw thrown;
    },
  );
