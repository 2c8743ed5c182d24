/** Entries of the oplog, as servers of several versions write them: what they do, and what becomes of them in another database. */
import { rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { BSON, Binary, Long, Timestamp, UUID, type Document } from 'mongodb';
import { afterAll, describe, expect, it } from 'vitest';
import { OplogJudge } from '../../../tasks/engines/mongodb/oplog-judge.ts';
import { movedEntry, operationsOf } from '../../../tasks/engines/mongodb/oplog.ts';
import { OplogSlice } from '../../../tasks/engines/mongodb/slice.ts';

const bson = (document: Document): Buffer => Buffer.from(BSON.serialize(document));
const read = (bytes: Buffer | undefined): Document | undefined => bytes && BSON.deserialize(bytes);
const head = { ts: new Timestamp({ t: 1_700_000_000, i: 1 }), t: Long.fromInt(1), v: Long.fromInt(2) };
const insert = (ns: string, o: Document): Document => ({ op: 'i', ns, ui: new UUID(), o, ...head });
const command = (db: string, o: Document): Document => ({ op: 'c', ns: `${db}.$cmd`, ui: new UUID(), o, ...head });
const move = (entry: Document, wants: (name: string) => boolean = () => true): Document | undefined =>
  read(movedEntry(bson(entry), { from: 'shop', to: 'copy', wants: (one) => wants(one.collection) }));
const session = { lsid: { id: new Binary(Buffer.alloc(16, 1), 4) }, txnNumber: Long.fromInt(3) };
const judged = (...entries: Document[]): OplogJudge => {
  const judge = new OplogJudge();
  for (const one of entries) judge.add(bson(one));
  return judge;
};

describe('an entry of the oplog', () => {
  it('says what it does, also within a transaction', () => {
    expect(operationsOf(bson(insert('shop.a.b', { x: 1, _id: 7 })))).toEqual([
      { op: 'i', db: 'shop', collection: 'a.b', id: bson({ _id: 7 }), o: bson({ x: 1, _id: 7 }) },
    ]);
    const o = { $v: 2, diff: { u: { n: 1 } } };
    expect(operationsOf(bson({ op: 'u', ns: 'shop.a', o, o2: { _id: 'k' } }))).toEqual([
      { op: 'u', db: 'shop', collection: 'a', id: bson({ _id: 'k' }), o: bson(o) },
    ]);
    expect(operationsOf(bson({ op: 'n', ns: '', o: { msg: 'periodic noop' } }))).toEqual([]);
    expect(operationsOf(bson(command('shop', { create: 'new one', capped: true })))).toMatchObject([
      { db: 'shop', collection: 'new one', command: 'create', told: ['create', 'capped'] },
    ]);
    const both = command('admin', { applyOps: [insert('shop.a', { _id: 1 }), insert('bank.b', { _id: 2 })] });
    expect(operationsOf(bson(both)).map((one) => `${one.db}.${one.collection}`)).toEqual(['shop.a', 'bank.b']);
  });

  it('says when the server wrote it; of several the last one counts', () => {
    const later = { ...insert('shop.a', { _id: 2 }), ts: new Timestamp({ t: 4_000_000_000, i: 7 }) };
    expect(judged(insert('shop.a', { _id: 1 }), later).last).toEqual(new Date(4_000_000_000_000));
    expect(judged(later, { op: 'n', ns: '', o: {} }).last).toEqual(new Date(4_000_000_000_000));
    expect(judged().last).toBeUndefined();
  });

  it('is moved with its namespace, without its UUID, and else byte by byte', () => {
    // A field named by a number would change its place in an object of JavaScript’s.
    const fields = Buffer.concat([
      Buffer.from([0x10]),
      Buffer.from('b\0\x01\0\0\0'),
      Buffer.from([0x10]),
      Buffer.from('10\0\x02\0\0\0'),
      Buffer.from([0x10]),
      Buffer.from('2\0\x03\0\0\0\0'),
    ]);
    const size = Buffer.alloc(4);
    size.writeInt32LE(fields.length + 4);
    const awkward = Buffer.concat([size, fields]);
    const entry = BSON.serialize({ op: 'i', ns: 'shop.ö 😀.a', ui: new UUID(), ...head });
    const whole = Buffer.concat([
      entry.subarray(4, -1),
      Buffer.from([0x03]),
      Buffer.from('o\0'),
      awkward,
      Buffer.alloc(1),
    ]);
    const length = Buffer.alloc(4);
    length.writeInt32LE(whole.length + 4);
    const moved = movedEntry(Buffer.concat([length, whole]), { from: 'shop', to: 'copy_nj_1', wants: () => true })!;
    expect(moved.includes(awkward)).toBe(true);
    expect(read(moved)).toMatchObject({ op: 'i', ns: 'copy_nj_1.ö 😀.a', ts: head.ts });
    expect(read(moved)).not.toHaveProperty('ui');
  });

  it('is left out where it is another database’s or of a collection that is not wanted', () => {
    expect(move(insert('bank.a', { _id: 1 }))).toBeUndefined();
    expect(move(insert('shopping.a', { _id: 1 }))).toBeUndefined();
    expect(move(insert('shop.a', { _id: 1 }), (name) => name === 'b')).toBeUndefined();
    expect(move(command('bank', { drop: 'a' }))).toBeUndefined();
    expect(move(command('shop', { drop: 'a' }))).toMatchObject({ ns: 'copy.$cmd', o: { drop: 'a' } });
    const both = command('admin', { applyOps: [insert('shop.a', { _id: 1 }), insert('bank.b', { _id: 2 })] });
    expect(move(both)).toMatchObject({ ns: 'admin.$cmd', o: { applyOps: [{ ns: 'copy.a', o: { _id: 1 } }] } });
    expect(JSON.stringify(move(both)!.o)).not.toContain('"ui"');
    expect(move(command('admin', { applyOps: [insert('bank.b', { _id: 2 })] }))).toBeUndefined();
  });

  it('of a large transaction stays, so that its end is known', () => {
    const part = { ...command('admin', { applyOps: [insert('bank.b', { _id: 2 })], partialTxn: true }), ...session };
    expect(move(part)).toMatchObject({ o: { applyOps: [], partialTxn: true }, txnNumber: 3 });
  });
});

describe('what an oplog is good for', () => {
  it('is one moment where every entry can be played', () => {
    const judge = judged(
      { op: 'n', ns: '', o: { msg: 'periodic noop' } },
      insert('shop.a', { _id: 1 }),
      insert('config.system.sessions', { _id: 1 }),
      command('shop', { createIndexes: 'a', v: 2, key: { n: 1 }, name: 'n' }),
      command('shop', { commitIndexBuild: 'a', indexes: [] }),
      command('shop', { collMod: 'a', validator: {} }),
      command('shop', { drop: 'a' }),
      { ...command('admin', { applyOps: [insert('bank.b', { _id: 2 })], partialTxn: true }), ...session },
      { ...command('admin', { applyOps: [insert('bank.b', { _id: 3 })], count: Long.fromInt(2) }), ...session },
    );
    expect([...judge.problems]).toEqual([]);
    expect(Object.fromEntries(judge.done)).toEqual({ shop: 5, bank: 2 });
  });

  it.each<[string, Document]>([
    ['a view was made', insert('shop.system.views', { _id: 'shop.v', viewOn: 'a', pipeline: [] })],
    ['a view was made', command('shop', { collMod: 'v', viewOn: 'a', pipeline: [] })],
    ['the time series shop.t was written to', insert('shop.system.buckets.t', { _id: 1 })],
    ['the time series shop.t was made', command('shop', { create: 't', timeseries: { timeField: 'at' } })],
    ['a command renameCollection', command('shop', { renameCollection: 'shop.a', to: 'shop.b' })],
    ['a command convertToCapped', command('shop', { convertToCapped: 'a', size: 1 })],
    ['was dropped', command('shop', { dropDatabase: 1 })],
    ['entries of the kind xi', { op: 'xi', ns: 'shop.a', o: { _id: 1 } }],
    ['over several shards', { ...command('admin', { applyOps: [], prepare: true }), ...session }],
    ['over several shards', { ...command('admin', { commitTransaction: 1 }), ...session }],
    [
      'whose beginning is not in it',
      { ...command('admin', { applyOps: [insert('shop.a', { _id: 1 })], count: Long.fromInt(9) }), ...session },
    ],
  ])('is not where %s', (problem, entry) => {
    expect([...judged(entry).problems].join()).toContain(problem);
  });
});

describe('the oplog kept for one database', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'nightjar-slice-'));
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  it('foretells what must be there: the last word of each document, and of transactions those that ended', () => {
    const file = join(scratch, 'oplog.bson');
    const slice = new OplogSlice({ file, from: 'shop', to: 'copy', wants: (name) => name !== 'ours' });
    const ended = { ...session, txnNumber: Long.fromInt(4) };
    for (const one of [
      insert('shop.a', { _id: 1 }),
      insert('shop.a', { _id: 2 }),
      { op: 'u', ns: 'shop.a', o: { $v: 1, $set: { n: 3 } }, o2: { _id: 2 } },
      { op: 'd', ns: 'shop.a', o: { _id: 1 } },
      insert('shop.ours', { _id: 1 }),
      insert('shop.gone', { _id: 1 }),
      command('shop', { drop: 'gone' }),
      insert('shop.gone', { _id: 2 }),
      { ...command('admin', { applyOps: [insert('shop.t', { _id: 1 })], partialTxn: true }), ...session },
      { ...command('admin', { applyOps: [insert('shop.t', { _id: 5 })], partialTxn: true }), ...ended },
      { ...command('admin', { applyOps: [insert('shop.t', { _id: 6 })], count: Long.fromInt(2) }), ...ended },
    ])
      slice.add(bson(one));
    slice.close();
    const told = Object.fromEntries(
      [...slice.fates].map(([name, { dropped, ids }]) => [
        name,
        [dropped, [...ids.values()].map((one) => [read(one.id)!._id as unknown, one.isThere])],
      ]),
    );
    expect(told).toEqual({
      a: [
        false,
        [
          [1, false],
          [2, true],
        ],
      ],
      gone: [true, [[2, true]]],
      t: [
        false,
        [
          [5, true],
          [6, true],
        ],
      ],
    });
    // Where the file has what was written last.
    const last = (name: string): Document[] =>
      [...slice.fates.get(name)!.ids.values()]
        .filter((one) => one.isThere)
        .map(({ at, length }) => read(readFileSync(file).subarray(at, at + length))!);
    expect(last('a')).toEqual([{ $v: 1, $set: { n: 3 } }]);
    expect(last('t')).toEqual([{ _id: 5 }, { _id: 6 }]);
    expect([...slice.redefined]).toEqual(['gone']);
    expect(readFileSync(file)).toHaveLength(slice.bytes);
    expect(readFileSync(file).includes('shop')).toBe(false);
  });
});
