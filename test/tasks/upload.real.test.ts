import { GetObjectCommand, GetObjectTaggingCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32Text } from '../../tasks/upload/crc32.ts';
import { VaultSink } from '../../tasks/upload/vault-sink.ts';
import { end, KIB, lookInto, QUICK, sha256, SMALL, someBytes, writeAll } from './support.ts';
import { useVault } from './vault-room.ts';

const room = useVault();

const sinkFor = (signal = new AbortController().signal): VaultSink =>
  new VaultSink({
    s3: room.s3,
    bucket: room.bucket,
    signal,
    key: (file, part) => `shop/${file}.${part}`,
    limits: SMALL,
    patience: QUICK,
  });

async function upload(bytes: Buffer) {
  const sink = sinkFor();
  const stream = sink.open('archive', 'archive');
  await writeAll(stream, bytes);
  await end(stream);
  return { sink, stream };
}

async function stored(key: string, VersionId: string): Promise<Buffer> {
  const { Body } = await room.direct.send(new GetObjectCommand({ Bucket: room.bucket, Key: key, VersionId }));
  return Buffer.from(await Body!.transformToByteArray());
}
const nothing = { keys: [], openUploads: [] };

describe('what is uploaded', () => {
  it('is no object until it is completed, and then is the very bytes', async () => {
    const bytes = someBytes(700 * KIB + 11);
    const { sink } = await upload(bytes);
    expect(await lookInto(room.direct, room.bucket)).toEqual({ keys: [], openUploads: ['shop/archive.1'] });

    const [object, ...more] = await sink.complete(new AbortController().signal);
    expect(more).toEqual([]);
    expect(object).toMatchObject({
      role: 'archive',
      key: 'shop/archive.1',
      part: 1,
      bytes: bytes.length,
      sha256: sha256(bytes),
      crc32: crc32Text(crc32(bytes)),
    });
    expect(sink.archives).toEqual([{ archive: { bytes: bytes.length, sha256: sha256(bytes) } }]);
    expect((await stored(object!.key, object!.versionId)).equals(bytes)).toBe(true);
  });

  it('carries the tag that archives it, and a checksum that S3 took over all of it', async () => {
    const bytes = someBytes(300 * KIB);
    const { sink } = await upload(bytes);
    const [object] = await sink.complete(new AbortController().signal);
    const of = { Bucket: room.bucket, Key: object!.key };
    expect((await room.direct.send(new GetObjectTaggingCommand(of))).TagSet).toEqual([
      { Key: 'nightjar:content', Value: 'data' },
    ]);
    const head = await room.direct.send(new HeadObjectCommand({ ...of, ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({ ChecksumCRC32: object!.crc32, ChecksumType: 'FULL_OBJECT' });
  });

  it('goes on in another object where one is full, none of them empty', async () => {
    const bytes = someBytes(2 * 1024 * KIB);
    const { sink } = await upload(bytes);
    const objects = await sink.complete(new AbortController().signal);
    expect(objects.map(({ part, bytes: size }) => [part, size])).toEqual([
      [1, 1024 * KIB],
      [2, 1024 * KIB],
    ]);
    const parts = await Promise.all(objects.map(({ key, versionId }) => stored(key, versionId)));
    expect(parts.map(sha256)).toEqual(objects.map((one) => one.sha256));
    expect(sha256(Buffer.concat(parts))).toBe(sha256(bytes));
    expect(sink.archives[0]?.archive.sha256).toBe(sha256(bytes));
  });

  it('never takes the place of an object that is there', async () => {
    await room.direct.send(new PutObjectCommand({ Bucket: room.bucket, Key: 'shop/archive.1', Body: 'older' }));
    const { sink } = await upload(someBytes(KIB));
    await expect(sink.complete(new AbortController().signal)).rejects.toMatchObject({ code: 'VAULT_DENIED' });
    await sink.abort();
    expect(await lookInto(room.direct, room.bucket)).toEqual({ keys: ['shop/archive.1'], openUploads: [] });
  });

  it('leaves nothing behind when it is aborted', async () => {
    const { sink } = await upload(someBytes(400 * KIB));
    await sink.abort();
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('keeps at most three parts under way', async () => {
    let underWay = 0;
    let most = 0;
    room.s3.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName !== 'UploadPartCommand') return next(args);
        most = Math.max(most, (underWay += 1));
        return next(args).finally(() => (underWay -= 1));
      },
      { step: 'initialize', name: 'counting' },
    );
    const { sink } = await upload(someBytes(1024 * KIB));
    room.s3.middlewareStack.remove('counting');
    await sink.abort();
    expect(most).toBe(3);
  });
});

describe('an upload survives', () => {
  it.each([
    ['a part refused with 503 several times', 'Part', { status: 503, code: 'SlowDown' }, 4],
    ['a part refused with 500', 'Part', { status: 500, code: 'InternalError' }, 2],
    ['a connection dropped in the middle of a part', 'Part', 'drop', 3],
    ['the lost answer to a part', 'Part', 'lose answer', 2],
    ['a part damaged on its way', 'Part', { status: 400, code: 'BadDigest' }, 1],
    ['credentials that expired', 'Part', { status: 400, code: 'ExpiredToken' }, 1],
    ['a beginning refused with 503', 'Create', { status: 503, code: 'SlowDown' }, 2],
    ['a dropped beginning', 'Create', 'drop', 1],
    ['a completion refused with 503', 'Complete', { status: 503, code: 'SlowDown' }, 3],
  ] as const)('%s', async (_, operation, fault, times) => {
    room.proxy.fault = (asked) => (asked.operation === operation && asked.before < times ? fault : undefined);
    const bytes = someBytes(500 * KIB);
    const { sink } = await upload(bytes);
    const [object] = await sink.complete(new AbortController().signal);
    expect(sha256(await stored(object!.key, object!.versionId))).toBe(sha256(bytes));
    expect((await lookInto(room.direct, room.bucket)).keys).toEqual(['shop/archive.1']);
  });
});

describe('an upload that can not succeed', () => {
  async function failing(sink: VaultSink): Promise<void> {
    const stream = sink.open('archive', 'archive');
    await expect(
      (async () => {
        await writeAll(stream, someBytes(900 * KIB));
        await end(stream);
      })(),
    ).rejects.toBeDefined();
    await sink.abort();
  }

  it('is given up as VAULT_UNAVAILABLE when S3 refuses for good, and leaves nothing', async () => {
    room.proxy.fault = ({ operation }) => (operation === 'Part' ? { status: 503, code: 'SlowDown' } : undefined);
    const sink = sinkFor();
    await failing(sink);
    expect(sink.failure).toMatchObject({ code: 'VAULT_UNAVAILABLE', operation: 'UploadPart' });
    expect(sink.failure?.detail).toMatch(/tries in \d+ s.*503 SlowDown/);
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('is VAULT_DENIED at the first refusal of a right, and leaves nothing', async () => {
    room.proxy.fault = ({ operation, before }) =>
      operation === 'Part' && before >= 2 ? { status: 403, code: 'AccessDenied' } : undefined;
    const sink = sinkFor();
    await failing(sink);
    expect(sink.failure).toMatchObject({ code: 'VAULT_DENIED' });
    expect(room.proxy.asked.filter((one) => one.operation === 'Part').length).toBeLessThanOrEqual(
      2 + SMALL.partsInFlight,
    );
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('ends at once when the task is told to stop, though S3 keeps it waiting', async () => {
    const stop = new AbortController();
    room.proxy.fault = ({ operation, before }) => {
      if (operation !== 'Part' || before < 1) return undefined;
      stop.abort(new Error('stopped'));
      return { status: 503, code: 'SlowDown' };
    };
    await failing(sinkFor(stop.signal));
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('makes no second object of a completion whose answer was lost', async () => {
    room.proxy.fault = ({ operation, before }) =>
      operation === 'Complete' && before === 0 ? 'lose answer' : undefined;
    const { sink } = await upload(someBytes(100 * KIB));
    // Either S3 repeats its answer, or the version is not known, and then nothing is claimed.
    const end = await sink.complete(new AbortController().signal).then(
      ([object]) => object!.versionId,
      (error: unknown) => error,
    );
    await sink.abort();
    const { keys, openUploads } = await lookInto(room.direct, room.bucket);
    expect({ keys, openUploads }).toEqual({ keys: ['shop/archive.1'], openUploads: [] });
    if (typeof end !== 'string') expect(end).toMatchObject({ code: 'VAULT_UNAVAILABLE' });
  });
});
