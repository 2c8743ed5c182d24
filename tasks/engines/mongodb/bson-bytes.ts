/** BSON as bytes: what is only moved is never understood and written anew, which would put fields named `1` and `2` in another order. */
import { BSON } from 'mongodb';

export const [TEXT, DOCUMENT, ARRAY, BOOLEAN, TIMESTAMP] = [0x02, 0x03, 0x04, 0x08, 0x11];

export interface Element {
  readonly type: number;
  readonly name: string;
  readonly value: Buffer;
  /** With its type and its name. */
  readonly whole: Buffer;
}

/** The fields of a document, in their order; slices of its memory. @throws BSONError for what is none. */
export function elementsOf(document: Buffer): Element[] {
  const found: Element[] = [];
  for (const [type, nameAt, nameLength, at, length] of BSON.onDemand.parseToElements(document) as Iterable<
    [number, number, number, number, number]
  >)
    found.push({
      type,
      name: document.toString('utf8', nameAt, nameAt + nameLength),
      value: document.subarray(at, at + length),
      whole: document.subarray(nameAt - 1, at + length),
    });
  return found;
}

export const element = (type: number, name: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);

/** `elements`: each as a whole. */
export function documentOf(elements: readonly Buffer[]): Buffer {
  const size = Buffer.alloc(4);
  const body = Buffer.concat([size, ...elements, Buffer.alloc(1)]);
  body.writeInt32LE(body.length);
  return body;
}

export function textElement(name: string, text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  const size = Buffer.alloc(4);
  size.writeInt32LE(bytes.length);
  return element(TEXT, name, Buffer.concat([size, bytes]));
}

/** Of an element; '' of one that is no text. */
export const textOf = (one: Element | undefined): string =>
  one?.type === TEXT ? one.value.toString('utf8', 4, one.value.length - 1) : '';
