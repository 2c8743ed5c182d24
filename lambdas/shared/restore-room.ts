/** How parallel a restore is, and the disk that it needs for it. */
import type { Manifest } from '../../core/backup.ts';
import type { DumpTarget, TaskSize } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { AUTO_JOBS, PARALLEL_FROM_BYTES } from '../../core/restore-jobs.ts';
import { MAX_EPHEMERAL_GIB, scratchFor, taskSizeOf } from '../../core/task-size.ts';

export interface Room {
  readonly jobs: number;
  readonly size: TaskSize;
}

/** @throws NightjarError DISK_FULL when the jobs that were asked for need more disk than there can be. */
export function roomFor(input: RestoreInput, destination: DumpTarget, manifest: Manifest): Room {
  const size = taskSizeOf(destination, manifest.source.databaseBytes, 'restore');
  const wish = input.jobs ?? ('restoreJobs' in destination ? destination.restoreJobs : 1);
  const jobs = wish === 'auto' ? (manifest.archive.bytes >= PARALLEL_FROM_BYTES ? AUTO_JOBS : 1) : wish;
  if (jobs === 1) return { jobs, size };
  // Compressed from outside, it lies on the disk as the tool wrote it, which is no larger than the database.
  const bytes =
    manifest.compression.place === 'outside'
      ? Math.max(manifest.source.databaseBytes, manifest.archive.bytes)
      : manifest.archive.bytes;
  const needed = scratchFor(bytes);
  if (needed <= MAX_EPHEMERAL_GIB)
    return { jobs, size: { ...size, ephemeralGiB: Math.max(size.ephemeralGiB, needed) } };
  if (wish === 'auto') return { jobs: 1, size };
  throw new NightjarError('DISK_FULL', {
    operation: 'open restore',
    detail: `${jobs} jobs need ${needed} GiB of scratch for this archive; Fargate offers ${MAX_EPHEMERAL_GIB}.`,
  });
}
