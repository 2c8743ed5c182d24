/** Many collections, and much in them: only with NIGHTJAR_SLOW=1. */
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import type { DumpSink } from '../../../tasks/engine.ts';
import { memorySource } from '../../contracts/doubles.ts';
import type { Row } from './awkward.ts';
import { leave, room, shop, type Room } from './room.ts';

const slow = process.env.NIGHTJAR_SLOW === '1';
let here: Room;

/** The stand-in takes tens of minutes for so many, on a machine that has other things to do besides. */
const TIMEOUT_MS = 2 * 60 * 60 * 1_000;

describe.runIf(slow)('many and much', { timeout: TIMEOUT_MS }, () => {
  beforeAll(async () => {
    here = await room({ fingerprint: 'counts' }, { heapMiB: 3_072 });
  });
  afterAll(() => leave(here));

  const many = 10_000;

  it(`fits ${many} collections`, async () => {
    const db = here.server.client.db('many');
    const waiting = Array.from({ length: many }, (_, i) => i).values();
    const lane = async (): Promise<void> => {
      for (const i of waiting) await db.collection<Row>(`t${i}`).insertOne({ _id: i });
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    const made = await here.bench.dump('many');
    expect(made.manifest.fingerprint.tables).toHaveLength(many);
    // Beside: a swap renames each four times, for which the stand-in searches all of them.
    const job = here.bench.restoreJob('many_copy', 'new');
    const outcome = await here.bench.restore(job, memorySource(made.manifest, made.backup));
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: many, rowsFound: many });
    // Nothing is dropped: for each collection the stand-in would look through all of them, and it ends with these tests.
  });

  it('streams 320 MB without holding them', async () => {
    await shop(here, 'much', 320);
    let bytes = 0;
    const sink: DumpSink = {
      open: () =>
        new Writable({
          write(chunk: Buffer, _encoding, done) {
            bytes += chunk.length;
            done();
          },
        }),
    };
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 50);
    const fields = { fingerprint: 'checksums', compression: { algorithm: 'none', level: 0 } } as const;
    const facts = await mongodb.dump(here.bench.context('much', { target: here.server.target('much', fields) }), sink);
    clearInterval(watch);
    process.stderr.write(
      `peak ${Math.round((peak - before) / 1e6)} MB above ${Math.round(before / 1e6)} MB, ${bytes} bytes\n`,
    );
    expect(bytes).toBeGreaterThan(320 * 1024 * 1024);
    expect(facts.fingerprint.tables.find((one) => one.table === 'filling')?.rows).toBe(320 * 1_024);
    expect(peak - before).toBeLessThan(256 * 1024 * 1024);
  });
});
