/**
 * Whether a document has the values that an entry of the oplog says. An entry holds what was reached, not how, in one of three
 * forms: a whole document; `$v: 1` with `$set` and `$unset` of paths; `$v: 2` with a diff. Source: mongo, src/mongo/db/update,
 * document_diff_serialization.h and update_oplog_entry_serialization.h.
 */
import { isDeepStrictEqual } from 'node:util';
import { BSON } from 'mongodb';
import { ARRAY, DOCUMENT, documentOf, element, elementsOf, type Element } from './bson-bytes.ts';

const NULL = 0x0a;
const INT32 = 0x10;
/** Of sections of a diff: deleted, updated and inserted fields. What else there is, is a field's own diff. */
const [DELETED, UPDATED, INSERTED, NESTED] = ['d', 'u', 'i', 's'] as const;

/** `o`: of an `i` or a `u`. Returns the first field that is not as it says; undefined when all are. */
export function strayOf(document: Buffer, o: Buffer): string | undefined {
  const told = elementsOf(o);
  const whole: Element = { type: DOCUMENT, name: '', value: document, whole: document };
  if (!told.some((one) => one.name.startsWith('$'))) return strayOfWhole(document, told, o);
  const diff = told.find((one) => one.name === 'diff');
  if (diff) return strayOfDiff(whole, elementsOf(diff.value), '');
  for (const { name, value } of told)
    if (name === '$set' || name === '$unset')
      for (const one of elementsOf(value))
        if (name === '$set' ? !isSame(at(whole, one.name), one) : !isGone(whole, one.name)) return one.name;
  return undefined;
}

function strayOfWhole(document: Buffer, told: readonly Element[], o: Buffer): string | undefined {
  if (document.equals(o)) return undefined;
  const fields = fieldsOf(document);
  for (const one of told) {
    if (!isSame(fields.get(one.name), one)) return one.name;
    fields.delete(one.name);
  }
  return [...fields.keys()][0];
}

function strayOfDiff(found: Element | undefined, diff: readonly Element[], path: string): string | undefined {
  const isArray = diff.some((one) => one.name === 'a');
  if (found?.type !== (isArray ? ARRAY : DOCUMENT)) return path;
  const fields = fieldsOf(found.value);
  const named = (name: string): string => (path === '' ? name : `${path}.${name}`);
  for (const one of diff) {
    const field = one.name.slice(1);
    if (one.name.startsWith(NESTED)) {
      const stray = strayOfDiff(fields.get(field), elementsOf(one.value), named(field));
      if (stray !== undefined) return stray;
    } else if (isArray) {
      if (one.name === 'l' && one.type === INT32 && fields.size !== one.value.readInt32LE(0)) return path;
      if (one.name.startsWith(UPDATED) && !isSame(fields.get(field), one)) return named(field);
    } else if (one.name === DELETED) {
      const still = elementsOf(one.value).find(({ name }) => fields.has(name));
      if (still) return named(still.name);
    } else if (one.name === UPDATED || one.name === INSERTED) {
      const other = elementsOf(one.value).find((its) => !isSame(fields.get(its.name), its));
      if (other) return named(other.name);
    }
  }
  return undefined;
}

const fieldsOf = (document: Buffer): Map<string, Element> =>
  new Map(elementsOf(document).map((one) => [one.name, one]));

const isNest = (one: Element | undefined): one is Element => one?.type === DOCUMENT || one?.type === ARRAY;

/** What a path leads to; in an array by its place. */
function at(whole: Element, path: string): Element | undefined {
  let found: Element | undefined = whole;
  for (const name of path.split('.'))
    found = isNest(found) ? elementsOf(found.value).find((one) => one.name === name) : undefined;
  return found;
}

/** Of an array nothing is taken out so: null is left. */
function isGone(whole: Element, path: string): boolean {
  const found = at(whole, path);
  if (!found) return true;
  const above = path.includes('.') ? at(whole, path.slice(0, path.lastIndexOf('.'))) : whole;
  return above?.type === ARRAY && found.type === NULL;
}

/** Byte by byte; where that fails, as values: tools and servers may order a pattern's options or the fields of a document anew. */
function isSame(found: Element | undefined, told: Element): boolean {
  if (found?.type !== told.type) return false;
  return found.value.equals(told.value) || isDeepStrictEqual(valueOf(found), valueOf(told));
}

const valueOf = ({ type, value }: Element): unknown =>
  BSON.deserialize(documentOf([element(type, 'value', value)]), {
    promoteValues: false,
    bsonRegExp: true,
    validation: { utf8: false },
  }).value;
