/**
 * What mongodump's archive is made of (github.com/mongodb/mongo-tools, common/archive/spec.md): a magic number; a block whose
 * header is of the archive and whose documents tell of each collection; then blocks of documents, each behind a header that
 * names its collection, and for each collection one header with EOF and a CRC-64 of all its documents. A block ends with FF FF
 * FF FF.
 */
import { BSON } from 'mongodb';

export const MAGIC = Buffer.from([0x6d, 0xe2, 0x99, 0x81]);
export const TERMINATOR = Buffer.from([0xff, 0xff, 0xff, 0xff]);
/** Of a document, in bytes. */
const SMALLEST = 5;
/** A document of 16 MiB, and what the server's own entries may have besides. */
const LARGEST = 16 * 1024 * 1024 + 16 * 1024;

export interface Place {
  readonly db: string;
  readonly collection: string;
}
export const placeName = ({ db, collection }: Place): string => `${db}.${collection}`;

/** One collection or view, as the archive's beginning tells it. */
export interface CollectionEntry extends Place {
  /** Extended JSON of `{ options, indexes, uuid, collectionName, type }`; '' of the oplog. */
  readonly metadata: string;
  readonly size: number;
  /** `collection`, `view`, `timeseries`; '' in archives of older tools. */
  readonly type: string;
}

/** Under this name an entry's documents follow: those of a time series lie in its buckets. */
export const dataPlace = ({ db, collection, type }: CollectionEntry): Place => ({
  db,
  collection: type === 'timeseries' ? `system.buckets.${collection}` : collection,
});

/** What is wrong with an archive, in words for a person. */
export class ArchiveDamaged extends Error {
  override readonly name = 'ArchiveDamaged';
}

/** @throws ArchiveDamaged. */
export function checkedLength(length: number): number {
  if (length >= SMALLEST && length <= LARGEST) return length;
  throw new ArchiveDamaged(`${length} is neither a document’s length nor a block’s end.`);
}
export const sizeOf = (bytes: Buffer, at: number): number => checkedLength(bytes.readInt32LE(at));

export function whole(bytes: Buffer): Buffer {
  if (bytes.at(-1) === 0) return bytes;
  throw new ArchiveDamaged('It has a header that does not end as one.');
}

export function deserialized(bytes: Buffer): BSON.Document {
  try {
    return BSON.deserialize(bytes, { useBigInt64: true });
  } catch (cause) {
    throw new ArchiveDamaged(`It has a header that can not be read: ${String(cause)}`, { cause });
  }
}

export function entryOf(bytes: Buffer): CollectionEntry {
  const { db, collection, metadata, size, type } = deserialized(bytes);
  return {
    db: String(db ?? ''),
    collection: String(collection ?? ''),
    metadata: String(metadata ?? ''),
    size: Number(size ?? 0),
    type: String(type ?? ''),
  };
}
