/**
 * mongodump's archive, read as it streams. Nobody else reads one to its end: `mongorestore --dryRun` stops after the
 * beginning.
 */
import {
  ArchiveDamaged,
  MAGIC,
  TERMINATOR,
  checkedLength,
  dataPlace,
  deserialized,
  entryOf,
  placeName,
  sizeOf,
  whole,
  type CollectionEntry,
  type Place,
} from './archive-format.ts';
import { Crc64 } from './crc64.ts';

export interface ArchiveListener {
  /** Once; `header` is of the archive itself, as it came. */
  prelude(header: Buffer, entries: readonly CollectionEntry[]): void;
  /** A block of documents begins. */
  block(place: Place): void;
  /** Bytes of the block's documents, cut anywhere; `documents` of them have ended in it. Not to be kept. */
  body(bytes: Buffer, documents: number): void;
  /** Where in the last body's document streams one ended: called per document, before `body`; only when wanted. */
  readonly document?: (bytes: Buffer, from: number, to: number, ends: boolean) => void;
  blockEnd(): void;
  /** All of the collection's documents came, and have this CRC. */
  end(place: Place, crc: bigint): void;
}

type State = 'magic' | 'preludeHeader' | 'preludeBody' | 'header' | 'headerEnd' | 'body';

/** Feed it the archive; it throws {@link ArchiveDamaged} as soon as something is not as it should be. */
export class ArchiveReader {
  readonly #listener: ArchiveListener;
  #state: State = 'magic';
  /** Bytes of a length, a header or an entry that came in pieces. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #wanted = 4;
  /** Still to come of the document under way; of documents only. */
  #rest = 0;
  #preludeHeader: Buffer = Buffer.alloc(0);
  #entries: CollectionEntry[] = [];
  /** By name: those whose end has not come. */
  readonly #owed = new Set<string>();
  readonly #open = new Map<string, Crc64>();
  #current: Crc64 | undefined;

