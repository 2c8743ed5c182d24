/** A database to put under load, whatever its engine. */
import type { DumpTarget } from '../../core/config.ts';
import type { Environment } from '../../bench/measure.ts';
import type { Ground } from '../../bench/ground.ts';

export interface Load {
  /** Bytes of rows that hardly compress, besides what the engine adds. Without meaning where `tables` is more than 0. */
  readonly bytes: number;
  /** Instead of the bytes: so many tables of one row. */
  readonly tables: number;
}

export interface Place {
  /** Server and version, for people. */
  readonly title: string;
  /** Fields of the target, as a config has them. */
  readonly target: Readonly<Record<string, unknown>> & { readonly name: string; readonly engine: DumpTarget['engine'] };
  /** Of the task, besides what all have. */
  readonly taskEnv?: Environment;
  /** What a restore beside is called. */
  readonly copy: string;
  /** On disk, as the engine says it. */
  bytes(): Promise<number>;
  /** Names every table with its rows and a hash of their content: equal databases give equal texts. */
  digest(database: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts a server, or makes a file, and fills it. Whatever fails, nothing is left running. */
export type MakePlace = (ground: Ground, load: Load) => Promise<Place>;

export const DATABASE = 'loaded';
export const MIB = 1024 * 1024;

/** How the bytes are shared out: half in short rows, a quarter in pages of text, a quarter in blobs of 1 MiB. */
export function shares({ bytes }: Load): { notes: number; pages: number; blobs: number } {
  return {
    notes: Math.ceil(bytes / 2 / NOTE_BYTES),
    pages: Math.ceil(bytes / 4 / PAGE_BYTES),
    blobs: Math.ceil(bytes / 4 / MIB),
  };
}
/** Of a row of `notes`: hashes as text. */
export const NOTE_BYTES = 256;
/** Of a row of `pages`: hashes as text. */
export const PAGE_BYTES = 16 * 1024;
/** So many hashes of 32 characters make a row's text. */
export const hashes = (bytes: number): number => bytes / 32;

/** The work on a server that has started; a failure stops it. */
export async function orStop<T>(server: { stop(): Promise<unknown> }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await server.stop();
    throw error;
  }
}
