import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { dumpManifest, parseManifest, type Manifest } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import { manifestKey } from '../../core/names.ts';
import type { DumpOutcome } from '../../core/job.ts';
import {
  BACKUP,
  collect,
  dumpJob,
  end,
  FACTS,
  goodDump,
  KIB,
  lookInto,
  PASSWORD,
  restoreJob,
  run,
  save,
  sha256,
  someBytes,
  writeAll,
  type Double,
  type Ran,
  type Saved,
} from './support.ts';
import { useVault } from './vault-room.ts';

const room = useVault();

type More = Partial<Parameters<typeof run>[2]>;
const dumping = (dump: Double['dump'], more: More = {}): Promise<Ran> =>
  run(dumpJob(), { dump }, { s3: room.s3, bucket: room.bucket, ...more });
const nothing = { keys: [], openUploads: [] };
const MANIFEST = manifestKey('shop', BACKUP);

async function readManifest(): Promise<Manifest> {
  const { Body } = await room.direct.send(new GetObjectCommand({ Bucket: room.bucket, Key: MANIFEST }));
  return dumpManifest(parseManifest(await Body!.transformToString(), MANIFEST));
}

describe('a dump', () => {
  it('is a manifest, written last, that names every object with its version, size and checksums', async () => {
    const archive = someBytes(1500 * KIB);
    const { status, last } = await dumping(goodDump(archive));
    expect(status).toBe(0);
    const manifest = await readManifest();
    expect(manifest.objects.map(({ role, part, bytes }) => [role, part, bytes])).toEqual([
      ['globals', 1, 18],
      ['archive', 1, 1024 * KIB],
      ['archive', 2, 476 * KIB],
    ]);
    expect(manifest.archive).toEqual({ bytes: archive.length, sha256: sha256(archive) });
    expect(manifest).toMatchObject({ ...FACTS, backupId: BACKUP, attempt: 1, storedBytes: archive.length + 18 });
    for (const { key, versionId, sha256: expected } of manifest.objects) {
      const { Body } = await room.direct.send(
        new GetObjectCommand({ Bucket: room.bucket, Key: key, VersionId: versionId }),
      );
      expect(sha256(Buffer.from(await Body!.transformToByteArray()))).toBe(expected);
    }
    expect(room.proxy.asked.map((one) => one.operation).filter((one) => one === 'Complete' || one === 'Put')).toEqual([
      'Complete',
      'Complete',
      'Complete',
      'Put',
    ]);
    const outcome = last.outcome as DumpOutcome;
    expect(last).toMatchObject({ id: BACKUP, attempt: 1, status: 'succeeded' });
    expect(outcome).toMatchObject({
      kind: 'dump',
      manifestKey: MANIFEST,
      rows: 41,
      tables: 1,
      databaseBytes: 1_000_000,
    });
    const again = await room.direct.send(
      new GetObjectCommand({ Bucket: room.bucket, Key: MANIFEST, VersionId: outcome.manifestVersionId }),
    );
    expect(parseManifest(await again.Body!.transformToString(), 'again')).toEqual(manifest);
  });

  it('names what packed it, where the format does not', async () => {
    const packed = { place: 'outside', algorithm: 'gzip', level: 6 } as const;
    const good = goodDump(someBytes(KIB));
    await dumping(async (context, sink) => ({ ...(await good(context, sink)), compression: packed }));
    expect((await readManifest()).compression).toEqual({ ...packed, packer: `zlib ${process.versions.zlib}` });
  });

  it('leaves nothing behind when the engine fails after its stream has ended', async () => {
    const { status, last } = await dumping(async (_, sink) => {
      const stream = sink.open('archive', 'archive.dump');
      await writeAll(stream, someBytes(500 * KIB));
      await end(stream);
      throw new NightjarError('READ_THROUGH_FAILED', { operation: 'pg_restore', detail: 'unexpected end of file' });
    });
    expect(status).not.toBe(0);
    expect(last).toMatchObject({ status: 'failed', failure: { code: 'READ_THROUGH_FAILED' } });
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('leaves nothing behind when the engine fails in the middle', async () => {
    const { last } = await dumping(async (_, sink) => {
      await writeAll(sink.open('archive', 'archive.dump'), someBytes(500 * KIB));
      throw new Error('the tool died');
    });
    expect(last.failure).toMatchObject({ code: 'UNEXPECTED', detail: 'Error: the tool died' });
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('that is empty is none', async () => {
    const { status, last } = await dumping(goodDump(Buffer.alloc(0)));
    expect(status).not.toBe(0);
    expect(last.failure).toMatchObject({ code: 'DUMP_EMPTY' });
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('whose engine leaves a stream open is none', async () => {
    const { last } = await dumping(async (_, sink) => {
      await writeAll(sink.open('archive', 'archive.dump'), someBytes(KIB));
      return FACTS;
    });
    expect(last.failure).toMatchObject({
      code: 'UNEXPECTED',
      detail: expect.stringContaining('archive.dump') as string,
    });
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('fails by what S3 said, not by what the tool made of it', async () => {
    room.proxy.fault = ({ operation }) => (operation === 'Part' ? { status: 403, code: 'AccessDenied' } : undefined);
    const { last } = await dumping(async (_, sink) => {
      const stream = sink.open('archive', 'archive.dump');
      await writeAll(stream, someBytes(900 * KIB)).catch(() => {
        throw new NightjarError('DUMP_FAILED', { operation: 'pg_dump', detail: 'could not write: broken pipe' });
      });
      await end(stream);
      return FACTS;
    });
    expect(last.failure).toMatchObject({ code: 'VAULT_DENIED' });
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('that is told to stop leaves nothing and says TASK_STOPPED, even when its engine does not listen', async () => {
    const stop = new AbortController();
    const { status, last } = await dumping(
      async (context, sink) => {
        await writeAll(sink.open('archive', 'archive.dump'), someBytes(500 * KIB));
        stop.abort(new NightjarError('TASK_STOPPED', { operation: 'SIGTERM' }));
        await new Promise((resolve) => context.signal.addEventListener('never', resolve));
        return FACTS;
      },
      { stop, graceMs: 200 },
    );
    expect(status).not.toBe(0);
    expect(last).toMatchObject({ status: 'failed', failure: { code: 'TASK_STOPPED' } });
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('that is told to stop while it is being completed is finished all the same', async () => {
    const stop = new AbortController();
    room.proxy.fault = ({ operation }) => {
      if (operation === 'Complete') stop.abort(new NightjarError('TASK_STOPPED', { operation: 'SIGTERM' }));
      return undefined;
    };
    const { status, last } = await dumping(goodDump(someBytes(200 * KIB)), { stop });
    expect([status, last.status]).toEqual([0, 'succeeded']);
    expect((await readManifest()).objects).toHaveLength(2);
  });

  it('in which nothing moves is STALLED', async () => {
    const { last } = await dumping(
      async ({ signal }, sink) => {
        await writeAll(sink.open('archive', 'archive.dump'), someBytes(100 * KIB));
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
        return FACTS;
      },
      { idleMs: 300 },
    );
    expect(last.failure).toMatchObject({ code: 'STALLED' });
    expect(await lookInto(room.direct, room.bucket)).toEqual(nothing);
  });

  it('does not take the place of a manifest that is there', async () => {
    await room.direct.send(new PutObjectCommand({ Bucket: room.bucket, Key: MANIFEST, Body: 'older' }));
    const { status, last } = await dumping(goodDump(someBytes(KIB)));
    expect(status).not.toBe(0);
    expect(last.failure?.detail).toContain('is there already');
    const { Body } = await room.direct.send(new GetObjectCommand({ Bucket: room.bucket, Key: MANIFEST }));
    expect(await Body!.transformToString()).toBe('older');
  });
});

describe('a restore', () => {
  async function backedUp(archive: Buffer): Promise<{ versionId: string; manifest: Manifest }> {
    const { last } = await dumping(goodDump(archive));
    return { versionId: (last.outcome as DumpOutcome).manifestVersionId, manifest: await readManifest() };
  }
  const restoring = (versionId: string, restore: Double['restore']): Promise<Ran> =>
    run(restoreJob({ manifestKey: MANIFEST, versionId }), { restore }, { s3: room.s3, bucket: room.bucket });

  it('reads every byte in order over all objects, and the globals', async () => {
    const archive = someBytes(2500 * KIB);
    const { versionId } = await backedUp(archive);
    const read: Buffer[] = [];
    const globals: (string | undefined)[] = [];
    const { status, last } = await restoring(versionId, collect(read, globals));
    expect([status, last.failure?.detail]).toEqual([0, undefined]);
    expect(sha256(Buffer.concat(read))).toBe(sha256(archive));
    expect(globals).toEqual(['CREATE ROLE shop;\n']);
  });

  it.each([
    ['connections that break off', { cutAfter: 100 * KIB }],
    ['503', { status: 503, code: 'SlowDown' }],
    ['expired credentials', { status: 400, code: 'ExpiredToken' }],
  ] as const)('survives %s', async (_, fault) => {
    const archive = someBytes(2500 * KIB);
    const { versionId } = await backedUp(archive);
    room.proxy.fault = ({ operation, before }) => (operation === 'Get' && before % 2 === 1 ? fault : undefined);
    const read: Buffer[] = [];
    const { status } = await restoring(versionId, collect(read));
    expect(status).toBe(0);
    expect(sha256(Buffer.concat(read))).toBe(sha256(archive));
    const saved: Saved = {};
    expect((await restoring(versionId, save(saved))).status).toBe(0);
    expect(sha256(saved.bytes!)).toBe(sha256(archive));
    expect(saved.moved).toBe(archive.length);
  });

  it('saves ranges in their places, whatever the order in which they arrive', async () => {
    const archive = someBytes(2500 * KIB);
    const { versionId } = await backedUp(archive);
    let gets = 0;
    // The manifest comes first, then the first range, which is kept waiting.
    room.proxy.fault = ({ operation }) =>
      operation === 'Get' && (gets += 1) === 2 ? { status: 503, code: 'SlowDown' } : undefined;
    const saved: Saved = {};
    const { status } = await restoring(versionId, save(saved));
    expect([status, gets]).toEqual([0, 5]);
    expect(sha256(saved.bytes!)).toBe(sha256(archive));
  });

  it.each([
    ['a changed byte', (bytes: Buffer) => bytes.fill(bytes[0]! ^ 1, 0, 1)],
    ['a missing end', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['too many bytes', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
  ])('never hands on the end of an archive with %s', async (_, damage) => {
    const archive = someBytes(900 * KIB);
    const { manifest } = await backedUp(archive);
    const object = manifest.objects.find((one) => one.role === 'archive')!;
    const put = await room.direct.send(
      new PutObjectCommand({ Bucket: room.bucket, Key: object.key, Body: damage(Buffer.from(archive)) }),
    );
    const objects = manifest.objects.map((one) => (one === object ? { ...one, versionId: put.VersionId! } : one));
    const { VersionId } = await room.direct.send(
      new PutObjectCommand({ Bucket: room.bucket, Key: MANIFEST, Body: JSON.stringify({ ...manifest, objects }) }),
    );
    const read: Buffer[] = [];
    const { last } = await restoring(VersionId!, collect(read));
    expect(last.failure).toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    expect(Buffer.concat(read).length).toBeLessThan(archive.length - 100 * KIB);

    const proof = await restoring(VersionId!, async (_context, _job, source) => {
      await source.proveArchive();
      throw new Error('must not come so far');
    });
    expect(proof.last.failure).toMatchObject({ code: 'CHECKSUM_MISMATCH' });

    const saved: Saved = {};
    expect((await restoring(VersionId!, save(saved))).last.failure).toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    expect(saved.bytes).toBe(undefined);
  });

  it('says MANIFEST_INVALID for a manifest that is not there, or is of another backup', async () => {
    const missing = await restoring('none', collect([]));
    expect(missing.last.failure?.code).toMatch(/MANIFEST_INVALID|VAULT_DENIED/);
    const { manifest } = await backedUp(someBytes(KIB));
    const { VersionId } = await room.direct.send(
      new PutObjectCommand({
        Bucket: room.bucket,
        Key: MANIFEST,
        Body: JSON.stringify({ ...manifest, target: 'other' }),
      }),
    );
    expect((await restoring(VersionId!, collect([]))).last.failure).toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  it('says OBJECT_MISSING for an object that is gone', async () => {
    const { manifest } = await backedUp(someBytes(KIB));
    const objects = manifest.objects.map((one) => ({ ...one, key: `${one.key}-gone` }));
    const { VersionId } = await room.direct.send(
      new PutObjectCommand({ Bucket: room.bucket, Key: MANIFEST, Body: JSON.stringify({ ...manifest, objects }) }),
    );
    expect((await restoring(VersionId!, collect([]))).last.failure).toMatchObject({ code: 'OBJECT_MISSING' });
  });
});

describe('a check', () => {
  it('says what it saw, and what it could not see', async () => {
    const { id, target, idleMinutes } = dumpJob();
    const answers = [{ query: 'SELECT false', holds: false, answer: '{"?column?":false}' }];
    const { status, last } = await run(
      { kind: 'check', id, target, idleMinutes, queries: ['SELECT false'] },
      {
        check: (context, { queries }) => {
          context.report.warn('1 table was not counted');
          expect(queries).toEqual(['SELECT false']);
          return Promise.resolve({ serverVersion: '17.6', tables: 3, rows: 12, answers });
        },
      },
      { s3: room.s3, bucket: room.bucket },
    );
    // A question that does not hold is for the workflow to judge: the task has done its work.
    expect(status).toBe(0);
    expect(last.outcome).toEqual({
      kind: 'check',
      serverVersion: '17.6',
      tables: 3,
      rows: 12,
      answers,
      warnings: ['1 table was not counted'],
    });
  });
});

describe('the password', () => {
  it('is in no log line, record or error, however carelessly an engine speaks', async () => {
    const { last, logged, words } = await dumping(async (context) => {
      const { password } = await context.login();
      expect(password).toBe(PASSWORD);
      context.report.phase(`connecting with ${password}`);
      context.report.warn(`postgres://shop:${encodeURIComponent(password)}@db.example.org is odd`);
      throw new NightjarError('AUTH_FAILED', { operation: `login ${password}`, detail: `refused "${password}"` });
    });
    expect(last.failure?.detail).toBe('refused "***"');
    expect(last.failure?.operation).toBe('login ***');
    const said = JSON.stringify(words) + logged;
    for (const form of [PASSWORD, encodeURIComponent(PASSWORD), JSON.stringify(PASSWORD).slice(1, -1)])
      expect(said).not.toContain(form);
    expect(said).toContain('***');
  });
});
