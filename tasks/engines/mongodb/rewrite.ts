/**
 * The archive on its way to mongorestore, changed so that it holds nothing but what is to come back, under the name of the
 * database that it goes into. mongorestore's own `--nsFrom` and `--nsTo` are not trusted with that: a pattern that does not
 * fit, as by a `&` or a `*` in a name, makes it write into the original database, and end with 0.
 */
import { BSON } from 'mongodb';
import { MAGIC, TERMINATOR, dataPlace, placeName, type CollectionEntry, type Place } from './archive-format.ts';
import { patient } from './expiry.ts';
import { ArchiveReader, type ArchiveListener } from './archive.ts';
import { Crc64 } from './crc64.ts';

export interface Rewrite {
  /** Which database comes back, of those in the archive. */
  readonly from: string;
  /** Into which database it goes. */
  readonly to: string;
  /** Which of its entries. */
  wants(entry: CollectionEntry): boolean;
  /** No documents. */
  readonly hollow: boolean;
  /** Of what is brought: told before any document. */
  prelude(header: Buffer, entries: readonly CollectionEntry[]): void;
  /** Sees documents that are not brought, such as the oplog's. */
  readonly passing: Required<Pick<ArchiveListener, 'block' | 'document'>> & { wants(place: Place): boolean };
}

/** An archive of one document: `CRC` is a number of 64 bits in all of them. */
export const endOf = (place: Place, crc: bigint): Buffer =>
  Buffer.concat([Buffer.from(BSON.serialize({ ...place, EOF: true, CRC: BSON.Long.fromBigInt(crc) })), TERMINATOR]);
export const blockOf = (place: Place): Buffer =>
  Buffer.from(BSON.serialize({ ...place, EOF: false, CRC: BSON.Long.fromInt(0) }));

/** The beginning of an archive, up to its first block. */
export function preludeOf(header: Buffer, entries: readonly CollectionEntry[]): Buffer {
  const documents = entries.map((entry) =>
    Buffer.from(BSON.serialize({ ...entry, size: BSON.Long.fromNumber(entry.size) })),
  );
  return Buffer.concat([MAGIC, header, ...documents, TERMINATOR]);
}

/** A collection without documents, as mongodump writes it. */
export const hollowBlock = (place: Place): Buffer => Buffer.concat([blockOf(place), TERMINATOR, endOf(place, 0n)]);

/** A collection whose documents, as BSON, are these. */
export function filledBlock(place: Place, documents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(documents);
  const crc = new Crc64();
  crc.update(body);
  return Buffer.concat([blockOf(place), body, TERMINATOR, endOf(place, crc.value)]);
}

export class ArchiveRewriter {
  readonly #reader: ArchiveReader;
  #out: Buffer[] = [];

  constructor(rewrite: Rewrite) {
    const wanted = new Set<string>();
    const { passing } = rewrite;
    let [taking, showing] = [false, false];
    const moved = (place: Place): Place => ({ db: rewrite.to, collection: place.collection });
    this.#reader = new ArchiveReader({
      prelude: (header, entries) => {
        const brought = entries.filter((entry) => entry.db === rewrite.from && rewrite.wants(entry));
        for (const entry of brought) wanted.add(placeName(dataPlace(entry)));
        rewrite.prelude(header, brought);
        this.#out.push(
          preludeOf(
            header,
            brought.map((entry) => ({ ...patient(entry), db: rewrite.to })),
          ),
        );
      },
      block: (place) => {
        taking = wanted.has(placeName(place)) && !rewrite.hollow;
        showing = passing.wants(place);
        if (showing) passing.block(place);
        if (taking) this.#out.push(blockOf(moved(place)));
      },
      document: (bytes, from, to, ends) => {
        if (showing) passing.document(bytes, from, to, ends);
      },
      body: (bytes) => {
        if (taking) this.#out.push(bytes);
      },
      blockEnd: () => {
        if (taking) this.#out.push(TERMINATOR);
      },
      end: (place, crc) => {
        if (!wanted.has(placeName(place))) return;
        this.#out.push(rewrite.hollow ? hollowBlock(moved(place)) : endOf(moved(place), crc));
      },
    });
  }

  /** What is to be handed on of these bytes; good until the next call. */
  feed(chunk: Buffer): Buffer[] {
    this.#reader.feed(chunk);
    const out = this.#out;
    this.#out = [];
    return out;
  }

  finish(): void {
    this.#reader.finish();
  }
}
