/** What happens in a database while it is dumped: money moves, and definitions change. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryBackup, memorySource, manifestOf } from '../../contracts/doubles.ts';
import { codeOf } from '../../contracts/engine-bench.ts';
import { engineOf, inside, runAll } from './harness.ts';
import { FLAVOURS, leave, room, shop, type Room } from './room.ts';

const ACCOUNTS = 40;
const START = 1_000;
const WRITERS = 3;

interface Booking {
  writer: number;
  n: number;
  payer: number;
  payee: number;
  amount: number;
}
interface Account {
  id: number;
  balance: number;
}

/** Accounts on both sides of much that takes its time, so that a dump reads them at different moments. */
const bankOf = (kind: string): string[] => [
  `CREATE TABLE a_accounts (id int PRIMARY KEY, balance int NOT NULL) ENGINE = ${kind}`,
  `CREATE TABLE filling (id int PRIMARY KEY AUTO_INCREMENT, noise blob) ENGINE = ${kind}`,
  `CREATE TABLE ledger (writer int, n int, payer int, payee int, amount int, PRIMARY KEY (writer, n)) ENGINE = ${kind}`,
  `CREATE TABLE z_accounts (id int PRIMARY KEY, balance int NOT NULL) ENGINE = ${kind}`,
  ...['a_accounts', 'z_accounts'].map(
    (table, side) =>
      `INSERT INTO ${table} VALUES ${Array.from({ length: ACCOUNTS / 2 }, (_, at) => `(${at * 2 + side}, ${START})`).join(', ')}`,
  ),
  ...Array.from(
    { length: 4 },
    () => `INSERT INTO filling (noise) VALUES ${Array.from({ length: 512 }, () => '(random_bytes(1024))').join(', ')}`,
  ),
];

