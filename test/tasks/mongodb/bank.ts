/** A bank whose collections only make sense together, and what happens in it while it is dumped. */
import { Double } from 'mongodb';
import type { Row } from './awkward.ts';
import { transact, type Room } from './room.ts';

/** Each more than a pipe holds, so that the writing begins between two of them, whichever is read first. */
export const BIG = ['big0', 'big1', 'big2', 'big3'];

export async function bank(here: Room): Promise<void> {
  const db = here.server.client.db('bank');
  const text = 'x'.repeat(15_000);
  for (const name of BIG) {
    await db.collection<Row>(name).insertOne({ _id: 'account', n: 0 });
    await db.collection<Row>(name).insertMany(Array.from({ length: 100 }, (_, i) => ({ _id: i, text })));
  }
  await db.collection<Row>('ledger').insertOne({ _id: 0 });
  await db.collection('ledger').createIndex({ when: 1 }, { name: 'by when' });
  // A value that wanders from one document to another: copied in between, it is there twice.
  await db.collection<Row>('mail').insertMany([{ _id: 'a', address: 'x' }, { _id: 'b' }]);
  await db.collection('mail').createIndex({ address: 1 }, { name: 'unique', unique: true, sparse: true });
  await db.collection<Row>('dropped').insertOne({ _id: 1 });
  await here.server.client.db('shop').collection<Row>('orders').insertOne({ _id: 1, n: 0 });
}

/** One booking in several collections and two databases at once. */
export const book = (here: Room, n: number): Promise<unknown> =>
  transact(here, [
    ...BIG.map((name) => ({ op: 'u', ns: `bank.${name}`, o: { $v: 1, $set: { n } }, o2: { _id: 'account' } })),
    { op: 'i', ns: 'bank.ledger', o: { _id: n, when: new Date(n) } },
    { op: 'u', ns: 'shop.orders', o: { _id: 1, n }, o2: { _id: 1 } },
  ]);

export async function writeAll(here: Room): Promise<void> {
  const db = here.server.client.db('bank');
  for (let n = 1; n <= 20; n += 1) await book(here, n);
  await db.collection<Row>('big3').updateOne({ _id: 'account' as never }, { $inc: { n: 7 }, $unset: { gone: 1 } });
  for (const name of BIG) await db.collection<Row>(name).deleteMany({ _id: { $gte: 90 } as never });
  await db.collection<Row>('big1').updateOne({ _id: 3 as never }, { $set: { text: 'short' } });
  // To a server that looks for it the same id, but another one.
  await db.collection<Row>('big2').deleteOne({ _id: 5 as never });
  await db.collection<Row>('big2').insertOne({ _id: new Double(5), again: true });
  await db.collection<Row>('mail').updateOne({ _id: 'a' as never }, { $unset: { address: 1 } });
  await db.collection<Row>('mail').updateOne({ _id: 'b' as never }, { $set: { address: 'x' } });
  await db.collection<Row>('late 😀').insertMany([{ _id: 1, '10': 1, '9': 2 }, { _id: 2 }]);
  await db.collection('late 😀').createIndex({ '9': 1 }, { name: 'late' });
  await db.collection('ledger').dropIndex('by when');
  await db.collection('dropped').drop();
}
