/**
 * What a DuckDB file says of itself before anybody opens it. Source: DuckDB, `storage/storage_info.hpp` and
 * `single_file_block_manager.cpp`: 8 bytes of checksum, `DUCK`, the storage version (64 bits, little endian), four words of
 * flags, and the version of the library that wrote it (32 bytes, from 1.2 on).
 */
import { open } from 'node:fs/promises';
import { NightjarError } from '../../../core/errors.ts';

const HEADER = 84;

/** Newest storage version by minor version of DuckDB 1; older ones read 64. Source: DuckDB, `storage_info.cpp`. */
const NEWEST_BY_MINOR = [
  [5, 68],
  [4, 67],
  [3, 66],
  [2, 65],
  [0, 64],
] as const;
/** What the library of `package.json` reads; a test holds the two together. */
export const [NEWEST_MINOR, NEWEST_STORAGE] = NEWEST_BY_MINOR[0];

const numbersOf = (version: string): [number, number] => {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0)];
};
/** Whether a DuckDB of this version may write what the image's can't read. */
export function isNewerLibrary(version: string): boolean {
  const [major, minor] = numbersOf(version);
  return major > 1 || (major === 1 && minor > NEWEST_MINOR);
}
/** Newest storage version that a DuckDB of this version reads; undefined of one that nobody knows yet. */
export function newestStorageOf(version: string): number | undefined {
  const [major, minor] = numbersOf(version);
  if (major === 0 || isNewerLibrary(version)) return undefined;
  return NEWEST_BY_MINOR.find(([from]) => minor >= from)?.[1];
}

export interface StorageFacts {
  /** 64 is what DuckDB 0.9.2 to 1.1 wrote, and what every newer one writes by default. */
  readonly storageVersion: number;
  /** Such as `v1.5.6`; undefined of files of libraries that did not write it. */
  readonly writtenBy: string | undefined;
}

/** @throws DATABASE_DAMAGED for what is no DuckDB file, STORAGE_DENIED; `words` says where it lies. */
export async function readStorage(file: string, words: string): Promise<StorageFacts> {
  const handle = await open(file, 'r').catch((cause: NodeJS.ErrnoException) => {
    const code = ['EACCES', 'EPERM'].includes(cause.code ?? '') ? 'STORAGE_DENIED' : 'STORAGE_UNAVAILABLE';
    throw new NightjarError(code, { operation: 'read the file’s header', detail: `${words}: ${cause.code}`, cause });
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER), 0, HEADER, 0);
    if (bytesRead < HEADER || buffer.toString('latin1', 8, 12) !== 'DUCK')
      throw new NightjarError('DATABASE_DAMAGED', {
        operation: 'read the file’s header',
        detail: `${words} is no DuckDB database.`,
      });
    const text = buffer.toString('latin1', 52, HEADER).replace(/\0[\s\S]*$/, '');
    return {
      storageVersion: Number(buffer.readBigUInt64LE(12)),
      writtenBy: /^v\d/.test(text) ? text : undefined,
    };
  } finally {
    await handle.close();
  }
}
