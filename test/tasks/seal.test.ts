/** Encryption and pace between an engine and the vault. */
import { randomBytes } from 'node:crypto';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../core/backup.ts';
import type { Encryption } from '../../core/engine-fields.ts';
import { NightjarError } from '../../core/errors.ts';
import { sealed, sealOf, unsealed, type StoredSource } from '../../tasks/seal.ts';
import { memoryBackup } from '../contracts/doubles.ts';
import { codeOf } from '../contracts/engine-bench.ts';

const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:identity-AbCdEf';
const never = new AbortController().signal;
const plain = randomBytes(3 * 1024 * 1024 + 17);

let identity: string;
let encryption: Encryption;
beforeAll(async () => {
  identity = await generateX25519Identity();
  const other = await generateX25519Identity();
  encryption = {
    recipients: [await identityToRecipient(other), await identityToRecipient(identity)],
    identity: SECRET,
  };
});

async function stored(chunk = 100_000): Promise<Buffer> {
  const backup = memoryBackup();
  const stream = sealed(backup.sink, { encryption }, never).open('archive', 'archive.dump');
  for (let at = 0; at < plain.length; at += chunk) stream.write(plain.subarray(at, at + chunk));
  await new Promise<void>((resolve, reject) => stream.once('error', reject).end(resolve));
  return backup.finished.get('archive')!;
}

/** As the vault gives it back. `broken`: its hash was not the manifest's, which is said before the last bytes. */
function source(archive: Buffer, broken?: NightjarError): StoredSource {
  const pieces = function* (): Generator<Buffer> {
    const last = archive.length - 100;
    for (let at = 0; at < last; at += 65_536) yield archive.subarray(at, Math.min(at + 65_536, last));
    if (broken) throw broken;
    yield archive.subarray(last);
  };
  const refuse = (): Promise<never> => Promise.reject(new Error('not asked for here'));
  return {
    manifest: { encryption: sealOf({ encryption }) } as Manifest,
    openArchive: () => Readable.from(pieces(), { objectMode: false }),
    saveArchive: refuse,
    proveArchive: refuse,
    readGlobals: () => Promise.resolve(archive),
  };
}

async function read(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}
const opened = (archive: Buffer, secret = identity, broken?: NightjarError): Promise<Buffer> =>
  read(unsealed(source(archive, broken), () => Promise.resolve(secret)).openArchive());

describe('an encrypted backup', () => {
  it('comes back byte by byte for whoever holds the identity of one recipient', async () => {
    const archive = await stored();
    expect(archive.includes(plain.subarray(0, 64))).toBe(false);
    expect(plain.equals(await opened(archive))).toBe(true);
  });

  it('is a file of age, which any tool of that format opens', async () => {
    const archive = await stored();
    expect(archive.subarray(0, 21).toString()).toBe('age-encryption.org/v1');
    const tool = new Decrypter();
    tool.addIdentity(identity);
    expect(plain.equals(Buffer.from(await tool.decrypt(archive)))).toBe(true);
  });

  it('goes to the task’s disk as the engine wrote it, and tells of the bytes', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'nightjar-seal-'));
    try {
      const archive = await stored();
      let moved = 0;
      await unsealed(source(archive), () => Promise.resolve(identity)).saveArchive(
        join(dir, 'archive'),
        (bytes) => (moved += bytes),
      );
      expect(plain.equals(await readFile(join(dir, 'archive')))).toBe(true);
      expect(moved).toBe(archive.length);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('gives its globals back as text', async () => {
    const backup = memoryBackup();
    const stream = sealed(backup.sink, { encryption }, never).open('globals', 'globals.sql');
    await new Promise<void>((resolve) => stream.end('CREATE ROLE "é";', resolve));
    const back = unsealed(source(backup.finished.get('globals')!), () => Promise.resolve(identity));
    expect(await back.readGlobals()).toBe('CREATE ROLE "é";');
  });

  it('says which secret holds the wrong identity, and never what it holds', async () => {
    const archive = await stored();
    const stranger = await generateX25519Identity();
    const thrown = await opened(archive, stranger).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'IDENTITY_MISSING', detail: expect.stringContaining(SECRET) as string });
    expect(String(thrown)).not.toContain(stranger);
    const nonsense = await opened(archive, 'hunter2').catch((error: unknown) => error);
    expect(nonsense).toMatchObject({ code: 'IDENTITY_MISSING' });
    expect(String((nonsense as Error).stack)).not.toContain('hunter2');
  });

  it.each(['in the middle', 'in the last chunk', 'by being cut short'])('fails when damaged %s', async (where) => {
    const archive = Buffer.from(await stored());
    if (where === 'in the middle') archive[archive.length >> 1]! ^= 1;
    if (where === 'in the last chunk') archive[archive.length - 1]! ^= 1;
    const cut = where === 'by being cut short' ? archive.subarray(0, archive.length - 70_000) : archive;
    expect(await codeOf(opened(cut))).toBe('CHECKSUM_MISMATCH');
  });

  it('fails with the vault’s own word when the vault broke it', async () => {
    const archive = await stored();
    const broken = new NightjarError('OBJECT_MISSING', { operation: 'GetObject' });
    expect(await codeOf(opened(archive, identity, broken))).toBe('OBJECT_MISSING');
  });
});

