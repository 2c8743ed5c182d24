/**
 * Entries of the oplog, as mongodump writes them behind the collections of an archive: what was written while it ran. The
 * format is the server's own (mongo, src/mongo/db/repl/oplog_entry.idl): `op` i, u, d, c (a command) or n (nothing), `ns`, `o`, and
 * `o2` with the _id of what is changed. A transaction is a command `applyOps` of such entries, or several of them.
 */
import type { Place } from './archive-format.ts';
import {
  ARRAY,
  BOOLEAN,
  DOCUMENT,
  documentOf,
  element,
  elementsOf,
  textElement,
  textOf,
  TIMESTAMP,
  type Element,
} from './bson-bytes.ts';

export const OPLOG: Place = { db: '', collection: 'oplog' };
export const isOplog = ({ db, collection }: Place): boolean => db === OPLOG.db && collection === OPLOG.collection;

/** Puts entries together as they go by in pieces. */
export class OplogReader {
  readonly #entry: (entry: Buffer) => void;
  #on = false;
  #pieces: Buffer[] = [];

  constructor(entry: (entry: Buffer) => void) {
    this.#entry = entry;
  }

  block(place: Place): void {
    this.#on = isOplog(place);
  }

  document(bytes: Buffer, from: number, to: number, ends: boolean): void {
    if (!this.#on) return;
    // The bytes are the source's, and an entry has 16 MiB at most.
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
    if (!ends) return;
    const entry = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#entry(entry);
  }
}

/** One thing that an entry does; a transaction's does many. */
export interface Operation {
  /** `i`, `u`, `d`, `c`, or what a newer server may have. */
  readonly op: string;
  readonly db: string;
  /** That it changes; '' of a command that names none. */
  readonly collection: string;
  /** Of `c`. */
  readonly command?: string;
  /** Of `c`: the names of what it is told. */
  readonly told?: readonly string[];
  /** BSON of `{ _id }`, of `i`, `u` and `d`. */
  readonly id?: Buffer;
  /** What an `i` or a `u` writes, as it stands in the entry: in the memory of that. */
  readonly o?: Buffer;
}

interface Parts {
  readonly op: string;
  readonly db: string;
  /** Behind the database: `$cmd` of a command. */
  readonly rest: string;
  readonly all: readonly Element[];
  readonly o: Element | undefined;
  /** The fields of `o`. */
  readonly told: readonly Element[];
}

function partsOf(entry: Buffer): Parts {
  const all = elementsOf(entry);
  const ns = textOf(find(all, 'ns'));
  const dot = ns.indexOf('.');
  const o = find(all, 'o');
  return {
    op: textOf(find(all, 'op')),
    db: dot < 0 ? ns : ns.slice(0, dot),
    rest: dot < 0 ? '' : ns.slice(dot + 1),
    all,
    o,
    told: o?.type === DOCUMENT ? elementsOf(o.value) : [],
  };
}
const find = (all: readonly Element[], name: string): Element | undefined => all.find((one) => one.name === name);

/** What is within a command `applyOps`; undefined of any other entry. */
const withinOf = ({ op, told }: Parts): Element[] | undefined =>
  op === 'c' && told[0]?.name === 'applyOps' && told[0].type === ARRAY ? elementsOf(told[0].value) : undefined;

/** All that it does, in its order; nothing of an `n`. @throws BSONError for what is no document. */
export function operationsOf(entry: Buffer): Operation[] {
  const parts = partsOf(entry);
  const within = withinOf(parts);
  if (within) return within.flatMap((one) => operationsOf(one.value));
  const { op, db, rest, o, told, all } = parts;
  if (op === 'n') return [];
  if (op === 'c')
    return [{ op, db, collection: textOf(told[0]), command: told[0]?.name ?? '', told: told.map((one) => one.name) }];
  const which = op === 'u' ? find(all, 'o2') : undefined;
  const id = find(which ? elementsOf(which.value) : told, '_id');
  return [
    {
      op,
      db,
      collection: rest,
      ...(id ? { id: documentOf([id.whole]) } : {}),
      ...(o && op !== 'd' ? { o: o.value } : {}),
    },
  ];
}

/** When the server wrote it, to the second: its own clock. Undefined where it does not say. */
export function momentOf(entry: Buffer): Date | undefined {
  const ts = find(elementsOf(entry), 'ts');
  // The seconds are behind the number within the second.
  return ts?.type === TIMESTAMP ? new Date(ts.value.readUInt32LE(4) * 1_000) : undefined;
}

/** How an entry is part of a larger transaction. */
export interface Chained {
  /** Tells the transaction from others. */
  readonly transaction: string;
  readonly isPrepared: boolean;
  /** More of it follows. */
  readonly isPartial: boolean;
  /** In its last entry: how many operations it has in all. */
  readonly count: number | undefined;
}

/** Undefined of what is no entry of a transaction. */
export function chainedOf(entry: Buffer): Chained | undefined {
  const { op, all, told } = partsOf(entry);
  const [session, number] = [find(all, 'lsid'), find(all, 'txnNumber')];
  if (op !== 'c' || !session || !number || !['applyOps', 'commitTransaction'].includes(told[0]?.name ?? ''))
    return undefined;
  const isTrue = (name: string): boolean => {
    const one = find(told, name);
    return one?.type === BOOLEAN && one.value[0] === 1;
  };
  const count = find(told, 'count');
  return {
    transaction: Buffer.concat([session.value, number.value]).toString('hex'),
    isPrepared: isTrue('prepare') || told[0]?.name === 'commitTransaction',
    isPartial: isTrue('partialTxn'),
    count: count === undefined ? undefined : count.value.readInt32LE(0),
  };
}

/**
 * The entry as it is to be played in another database: only what it does in `from`, to the collections that are wanted, and
 * without the collections' UUIDs, which are others there. Undefined when nothing of it is left.
 */
export function movedEntry(
  entry: Buffer,
  to: { readonly from: string; readonly to: string; wants(one: Operation): boolean },
): Buffer | undefined {
  const parts = partsOf(entry);
  const within = withinOf(parts);
  if (within) {
    const left = within.flatMap((one) => movedEntry(one.value, to) ?? []);
    // Of a large transaction each entry counts, also one that has nothing for this database.
    if (left.length === 0 && !chainedOf(entry)) return undefined;
    const list = documentOf(left.map((one, index) => element(DOCUMENT, String(index), one)));
    const told = documentOf([element(ARRAY, 'applyOps', list), ...parts.told.slice(1).map((one) => one.whole)]);
    return documentOf(parts.all.map((one) => (one.name === 'o' ? element(DOCUMENT, 'o', told) : one.whole)));
  }
  const [operation] = operationsOf(entry);
  if (operation?.db !== to.from || !to.wants(operation)) return undefined;
  return documentOf(
    parts.all.flatMap((one) => {
      if (one.name === 'ui') return [];
      return [one.name === 'ns' ? textElement('ns', `${to.to}.${parts.rest}`) : one.whole];
    }),
  );
}
