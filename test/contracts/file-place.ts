/** What every kind of place for files promises. A kind brings a way to look into it besides its own. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FilePlace } from '../../tasks/files/place.ts';
import { codeOf } from './engine-bench.ts';

export interface PlaceHarness {
  readonly title: string;
  /** An empty place. `onAlive`: called when bytes move, and may break it off. */
  open(onAlive?: () => void): Promise<FilePlace>;
  /** Puts a file there as an application does. */
  put(name: string, text: string): Promise<void>;
  /** What is there, by name; also what the place would hide. */
  contents(): Promise<Record<string, string>>;
}

export function filePlaceContract(harness: PlaceHarness): void {
  describe(`${harness.title} keeps the promises of a place for files`, () => {
    let scratch: string;
    let place: FilePlace;
    beforeAll(async () => void (scratch = await mkdtemp(join(tmpdir(), 'nightjar-place-'))));
    afterAll(() => rm(scratch, { recursive: true, force: true }));
    beforeEach(async () => void (place = await harness.open()));
    const file = async (text: string): Promise<string> => {
      const path = join(scratch, 'file');
      await writeFile(path, text);
      return path;
    };
    const odd = 'Lager "é" 😀 #1?.db';

    it('says what is there, and another state after another content', async () => {
      expect(await place.stat('a.db')).toBeUndefined();
      await harness.put('a.db', 'one');
      const first = await place.stat('a.db');
      expect(first).toMatchObject({ bytes: 3 });
      expect(new Date(first!.changedAt).toISOString()).toBe(first!.changedAt);
      expect((await place.stat('a.db'))!.state).toBe(first!.state);
      await harness.put('a.db', 'two');
      expect((await place.stat('a.db'))!.state).not.toBe(first!.state);
    });

    it('lists names by their beginning', async () => {
      await harness.put(odd, '1');
      await harness.put('a.db', '2');
      await harness.put('a.db-journal', '3');
      expect(await place.list('a.db')).toEqual(['a.db', 'a.db-journal']);
      expect(await place.list('Lager')).toEqual([odd]);
      expect(await place.list('z')).toEqual([]);
    });

    it('brings files to the task’s disk and back, whatever their names', async () => {
      await place.store(await file('content'), odd);
      expect(await harness.contents()).toEqual({ [odd]: 'content' });
      const copy = join(scratch, 'copy');
      await writeFile(copy, 'older and longer than it');
      await place.fetch(odd, copy);
      expect(await readFile(copy, 'utf8')).toBe('content');
      await place.fetch(odd, copy, 4);
      expect(await readFile(copy, 'utf8')).toBe('cont');
      await place.fetch(odd, copy, 400);
      expect(await readFile(copy, 'utf8')).toBe('content');
      await place.store(await file(''), 'empty');
      await place.fetch('empty', copy);
      expect(await readFile(copy, 'utf8')).toBe('');
    });

    it('says what is missing, and never stores over what is there', async () => {
      expect(await codeOf(place.fetch('a.db', join(scratch, 'copy')))).toBe('DATABASE_MISSING');
      await harness.put('a.db', 'old');
      expect(await codeOf(place.store(await file('new'), 'a.db'))).toBe('DESTINATION_EXISTS');
      expect(await harness.contents()).toEqual({ 'a.db': 'old' });
    });

    it('says that the task’s disk is full', async () => {
      await harness.put('a.db', 'content');
      const full = join(scratch, 'full');
      await symlink('/dev/full', full);
      expect(await codeOf(place.fetch('a.db', full))).toBe('DISK_FULL');
    });

    it('exchanges, keeps the old one, and may be told twice', async () => {
      await harness.put('a.db', 'old');
      await harness.put('alias', 'new');
      const names = { name: 'a.db', incoming: 'alias', keepAs: 'kept' };
      expect(await place.exchange(names)).toBe(true);
      expect(await harness.contents()).toEqual({ 'a.db': 'new', kept: 'old' });
      expect(await place.exchange(names)).toBe(true);
      expect(await harness.contents()).toEqual({ 'a.db': 'new', kept: 'old' });
      // And back, as a rollback does.
      expect(await place.exchange({ name: 'a.db', incoming: 'kept', keepAs: 'undone' })).toBe(true);
      expect(await harness.contents()).toEqual({ 'a.db': 'old', undone: 'new' });
    });

    it('takes a name that nobody has, and may be told twice', async () => {
      await harness.put('alias', 'new');
      const names = { name: 'a.db', incoming: 'alias', keepAs: 'kept' };
      expect(await place.exchange(names)).toBe(false);
      expect(await place.exchange(names)).toBe(false);
      expect(await harness.contents()).toEqual({ 'a.db': 'new' });
    });

    it('exchanges nothing where the old one could not be kept, or nothing comes in', async () => {
      await harness.put('a.db', 'old');
      await harness.put('alias', 'new');
      await harness.put('kept', 'of another time');
      const before = await harness.contents();
      const names = { name: 'a.db', incoming: 'alias', keepAs: 'kept' };
      expect(await codeOf(place.exchange(names))).toBe('DESTINATION_EXISTS');
      expect(await codeOf(place.exchange({ ...names, name: 'b.db', incoming: 'c.db' }))).toBe('DATABASE_MISSING');
      expect(await harness.contents()).toEqual(before);
    });

    it('settles nothing where no exchange died', async () => {
      const names = { name: 'a.db', incoming: 'alias', keepAs: 'kept' };
      expect(await place.settle(names)).toBeUndefined();
      await harness.put('a.db', 'old');
      await harness.put('alias', 'new');
      expect(await place.settle(names)).toBeUndefined();
      await harness.put('kept', 'of another time');
      expect(await place.settle(names)).toBeUndefined();
      expect(await harness.contents()).toEqual({ 'a.db': 'old', alias: 'new', kept: 'of another time' });
    });

    it('renames to a free name only, and may be told twice', async () => {
      await harness.put('a.db', 'one');
      await place.rename('a.db', 'b.db');
      await place.rename('a.db', 'b.db');
      expect(await harness.contents()).toEqual({ 'b.db': 'one' });
      await harness.put('c.db', 'two');
      expect(await codeOf(place.rename('b.db', 'c.db'))).toBe('DESTINATION_EXISTS');
      expect(await codeOf(place.rename('x', 'y'))).toBe('DATABASE_MISSING');
      expect(await harness.contents()).toEqual({ 'b.db': 'one', 'c.db': 'two' });
    });

    it('removes once', async () => {
      await harness.put('a.db', 'one');
      expect(await place.remove('a.db')).toBe(true);
      expect(await place.remove('a.db')).toBe(false);
      expect(await place.stat('a.db')).toBeUndefined();
    });

    it('leaves no part of a file under a name when it is interrupted', async () => {
      const path = await file('x'.repeat(12 * 1024 * 1024));
      await place.store(path, 'a.db');
      let moves = 0;
      const dying = await harness.open(() => {
        if ((moves += 1) === 3) throw new Error('died');
      });
      await harness.put('a.db', 'x'.repeat(12 * 1024 * 1024));
      await expect(dying.store(path, 'b.db')).rejects.toThrow('died');
      expect(Object.keys(await harness.contents())).toEqual(['a.db']);
      moves = 0;
      await expect(dying.fetch('a.db', join(scratch, 'copy'))).rejects.toThrow('died');
      await expect(readFile(join(scratch, 'copy'))).rejects.toThrow('ENOENT');
    });

    it('takes no path for a name', async () => {
      for (const name of ['../a.db', '', '.', '..', 'a/b', 'x'.repeat(256)]) {
        expect(await codeOf(place.stat(name)), name).toBe('INPUT_INVALID');
        expect(await codeOf(place.store(await file('new'), name)), name).toBe('INPUT_INVALID');
      }
    });
  });
}