describe('what stands before the vault', () => {
  it('is nothing when the target asks for nothing', () => {
    const { sink } = memoryBackup();
    expect(sealed(sink, {}, never)).toBe(sink);
  });

  it.each([true, false])('hands a failing upload on to the engine (encrypted: %s)', async (secret) => {
    const sink = {
      open: () => new Writable({ write: (_chunk, _encoding, done) => done(new NightjarError('VAULT_UNAVAILABLE')) }),
    };
    const wish = secret ? { encryption } : { bytesPerSecond: 1e9 };
    const stream = sealed(sink, wish, never).open('archive', 'a');
    const error = await new Promise((resolve) => {
      stream.once('error', resolve);
      stream.write(randomBytes(200_000));
      stream.end();
    });
    expect(error).toMatchObject({ code: 'VAULT_UNAVAILABLE' });
    expect(stream.writableFinished).toBe(false);
  });

  it.each([true, false])('has finished only when the vault has (encrypted: %s)', async (secret) => {
    const wish = secret ? { encryption } : { bytesPerSecond: 1e9 };
    let finish: () => void = () => undefined;
    const inner = new Writable({ write: (_c, _e, done) => done(), final: (done) => void (finish = done) });
    const stream = sealed({ open: () => inner }, wish, never).open('archive', 'a');
    stream.end(randomBytes(1_000));
    while (!inner.writableEnded) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(stream.writableFinished).toBe(false);
    const finished = new Promise((resolve) => stream.once('finish', resolve));
    finish();
    await finished;
  });

  it('takes an upload down with the stream that an engine gave up', async () => {
    for (const wish of [{ encryption }, { bytesPerSecond: 1e9 }]) {
      const backup = memoryBackup();
      let inner!: Writable;
      const stream = sealed({ open: (role, file) => (inner = backup.sink.open(role, file)) }, wish, never).open(
        'archive',
        'a',
      );
      inner.on('error', () => undefined);
      stream.write(randomBytes(1_000));
      stream.destroy(new NightjarError('DUMP_FAILED'));
      await new Promise((resolve) => stream.once('close', resolve));
      expect(inner.destroyed).toBe(true);
      expect(backup.finished.size).toBe(0);
    }
  });

  it('holds a stream to its pace, and lets go of it at once when the task must end', async () => {
    const told = new AbortController();
    const backup = memoryBackup();
    const stream = sealed(backup.sink, { bytesPerSecond: 65_536 }, told.signal).open('archive', 'a');
    const error = new Promise((resolve) => stream.once('error', resolve));
    for (let count = 0; count < 100; count += 1) stream.write(randomBytes(65_536));
    await new Promise((resolve) => setTimeout(resolve, 50));
    // A hundred seconds' worth: a second of it may go at once.
    expect(backup.written()).toBeLessThanOrEqual(3 * 65_536);
    told.abort(new NightjarError('TASK_STOPPED'));
    expect(await error).toMatchObject({ code: 'TASK_STOPPED' });
  });
});
