/**
 * Files that are objects of a bucket. S3 knows no renaming: an object is copied under its new name, and says of whom it is
 * a copy; so the same verb, called again, sees how far it had come. A copy takes its name in one step.
 */
import { DeleteObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { open, rm } from 'node:fs/promises';
import { NightjarError } from '../../core/errors.ts';
import { fetchRange, rangesOf } from '../ranges.ts';
import { patiently, PATIENCE, type Patience } from '../vault-calls.ts';
import { missing, taken } from './mounted.ts';
import { plainName } from './names.ts';
import { copyObject, COPY_OF, headOf, stateOf, type Head } from './object-copy.ts';
import { uploadFile } from './object-upload.ts';
import type { FilePlace } from './place.ts';

const RANGE = 8 * 1024 * 1024;

export interface ObjectsOptions {
  readonly s3: S3Client;
  readonly bucket: string;
  /** What all keys begin with. */
  readonly prefix: string;
  readonly signal: AbortSignal;
  /** A sign of life while bytes move. */
  readonly alive: () => void;
  readonly patience?: Patience;
  /** Of uploads and copies; tests ask for small ones. */
  readonly partBytes?: number;
}

/** What the calls below share. */
export interface Bucket extends ObjectsOptions {
  /** One call, tried until its answer is certain. @throws STORAGE_…, DATABASE_MISSING. */
  readonly call: <T>(operation: string, key: string, once: (ambiguous: boolean) => Promise<T>) => Promise<T>;
}

export function objectsPlace(options: ObjectsOptions): FilePlace {
  const { s3, bucket, prefix, signal, alive } = options;
  const words = `s3://${bucket}/${prefix}`;
  const key = (name: string): string => prefix + plainName(name);
  const patience = options.patience ?? PATIENCE;
  const own: Bucket = {
    ...options,
    async call(operation, at, once) {
      const answer = await asStorage(() =>
        patiently({ operation, key: at, patience, signal }, ({ ambiguous }) => once(ambiguous)),
      );
      alive();
      return answer;
    },
  };
  const look = (name: string): Promise<Head | undefined> => headOf(own, key(name));

  const remove = async (name: string): Promise<void> => {
    await own.call('DeleteObject', key(name), () =>
      s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key(name) }), { abortSignal: signal }),
    );
  };

  return {
    words,
    async stat(name) {
      const head = await look(name);
      return head && { bytes: head.bytes, changedAt: head.changedAt, state: stateOf(head) };
    },
    async list(begins) {
      const names: string[] = [];
      let next: string | undefined;
      do {
        const answer = await own.call('ListObjectsV2', prefix + begins, () =>
          s3.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: prefix + begins,
              ...(next === undefined ? {} : { ContinuationToken: next }),
            }),
            { abortSignal: signal },
          ),
        );
        for (const one of answer.Contents ?? []) {
          const name = one.Key!.slice(prefix.length);
          if (name !== '' && !name.includes('/')) names.push(name);
        }
        next = answer.IsTruncated ? answer.NextContinuationToken : undefined;
      } while (next !== undefined);
      return names.sort();
    },
    async fetch(name, file, bytes = Infinity) {
      const head = await look(name);
      if (!head) throw missing(words, name);
      try {
        await asStorage(() => download(own, key(name), head, { file, bytes }));
      } catch (thrown) {
        await rm(file, { force: true });
        signal.throwIfAborted();
        throw thrown;
      }
    },
    async store(file, name) {
      if (await look(name)) throw taken(words, name);
      await uploadFile(own, file, key(name), () => taken(words, name));
    },
    async exchange({ name, incoming, keepAs }) {
      const [old, next, kept] = [await look(name), await look(incoming), await look(keepAs)];
      if (!next) {
        if (!old) throw missing(words, incoming);
        return kept !== undefined;
      }
      const done = old?.metadata[COPY_OF] === stateOf(next);
      if (!done) {
        const keeps = old && kept?.metadata[COPY_OF] === stateOf(old);
        if (kept && !keeps) throw taken(words, keepAs);
        if (old && !kept) await copyObject(own, { key: key(name), head: old }, key(keepAs));
        const still = await look(name);
        if ((still && stateOf(still)) !== (old && stateOf(old)))
          throw new NightjarError('FILE_LOCKED', {
            operation: 'exchange names',
            detail: `${words}${name} was written while its old version was being kept. It was left as it is.`,
          });
        await copyObject(own, { key: key(incoming), head: next }, key(name));
      }
      await remove(incoming);
      return done ? kept !== undefined : old !== undefined;
    },
    async settle({ name, incoming, keepAs }) {
      const [old, next, kept] = [await look(name), await look(incoming), await look(keepAs)];
      if (!old || !next) return undefined;
      if (old.metadata[COPY_OF] === stateOf(next)) {
        await remove(incoming);
        return 'finished';
      }
      if (kept?.metadata[COPY_OF] !== stateOf(old)) return undefined;
      await remove(keepAs);
      return 'taken back';
    },
    async rename(from, to) {
      const [one, other] = [await look(from), await look(to)];
      if (!one) {
        if (!other) throw missing(words, from);
        return;
      }
      if (other && other.metadata[COPY_OF] !== stateOf(one)) throw taken(words, to);
      if (!other) await copyObject(own, { key: key(from), head: one }, key(to));
      await remove(from);
    },
    async remove(name) {
      if (!(await look(name))) return false;
      await remove(name);
      return true;
    },
    // Parts of an upload that died are no objects; the bucket's own rule removes them.
    sweep: () => Promise.resolve(false),
  };
}

async function download(
  own: Bucket,
  key: string,
  head: Head,
  { file, bytes: wanted }: { file: string; bytes: number },
): Promise<void> {
  const object = { key, versionId: head.versionId, bytes: head.bytes, role: 'archive', sha256: '', crc32: '', part: 1 };
  const reader = { s3: own.s3, bucket: own.bucket, signal: own.signal, patience: own.patience ?? PATIENCE };
  const buffer = Buffer.allocUnsafeSlow(Math.min(RANGE, Math.max(head.bytes, 1)));
  const output = await open(file, 'w', 0o600);
  try {
    let position = 0;
    for (const range of rangesOf([object as Parameters<typeof rangesOf>[0][number]], RANGE)) {
      if (range.from >= wanted) break;
      const bytes = await fetchRange(reader, { ...range, to: Math.min(range.to, wanted) }, buffer);
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await output.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
      position += bytes.length;
      own.alive();
    }
  } finally {
    await output.close();
  }
}

/** These calls were made for the vault; here they speak of the database's own bucket. */
async function asStorage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOSPC')
      throw new NightjarError('DISK_FULL', { operation: 'download', detail: String(thrown), cause: thrown });
    if (!(thrown instanceof NightjarError)) throw thrown;
    const code = STORAGE[thrown.code];
    if (!code) throw thrown;
    throw thrown.retold({ code });
  }
}
const STORAGE: Partial<Record<string, NightjarError['code']>> = {
  VAULT_DENIED: 'STORAGE_DENIED',
  VAULT_UNAVAILABLE: 'STORAGE_UNAVAILABLE',
  OBJECT_MISSING: 'DATABASE_MISSING',
  CHECKSUM_MISMATCH: 'STORAGE_UNAVAILABLE',
};
