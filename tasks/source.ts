/**
 * A backup's objects as an engine reads them: several ranges ahead, each taken up again where a connection dropped, and
 * the last bytes only when the whole is proven.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { dumpManifest, parseManifest, type Manifest, type VaultObject } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import type { RestoreSource } from './engine.ts';
import { patiently, PATIENCE, type Patience } from './vault-calls.ts';

const MIB = 1024 * 1024;

export interface VaultReader {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly signal: AbortSignal;
  readonly patience?: Patience;
  /** One request fetches this many bytes; 2 MiB by default. */
  readonly rangeBytes?: number;
  /** How many requests run at once; 4 by default. */
  readonly ahead?: number;
  /** A sign of life for each range that arrived. */
  readonly onRange?: () => void;
}

/**
 * Small ranges, because a buffer that was handed on is garbage until V8 next looks: restores of 572 MiB peaked at 222 to
 * 248 MiB with three of 8 MiB, at 173 to 182 MiB with four of these. The download takes about a tenth more CPU for it.
 */
const RANGE = 2 * MIB;
const AHEAD = 4;

/** Bytes handed on at once. The last of them waits for the proof. */
const SLICE = 256 * 1024;

interface Range {
  readonly object: VaultObject;
  /** First byte, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

export function openSource(reader: VaultReader, manifest: Manifest): RestoreSource {
  const objects = manifest.objects.filter((one) => one.role === 'archive').sort((a, b) => a.part - b.part);
  return {
    manifest,
    openArchive: () =>
      Readable.from(proven(reader, objects, manifest.archive), { objectMode: false, highWaterMark: SLICE }),
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
        compare(object.key, object, { bytes: whole.length, sha256: createHash('sha256').update(whole).digest('hex') });
        pieces.push(whole);
      }
      return Buffer.concat(pieces).toString('utf8');
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
  compare('archive', expected, { bytes, sha256: hash.digest('hex') });
  if (held) yield held;
}

function compare(what: string, expected: Manifest['archive'], found: Manifest['archive']): void {
  if (expected.sha256 === found.sha256 && expected.bytes === found.bytes) return;
  const detail = `${what}: expected ${expected.bytes} bytes with SHA-256 ${expected.sha256}, read ${found.bytes} with ${found.sha256}.`;
  throw new NightjarError('CHECKSUM_MISMATCH', { operation: 'read backup', detail });
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
    const fetched = fetchRange({ ...reader, signal }, next.value);
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

function* rangesOf(objects: readonly VaultObject[], size: number): Generator<Range> {
  for (const object of objects)
    for (let from = 0; from < object.bytes; from += size)
      yield { object, from, to: Math.min(from + size, object.bytes) };
}

/** Goes on behind the last byte that arrived: what is there is not fetched twice. */
async function fetchRange(reader: VaultReader, { object, from, to }: Range): Promise<Buffer> {
  const { s3, bucket, signal, patience = PATIENCE } = reader;
  const { key, versionId } = object;
  const buffer = Buffer.allocUnsafeSlow(to - from);
  let filled = 0;
  await patiently({ operation: 'GetObject', key, patience, signal }, async () => {
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      VersionId: versionId,
      Range: `bytes=${from + filled}-${to - 1}`,
    });
    const answer = await s3.send(command, { abortSignal: signal }).catch((cause: unknown) => {
      if ((cause as Error).name === 'InvalidRange') throw shorter(object, cause);
      throw cause;
    });
    const total = Number(/\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1]);
    if (total !== object.bytes) throw shorter(object);
    for await (const piece of answer.Body as Readable as AsyncIterable<Buffer>) {
      if (piece.length > buffer.length - filled) throw shorter(object);
      filled += piece.copy(buffer, filled);
    }
    // A connection that ends early without an error of its own.
    if (filled < buffer.length) throw new Error(`the connection ended ${buffer.length - filled} bytes early`);
  });
  return buffer;
}

function shorter(object: VaultObject, cause?: unknown): NightjarError {
  const detail = `${object.key}: its size is not the ${object.bytes} bytes of the manifest.`;
  return new NightjarError('CHECKSUM_MISMATCH', { operation: 'GetObject', detail, cause });
}
