/**
 * The fingerprint: documents per collection and, if asked, a hash of their content. Of a backup it is taken from the archive
 * itself as it streams, so it is of the very documents that are in it; of a restored database by reading it.
 *
 * A checksum is the sum, modulo 2^64, of the first 64 bits of the SHA-256 of each document's BSON. It does not depend on the
 * order of documents and counts duplicates. It guards against loss and damage, not against somebody who forges on purpose.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Collection, Db } from 'mongodb';
import type { Fingerprint, TablePrint } from '../../../core/backup.ts';
import { placeName, type Place } from './archive-format.ts';
import type { ArchiveListener } from './archive.ts';
import { printPlace } from './names.ts';

export type Mode = Fingerprint['mode'];

/** Sums up the hashes of one collection's documents. */
class Sum {
  #sum = 0n;
  #hash: Hash | undefined;

  /** A document, or a piece of one. */
  add(bytes: Buffer, ends: boolean): void {
    this.#hash ??= createHash('sha256');
    this.#hash.update(bytes);
    if (!ends) return;
    this.#sum = BigInt.asUintN(64, this.#sum + this.#hash.digest().readBigUInt64BE(0));
    this.#hash = undefined;
  }

  get text(): string {
    return this.#sum.toString(16).padStart(16, '0');
  }
}

interface Counted {
  readonly place: Place;
  rows: number;
  /** Of all documents. */
  bytes: number;
  readonly sum: Sum | undefined;
}

/** Counts what goes by in an archive. */
export class StreamPrint implements Pick<ArchiveListener, 'block' | 'body' | 'end'> {
  readonly #mode: Mode;
  readonly #found = new Map<string, Counted>();
  #current: Counted | undefined;
  readonly document: ArchiveListener['document'];

  constructor(mode: Mode) {
    this.#mode = mode;
    this.document =
      mode === 'checksums'
        ? (bytes, from, to, ends) => this.#current!.sum!.add(bytes.subarray(from, to), ends)
        : undefined;
  }

  block(place: Place): void {
    this.#current = this.#of(place);
  }

  body(bytes: Buffer, documents: number): void {
    this.#current!.rows += documents;
    this.#current!.bytes += bytes.length;
  }

  end(place: Place): void {
    this.#of(place);
  }

  #of(place: Place): Counted {
    const name = placeName(place);
    const found = this.#found.get(name) ?? {
      place,
      rows: 0,
      bytes: 0,
      sum: this.#mode === 'checksums' ? new Sum() : undefined,
    };
    this.#found.set(name, found);
    return found;
  }

  rowsOf(place: Place): number {
    return this.#found.get(placeName(place))?.rows ?? 0;
  }

  /** What a document of a collection takes on average, in bytes, where that is most; 0 without documents. */
  documentBytes(databases: readonly string[]): number {
    const all = [...this.#found.values()].filter(({ place, rows }) => rows > 0 && databases.includes(place.db));
    return all.reduce((most, { bytes, rows }) => Math.max(most, Math.ceil(bytes / rows)), 0);
  }

  /** Of these, in their order. */
  prints(places: readonly Place[], many: boolean): TablePrint[] {
    return places.map((place) => {
      const found = this.#of(place);
      return { ...printPlace(place, many), rows: found.rows, ...(found.sum ? { checksum: found.sum.text } : {}) };
    });
  }
}

/** What is in a collection now. `alive` is called now and then. */
export async function printCollection(
  database: Db,
  name: string,
  mode: Mode,
  alive: () => void,
): Promise<Pick<TablePrint, 'rows' | 'checksum'>> {
  const collection = database.collection(name);
  if (mode !== 'checksums') return { rows: await countExactly(collection) };
  const sum = new Sum();
  let rows = 0;
  // Raw: as the server has them, without a value being understood and written anew.
  const cursor = collection.find({}, { raw: true, batchSize: 1_000 });
  for await (const document of cursor) {
    sum.add(document as unknown as Buffer, true);
    rows += 1;
    if (rows % 1_000 === 0) alive();
  }
  return { rows, checksum: sum.text };
}

/** By reading, not from the statistics, which are wrong after a crash. */
const countExactly = (collection: Collection): Promise<number> => collection.countDocuments({});
