/** More tables than one transaction can lock; 10,000 of them with NIGHTJAR_SLOW=1. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { withClient } from './harness.ts';
import { count, leave, room, type Room } from './room.ts';

const SLOW = process.env.NIGHTJAR_SLOW !== undefined;
const TABLES = SLOW ? 10_000 : 2_000;

describe(`${TABLES} tables`, () => {
  let here: Room;
  let made: Awaited<ReturnType<Room['bench']['dump']>>;
  beforeAll(async () => {
    // A dump locks each of them once, a restore in one transaction three times.
    here = await room(16, { max_locks_per_transaction: SLOW ? 160 : 64 }, { fingerprint: 'counts' });
    await here.server.postgres.query('CREATE DATABASE many');
    await withClient(here.server.postgres, 'many', (client) =>
      client.query(`
        DO $$ BEGIN FOR i IN 1..${TABLES} LOOP
          EXECUTE format('CREATE TABLE "t %s" (id int PRIMARY KEY, v text)', i);
          EXECUTE format('INSERT INTO "t %s" VALUES (%s, %L)', i, i, 'v' || i);
          IF i % 200 = 0 THEN COMMIT; END IF;
        END LOOP; END $$`),
    );
    made = await here.bench.dump('many');
  }, 1_200_000);
  afterAll(() => leave(here));
  const source = (): ReturnType<typeof memorySource> => memorySource(made.manifest, made.backup);
  const all = { equal: true, tablesCompared: TABLES, rowsFound: TABLES };

  it('are all in a backup, and come back by a swap', async () => {
    expect(made.manifest.fingerprint.tables).toHaveLength(TABLES);
    const outcome = await here.bench.restore(here.bench.restoreJob('many', 'swap'), source());
    expect(outcome.comparison).toMatchObject(all);
  }, 1_200_000);

  it('are too many to be replaced in one transaction, which is known before anything is touched; some are not', async () => {
    const change = `DELETE FROM "t 7"; UPDATE "t 8" SET v = NULL`;
    await here.server.postgres.query(change, { database: 'many' });
    const restoring = (scope: object): Promise<{ comparison: object }> =>
      here.bench.restore(here.bench.restoreJob('many', 'overwrite', { scope }), source());
    expect(await failure(restoring({ dataOnly: true }))).toMatchObject({
      code: 'RESTORE_FAILED',
      detail: expect.stringContaining('Nothing was touched') as string,
    });
    expect(await count(here, 'many', '"t 7"')).toBe(0);
    const some = Array.from({ length: 300 }, (_, index) => `public.t ${index + 1}`);
    const { comparison } = await restoring({ dataOnly: true, tables: some });
    expect(comparison).toMatchObject({ equal: true, tablesCompared: 300 });
    expect(await count(here, 'many', '"t 8" WHERE v IS NULL')).toBe(0);
  }, 1_200_000);
});
