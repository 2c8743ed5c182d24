/** Whether a database's files fit on the task's disk, asked before they are copied: a full disk is found after an hour else. */
import { statfs } from 'node:fs/promises';
import { NightjarError } from '../../core/errors.ts';
import type { Reporter } from '../engine.ts';
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

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(2)} GiB`;
