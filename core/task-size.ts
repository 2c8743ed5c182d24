/** How large a task is: what the config says, else what the engine and the last backup's size ask for. */
import { DEFAULT_SIZE, isDumpTarget, type DumpTarget, type Target, type TaskSize } from './config.ts';
import { ENGINES, type DumpEngine } from './engines.ts';

const GIB = 1024 ** 3;
/** Fargate offers this much scratch at most. */
export const MAX_EPHEMERAL_GIB = 200;
/** Beside the copies: the image, logs, small files. */
export const SPARE_GIB = 5;
/** From here on a second core pays: the compression has one, the reader the other. */
const LARGE_BYTES = 100 * GIB;
const LARGE_SIZE: TaskSize = { ...DEFAULT_SIZE, cpu: 2048, memoryMiB: 4096 };

type Work = 'backup' | 'restore';

/** Scratch for so many bytes, a tenth more than they are; not bounded by what there is. */
export const scratchFor = (bytes: number): number => Math.ceil((bytes * 11) / (10 * GIB)) + SPARE_GIB;

/** Scratch that a task takes, GiB; not bounded by what there is, and 0 of an engine that streams. */
export function scratchOf(target: DumpTarget, databaseBytes: number, what: Work): number {
  const { backup, restore } = ENGINES[target.engine].scratchCopies;
  const copies = what === 'backup' ? backup(target) : restore;
  return copies === 0 ? 0 : scratchFor(databaseBytes * copies);
}

/** Whether the database lies on the task's disk at all. */
export const usesScratch = (engine: DumpEngine): boolean => ENGINES[engine].scratchCopies.restore > 0;

/** `databaseBytes`: as the last backup found it, or the one to be restored says; undefined before there is one. */
export function taskSizeOf(target: Target, databaseBytes?: number, what: Work = 'backup'): TaskSize {
  if (target.size) return target.size;
  if (databaseBytes === undefined || !isDumpTarget(target)) return DEFAULT_SIZE;
  const size = databaseBytes >= LARGE_BYTES ? LARGE_SIZE : DEFAULT_SIZE;
  const wanted = Math.max(size.ephemeralGiB, scratchOf(target, databaseBytes, what));
  return { ...size, ephemeralGiB: Math.min(MAX_EPHEMERAL_GIB, wanted) };
}
