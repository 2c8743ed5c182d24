/** The archive's reader is what says that a backup can be restored: it must take nothing that is not whole. */
import { BSON } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { ArchiveDamaged, TERMINATOR, type CollectionEntry } from '../../../tasks/engines/mongodb/archive-format.ts';
import { ArchiveReader } from '../../../tasks/engines/mongodb/archive.ts';
import { KINDS, RARE } from './awkward.ts';
import { Crc64 } from '../../../tasks/engines/mongodb/crc64.ts';
import { StreamPrint } from '../../../tasks/engines/mongodb/fingerprint.ts';
import { ArchiveRewriter, hollowBlock, preludeOf } from '../../../tasks/engines/mongodb/rewrite.ts';

const bson = (document: BSON.Document): Buffer => Buffer.from(BSON.serialize(document));
const crcOf = (bytes: Buffer): bigint => {
  const crc = new Crc64();
  crc.update(bytes);
  return crc.value;
};
const entry = (db: string, collection: string, type = 'collection'): CollectionEntry => ({
  db,
  collection,
  metadata: '{}',
  size: 0,
  type,
});
const HEADER = bson({ concurrent_collections: 4, version: '0.1', server_version: '7.0.1', tool_version: '100.9.5' });

const block = (place: object, documents: Buffer): Buffer =>
  Buffer.concat([bson({ ...place, EOF: false, CRC: BSON.Long.fromInt(0) }), documents, TERMINATOR]);
const end = (place: object, crc: bigint): Buffer =>
  Buffer.concat([bson({ ...place, EOF: true, CRC: BSON.Long.fromBigInt(crc) }), TERMINATOR]);

const A = { db: 'shop', collection: 'a' };
const B = { db: 'bank', collection: 'b' };
const OPLOG = { db: '', collection: 'oplog' };
const rows = [1, 2, 3].map((_id) => bson({ _id, text: 'x'.repeat(_id * 10) }));
const other = [bson({ _id: 'b' })];
const first = Buffer.concat(rows);
const entries = [entry('shop', 'a'), entry('bank', 'b'), entry('shop', 'empty'), entry('shop', 'v', 'view')];
/** Blocks of two collections in turn, an empty one, and a view. */
const ARCHIVE = Buffer.concat([
  preludeOf(HEADER, entries),
  block(A, rows[0]!),
  block(B, other[0]!),
  block(A, Buffer.concat(rows.slice(1))),
  end(A, crcOf(first)),
  end(B, crcOf(other[0]!)),
  hollowBlock({ db: 'shop', collection: 'empty' }),
  hollowBlock({ db: 'shop', collection: 'v' }),
]);

function read(archive: Buffer, size: number): StreamPrint {
  const print = new StreamPrint('checksums');
  const reader = new ArchiveReader({
    prelude: () => undefined,
    block: (place) => print.block(place),
    document: print.document!,
    body: (bytes, documents) => print.body(bytes, documents),
    blockEnd: () => undefined,
    end: (place) => print.end(place),
  });
  for (let at = 0; at < archive.length; at += size) reader.feed(Buffer.from(archive.subarray(at, at + size)));
  reader.finish();
  return print;
}

describe('the reader of archives', () => {
  it('knows the checksum that Go writes', () => {
    // Of "123456789", the catalogue's check value of CRC-64/XZ.
    expect(BigInt.asUintN(64, crcOf(Buffer.from('123456789')))).toBe(0x995dc9bbdf1939fan);
  });

  it('counts the same documents however the stream is cut', () => {
    const prints = read(ARCHIVE, ARCHIVE.length).prints([A, B], true);
    expect(prints).toMatchObject([
      { database: 'shop', table: 'a', rows: 3 },
      { database: 'bank', table: 'b', rows: 1 },
    ]);
    for (const size of [1, 2, 3, 5, 7, 64, 101])
      expect(read(ARCHIVE, size).prints([A, B], true), String(size)).toEqual(prints);
  });

  it('knows how large the documents are where they are largest', () => {
    const small = Math.ceil(first.length / rows.length);
    expect(small).not.toBe(other[0]!.length);
    for (const size of [1, 7, 101, ARCHIVE.length]) {
      expect(read(ARCHIVE, size).documentBytes(['bank'])).toBe(other[0]!.length);
      expect(read(ARCHIVE, size).documentBytes(['bank', 'shop'])).toBe(small);
    }
    expect(read(ARCHIVE, 64).documentBytes(['elsewhere'])).toBe(0);
  });

  it('takes no archive that ends early, wherever that is', () => {
    for (let length = 0; length < ARCHIVE.length; length += 1)
      expect(() => read(ARCHIVE.subarray(0, length), 64), String(length)).toThrow(ArchiveDamaged);
  });

  it('takes no archive with a byte changed in a document', () => {
    const at = ARCHIVE.indexOf(rows[0]!);
    for (let byte = at; byte < at + rows[0]!.length; byte += 1) {
      const flipped = Buffer.from(ARCHIVE);
      flipped[byte]! ^= 0x10;
      expect(() => read(flipped, 64), String(byte - at)).toThrow(ArchiveDamaged);
    }
  });

  it('takes no archive that lacks a collection it names, or has one it does not', () => {
    const short = Buffer.concat([preludeOf(HEADER, entries), block(A, first), end(A, crcOf(first))]);
    expect(() => read(short, 64)).toThrow(/before all documents of bank\.b, shop\.empty, shop\.v/);
    const more = Buffer.concat([preludeOf(HEADER, [entry('bank', 'b')]), block(A, first)]);
    expect(() => read(more, 64)).toThrow(/which its beginning does not name/);
    expect(() => read(Buffer.from('not an archive at all'), 64)).toThrow(/does not begin as an archive/);
  });
});

