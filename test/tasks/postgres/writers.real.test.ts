/** A dump while others write and define: what it holds is of one moment, and its fingerprint is of the same. */
import { randomInt } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { postgres } from '../../../tasks/engines/postgres.ts';
import { reachServer } from '../../../tasks/engines/postgres/server.ts';
import { openSnapshot } from '../../../tasks/engines/postgres/snapshot.ts';
import { listTables, refuseUnreadable } from '../../../tasks/engines/postgres/tables.ts';
import { heldBackup, manifestOf, memoryBackup, memorySource } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { targetAt } from './harness.ts';
import { leave, room, type Room } from './room.ts';
import { fakeTools } from './trouble.ts';

const MAJOR = 18;
const ACCOUNTS = 100;
const EACH = 1_000;

/** Money wanders, and every movement is in the ledger; what is deleted and altered on the side keeps everything moving. */
const BANK = `
  CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL); INSERT INTO accounts SELECT i, ${EACH} FROM generate_series(1, ${ACCOUNTS}) i;
  CREATE TABLE ledger (id bigserial PRIMARY KEY, origin int NOT NULL REFERENCES accounts, receiver int NOT NULL REFERENCES accounts, amount int NOT NULL);
  CREATE TABLE queue (id bigserial PRIMARY KEY, body text); INSERT INTO queue (body) SELECT md5(i::text) FROM generate_series(1, 500) i;
  CREATE TABLE filling (id int, noise text);
  INSERT INTO filling SELECT i, (SELECT string_agg(md5(i::text || j::text), '') FROM generate_series(1, 64) j) FROM generate_series(1, 2000) i`;

/** What is wrong in a bank, if anything. */
const WRONG = `
  SELECT id, balance FROM accounts a
   WHERE balance <> ${EACH} + coalesce((SELECT sum(amount) FROM ledger WHERE receiver = a.id), 0) - coalesce((SELECT sum(amount) FROM ledger WHERE origin = a.id), 0)`;

/** Tables come, change and go. Only while the dump holds its locks: one that goes in between makes it begin again, as below. */
const define = async (client: pg.Client): Promise<void> => {
  const name = `made_${randomInt(1_000_000)}`;
  await client.query(
    `CREATE TABLE ${name} AS SELECT 1 AS a; ALTER TABLE ${name} ADD b int; INSERT INTO ${name} VALUES (2, 3)`,
  );
  await client.query(`DROP TABLE ${name}`);
};

/** Sessions that write until they are told to stop. */
function writers(here: Room, database: string) {
  let going = true;
  let written = 0;
  const works: ((client: pg.Client) => Promise<void>)[] = [
    ...Array.from({ length: 3 }, () => async (client: pg.Client) => {
      const [one, other] = [randomInt(1, ACCOUNTS + 1), randomInt(1, ACCOUNTS + 1)].sort((a, b) => a - b) as [
        number,
        number,
      ];
      const amount = randomInt(-50, 50);
      await client.query(`BEGIN; UPDATE accounts SET balance = balance - ${amount} WHERE id = ${one};
        UPDATE accounts SET balance = balance + ${amount} WHERE id = ${other};
        INSERT INTO ledger (origin, receiver, amount) VALUES (${one}, ${other}, ${amount}); COMMIT`);
      written += 1;
    }),
    async (client) => {
      await client.query(`INSERT INTO queue (body) SELECT md5(random()::text) FROM generate_series(1, 3)`);
      await client.query(`DELETE FROM queue WHERE id IN (SELECT id FROM queue ORDER BY id LIMIT 3)`);
      await client.query(`UPDATE queue SET body = body || '.' WHERE id % 10 = ${randomInt(10)}`);
    },
  ];
  const run = async (work: (client: pg.Client) => Promise<void>): Promise<void> => {
    const client = await here.server.postgres.connect(database);
    try {
      while (going) await work(client);
    } finally {
      await client.end();
    }
  };
  const running = works.map(run);
  return {
    /** Transfers that were committed. */
    written: () => written,
    add: (work: (client: pg.Client) => Promise<void>) => void running.push(run(work)),
    async stop() {
      going = false;
      await Promise.all(running);
    },
  };
}

