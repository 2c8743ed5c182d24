import { expect, it } from 'vitest';
import { lineOf, tooMuch } from './result.ts';

const MIB = 1024;

it('says which engine took too much, and for what', () => {
  const cost = { seconds: 1, cpuSeconds: 1, peaksKib: {}, sumKib: 0, ownKib: 200 * MIB, treeKib: 256 * MIB };
  const loaded = { engine: 'sqlite', title: 'SQLite 3', bytes: 2 ** 30, storedBytes: 2 ** 29, backup: cost };
  expect(tooMuch({ ...loaded, restore: cost }, 256)).toEqual([]);
  expect(tooMuch({ ...loaded, restore: { ...cost, treeKib: 257 * MIB } }, 256)).toEqual([
    'sqlite: the restore took 257 MiB of memory, and may take 256',
  ]);
  expect(lineOf({ ...loaded, restore: cost })).toBe(
    '| SQLite 3 | 1024 | 512 | 1 (CPU 1) | 200 | 256 | 1 (CPU 1) | 200 | 256 |',
  );
});
