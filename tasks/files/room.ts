/** Whether a database's files fit on the task's disk, asked before they are copied: a full disk is found after an hour else. */
import { statfs } from 'node:fs/promises';
import type { DumpTarget } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import type { Finding } from '../../core/job.ts';
import { scratchFor, scratchOf, taskSizeOf } from '../../core/task-size.ts';
import type { Reporter } from '../engine.ts';
import { bad, ok, warn } from '../findings.ts';
import type { FilePlace } from './place.ts';

const GIB = 1024 ** 3;

export interface Foreseeing {
  readonly place: FilePlace;
  /** Where the copy will lie. */
  readonly room: string;
  readonly report: Pick<Reporter, 'found'>;
}

/** Tells how large the files are together; one that is not there counts for nothing. @throws DISK_FULL when not even one copy fits. */
export async function foresee({ place, room, report }: Foreseeing, names: readonly string[]): Promise<void> {
  let bytes = 0;
  for (const name of names) bytes += (await place.stat(name))?.bytes ?? 0;
  report.found(bytes);
  const { bavail, bsize } = await statfs(room);
  const free = bavail * bsize;
  if (bytes > free)
    throw new NightjarError('DISK_FULL', {
      operation: 'look for room',
      detail: `${place.words}, ${names[0]!} has ${gib(bytes)}, and the task’s disk ${gib(free)} free. Nothing was copied.`,
    });
}

/** Whether the backup's task is given enough of a disk: that of the probe's own task may be another one. */
export function roomFinding(target: DumpTarget, bytes: number): Finding {
  const { ephemeralGiB } = taskSizeOf(target, bytes);
  const needed = scratchOf(target, bytes, 'backup');
  const words = `The backup’s task has a disk of ${ephemeralGiB} GiB, and may take ${needed} of them for ${gib(bytes)}.`;
  if (needed <= ephemeralGiB) return ok(words);
  const hint = target.size
    ? `Set size.ephemeralGiB of the target to ${needed}, or leave \`size\` out: then it goes by the last backup’s size.`
    : 'Fargate gives a task no larger one: a backup of it may end with DISK_FULL.';
  return scratchFor(bytes) > ephemeralGiB ? bad(words, hint) : warn(words, hint);
}

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(2)} GiB`;
