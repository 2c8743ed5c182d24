/** What an archive's oplog does to one database, made ready for another one, and what must be true when it was played. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { NightjarError } from '../../../core/errors.ts';
import { Crc64 } from './crc64.ts';
import { chainedOf, movedEntry, operationsOf, type Operation } from './oplog.ts';

/** So many documents are looked after one by one; a task's memory has an end. */
const WATCHED_MOST = 200_000;

export interface Watched {
  /** BSON of `{ _id }`. */
  readonly id: Buffer;
  /** In the end. */
  isThere: boolean;
  /** Where in the file the last entry of it has what it writes, and how long that is, in bytes. */
  at: number;
  length: number;
}

/** What is known of a collection once all was played. */
export interface Fate {
  /** Dropped at some moment: nothing that was loaded is left. */
  dropped: boolean;
  /** By the bytes of `{ _id }` in hex. */
  readonly ids: Map<string, Watched>;
  /** Documents that were too many to be watched. */
  unwatched: number;
}

/** A large transaction's operations wait for its end, and their values would not fit into memory. */
type Placed = Omit<Operation, 'o'> & Pick<Watched, 'at' | 'length'>;

export interface SliceOptions {
  /** On the task's disk. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly wants: (collection: string) => boolean;
}

export class OplogSlice {
  readonly #options: SliceOptions;
  readonly #fd: number;
  readonly #crc = new Crc64();
  readonly #open = new Map<string, Placed[]>();
  #watched = 0;
  bytes = 0;
  /** Documents that are written or deleted. */
  writes = 0;
  /** By collection. */
  readonly fates = new Map<string, Fate>();
  /** Collections that were made, or whose indexes or options were changed. */
  readonly redefined = new Set<string>();

  constructor(options: SliceOptions) {
    this.#options = options;
    this.#fd = openSync(options.file, 'w', 0o600);
  }

  get file(): string {
    return this.#options.file;
  }
  get crc(): bigint {
    return this.#crc.value;
  }

  /** @throws DISK_FULL. */
  add(entry: Buffer): void {
    const { from, to, wants } = this.#options;
    const moved = movedEntry(entry, { from, to, wants: (one) => one.collection !== '' && wants(one.collection) });
    if (!moved) return;
    try {
      writeSync(this.#fd, moved);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
      throw new NightjarError('DISK_FULL', { operation: 'keep the oplog', detail: this.file, cause });
    }
    this.#crc.update(moved);
    this.#foretell(moved, this.bytes);
    this.bytes += moved.length;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** A transaction is true from its last entry on; one without it never happened. */
  #foretell(entry: Buffer, start: number): void {
    const operations = operationsOf(entry).map(({ o, ...one }): Placed => ({
      ...one,
      at: o ? start + o.byteOffset - entry.byteOffset : 0,
      length: o?.length ?? 0,
    }));
    const chained = chainedOf(entry);
    if (!chained) return operations.forEach((one) => this.#apply(one));
    const all = [...(this.#open.get(chained.transaction) ?? []), ...operations];
    if (chained.isPartial) return void this.#open.set(chained.transaction, all);
    this.#open.delete(chained.transaction);
    all.forEach((one) => this.#apply(one));
  }

  #apply({ op, collection, command, id, at, length }: Placed): void {
    const fate = this.fates.get(collection) ?? { dropped: false, ids: new Map<string, Watched>(), unwatched: 0 };
    this.fates.set(collection, fate);
    if (op === 'c') {
      this.redefined.add(collection);
      if (command !== 'drop') return;
      this.#watched -= fate.ids.size;
      this.fates.set(collection, { dropped: true, ids: new Map(), unwatched: 0 });
      return;
    }
    this.writes += 1;
    if (!id) return;
    const key = id.toString('hex');
    const last = { isThere: op !== 'd', at, length };
    const seen = fate.ids.get(key);
    if (seen) Object.assign(seen, last);
    else if (this.#watched >= WATCHED_MOST) fate.unwatched += 1;
    else {
      this.#watched += 1;
      fate.ids.set(key, { id, ...last });
    }
  }
}
