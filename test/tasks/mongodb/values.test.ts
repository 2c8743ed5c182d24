/** A lost update leaves every count as it should be: whether a document has the values that the oplog says. */
import { BSON, BSONRegExp, Double, Int32, Long, type Document } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { strayOf } from '../../../tasks/engines/mongodb/values.ts';
import { KINDS, RARE } from './awkward.ts';

const bson = (document: Document): Buffer => Buffer.from(BSON.serialize(document));
const stray = (found: Document, o: Document): string | undefined => strayOf(bson(found), bson(o));

describe('a document and the last entry of it', () => {
  it('are the same where the entry is whole and so is the document', () => {
    for (const one of [...KINDS, ...RARE]) expect(stray(one, one)).toBeUndefined();
    expect(stray({ _id: 1, a: 1, b: { c: 1, d: 2 } }, { _id: 1, b: { d: 2, c: 1 }, a: 1 })).toBeUndefined();
  });

  it.each<[string, Document, Document]>([
    ['a', { _id: 1, a: 1 }, { _id: 1, a: 2 }],
    ['a', { _id: 1 }, { _id: 1, a: 2 }],
    ['b', { _id: 1, a: 2, b: 1 }, { _id: 1, a: 2 }],
    ['a', { _id: 1, a: new Int32(1) }, { _id: 1, a: new Double(1) }],
    ['a', { _id: 1, a: Long.fromInt(1) }, { _id: 1, a: new Int32(1) }],
    ['a', { _id: 1, a: null }, { _id: 1 }],
    ['a', { _id: 1, a: [1, 2] }, { _id: 1, a: [2, 1] }],
    ['a', { _id: 1, a: new BSONRegExp('x', 'i') }, { _id: 1, a: new BSONRegExp('x', 'm') }],
  ])('differ in %s, whole %#', (field, found, o) => {
    expect(stray(found, o)).toBe(field);
  });

  const found = { _id: 1, n: 7, deep: { list: [1, { x: 2 }, null], left: true }, 'a.b': 1 };

  // MongoDB 4.4 and older.
  it.each<[string | undefined, Document]>([
    [undefined, { $v: 1, $set: { n: 7, 'deep.list.1.x': 2, 'deep.left': true }, $unset: { gone: true, 'n.x': true } }],
    [undefined, { $set: { n: 7 } }],
    // Null is what is left of an element.
    [undefined, { $v: 1, $unset: { 'deep.list.2': true } }],
    ['n', { $v: 1, $set: { n: 8 } }],
    ['deep.list.1.x', { $v: 1, $set: { n: 7, 'deep.list.1.x': 3 } }],
    ['deep.list.5', { $v: 1, $set: { 'deep.list.5': 1 } }],
    ['deep.left', { $v: 1, $unset: { 'deep.left': true } }],
    ['deep.list.1', { $v: 1, $unset: { 'deep.list.1': true } }],
  ])('differ in %s by paths, %#', (field, o) => {
    expect(stray(found, o)).toBe(field);
  });

  // MongoDB 5 and newer.
  it.each<[string | undefined, Document]>([
    [undefined, { d: { gone: false }, u: { n: 7 }, i: { 'a.b': 1 }, sdeep: { u: { left: true } } }],
    [undefined, { sdeep: { slist: { a: true, l: 3, s1: { u: { x: 2 } }, u2: null } } }],
    ['n', { u: { n: 8 } }],
    ['fresh', { i: { fresh: 1 } }],
    ['n', { d: { n: false } }],
    ['deep.left', { sdeep: { u: { left: false } } }],
    ['deep.gone', { sdeep: { sgone: { u: { x: 1 } } } }],
    ['deep.list', { sdeep: { slist: { a: true, l: 2 } } }],
    ['deep.list.0', { sdeep: { slist: { a: true, u0: 9 } } }],
    ['deep.list.1.x', { sdeep: { slist: { a: true, s1: { u: { x: 9 } } } } }],
    ['deep', { sdeep: { a: true, u0: 1 } }],
  ])('differ in %s by a diff, %#', (field, diff) => {
    expect(stray(found, { $v: 2, diff })).toBe(field);
  });
});
