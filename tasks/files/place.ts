/** Where a database of one file lies: a directory of a mounted file system, or objects of a bucket. */

export interface FileFacts {
  readonly bytes: number;
  /** ISO 8601. */
  readonly changedAt: string;
  /** Another value, another content: of an object its version, of a file its inode, size and time. */
  readonly state: string;
}

/**
 * The contract, held by `test/contracts/file-place.ts` for both kinds. Names are plain file names. Whatever is interrupted
 * leaves the old content or the new under a name, never a part; every verb may be repeated.
 */
export interface FilePlace {
  /** For people, such as `fs-0123456789abcdef0/data` or `s3://shop-data/db/`. */
  readonly words: string;
  /** Only of a mounted directory: where its files may be opened in place. Absolute. */
  readonly directory?: string;
  stat(name: string): Promise<FileFacts | undefined>;
  /** Names that begin so. */
  list(prefix: string): Promise<string[]>;
  /** A copy on the task's own disk, of the first bytes only where so many are asked for. @throws DATABASE_MISSING, DISK_FULL. */
  fetch(name: string, file: string, bytes?: number): Promise<void>;
  /** A file of the task's own disk under a free name, flushed before it is seen there. @throws DESTINATION_EXISTS, DISK_FULL. */
  store(file: string, name: string): Promise<void>;
  /**
   * `incoming` takes the name; what had it is kept under `keepAs`, if it was there. There is no moment without the name.
   * Resolves with whether there was an old one.
   */
  exchange(names: { readonly name: string; readonly incoming: string; readonly keepAs: string }): Promise<boolean>;
  /**
   * Puts an exchange in order that died: where the name was given away already it is finished, else taken back, since `keepAs` is
   * then one more copy of what serves. Resolves with which of the two it was; undefined where there is no such exchange.
   */
  settle(names: {
    readonly name: string;
    readonly incoming: string;
    readonly keepAs: string;
  }): Promise<'finished' | 'taken back' | undefined>;
  /** To a free name. @throws DESTINATION_EXISTS. */
  rename(from: string, to: string): Promise<void>;
  /** Also what a store under that name that died has left. False when there was nothing. */
  remove(name: string): Promise<boolean>;
  /** Only what a store under that name that died has left. False when there was nothing. */
  sweep(name: string): Promise<boolean>;
}
