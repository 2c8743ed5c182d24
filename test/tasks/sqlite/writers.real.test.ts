/** Writers that write all the time while the copy is made: transfers between accounts whose sum never changes. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdSqlite, sqlite as shell } from '../../../local/sqlite.ts';
import { copyOf } from '../../../tasks/engines/sqlite/copy.ts';
import { withWork } from '../../../tasks/engines/sqlite/work.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { targetAt } from './harness.ts';
import { leave, room, tampered, type Room } from './room.ts';

/** What a moment in the midst of a transfer would break, and a page of another moment. */
const LOOK = 'SELECT sum(amount), count(*) FROM accounts; PRAGMA integrity_check;';
const WHOLE = '100000|1000\nok';

interface Writing {
  commits(): number;
  /** Resolves once so many more were made. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Moves money and makes and drops tables, one transaction after the other. */
async function write(path: string, journal: string, pauseMs: number): Promise<Writing> {
  const writer = await holdSqlite(path, `.timeout 60000\nPRAGMA synchronous = OFF; PRAGMA journal_mode = ${journal};`);
  let [going, commits] = [true, 0];
  const writing = (async () => {
    for (let turn = 1; going; turn += 1) {
      const [from, to] = [(turn * 7) % 1000, (turn * 13) % 1000];
      await writer.ask(`BEGIN IMMEDIATE; UPDATE accounts SET amount = amount - 5 WHERE id = ${from + 1}; UPDATE accounts SET amount = amount + 5 WHERE id = ${to + 1};
        DROP TABLE IF EXISTS t${turn}; CREATE TABLE t${turn} (a, b DEFAULT ${turn}); INSERT INTO t${turn} (a) SELECT amount FROM accounts; ${turn > 3 ? `DROP TABLE IF EXISTS t${turn - 3};` : ''} COMMIT;`);
      commits = turn;
      await pause(pauseMs);
    }
    await writer.kill();
  })();
  let failed = false;
  writing.catch(() => (failed = true));
  return {
    commits: () => commits,
    async more(count) {
      for (const before = commits; commits < before + count && !failed;) await pause(5);
    },
    async stop() {
      going = false;
      await writing;
    },
  };
}

describe.each([
  ['DELETE', 'file'],
  ['TRUNCATE', 'sql'],
  ['PERSIST', 'file'],
] as const)('with a journal that commits by %s, kept as %s', (journal, format) => {
  let here: Room;
  beforeAll(async () => {
    here = await room({ format });
    await here.sql(
      'bank.db',
      `CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER); CREATE TABLE filling (v);
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO accounts SELECT i, 100 FROM n;
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO filling SELECT randomblob(900) FROM n;`,
    );
  });
  afterAll(() => leave(here));

  it.each([
    ['let it through now and then', 150],
    ['hardly pause', 1],
  ])('copies one moment while writers %s', async (_words, pauseMs) => {
    const writing = await write(here.server.path('bank.db'), journal, pauseMs);
    try {
      await writing.more(3);
      const before = writing.commits();
      const { manifest, backup } = await here.bench.dump('bank.db');
      if (pauseMs > 1) expect(manifest.consistency).toBe('transaction');
      else expect(writing.commits()).toBeGreaterThan(before);
      const name = `moment${pauseMs}.db`;
      const done = await here.bench.restore(here.bench.restoreJob(name, 'new'), memorySource(manifest, backup));
      expect(done.comparison).toMatchObject({ mode: 'checksums', equal: true });
      expect(await here.sql(name, LOOK)).toBe(WHOLE);
    } finally {
      await writing.stop();
    }
    expect(await here.sql('bank.db', LOOK)).toBe(WHOLE);
  });

  it('is not misled by a journal that it took for one of a crash', async () => {
    const writing = await write(here.server.path('bank.db'), journal, 1);
    // As SQLite says it when the writer began between its two looks.
    const says = 'echo "Error: attempt to write a readonly database (8)" >&2; exit 1';
    const { env, starts } = await tampered(here, 'sqlite3', 2, says);
    try {
      await writing.more(3);
      const { manifest, backup } = await here.bench.dump('bank.db', { env });
      expect(await starts()).toBeGreaterThan(1);
      const done = await here.bench.restore(here.bench.restoreJob('misled.db', 'new'), memorySource(manifest, backup));
      expect(done.comparison.equal).toBe(true);
      expect(await here.sql('misled.db', LOOK)).toBe(WHOLE);
    } finally {
      await writing.stop();
    }
  });

  it('makes writers wait that leave it no time, and lets them go on', async () => {
    const writing = await write(here.server.path('bank.db'), journal, 0);
    try {
      await writing.more(3);
      const context = here.bench.context('bank.db', { target: targetAt('bank.db', { busyTimeoutSeconds: 30 }) });
      const [held, sum] = await withWork(context, async (work) => {
        const copy = await copyOf(work, 'bank.db', () => -29.999);
        return [copy, await shell(copy.file, LOOK)] as const;
      });
      expect(sum.trim()).toBe(WHOLE);
      expect(held.consistency).toBe('locked');
      expect(context.report.warnings.join()).toContain('Writers were at work');
      await writing.more(3);
    } finally {
      await writing.stop();
    }
  });
});
