/** A backup's objects as an engine reads them: several ranges ahead, and the last bytes only when the whole is proven. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { dumpManifest, parseManifest, type Manifest, type VaultObject } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import type { StoredSource } from './seal.ts';
import { prove } from './proof.ts';
import { fetchRange, rangesOf, type VaultReader } from './ranges.ts';
import { saveArchive } from './save-archive.ts';
import { patiently, PATIENCE } from './vault-calls.ts';

const MIB = 1024 * 1024;

/**
 * Small ranges, because a buffer that was handed on is garbage until V8 next looks: restores of 572 MiB peaked at 222 to
 * 248 MiB with three of 8 MiB, at 173 to 182 MiB with four of these. A tenth more CPU for it.
 */
const RANGE = 2 * MIB;
const AHEAD = 4;

/** Bytes handed on at once. The last of them waits for the proof. */
const SLICE = 256 * 1024;

export function openSource(reader: VaultReader, manifest: Manifest): StoredSource {
  const objects = manifest.objects.filter((one) => one.role === 'archive').sort((a, b) => a.part - b.part);
  return {
    manifest,
    openArchive: () =>
      Readable.from(proven(reader, objects, manifest.archive), { objectMode: false, highWaterMark: SLICE }),
    saveArchive: (file, moved) => saveArchive(reader, objects, manifest.archive, { file, moved }),
    async proveArchive() {
      const archive = proven(reader, objects, manifest.archive);
      while (!(await archive.next()).done);
    },
    async readGlobals() {
      const globals = manifest.objects.filter((one) => one.role === 'globals').sort((a, b) => a.part - b.part);
      if (globals.length === 0) return undefined;
      const pieces: Buffer[] = [];
      for (const object of globals) {
        const bytes: Buffer[] = [];
        // A few kilobytes of statements: whole in memory, and hashed before anybody reads them.
        for await (const piece of inOrder(reader, [object])) bytes.push(piece);
        const whole = Buffer.concat(bytes);
        prove(object.key, object, { bytes: whole.length, sha256: createHash('sha256').update(whole).digest('hex') });
        pieces.push(whole);
      }
      return Buffer.concat(pieces);
    },
  };
}

/** @throws MANIFEST_INVALID when it is not there, or not one. */
export async function readManifest(reader: VaultReader, key: string, versionId: string): Promise<Manifest> {
  const { s3, bucket, signal, patience = PATIENCE } = reader;
  const text = await patiently({ operation: 'GetObject', key, patience, signal }, async () => {
    const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }), {
      abortSignal: signal,
    });
    return answer.Body!.transformToString();
  }).catch((cause: unknown) => {
    if (!(cause instanceof NightjarError) || cause.code !== 'OBJECT_MISSING') throw cause;
    throw new NightjarError('MANIFEST_INVALID', { operation: 'read manifest', detail: cause.detail, cause });
  });
  return dumpManifest(parseManifest(text, key));
}

/** The objects' bytes, the last slice only after the hash of all has been compared. */
async function* proven(
  reader: VaultReader,
  objects: readonly VaultObject[],
  expected: Manifest['archive'],
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let bytes = 0;
  let held: Buffer | undefined;
  for await (const range of inOrder(reader, objects)) {
    for (let at = 0; at < range.length; at += SLICE) {
      const slice = range.subarray(at, at + SLICE);
      hash.update(slice);
      bytes += slice.length;
      if (held) yield held;
      held = slice;
    }
  }
  prove('archive', expected, { bytes, sha256: hash.digest('hex') });
  if (held) yield held;
}

/** Whole ranges in their order, with the next ones under way. Holds `ahead` ranges in memory, and the one handed on. */
async function* inOrder(reader: VaultReader, objects: readonly VaultObject[]): AsyncGenerator<Buffer> {
  const ended = new AbortController();
  const signal = AbortSignal.any([reader.signal, ended.signal]);
  const ahead: Promise<Buffer>[] = [];
  const ranges = rangesOf(objects, reader.rangeBytes ?? RANGE);
  const begin = (): void => {
    const next = ranges.next();
    if (next.done) return;
    const { from, to } = next.value;
    const fetched = fetchRange({ ...reader, signal }, next.value, Buffer.allocUnsafeSlow(to - from));
    // Whoever takes it from the queue sees its error; until then it is nobody's.
    fetched.catch(() => undefined);
    ahead.push(fetched);
  };
  try {
    for (let count = 0; count < (reader.ahead ?? AHEAD); count += 1) begin();
    for (let first = ahead.shift(); first; first = ahead.shift()) {
      const range = await first;
      begin();
      reader.onRange?.();
      yield range;
    }
  } finally {
    ended.abort(new Error('The reader stopped.'));
  }
}
