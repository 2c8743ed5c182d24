/**
 * A replica set that is written to while it is dumped: what is restored is of one moment. NIGHTJAR_MONGODB_URI names a real
 * one to run against (a user with the role root; nothing else may live there); else it is the stand-in.
 */
import { rm } from 'node:fs/promises';
import type { Document } from 'mongodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NightjarError } from '../../../core/errors.ts';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import type { Manifest } from '../../../core/backup.ts';
import { manifestOf, memoryBackup, type MemoryBackup, heldBackup } from '../../contracts/doubles.ts';
import { codeOf, failure } from '../../contracts/engine-bench.ts';
import { KINDS, RARE, type Row } from './awkward.ts';
import { BIG, bank, book, writeAll } from './bank.ts';
import { fakeTools, OUTSIDE, PATH, targetAt } from './harness.ts';
import { failNext, leave, room, transact, type Room } from './room.ts';

let here: Room;
beforeAll(async () => {
  here = await room({}, { replicaSet: 'rs0' });
});
afterAll(() => leave(here));
afterEach(async () => {
  for (const name of await here.server.databases()) await here.server.dropDatabase(name);
});

interface Made {
  readonly backup: MemoryBackup;
  readonly manifest: Manifest;
  readonly warnings: readonly string[];
}
const whole = (more: object = {}) =>
  targetAt(here.server.mongodb, 'bank', {
    scope: { allDatabases: true },
    compression: { algorithm: 'none', level: 0 },
    ...more,
  } as never);

/** Dumps the server; `during` happens while some collections were read and others were not. */
async function dumpDuring(
  during: () => Promise<unknown>,
  after: () => Promise<unknown> = () => Promise.resolve(),
): Promise<Made> {
  const backup = heldBackup(100_000);
  const context = here.bench.context('bank', { target: whole() });
  const dump = mongodb.dump(context, backup.sink);
  await Promise.race([backup.begun, dump]);
  await during();
  backup.release();
  const facts = await dump;
  await after();
  return {
    backup,
    manifest: manifestOf('mongodb', facts, backup, '01J00000000000000000000000'),
    warnings: context.report.warnings,
  };
}

const restore = (made: Made, database: string, mode: 'new' | 'swap' = 'new', more: object = {}) =>
  here.bench.restoreBackup(here.bench.restoreJob(database, mode, more), made.manifest, made.backup);

