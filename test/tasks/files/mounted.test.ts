import { readdirSync } from 'node:fs';
import { chmod, chown, link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mountedPlace } from '../../../tasks/files/mounted.ts';
import { openPlace } from '../../../tasks/files/open.ts';
import type { FilePlace } from '../../../tasks/files/place.ts';
import { listeningReporter } from '../../contracts/doubles.ts';
import { codeOf, NO_S3 } from '../../contracts/engine-bench.ts';
import { filePlaceContract } from '../../contracts/file-place.ts';

let root: string;
let directory: string;
let warnings: string[];
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'nightjar-mounted-'))));
afterAll(() => rm(root, { recursive: true, force: true }));
const open = (alive: () => void = () => undefined): FilePlace =>
  mountedPlace({
    directory,
    words: 'fs-0123/data',
    signal: new AbortController().signal,
    alive,
    warn: (text) => warnings.push(text),
  });
const fresh = async (): Promise<void> => {
  warnings = [];
  directory = await mkdtemp(join(root, 'data-'));
};
const put = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text);
const contents = async (): Promise<Record<string, string>> => {
  const names = (await readdir(directory)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const)),
  );
};

filePlaceContract({
  title: 'A mounted directory',
  async open(alive) {
    if (!alive) await fresh();
    return open(alive);
  },
  put,
  contents,
});

describe('a mounted directory', () => {
  beforeEach(fresh);

  it('takes up an exchange that a crash broke off, at each of its steps', async () => {
    const names = { name: 'a.db', incoming: 'alias', keepAs: 'kept' };
    await put('a.db', 'old');
    await put('alias', 'new');
    await link(join(directory, 'a.db'), join(directory, 'kept'));
    expect(await open().exchange(names)).toBe(true);
    expect(await contents()).toEqual({ 'a.db': 'new', kept: 'old' });
    // Of a name that nobody had.
    await link(join(directory, 'a.db'), join(directory, 'b.db'));
    expect(await open().exchange({ name: 'b.db', incoming: 'a.db', keepAs: 'none' })).toBe(false);
    expect(await contents()).toEqual({ 'b.db': 'new', kept: 'old' });
    await link(join(directory, 'b.db'), join(directory, 'c.db'));
    await open().rename('b.db', 'c.db');
    expect(await contents()).toEqual({ 'c.db': 'new', kept: 'old' });
  });

  it('settles an exchange that a crash broke off: taken back before the name was given, else finished', async () => {
    const names = { name: 'a.db', incoming: 'alias', keepAs: 'kept' };
    await put('a.db', 'old');
    await put('alias', 'new');
    await link(join(directory, 'a.db'), join(directory, 'kept'));
    expect(await open().settle(names)).toBe('taken back');
    expect(await contents()).toEqual({ 'a.db': 'old', alias: 'new' });
    await link(join(directory, 'alias'), join(directory, 'b.db'));
    expect(await open().settle({ ...names, name: 'b.db' })).toBe('finished');
    expect(await contents()).toEqual({ 'a.db': 'old', 'b.db': 'new' });
  });

  it('sweeps or removes what a store that was killed left, and nothing else', async () => {
    await put('file', 'content');
    await put('a.db', 'whole');
    // While it is stored, a file is there under a name that no list shows: what a killed process leaves is that.
    const halves: string[] = [];
    const watched = open(() => void halves.push(readdirSync(directory).find((one) => one.startsWith('.nj'))!));
    for (const name of ['b.db', 'c.db']) await watched.store(join(directory, 'file'), name);
    const [swept, removed] = halves as [string, string];
    await put(swept, 'cont');
    await put(removed, 'cont');
    expect(await open().sweep('b.db')).toBe(true);
    expect(await open().sweep('b.db')).toBe(false);
    expect(await contents()).toEqual({
      'a.db': 'whole',
      'b.db': 'content',
      'c.db': 'content',
      file: 'content',
      [removed]: 'cont',
    });
    expect(await open().remove('c.db')).toBe(true);
    expect(await open().remove('c.db')).toBe(false);
    expect(await contents()).toEqual({ 'a.db': 'whole', 'b.db': 'content', file: 'content' });
  });

  it('clears away what a store that was killed left behind', async () => {
    await put('file', 'content');
    const half = open(() => {
      throw new Error('died');
    });
    await expect(half.store(join(directory, 'file'), 'a.db')).rejects.toThrow('died');
    expect(await open().list('')).toEqual(['file']);
    await open().store(join(directory, 'file'), 'a.db');
    expect(await contents()).toEqual({ 'a.db': 'content', file: 'content' });
  });

  it('gives what comes in the rights of what it replaces', async () => {
    await put('a.db', 'old');
    await chmod(join(directory, 'a.db'), 0o664);
    if (process.getuid?.() === 0) await chown(join(directory, 'a.db'), 10_001, 10_002);
    const before = await stat(join(directory, 'a.db'));
    await put('alias', 'new');
    await open().exchange({ name: 'a.db', incoming: 'alias', keepAs: 'kept' });
    const after = await stat(join(directory, 'a.db'));
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(warnings).toEqual([]);
  });

  it('lies below the mount, its file system and its directory', async () => {
    await mkdir(join(root, 'fs-0123456789abcdef0', 'data'), { recursive: true });
    const context = (inside: string): Parameters<typeof openPlace>[0] => ({
      target: {
        storage: {
          efs: { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0', directory: inside },
        },
      },
      env: { NIGHTJAR_MOUNTS: root },
      s3: NO_S3,
      signal: new AbortController().signal,
      report: listeningReporter(),
    });
    for (const inside of ['data', '/data']) {
      const place = openPlace(context(inside));
      expect([place.words, place.directory]).toEqual([
        'fs-0123456789abcdef0/data',
        join(root, 'fs-0123456789abcdef0', 'data'),
      ]);
      expect(await place.stat('a.db')).toBeUndefined();
    }
    const away = openPlace(context('elsewhere'));
    expect(await codeOf(away.stat('a.db'))).toBe('STORAGE_UNAVAILABLE');
    expect(await codeOf(away.list(''))).toBe('STORAGE_UNAVAILABLE');
  });
});
