/** Many tables, many bytes: what grows must not grow the task. The heavy ones run with NIGHTJAR_SLOW=1. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../contracts/doubles.ts';
import { inside, runAll } from './harness.ts';
import { FLAVOURS, leave, room, type Room } from './room.ts';

const SLOW = process.env.NIGHTJAR_SLOW !== undefined;
const SIZES = {
  some: { tables: 300, loadMib: 32, timeout: 300_000 },
  // 10,000 tables took 112 s on a quiet machine of two cores; a busy one may need many times that.
  many: { tables: 10_000, loadMib: 256, timeout: 1_800_000 },
} as const;
const CASES = FLAVOURS.flatMap((flavour) => (['some', 'many'] as const).map((size) => ({ flavour, size })));

/** The most that this process held while something was done, in MiB. */
async function peakOf<T>(work: () => Promise<T>): Promise<{ peak: number; result: T }> {
  let peak = 0;
  const look = (): void => void (peak = Math.max(peak, process.memoryUsage().rss / 1024 ** 2));
  const timer = setInterval(look, 20);
  try {
    const result = await work();
    return { peak, result };
  } finally {
    clearInterval(timer);
  }
}

for (const { flavour, size } of CASES)
  describe.skipIf(size === 'many' && !SLOW)(`with ${flavour} and ${size}`, () => {
    const { tables, loadMib, timeout } = SIZES[size];
    const PATIENCE = { timeout };
    let here: Room;
    beforeAll(async () => {
      here = await room(flavour, { table_open_cache: 2_000, open_files_limit: 20_000 });
    });
    afterAll(() => leave(here));

    it(`swaps ${tables} tiny tables`, PATIENCE, async () => {
      await here.server.server.query('CREATE DATABASE many');
      await inside(here.server.server, 'many', async (connection) => {
        for (let at = 0; at < tables; at += 100)
          await connection.query(
            Array.from(
              { length: 100 },
              (_, index) =>
                `CREATE TABLE t${at + index} (id int PRIMARY KEY); INSERT INTO t${at + index} VALUES (${at})`,
            ).join(';'),
          );
      });
      const { manifest, backup } = await here.bench.dump('many');
      expect(manifest.fingerprint.tables).toHaveLength(tables);
      await here.server.server.query('UPDATE many.t1 SET id = -1');
      const outcome = await here.bench.restore(here.bench.restoreJob('many', 'swap'), memorySource(manifest, backup));
      expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: tables, rowsFound: tables });
      const [row] = await here.server.server.query<{ id: number }>('SELECT id FROM many.t1');
      expect(row).toEqual({ id: 0 });
      const [gone] = await here.server.server.query<{ id: number }>(
        `SELECT id FROM \`${outcome.replacedDatabase!}\`.t1`,
      );
      expect(gone).toEqual({ id: -1 });
    });

    it(`holds little of ${loadMib} MiB that pass through it`, PATIENCE, async () => {
      await here.server.server.query('CREATE DATABASE loads');
      await runAll(here.server.server, 'loads', [
        // The stand-in for the vault lies in memory, so what is stored must be little.
        'CREATE TABLE loads (id int PRIMARY KEY AUTO_INCREMENT, body varchar(2000))',
        `INSERT INTO loads (body) VALUES ${Array.from({ length: 1024 }, () => `(repeat('0123456789abcdef', 64))`).join(', ')}`,
        ...Array.from({ length: Math.log2(loadMib) }, () => 'INSERT INTO loads (body) SELECT body FROM loads'),
      ]);
      const before = process.memoryUsage().rss / 1024 ** 2;
      const dumped = await peakOf(() => here.bench.dump('loads'));
      const { manifest, backup } = dumped.result;
      const restored = await peakOf(() =>
        here.bench.restore(here.bench.restoreJob('loads2', 'new'), memorySource(manifest, backup)),
      );
      expect(restored.result.comparison.equal).toBe(true);
      if (SLOW)
        console.log(
          `${flavour}: RSS ${before.toFixed()} MiB before, ${dumped.peak.toFixed()} dumping, ${restored.peak.toFixed()} restoring`,
        );
      expect(Math.max(dumped.peak, restored.peak) - before).toBeLessThan(150);
    });
  });