describe('an archive on its way to mongorestore', () => {
  const rewritten = (
    archive: Buffer,
    size: number,
    how: { hollow?: boolean; only?: string } = {},
  ): { out: Buffer; seen: number } => {
    let seen = 0;
    const rewriter = new ArchiveRewriter({
      to: 'copy',
      hollow: how.hollow ?? false,
      from: 'shop',
      wants: (one) => how.only === undefined || one.collection === how.only,
      prelude: () => undefined,
      passing: {
        wants: (place) => place.collection === 'oplog',
        block: () => undefined,
        document: (_b, _f, _t, ends) => void (seen += ends ? 1 : 0),
      },
    });
    const out: Buffer[] = [];
    for (let at = 0; at < archive.length; at += size)
      for (const piece of rewriter.feed(Buffer.from(archive.subarray(at, at + size)))) out.push(Buffer.from(piece));
    rewriter.finish();
    return { out: Buffer.concat(out), seen };
  };
  const copy = { db: 'copy', collection: 'a' };

  it('names one database only, the one that it goes into', () => {
    for (const size of [1, 7, 64, 4_096]) {
      const { out } = rewritten(ARCHIVE, size);
      expect(out.includes('shop'), String(size)).toBe(false);
      expect(out.includes('bank'), String(size)).toBe(false);
      expect(read(out, 64).prints([copy], false)).toMatchObject([{ table: 'a', rows: 3 }]);
    }
  });

  it('passes every type of BSON on byte by byte, and a document of 16 MiB', () => {
    const all = [...KINDS, ...RARE].map((one) => bson(one));
    expect(Math.max(...all.map((one) => one.length))).toBe(16 * 1024 * 1024);
    const body = Buffer.concat(all);
    const archive = Buffer.concat([preludeOf(HEADER, [entry('shop', 'a')]), block(A, body), end(A, crcOf(body))]);
    const { out } = rewritten(archive, 65_536);
    expect(out.includes(body)).toBe(true);
    expect(read(out, 65_536).rowsOf(copy)).toBe(all.length);
    // One bit of any of them is noticed.
    archive[archive.length - 100 - body.length / 2]! ^= 1;
    expect(() => rewritten(archive, 65_536)).toThrow(ArchiveDamaged);
  });

  it('holds what was asked for, or no document at all', () => {
    const { out: one } = rewritten(ARCHIVE, 64, { only: 'empty' });
    expect(read(one, 64).rowsOf(copy)).toBe(0);
    expect(one.includes('xxx')).toBe(false);
    const { out: hollow } = rewritten(ARCHIVE, 64, { hollow: true });
    expect(read(hollow, 64).rowsOf(copy)).toBe(0);
    expect(hollow.length).toBeGreaterThan(one.length);
  });

  it('lets the oplog by unbrought, and shows it', () => {
    const entries2 = [entry('shop', 'a'), { ...entry('', 'oplog', ''), metadata: '' }];
    const ops = Buffer.concat([bson({ op: 'i', ns: 'shop.a' }), bson({ op: 'n', ns: '' })]);
    const archive = Buffer.concat([
      preludeOf(HEADER, entries2),
      block(A, first),
      end(A, crcOf(first)),
      block(OPLOG, ops),
      end(OPLOG, crcOf(ops)),
    ]);
    const { out, seen } = rewritten(archive, 10);
    expect(seen).toBe(2);
    expect(out.includes('oplog')).toBe(false);
  });
});