  constructor(listener: ArchiveListener) {
    this.#listener = listener;
  }

  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#state === 'body' ? this.#body(chunk, at) : this.#small(chunk, at);
  }

  /** The stream has ended: is that the archive's end? */
  finish(): void {
    if (this.#state !== 'header' || this.#pendingBytes > 0)
      throw new ArchiveDamaged('It breaks off in the middle of a block.');
    const missing = [...this.#open.keys(), ...this.#owed];
    if (missing.length > 0)
      throw new ArchiveDamaged(
        `It ends before all documents of ${[...new Set(missing)].slice(0, 10).join(', ')} have come.`,
      );
  }

  /** Whatever is held together before it is looked at: lengths, headers and entries. Returns where to go on. */
  #small(chunk: Buffer, at: number): number {
    const take = Math.min(this.#wanted - this.#pendingBytes, chunk.length - at);
    this.#pending.push(chunk.subarray(at, at + take));
    this.#pendingBytes += take;
    if (this.#pendingBytes < this.#wanted) {
      // The chunk's memory is the source's.
      this.#pending[this.#pending.length - 1] = Buffer.from(this.#pending.at(-1)!);
      return at + take;
    }
    const bytes = Buffer.concat(this.#pending);
    const isLength = bytes.length === 4;
    if (isLength && this.#state !== 'magic' && !bytes.equals(TERMINATOR)) {
      this.#pending = [bytes];
      this.#wanted = sizeOf(bytes, 0);
      return at + take;
    }
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#wanted = 4;
    if (isLength) this.#mark(bytes);
    else this.#document(whole(bytes));
    return at + take;
  }

  /** The magic number, or a block's end. */
  #mark(bytes: Buffer): void {
    if (this.#state === 'magic') {
      if (!bytes.equals(MAGIC)) throw new ArchiveDamaged('It does not begin as an archive of mongodump.');
      this.#state = 'preludeHeader';
    } else if (this.#state === 'preludeBody') {
      for (const entry of this.#entries) this.#owed.add(placeName(dataPlace(entry)));
      this.#listener.prelude(this.#preludeHeader, this.#entries);
      this.#state = 'header';
    } else if (this.#state === 'headerEnd') this.#state = 'header';
    else throw new ArchiveDamaged('It has the end of a block where none began.');
  }

  #document(bytes: Buffer): void {
    if (this.#state === 'preludeHeader') {
      this.#preludeHeader = bytes;
      this.#state = 'preludeBody';
    } else if (this.#state === 'preludeBody') this.#entries.push(entryOf(bytes));
    else if (this.#state === 'header') this.#header(bytes);
    else throw new ArchiveDamaged('It has documents behind the end of their collection.');
  }

  #header(bytes: Buffer): void {
    const header = deserialized(bytes);
    const place = { db: String(header.db ?? ''), collection: String(header.collection ?? '') };
    const name = placeName(place);
    if (place.collection === '') throw new ArchiveDamaged('It has a block of no collection.');
    if (!this.#owed.has(name))
      throw new ArchiveDamaged(`It has documents of ${name}, which its beginning does not name.`);
    const crc = this.#open.get(name) ?? new Crc64();
    if (header.EOF !== true) {
      this.#open.set(name, crc);
      this.#current = crc;
      this.#listener.block(place);
      this.#state = 'body';
      return;
    }
    if (crc.value !== header.CRC)
      throw new ArchiveDamaged(`The documents of ${name} are not those that were dumped (CRC).`);
    this.#open.delete(name);
    this.#owed.delete(name);
    this.#listener.end(place, crc.value);
    this.#state = 'headerEnd';
  }

  /** Goes over documents without copying them. Returns where to go on. */
  #body(chunk: Buffer, from: number): number {
    const { document } = this.#listener;
    let at = from;
    let documents = 0;
    /** All of the chunk's bytes before it are the documents'. */
    let until = from;
    let ended = false;
    while (at < chunk.length) {
      if (this.#rest > 0) {
        const take = Math.min(this.#rest, chunk.length - at);
        this.#rest -= take;
        at += take;
        if (this.#rest === 0) {
          if (chunk[at - 1] !== 0) throw new ArchiveDamaged('It has a document that does not end as one.');
          documents += 1;
        }
        document?.(chunk, at - take, at, this.#rest === 0);
        until = at;
        continue;
      }
      const { length, next } = this.#lengthAt(chunk, at);
      if (length === undefined) {
        at = next;
        break;
      }
      if (length === -1) {
        at = next;
        ended = true;
        break;
      }
      if (this.#pendingBytes > 0) {
        // The length's first bytes came with the chunk before: they are handed on by themselves.
        const first = this.#takePending();
        this.#give(first, 0, document, first.length, false);
        this.#rest = length - first.length;
        from = until = at;
      } else this.#rest = length;
    }
    if (until > from) this.#give(chunk.subarray(from, until), documents, undefined, 0, false);
    else if (documents > 0) this.#give(chunk.subarray(from, from), documents, undefined, 0, false);
    if (ended) {
      this.#listener.blockEnd();
      this.#current = undefined;
      this.#state = 'header';
    }
    return at;
  }

  #give(bytes: Buffer, documents: number, document: ArchiveListener['document'], length: number, ends: boolean): void {
    document?.(bytes, 0, length, ends);
    this.#current!.update(bytes);
    this.#listener.body(bytes, documents);
  }

  #takePending(): Buffer {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }

  /** A document's length; -1 for a block's end, undefined when the chunk ends before it is whole. */
  #lengthAt(chunk: Buffer, at: number): { length: number | undefined; next: number } {
    const missing = 4 - this.#pendingBytes;
    if (chunk.length - at < missing) {
      this.#pending.push(Buffer.from(chunk.subarray(at)));
      this.#pendingBytes += chunk.length - at;
      return { length: undefined, next: chunk.length };
    }
    if (this.#pendingBytes === 0) {
      const length = chunk.readInt32LE(at);
      return length === -1 ? { length, next: at + 4 } : { length: checkedLength(length), next: at };
    }
    const bytes = Buffer.concat([...this.#pending, chunk.subarray(at, at + missing)]);
    const length = bytes.readInt32LE(0);
    if (length !== -1) return { length: checkedLength(length), next: at };
    this.#takePending();
    return { length, next: at + missing };
  }
}
