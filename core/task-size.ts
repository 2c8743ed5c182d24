/** How large a task is: what the config says, else what the engine and the last backup's size ask for. */
import { DEFAULT_SIZE, type Target, type TaskSize } from './config.ts';
import { ENGINES, isNative } from './engines.ts';

const GIB = 1024 ** 3;
/** Fargate offers this much scratch at most. */
export const MAX_EPHEMERAL_GIB = 200;
/** Beside the copies: the image, logs, small files. */
export const SPARE_GIB = 5;
/** From here on a second core pays: the compression has one, the reader the other. */
const LARGE_BYTES = 100 * GIB;
const LARGE_SIZE: TaskSize = { ...DEFAULT_SIZE, cpu: 2048, memoryMiB: 4096 };

/** Scratch for so many bytes, a tenth more than they are; not bounded by what there is. */
export const scratchFor = (bytes: number): number => Math.ceil((bytes * 11) / (10 * GIB)) + SPARE_GIB;

/** `databaseBytes`: as the last backup found it, or the one to be restored says; undefined before there is one. */
export function taskSizeOf(target: Target, databaseBytes?: number): TaskSize {
  if (target.size) return target.size;
  if (databaseBytes === undefined || isNative(target.engine)) return DEFAULT_SIZE;
  const { scratchCopies } = ENGINES[target.engine];
  const size = databaseBytes >= LARGE_BYTES ? LARGE_SIZE : DEFAULT_SIZE;
  const wanted = scratchCopies === 0 ? 0 : scratchFor(databaseBytes * scratchCopies);
  return { ...size, ephemeralGiB: Math.min(MAX_EPHEMERAL_GIB, Math.max(size.ephemeralGiB, wanted)) };
}
