/** How parallel a restore is, and the disk that it needs for it. */
import type { Manifest } from '../../core/backup.ts';
import type { DumpTarget } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { AUTO_JOBS, PARALLEL_FROM_BYTES } from '../../core/restore-jobs.ts';
import { sizeOf } from './task-request.ts';

const GIB = 1024 ** 3;
/** Fargate offers this much scratch at most. */
const MAX_EPHEMERAL_GIB = 200;
/** Beside the archive: the image, logs, small files. */
const SPARE_GIB = 5;

export interface Room {
  readonly jobs: number;
  readonly ephemeralGiB: number;
}

/** @throws NightjarError DISK_FULL when the jobs that were asked for need more disk than there can be. */
export function roomFor(input: RestoreInput, destination: DumpTarget, manifest: Manifest): Room {
  const size = sizeOf(destination);
  const wish = input.jobs ?? ('restoreJobs' in destination ? destination.restoreJobs : 1);
  const jobs = wish === 'auto' ? (manifest.archive.bytes >= PARALLEL_FROM_BYTES ? AUTO_JOBS : 1) : wish;
  if (jobs === 1) return { jobs, ephemeralGiB: size.ephemeralGiB };
  // Compressed from outside, it lies on the disk as the tool wrote it, which is no larger than the database.
  const bytes =
    manifest.compression.place === 'outside'
      ? Math.max(manifest.source.databaseBytes, manifest.archive.bytes)
      : manifest.archive.bytes;
  const needed = Math.ceil((bytes * 11) / (10 * GIB)) + SPARE_GIB;
  if (needed <= MAX_EPHEMERAL_GIB) return { jobs, ephemeralGiB: Math.max(size.ephemeralGiB, needed) };
  if (wish === 'auto') return { jobs: 1, ephemeralGiB: size.ephemeralGiB };
  throw new NightjarError('DISK_FULL', {
    operation: 'open restore',
    detail: `${jobs} jobs need ${needed} GiB of scratch for this archive; Fargate offers ${MAX_EPHEMERAL_GIB}.`,
  });
}
