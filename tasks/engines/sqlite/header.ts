/** The first 100 bytes of a database file. Source: sqlite.org/fileformat.html, "The Database Header". */
import { open } from 'node:fs/promises';
import { NightjarError } from '../../../core/errors.ts';

export interface Header {
  readonly pageSize: number;
  /** Undefined where no reader may trust it. */
  readonly pages: number | undefined;
  readonly wal: boolean;
  readonly encoding: string;
  readonly autoVacuum: 'none' | 'full' | 'incremental';
  readonly userVersion: number;
  readonly applicationId: number;
  /** Of the library that wrote it last. */
  readonly version: string;
  /** The file's size. */
  readonly bytes: number;
}

export const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const ENCODINGS: Readonly<Record<number, string>> = { 1: 'UTF-8', 2: 'UTF-16le', 3: 'UTF-16be' };

/** @throws DATABASE_DAMAGED for what is no database; STORAGE_DENIED, DATABASE_MISSING. */
export async function readHeader(file: string, name: string): Promise<Header> {
  const bytes = Buffer.alloc(HEADER_BYTES);
  let size: number;
  try {
    const handle = await open(file, 'r');
    try {
      size = (await handle.stat()).size;
      await handle.read(bytes, 0, HEADER_BYTES, 0);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'DATABASE_MISSING' : code === 'EACCES' ? 'STORAGE_DENIED' : 'STORAGE_UNAVAILABLE';
    throw new NightjarError(what, { operation: 'read header', detail: `${name}: ${message}`, cause: thrown });
  }
  if (size < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw new NightjarError('DATABASE_DAMAGED', {
      operation: 'read header',
      detail:
        size < HEADER_BYTES
          ? `${name} has ${size} bytes, less than the header of a database.`
          : `${name} does not begin as a SQLite database does: it is another file, damaged, or encrypted by its application.`,
    });
  const number = (at: number): number => bytes.readUInt32BE(at);
  const pageSize = bytes.readUInt16BE(16) === 1 ? 65_536 : bytes.readUInt16BE(16);
  return {
    pageSize,
    // Valid only if whoever wrote last knew this field.
    pages: number(24) === number(92) && number(28) > 0 ? number(28) : undefined,
    wal: bytes[18] === 2 || bytes[19] === 2,
    encoding: ENCODINGS[number(56)] ?? 'UTF-8',
    autoVacuum: number(52) === 0 ? 'none' : number(64) === 0 ? 'full' : 'incremental',
    userVersion: bytes.readInt32BE(60),
    applicationId: bytes.readInt32BE(68),
    version: versionOf(number(96)),
    bytes: size,
  };
}

/** 3040001 is 3.40.1; libraries before 3.7.0 wrote nothing. */
function versionOf(number: number): string {
  if (number < 3_000_000) return '3';
  return `3.${Math.floor(number / 1_000) % 1_000}.${number % 1_000}`;
}
