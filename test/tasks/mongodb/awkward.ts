/** A database with everything that has ever been lost between a dump and a restore. */
import {
  BSONRegExp,
  BSONSymbol,
  Binary,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  type Db,
  type Document,
} from 'mongodb';

/** Anything, with a key of any kind. */
export interface Row extends Document {
  _id: unknown;
}

const noise = (bytes: number, seed: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  let state = seed;
  for (let at = 0; at + 4 <= bytes; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    buffer.writeUInt32LE(state, at);
  }
  return buffer;
};

/** Every scalar type that the server of the tests takes, and what is odd in each. */
export const KINDS: readonly Row[] = [
  { _id: 'double', v: new Double(1.5) },
  { _id: 'double whole', v: new Double(3) },
  { _id: 'infinite', v: new Double(-Infinity) },
  { _id: 'nan', v: new Double(NaN) },
  { _id: 'int', v: new Int32(-2_147_483_648) },
  { _id: 'long', v: Long.MAX_VALUE },
  { _id: 'long small', v: Long.fromInt(1) },
  { _id: 'decimal', v: Decimal128.fromString('-1234567890123456789012345.6789000') },
  { _id: 'text', v: 'tab\t nl\n nul-free \\ \' " é 😀' },
  { _id: 'empty text', v: '' },
  { _id: 'null', v: null },
  { _id: 'absent' },
  { _id: 'true', v: true },
  { _id: 'date', v: new Date('2020-02-29T12:34:56.789Z') },
  { _id: 'old date', v: new Date('0001-01-01T00:00:00Z') },
  { _id: 'objectId', v: new ObjectId('507f1f77bcf86cd799439011') },
  { _id: 'binary', v: new Binary(Buffer.from([0, 255, 92, 10])) },
  { _id: 'uuid', v: new Binary(Buffer.alloc(16, 7), 4) },
  { _id: 'old uuid', v: new Binary(Buffer.alloc(16, 3), 3) },
  { _id: 'empty binary', v: new Binary(Buffer.alloc(0)) },
  { _id: 'decimal nan', v: Decimal128.fromString('NaN') },
  { _id: 'decimal infinite', v: Decimal128.fromString('-Infinity') },
  { _id: 'decimal scale', v: Decimal128.fromString('0E-6176') },
  { _id: 'minus zero', v: new Double(-0) },
  { _id: 'reference', v: new DBRef('orders', new ObjectId('507f1f77bcf86cd799439011'), 'shop') },
  { _id: 'regex options', v: new BSONRegExp('^é', 'imsx') },
  { _id: 'empty', v: {}, w: [] },
  { _id: 'regex', v: /^a.*"b"$/i },
  { _id: 'code', v: new Code('function () { return 1; }') },
  { _id: 'timestamp', v: new Timestamp({ t: 1_700_000_000, i: 3 }) },
  { _id: 'min', v: new MinKey() },
  { _id: 'max', v: new MaxKey() },
  { _id: 'array', v: [1, [2, [null, 'x']], {}] },
  { _id: 'nested', v: { b: 1, a: { c: { d: [{ e: 1 }] } }, 'with space': 1 } },
  { _id: new Int32(7), v: 'number as key' },
  { _id: { a: 1, b: 'x' }, v: 'document as key' },
];

/** What the stand-in can not keep. */
export const RARE: readonly Row[] = [
  ...[1, 2, 5, 6, 7, 8, 128, 255].map((subtype) => ({
    _id: `binary ${subtype}`,
    v: new Binary(Buffer.alloc(16, 3), subtype),
  })),
  { _id: 'code with scope', v: new Code('function () { return x; }', { x: 1 }) },
  { _id: 'symbol', v: new BSONSymbol('s') },
  // With its name, its key and their types it is a document of 16 MiB.
  { _id: 1, v: new Binary(noise(16 * 1024 * 1024 - 22, 2)) },
];

export async function fillAwkward(db: Db): Promise<void> {
  // Names.
  await db
    .collection<Row>('select')
    .insertMany(Array.from({ length: 100 }, (_, i) => ({ _id: i, from: `v${i}`, '😀': i })));
  await db.collection<Row>('dots.and spaces').insertMany([{ _id: 1 }, { _id: 2, a: null }]);
  await db.collection<Row>('дата "q" 😀').insertOne({ _id: 'x', on: new Date(0) });
  await db.collection<Row>('per%cent&*star').insertOne({ _id: 1, text: '*' });
  await db.createCollection('empty');
  await db.collection<Row>('wide').insertMany(
    Array.from({ length: 10 }, (_, i) => ({
      _id: i,
      ...Object.fromEntries(Array.from({ length: 800 }, (_none, c) => [`c${c}`, i * c])),
    })),
  );

  // Types.
  await db.collection<Row>('kinds').insertMany([...KINDS]);
  await db
    .collection<Row>('big')
    .insertMany([
      { _id: 1, body: new Binary(noise(15 * 1024 * 1024, 1)) },
      ...Array.from({ length: 2_000 }, (_, i) => ({ _id: 10 + i, text: `t${i}`.repeat(50) })),
    ]);
  await db
    .collection<Row>('tree')
    .insertMany(Array.from({ length: 30 }, (_, i) => ({ _id: i, up: i === 0 ? null : i - 1 })));

  // Options and indexes.
  await db.createCollection('log', { capped: true, size: 65_536, max: 1_000 });
  await db.collection<Row>('log').insertMany(Array.from({ length: 50 }, (_, i) => ({ _id: i, line: `l${i}` })));
  await db.createCollection('checked', {
    validator: { $jsonSchema: { required: ['n'], properties: { n: { bsonType: 'int', minimum: 0 } } } },
    validationLevel: 'moderate',
    validationAction: 'warn',
    collation: { locale: 'fr', strength: 2 },
  });
  await db.collection<Row>('checked').insertOne({ _id: 1, n: new Int32(1) });
  const orders = db.collection<Row>('orders');
  await orders.insertMany([1, 2, 3].map((i) => ({ _id: i, n: i, who: { name: `n${i}` }, at: new Date(i) })));
  await orders.createIndexes([
    { key: { 'who.name': 1, n: -1 }, name: 'by who' },
    { key: { n: 1 }, name: 'n_unique', unique: true, sparse: true },
    { key: { at: 1 }, name: 'ttl', expireAfterSeconds: 1_000_000_000 },
    { key: { n: 1, at: 1 }, name: 'partial', partialFilterExpression: { n: { $gt: 1 } } },
  ]);
  await db.createCollection('dear orders', {
    viewOn: 'orders',
    pipeline: [{ $match: { n: { $gt: 1 } } }, { $project: { who: 1 } }],
  });
}
