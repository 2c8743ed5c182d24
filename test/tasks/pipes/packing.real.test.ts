/** Whatever packs an archive: the first failure ends the whole pipe, and is the one that is told. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { COMPRESSIONS } from '../../../core/engine-fields.ts';
import { IMAGE_ENV } from '../../../local/paths.ts';
import { packerOf, unpacked, writePacked, type PackedWrite } from '../../../tasks/pipes/packing.ts';
import type { Outlet } from '../../../tasks/pipes/pipes.ts';

const taking = (over: Partial<Outlet> = {}): Outlet => ({
  write: () => Promise.resolve(true),
  end: () => Promise.resolve(),
  ...over,
});

const env = { ...IMAGE_ENV };

describe.each(COMPRESSIONS)('packed by %s', (algorithm) => {
  const writing = (over: Partial<PackedWrite> & { from: Readable; stop?: AbortSignal }): Promise<number> => {
    const own = new AbortController();
    return writePacked(over.from, {
      env,
      signal: AbortSignal.any([own.signal, ...(over.stop ? [over.stop] : [])]),
      compression: { algorithm, level: 1 },
      sink: taking(),
      reader: taking(),
      ended: Promise.resolve(),
      own,
      moved: () => undefined,
      ...over,
    });
  };

  it('a tool that failed after it wrote ends the dump with its own error', async () => {
    const failed = new Error('the tool was killed');
    const ended = Promise.reject(failed);
    ended.catch(() => undefined);
    await expect(writing({ from: Readable.from([Buffer.alloc(100_000, 1)]), ended })).rejects.toBe(failed);
  }, 20_000);

  it('a reader that fails ends the dump', async () => {
    const failed = new Error('the reader left');
    const from = new PassThrough();
    from.write(Buffer.alloc(1_000_000, 1));
    from.end();
    await expect(writing({ from, reader: taking({ write: () => Promise.reject(failed) }) })).rejects.toBe(failed);
  }, 20_000);

  it('a stop from outside ends the dump, also while the tool says nothing', async () => {
    const stop = new AbortController();
    const from = new PassThrough();
    from.write(Buffer.alloc(100_000, 1));
    stop.signal.addEventListener('abort', () => from.destroy(stop.signal.reason as Error));
    const done = writing({ from, stop: stop.signal });
    setTimeout(() => stop.abort(new Error('given up')), 50);
    await expect(done).rejects.toThrow('given up');
  }, 20_000);

  it('a stop from outside ends an unpacking whose source says nothing', async () => {
    const stop = new AbortController();
    const from = new PassThrough();
    stop.signal.addEventListener('abort', () => from.destroy(stop.signal.reason as Error));
    const { stream, done } = unpacked(from, { algorithm }, { env, signal: stop.signal, moved: () => undefined });
    setTimeout(() => stop.abort(new Error('given up')), 50);
    stream.resume();
    await expect(done).rejects.toThrow('given up');
  }, 20_000);
});

describe('what packed an archive', () => {
  const of = (algorithm: (typeof COMPRESSIONS)[number], more: Readonly<Record<string, string>> = {}) =>
    packerOf({ algorithm }, { env: { ...env, ...more }, signal: new AbortController().signal });

  it('is named with its version', async () => {
    expect(await of('zstd')).toMatch(/^zstd \d+\.\d+\.\d+$/);
    expect(await of('gzip')).toBe(`zlib ${process.versions.zlib}`);
    expect(await of('none')).toBeUndefined();
  });

  it('is left out where it does not tell', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'nightjar-packer-'));
    await writeFile(join(dir, 'zstd'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    expect(await of('zstd', { PATH: dir })).toBeUndefined();
    await rm(dir, { recursive: true });
  });
});