describe('writers who write all the while', () => {
  let here: Room;
  beforeAll(async () => {
    here = await room(MAJOR);
    await here.server.postgres.query('CREATE DATABASE bank');
    await here.server.postgres.query(BANK, { database: 'bank' });
  });
  afterAll(() => leave(here));
  const ask = <Row extends pg.QueryResultRow>(database: string, sql: string): Promise<Row[]> =>
    here.server.postgres.query<Row>(sql, { database });
  const booked = async (database: string): Promise<number> =>
    (await ask<{ n: number }>(database, 'SELECT count(*)::int AS n FROM ledger'))[0]!.n;

  it.each(['custom', 'plain'] as const)(
    'leave every sum right in a dump of the format %s, and its fingerprint is of the same moment',
    async (format) => {
      const busy = writers(here, 'bank');
      const backup = heldBackup(300_000);
      const target = targetAt(here.server.postgres, 'bank', { format });
      let facts: Awaited<ReturnType<typeof postgres.dump>> | undefined;
      let during: number;
      const before = await booked('bank');
      try {
        await vi.waitFor(() => expect(busy.written()).toBeGreaterThan(20), { timeout: 60_000 });
        const dump = postgres.dump(here.bench.context('bank', { target }), backup.sink);
        await Promise.race([backup.begun, dump]);
        const begun = busy.written();
        busy.add(define);
        await Promise.race([
          dump,
          vi.waitFor(() => expect(busy.written()).toBeGreaterThan(begun + 100), { timeout: 60_000 }),
        ]);
        backup.release();
        facts = await dump;
        during = busy.written() - begun;
      } finally {
        backup.release();
        await busy.stop();
      }
      expect(during).toBeGreaterThan(100);
      const manifest = manifestOf('postgres', facts, backup, 'B');
      const job = here.bench.restoreJob(`back_${format}`, 'new');
      const outcome = await here.bench.restore(job, memorySource(manifest, backup));
      expect(outcome.comparison).toMatchObject({ equal: true, mode: 'checksums' });
      const held = await booked(`back_${format}`);
      expect(held).toBeGreaterThanOrEqual(before);
      expect(held).toBeLessThan(await booked('bank'));
      expect(facts.fingerprint.tables.find((one) => one.table === 'ledger')?.rows).toBe(held);
      expect(await ask(`back_${format}`, WRONG)).toEqual([]);
      expect(await ask(`back_${format}`, 'SELECT sum(balance)::int AS all FROM accounts')).toEqual([
        { all: ACCOUNTS * EACH },
      ]);
    },
  );

  it.each([
    ['dropped', 'CREATE TABLE brief AS SELECT 1 AS a', 'DROP TABLE brief'],
    ['altered', 'CREATE TABLE brief AS SELECT 1 AS a, 2 AS b', 'ALTER TABLE brief DROP b'],
  ])(
    'make a dump begin again whose table is %s before it is locked, and nothing is kept',
    async (_, before, change) => {
      await ask('bank', before);
      const { root } = await fakeTools(MAJOR, {
        pg_dump:
          'case "$*" in *--format*) touch "$0.begun"; until [ -e "$0.go" ]; do sleep 0.1; done;; esac; exec $REAL "$@"',
      });
      const tool = join(root, String(MAJOR), 'bin', 'pg_dump');
      try {
        const backup = memoryBackup();
        const env = { ...here.server.env, NIGHTJAR_POSTGRES_ROOT: root };
        const failed = failure(postgres.dump(here.bench.context('bank', { env }), backup.sink));
        await vi.waitFor(() => stat(`${tool}.begun`), { timeout: 60_000 });
        await ask('bank', change);
        await writeFile(`${tool}.go`, '');
        const thrown = await failed;
        expect(thrown.code, thrown.message).toBe('SCHEMA_CHANGED');
        expect(backup.finished.has('archive')).toBe(false);
      } finally {
        await rm(root, { recursive: true, force: true });
        await ask('bank', 'DROP TABLE IF EXISTS brief');
      }
    },
  );

  it('make it begin again too when the table goes before its privileges are looked up', async () => {
    const context = here.bench.context('bank');
    await ask('bank', 'CREATE TABLE brief AS SELECT 1 AS a');
    const snapshot = await openSnapshot(await reachServer(context, ['bank']), context.signal);
    try {
      await ask('bank', 'DROP TABLE brief');
      const tables = await listTables(snapshot.session);
      expect(() => refuseUnreadable(tables, 'somebody')).toThrow(
        expect.objectContaining({ code: 'SCHEMA_CHANGED', detail: expect.stringContaining('public.brief') as string }),
      );
    } finally {
      await snapshot.close();
    }
  });
});
