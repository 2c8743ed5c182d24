/** The moment that a backup with an oplog is of: recovery to a moment trusts it, so it is never later than what is in it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import { heldBackup } from '../../contracts/doubles.ts';
import { bank, book } from './bank.ts';
import { targetAt } from './harness.ts';
import { leave, room, type Room } from './room.ts';

let here: Room;
beforeAll(async () => {
  here = await room({}, { replicaSet: 'rs0' });
  await bank(here);
});
afterAll(() => leave(here));
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

it('is that of the last write in it, however long the vault takes for the rest; of every database', async () => {
  const backup = heldBackup(100_000);
  const target = targetAt(here.server.mongodb, 'bank', {
    scope: { allDatabases: true },
    compression: { algorithm: 'none', level: 0 },
  });
  const dump = mongodb.dump(here.bench.context('bank', { target }), backup.sink);
  await Promise.race([backup.begun, dump]);
  // Entries tell their second: this one is not the second in which the dump began.
  await sleep(1_100);
  const second = Math.floor(Date.now() / 1_000) * 1_000;
  await book(here, 1);
  const written = Date.now();
  await sleep(20);
  backup.release();
  const facts = await dump;
  expect(facts.consistency).toBe('snapshot');
  const moments = [facts, ...facts.databases!].map((one) => Date.parse(one.snapshotAt));
  expect(moments).toHaveLength(3);
  for (const moment of moments) {
    expect(moment).toBeGreaterThanOrEqual(second);
    expect(moment).toBeLessThanOrEqual(written);
  }
});

it('is that at which the dump began where nobody writes', async () => {
  const before = Date.now();
  await sleep(20);
  const { manifest } = await here.bench.dump('bank', {
    target: targetAt(here.server.mongodb, 'bank', { scope: { allDatabases: true } }),
  });
  expect(manifest.consistency).toBe('snapshot');
  expect(Date.parse(manifest.snapshotAt)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(manifest.snapshotAt)).toBeLessThan(Date.now());
});
