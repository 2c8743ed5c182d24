/** An archive on its way to the scratch disk: a few ranges at once, each into a buffer that is used again. */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { Manifest, VaultObject } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import { prove } from './proof.ts';
import { fetchRange, rangesOf, type VaultReader } from './ranges.ts';

/** Three buffers of this size are all the memory there is: nothing is garbage, so ranges may be large. */
const RANGE = 8 * 1024 * 1024;
const AHEAD = 3;

/**
 * Writes the objects, one behind the other, into the file, and resolves after their size and SHA-256 were compared. A
 * failure may leave a part of the file: it is the scratch directory's, which goes with the task.
 *
 * @throws CHECKSUM_MISMATCH, DISK_FULL, OBJECT_MISSING, VAULT_…, or the signal's reason.
 */
export async function saveArchive(
  reader: VaultReader,
  objects: readonly VaultObject[],
  expected: Manifest['archive'],
  { file, moved }: { file: string; moved: (bytes: number) => void },
): Promise<void> {
  const ended = new AbortController();
  const signal = AbortSignal.any([reader.signal, ended.signal]);
  const size = reader.rangeBytes ?? RANGE;
  const ranges = rangesOf(objects, size);
  const hash = createHash('sha256');
  let bytes = 0;
  /** Ends when every range that was begun has been hashed: they arrive in any order, and are hashed in theirs. */
  let hashed: Promise<unknown> = Promise.resolve();
  let position = 0;

  const output = await open(file, 'w', 0o600);
  const lane = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(size);
    for (let next = ranges.next(); !next.done; next = ranges.next()) {
      const at = position;
      position += next.value.to - next.value.from;
      const before = hashed;
      const fetched = fetchRange({ ...reader, signal }, next.value, buffer);
      const mine = Promise.all([fetched, before]).then(([range]) => {
        hash.update(range);
        bytes += range.length;
        return range;
      });
      hashed = mine;
      const range = await mine;
      moved(range.length);
      await writeAt(output, range, at);
    }
  };
  const lanes = Array.from({ length: reader.ahead ?? AHEAD }, async () => {
    await lane().catch((thrown: unknown) => {
      // The others would go on for minutes; what they then say is not the reason.
      ended.abort(thrown);
      throw thrown;
    });
  });
  try {
    await Promise.all(lanes);
    prove('archive', expected, { bytes, sha256: hash.digest('hex') });
  } finally {
    await Promise.allSettled(lanes);
    await output.close();
  }
}

async function writeAt(output: FileHandle, bytes: Buffer, position: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;)
      done += (await output.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  } catch (thrown) {
    throw diskFull(thrown) ?? thrown;
  }
}

/** What a full disk is called; undefined for any other failure. */
export function diskFull(thrown: unknown): NightjarError | undefined {
  if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') return undefined;
  return new NightjarError('DISK_FULL', { operation: 'download archive', detail: String(thrown), cause: thrown });
}