describe.each(FLAVOURS)('while %s is dumped', (flavour) => {
  const engine = engineOf(flavour);
  let here: Room;
  beforeAll(async () => {
    here = await room(flavour);
  });
  afterAll(() => leave(here));

  /** Books without a pause until it is told to stop; an account is in the one table or in the other. */
  const writers = (database: string, transactional: boolean) => {
    const stop = new AbortController();
    let booked = 0;
    const tableOf = (id: number): string => (id % 2 === 0 ? 'a_accounts' : 'z_accounts');
    const one = (writer: number) =>
      inside(here.server.server, database, async (connection) => {
        const rights = transactional ? 'BEGIN' : 'LOCK TABLES a_accounts WRITE, z_accounts WRITE, ledger WRITE';
        for (let n = 1; !stop.signal.aborted; n += 1) {
          // Always the smaller one first: nobody waits for each other.
          const [low, high] = [n % (ACCOUNTS - 1), ACCOUNTS - 1];
          const amount = ((n * 7 + writer) % 13) - 6;
          await connection.query(rights);
          await connection.query(`UPDATE ${tableOf(low)} SET balance = balance - ${amount} WHERE id = ${low}`);
          await connection.query(`UPDATE ${tableOf(high)} SET balance = balance + ${amount} WHERE id = ${high}`);
          await connection.query(`INSERT INTO ledger VALUES (${writer}, ${n}, ${low}, ${high}, ${amount})`);
          await connection.query(transactional ? 'COMMIT' : 'UNLOCK TABLES');
          booked += 1;
          // Locks without a pause would let nobody else have one.
          if (!transactional) await new Promise((resolve) => setTimeout(resolve, 20));
        }
      });
    const done = Promise.all(Array.from({ length: WRITERS }, (_, writer) => one(writer)));
    done.catch(() => stop.abort());
    return {
      /** Resolves when so many more bookings are there. */
      async more(count: number): Promise<void> {
        const wanted = booked + count;
        while (booked < wanted && !stop.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 2));
      },
      async stop(): Promise<void> {
        stop.abort();
        await done;
      },
    };
  };
  const read = async (database: string) => {
    const { server } = here.server;
    const ledger = await server.query<Booking>('SELECT * FROM ledger ORDER BY writer, n', database);
    const accounts = await server.query<Account>(
      'SELECT * FROM a_accounts UNION SELECT * FROM z_accounts ORDER BY id',
      database,
    );
    return { ledger, accounts };
  };

  it.each([
    ['InnoDB', 'transaction'],
    ['MyISAM', 'locked'],
  ] as const)('accounts of %s are those of one moment, row by row', async (kind, consistency) => {
    const name = `bank_${kind}`;
    await here.server.server.query(`CREATE DATABASE ${name}`);
    await runAll(here.server.server, name, bankOf(kind));
    const writing = writers(name, kind === 'InnoDB');
    await writing.more(30);
    let paced = false;
    // Nobody books while the tables are locked; nothing holds bookings up else.
    const backup = memoryBackup(async (bytes) => {
      if (bytes < 300_000 || paced || kind === 'MyISAM') return;
      paced = true;
      await writing.more(60);
    });
    const target = here.server.target(name, { unsafeTables: 'lock' });
    const facts = await engine.dump(here.bench.context(name, { target }), backup.sink);
    await writing.more(30);
    await writing.stop();
    expect(facts.consistency).toBe(consistency);
    expect(paced).toBe(kind === 'InnoDB');

    const manifest = manifestOf(engine.name, facts, backup, 'B');
    await here.bench.restore(here.bench.restoreJob(`copy_${kind}`, 'new'), memorySource(manifest, backup));
    const [living, copy] = [await read(name), await read(`copy_${kind}`)];
    expect(copy.accounts.reduce((sum, one) => sum + one.balance, 0)).toBe(ACCOUNTS * START);
    // What each writer had booked until then, without a gap, and no booking that came later.
    const counts = Array.from({ length: WRITERS }, (_, writer) => copy.ledger.filter((one) => one.writer === writer));
    for (const booked of counts) expect(booked.map((one) => one.n)).toEqual(booked.map((_, at) => at + 1));
    expect(copy.ledger).toEqual(living.ledger.filter((one) => one.n <= counts[one.writer]!.length));
    expect(living.ledger.length).toBeGreaterThan(copy.ledger.length);
    const balances = new Map<number, number>(Array.from({ length: ACCOUNTS }, (_, id) => [id, START]));
    for (const { payer, payee, amount } of copy.ledger) {
      balances.set(payer, balances.get(payer)! - amount);
      balances.set(payee, balances.get(payee)! + amount);
    }
    expect(copy.accounts).toEqual([...balances].map(([id, balance]) => ({ id, balance })));
  });

  it('whoever wants a locked table for himself does not wait to the end of the night for a login that can lock no other way', async () => {
    const { server } = here.server;
    await server.query('CREATE DATABASE held');
    await runAll(server, 'held', bankOf('MyISAM'));
    await server.query("CREATE USER cloud@'%' IDENTIFIED BY 'Secret-1'");
    for (const grant of [
      'SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON held.*',
      flavour === 'mysql' ? 'SELECT ON *.*' : 'SELECT ON mysql.proc',
    ])
      await server.query(`GRANT ${grant} TO cloud@'%'`);
    let altered: Promise<unknown> | undefined;
    const waits = async (): Promise<boolean> =>
      (await server.query("SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'"))
        .length > 0;
    const backup = memoryBackup(async (bytes) => {
      if (bytes < 300_000 || altered) return;
      altered = server.query('ALTER TABLE z_accounts ADD COLUMN later int', 'held');
      await expect.poll(waits, { timeout: 30_000 }).toBe(true);
    });
    const context = here.bench.context('held', {
      target: here.server.target('held', { unsafeTables: 'lock' }),
      login: async () => Promise.resolve({ username: 'cloud', password: 'Secret-1' }),
    });
    expect(await codeOf(engine.dump(context, backup.sink))).toBe('LOCK_TIMEOUT');
    expect(backup.finished.has('archive')).toBe(false);
    await altered;
  });

  describe('definitions that change', () => {
    beforeAll(() => shop(here, 'shop', 3));
    it.each([
      [
        'a table that is still to come',
        'ALTER TABLE orders ADD COLUMN later int',
        'ALTER TABLE orders DROP COLUMN later',
      ],
      ['a table that it has passed', 'ALTER TABLE audit ADD KEY (what)', 'ALTER TABLE audit DROP KEY what'],
      ['a new table', 'CREATE TABLE zz_new (id int)', 'DROP TABLE zz_new'],
      ['a table that goes', 'DROP TABLE zz_spare', 'CREATE TABLE zz_spare (id int)'],
      ['a table that is emptied', 'TRUNCATE TABLE zz_spare', undefined],
      ['a view', 'CREATE OR REPLACE VIEW some AS SELECT id, name FROM customers WHERE id < 5', undefined],
      [
        'who runs a view',
        'ALTER SQL SECURITY INVOKER VIEW some AS SELECT id, name FROM customers WHERE id < 5',
        undefined,
      ],
      ['a routine', 'ALTER PROCEDURE tell COMMENT "new"', undefined],
      ['a trigger', 'CREATE TRIGGER more BEFORE INSERT ON audit FOR EACH ROW SET NEW.id = 1', 'DROP TRIGGER more'],
      ['an event', 'ALTER EVENT tidy COMMENT "new"', undefined],
    ])('fail the backup, which is then tried once more: %s', async (_what, change, undo) => {
      await runAll(here.server.server, 'shop', ['CREATE TABLE IF NOT EXISTS zz_spare (id int)']);
      let changed: Promise<void> | undefined;
      const backup = memoryBackup(async (bytes) => {
        if (bytes > 300_000) await (changed ??= runAll(here.server.server, 'shop', [change]));
      });
      const target = here.server.target('shop', { fingerprint: 'none' });
      expect(await codeOf(engine.dump(here.bench.context('shop', { target }), backup.sink))).toBe('SCHEMA_CHANGED');
      expect(changed).toBeDefined();
      expect(backup.finished.has('archive')).toBe(false);
      await changed;
      if (undo) await runAll(here.server.server, 'shop', [undo]);
      await here.bench.dump('shop');
    });
  });
});