describe('a replica set that is written to while it is dumped', () => {
  it('comes back as it was when the dump ended: documents, indexes, collections, every database', async () => {
    await bank(here);
    const made = await dumpDuring(() => writeAll(here));
    expect(made.warnings).toEqual([]);
    expect(made.manifest).toMatchObject({ consistency: 'snapshot', source: { details: { oplog: true } } });
    const [first, second] = [await here.server.rowsOf('bank'), await here.server.rowsOf('shop')];
    // What was counted is of another moment: else this shows nothing.
    const counted = made.manifest.fingerprint.tables.filter((one) => BIG.includes(one.table));
    expect(counted.some((one) => one.rows !== first[one.table]!.length)).toBe(true);
    const done = await restore(made, 'copy', 'new', { fromDatabase: 'bank' });
    expect(done).toMatchObject({ comparison: { equal: true, differences: [] }, warnings: [] });
    expect(await here.server.rowsOf('copy')).toEqual(first);
    await restore(made, 'orders_copy', 'new', { fromDatabase: 'shop' });
    expect(await here.server.rowsOf('orders_copy')).toEqual(second);
    // And into the living one, after an accident.
    await here.server.client.db('bank').collection('big0').deleteMany({});
    await restore(made, 'bank', 'swap');
    expect(await here.server.rowsOf('bank')).toEqual(first);
    // Some of it: each as it was at that moment.
    await restore(made, 'some', 'new', { fromDatabase: 'bank', scope: { tables: ['ledger', 'big0'] } });
    const some = await here.server.rowsOf('some');
    expect([some.ledger, some.big0]).toEqual([first.ledger, first.big0]);
    expect(Object.keys(some).sort()).toEqual(['(structure)', 'big0', 'ledger']);
  });

  it('fits together though writers never stop', async () => {
    await bank(here);
    let stop = false;
    let last = 0;
    const writing = async (): Promise<void> => {
      while (!stop) await book(here, (last += 1));
    };
    let writer = Promise.resolve();
    const made = await dumpDuring(
      async () => {
        writer = writing();
        while (last < 20) await new Promise((done) => setTimeout(done, 10));
      },
      async () => {
        stop = true;
        await writer;
      },
    );
    expect(made.manifest.consistency).toBe('snapshot');
    await restore(made, 'copy', 'new', { fromDatabase: 'bank' });
    await restore(made, 'orders', 'new', { fromDatabase: 'shop' });
    const db = here.server.client.db('copy');
    const accounts = BIG.map((name) => db.collection<Row>(name).findOne({ _id: 'account' as never }));
    const [account, ...others] = await Promise.all(accounts);
    const ledger = await db.collection<Row>('ledger').find().toArray();
    expect(account!.n).toBeGreaterThanOrEqual(20);
    expect(others).toEqual(others.map(() => account));
    expect(ledger.map((one) => one._id).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: (account!.n as number) + 1 }, (_, i) => i),
    );
    const orders = await here.server.client.db('orders').collection<Row>('orders').findOne({});
    expect(orders!.n).toBe(account!.n);
  });

  it('keeps a transaction that is larger than one entry whole', async () => {
    await bank(here);
    const many: Document[] = Array.from({ length: 40 }, (_, i) => ({
      op: 'i',
      ns: i % 2 ? 'bank.ledger' : `bank.${BIG[(i / 2) % BIG.length]}`,
      o: { _id: 200 + i },
    }));
    const made = await dumpDuring(() => transact(here, many, 4));
    expect(made.manifest.consistency).toBe('snapshot');
    await restore(made, 'copy', 'new', { fromDatabase: 'bank' });
    expect(await here.server.rowsOf('copy')).toEqual(await here.server.rowsOf('bank'));
  });

  it('says that it is of no one moment when the oplog has what can not be played, and what that is', async () => {
    await bank(here);
    const made = await dumpDuring(async () => {
      await book(here, 1);
      await here.server.client.db('bank').createCollection('seen', { viewOn: 'ledger', pipeline: [] });
    });
    expect(made.manifest.consistency).toBe('none');
    expect(made.warnings.join()).toContain('a view was made, changed or dropped in bank');
    const done = await restore(made, 'copy', 'new', { fromDatabase: 'bank' });
    expect(done.comparison.equal).toBe(true);
    expect(done.warnings.join()).toContain('is not played');
    // What nobody wrote to needs none.
    const shop = await restore(made, 'orders', 'new', { fromDatabase: 'shop' });
    expect(shop.comparison.equal).toBe(true);
  });

  it('makes no backup with a tool that ends with 0 and left the oplog out', async () => {
    await bank(here);
    const fakes = await fakeTools({
      mongodump: 'for a in "$@"; do shift; [ "$a" = --oplog ] || set -- "$@" "$a"; done; exec $REAL "$@"',
    });
    const backup = memoryBackup();
    const context = here.bench.context('bank', { target: whole(), env: { PATH: `${fakes}:${PATH}` } });
    expect(await codeOf(mongodb.dump(context, backup.sink))).toBe('DUMP_EMPTY');
    expect(backup.finished.has('archive')).toBe(false);
    await rm(fakes, { recursive: true, force: true });
  });

  it('notices that the oplog was not played, though the tool ended with 0', async () => {
    await bank(here);
    const made = await dumpDuring(() => writeAll(here));
    const without = 'for a in "$@"; do shift; [ "$a" = --oplogReplay ] || set -- "$@" "$a"; done; exec $REAL "$@"';
    const scripts = {
      RESTORE_FAILED: without,
      FINGERPRINT_DIFFERS: `echo 'applied 999 oplog entries' >&2; ${without}`,
    };
    for (const [code, mongorestore] of Object.entries(scripts)) {
      const fakes = await fakeTools({ mongorestore });
      const job = here.bench.restoreJob('copy', 'new', { fromDatabase: 'bank' });
      const env = { PATH: `${fakes}:${PATH}` };
      const thrown = await failure(here.bench.restoreBackup(job, made.manifest, made.backup, { env }));
      expect(thrown.code).toBe(code);
      expect(thrown.detail).toMatch(
        code === 'RESTORE_FAILED'
          ? /played 0 of \d+ writes/
          : /big\d: expected no document that the oplog deleted, found 10/,
      );
      expect(await here.server.databases()).not.toContain('copy');
      await rm(fakes, { recursive: true, force: true });
    }
  });

  it.skipIf(OUTSIDE)('notices an update that was called done and was lost, though every count is right', async () => {
    await bank(here);
    const db = here.server.client.db('bank');
    const made = await dumpDuring(async () => {
      for (const name of BIG) await db.collection<Row>(name).updateOne({ _id: 3 as never }, { $set: { text: 'new' } });
    });
    const whole = await here.server.rowsOf('bank');
    const found: string[] = [];
    for (const [at, name] of BIG.entries()) {
      // The first asks whether the server plays any.
      await failNext(here, { command: 'applyOps', swallowed: true, after: 1 + at });
      const lost = await restore(made, 'copy', 'new', { fromDatabase: 'bank' }).catch((thrown: unknown) => thrown);
      if (lost instanceof NightjarError) {
        expect(lost.code).toBe('FINGERPRINT_DIFFERS');
        expect(lost.detail).toContain(
          `${name}: expected 1 documents with the values that the oplog wrote last, found other values in 1 of them (text)`,
        );
        found.push(name);
      } // It was read when the update was made, and nothing is lost.
      else expect(await here.server.rowsOf('copy')).toEqual(whole);
      for (const one of await here.server.databases()) if (one.startsWith('copy')) await here.server.dropDatabase(one);
    }
    expect(found).not.toEqual([]);
  });

  it('needs no more than to read and write any database', async () => {
    await bank(here);
    const made = await dumpDuring(() => book(here, 1));
    await here.server.client.db('admin').command({
      createUser: 'writer',
      pwd: 'writer',
      roles: ['readWriteAnyDatabase', 'dbAdminAnyDatabase'].map((role) => ({ role, db: 'admin' })),
    });
    const login = async () => Promise.resolve({ username: 'writer', password: 'writer' });
    const job = here.bench.restoreJob('copy', 'new', { fromDatabase: 'bank' });
    const done = await here.bench.restoreBackup(job, made.manifest, made.backup, { login });
    await here.server.client.db('admin').command({ dropUser: 'writer' });
    expect(done.warnings).toEqual([]);
    expect(await here.server.rowsOf('copy')).toEqual(await here.server.rowsOf('bank'));
  });

  it.skipIf(OUTSIDE)(
    'is brought back beside, and said so, where the server plays no oplog; and never into what serves',
    async () => {
      await bank(here);
      const made = await dumpDuring(() => book(here, 1));
      const refused = { command: 'applyOps', code: 13, name: 'Unauthorized' };
      await failNext(here, refused);
      const done = await restore(made, 'copy', 'new', { fromDatabase: 'bank' });
      expect(done.comparison.equal).toBe(true);
      expect(done.warnings.join()).toMatch(/was not played: .*Unauthorized|was not played: .*told to fail/);
      await failNext(here, refused);
      const before = await here.server.rowsOf('bank');
      const thrown = await failure(restore(made, 'bank', 'swap'));
      await failNext(here);
      expect(thrown.code).toBe('RESTORE_REFUSED');
      expect(thrown.detail).toContain('Nothing was touched');
      expect(await here.server.rowsOf('bank')).toEqual(before);
      expect(await here.server.databases()).toEqual(['bank', 'copy', 'shop']);
    },
  );

  it.runIf(OUTSIDE)(
    'keeps what only a real server keeps: every type of BSON, time series, sizes to the last byte',
    async () => {
      const db = here.server.client.db('bank');
      await db.collection<Row>('rare').insertMany([...KINDS, ...RARE]);
      await db.createCollection('weather', { timeseries: { timeField: 'at', metaField: 'place' } });
      await db
        .collection('weather')
        .insertMany(Array.from({ length: 100 }, (_, i) => ({ at: new Date(i * 60_000), place: i % 3, i })));
      await db.collection('weather').createIndex({ place: 1, at: 1 }, { name: 'by place' });
      const made = await dumpDuring(() => book(here, 1));
      await restore(made, 'copy', 'new', { fromDatabase: 'bank' });
      expect(await here.server.rowsOf('copy')).toEqual(await here.server.rowsOf('bank'));
    },
  );
});
