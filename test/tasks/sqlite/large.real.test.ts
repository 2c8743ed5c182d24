import { afterAll, beforeAll, expect, it } from 'vitest';
import { memorySource } from '../../contracts/doubles.ts';
import { targetAt } from './harness.ts';
import { leave, room, type Room } from './room.ts';

let here: Room;
beforeAll(async () => void (here = await room()));
afterAll(() => leave(here));

/** As SQL every table's content is hashed three times: about a minute. */
const FORMATS = process.env.NIGHTJAR_SLOW ? (['file', 'sql'] as const) : (['file'] as const);

it.each(FORMATS)('brings 10,000 tiny tables back (%s)', async (format) => {
  const name = `many-${format}.db`;
  const tables = Array.from(
    { length: 10_000 },
    (_, index) => `CREATE TABLE t${index} (v); INSERT INTO t${index} VALUES (${index});`,
  );
  await here.sql(name, `BEGIN; ${tables.join('\n')} COMMIT;`);
  const { manifest, backup } = await here.bench.dump(name, {
    target: targetAt(name, { format, fingerprint: 'counts' }),
  });
  expect(manifest.fingerprint.tables).toHaveLength(10_000);
  const outcome = await here.bench.restore(
    here.bench.restoreJob(`back-${name}`, 'new'),
    memorySource(manifest, backup),
  );
  expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 10_000, rowsFound: 10_000 });
});
