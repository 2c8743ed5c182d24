/** What goes wrong in the night: none of it may pass for a backup or a restore, none may leave something half-made. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import type { Engine } from '../../../tasks/engine.ts';
import { listeningReporter, memoryBackup, memorySource, type Heard } from '../../contracts/doubles.ts';
import { codeOf, dropOf, failure, rollbackOf } from '../../contracts/engine-bench.ts';
import { engineOf, fakeClients, ident, runAll, type Family } from './harness.ts';
import { FLAVOURS, count, dyingAfter, leave, room, shop, type Room } from './room.ts';

const SLOW = process.env.NIGHTJAR_SLOW !== undefined;

describe.each(FLAVOURS)('with %s', (flavour) => {
  let here: Room;
  let engine: Engine<Family>;
  const sql = <Row = Record<string, unknown>>(text: string, database?: string): Promise<Row[]> =>
    here.server.server.query<Row>(text, database);
  beforeAll(async () => {
    here = await room(flavour);
    engine = engineOf(flavour);
    await shop(here, 'shop', 12);
  });
  afterAll(() => leave(here));
  /** A login with these rights and no others. */
  const user = async (name: string, ...grants: string[]) => {
    await sql(`CREATE USER ${name}@'%' IDENTIFIED BY 'Secret-1'`);
    for (const grant of grants) await sql(`GRANT ${grant} TO ${name}@'%'`);
    return { login: async () => Promise.resolve({ username: name, password: 'Secret-1' }) };
  };
  const started = (work: () => void): ReturnType<typeof listeningReporter> =>
    listeningReporter((text) => void (text === 'dumping' && work()));

  describe('a dump', () => {
    const dumpWith = async (script: string): Promise<{ code: string; finished: boolean }> => {
      const backup = memoryBackup();
      const context = here.bench.context('shop', { env: { PATH: await fakeClients({ 'mariadb-dump': script }) } });
      const code = await codeOf(engine.dump(context, backup.sink));
      return { code, finished: backup.finished.has('archive') };
    };
    const versionAnd = (rest: string): string =>
      `case "$2" in --host=host=localhost\\;*) ;; *) exit 9;; esac\ncase "$*" in *--version*) exec $REAL "$@";; esac\n${rest}`;

    it.each([
      ['is killed half-way', '"$REAL" "$@" | head -c 3000000; kill -9 $$', ['DUMP_FAILED']],
      ['ends with 0 half-way', '"$REAL" "$@" | head -c 3000000; exit 0', ['READ_THROUGH_FAILED']],
      ['loses a table and ends with 0', '"$REAL" "$@" --ignore-table=shop.orders', ['DUMP_FAILED', 'DUMP_EMPTY']],
      [
        'loses rows and ends with 0',
        '"$REAL" "$@" | sed "s/^INSERT INTO .orders.*$/-- gone/; /^([0-9]*,[0-9]*)[,;]$/d"',
        ['READ_THROUGH_FAILED'],
      ],
      ['writes nothing and ends with 0', 'exit 0', ['DUMP_EMPTY']],
    ])('keeps nothing when its tool %s', async (_what, rest, codes) => {
      const { code, finished } = await dumpWith(versionAnd(rest));
      expect(codes).toContain(code);
      expect(finished).toBe(false);
    });

    it('leaves no child behind when it is aborted', async () => {
      const death = new AbortController();
      const backup = memoryBackup((bytes) => void (bytes > 1_000_000 && death.abort(new Error('told to stop'))));
      await expect(engine.dump(here.bench.context('shop', { signal: death.signal }), backup.sink)).rejects.toThrow(
        'told to stop',
      );
      await expect
        .poll(async () => (await sql("SELECT id FROM information_schema.processlist WHERE db = 'shop'")).length)
        .toBe(0);
    });

    it('is of one moment while writers write, and says where the binary log was', async () => {
      const backup = memoryBackup();
      const stop = new AbortController();
      const writer = (async () => {
        for (let id = 100_000; !stop.signal.aborted; id += 1)
          await runAll(here.server.server, 'shop', [
            `START TRANSACTION`,
            `INSERT INTO customers (id, name) VALUES (${id}, 'new')`,
            `INSERT INTO orders VALUES (${id}, ${id})`,
            'COMMIT',
          ]);
      })();
      const facts = await engine.dump(here.bench.context('shop'), backup.sink).finally(() => stop.abort());
      await writer;
      const rows = Object.fromEntries(facts.fingerprint.tables.map((one) => [one.table, one.rows]));
      expect(rows.customers! - rows.orders!).toBe(200);
      expect(facts.fingerprint.mode).toBe('checksums');
      expect(facts.consistency).toBe('transaction');
      if (flavour === 'mysql')
        expect(facts.source.details).toMatchObject({ binlogPosition: expect.any(Number) as number });
      await sql('DELETE FROM orders WHERE id >= 100000; DELETE FROM customers WHERE id >= 100000', 'shop');
    });

    it('fails when definitions change meanwhile', async () => {
      const report = started(() => undefined);
      const backup = memoryBackup(async (bytes) => {
        if (bytes > 1_000_000 && !backup.finished.has('globals')) {
          backup.finished.set('globals', Buffer.alloc(0));
          await sql('CREATE TABLE IF NOT EXISTS new_one (id int)', 'shop');
        }
      });
      expect(await codeOf(engine.dump(here.bench.context('shop', { report }), backup.sink))).toBe('SCHEMA_CHANGED');
      await sql('DROP TABLE new_one', 'shop');
    });

    it('refuses tables that no transaction covers, or locks them to its end', async () => {
      await sql(
        'CREATE TABLE old_kind (id int PRIMARY KEY) ENGINE = MyISAM; INSERT INTO old_kind VALUES (1), (2)',
        'shop',
      );
      const refused = await failure(engine.dump(here.bench.context('shop'), memoryBackup().sink));
      expect([refused.code, refused.detail]).toEqual(['TABLES_UNSAFE', 'old_kind (MyISAM).']);
      const target = here.server.target('shop', { unsafeTables: 'lock' });
      let written: Promise<unknown> | undefined;
      let early = false;
      let ended = false;
      const backup = memoryBackup((bytes) => {
        if (bytes > 1_000_000) written ??= sql('INSERT INTO old_kind VALUES (3)', 'shop').then(() => (early = !ended));
      });
      const facts = await engine.dump(here.bench.context('shop', { target, report: listeningReporter() }), {
        open: (role, file) => backup.sink.open(role, file).on('finish', () => (ended = true)),
      });
      await written;
      expect(facts.consistency).toBe('locked');
      expect(facts.fingerprint.tables.find((one) => one.table === 'old_kind')).toMatchObject({ rows: 2 });
      expect(early).toBe(false);
      expect(await count(here, 'shop', 'old_kind')).toBe(3);
      await sql('DROP TABLE old_kind', 'shop');
    });

    it('locks them also for a login that may not hold the whole server, as RDS gives none', async () => {
      await sql('CREATE TABLE old_kind (id int PRIMARY KEY) ENGINE = MyISAM; INSERT INTO old_kind VALUES (1)', 'shop');
      const cloud = await user(
        'cloud',
        'SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON shop.*',
        flavour === 'mysql' ? 'SELECT ON *.*' : 'SELECT ON mysql.proc',
      );
      const target = here.server.target('shop', { unsafeTables: 'lock' });
      let waited: Promise<unknown> | undefined;
      let ended = false;
      let early = false;
      const backup = memoryBackup((bytes) => {
        if (bytes > 1_000_000) waited ??= sql('INSERT INTO old_kind VALUES (2)', 'shop').then(() => (early = !ended));
      });
      const facts = await engine.dump(here.bench.context('shop', { target, ...cloud }), {
        open: (role, file) => backup.sink.open(role, file).on('finish', () => (ended = true)),
      });
      await waited;
      expect([facts.consistency, early]).toEqual(['locked', false]);
      expect(facts.fingerprint.tables.find((one) => one.table === 'old_kind')).toMatchObject({ rows: 1 });
      await sql('DROP TABLE old_kind', 'shop');
    });

    it('names the privilege that is missing', async () => {
      const few = await user('few', 'SELECT ON shop.*');
      const probe = await engine.probe(here.bench.context('shop', few));
      expect(probe.findings.find((one) => one.level === 'bad')?.what).toContain('SHOW VIEW, TRIGGER, EVENT');
      const failed = await failure(engine.dump(here.bench.context('shop', few), memoryBackup().sink));
      expect(failed.code).toBe('PRIVILEGE_MISSING');
      const enough = await user(
        'enough',
        'SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON shop.*',
        flavour === 'mysql' ? 'SELECT ON *.*' : 'SELECT ON mysql.proc',
      );
      expect(
        (await engine.probe(here.bench.context('shop', enough))).findings.filter((one) => one.level === 'bad'),
      ).toEqual([]);
      const facts = await engine.dump(here.bench.context('shop', enough), memoryBackup().sink);
      // What no lock could be had for was counted in the dump, and nothing else is claimed.
      expect(facts.fingerprint.mode).toBe('counts');
      expect(facts.fingerprint.tables.find((one) => one.table === 'customers')).toMatchObject({ rows: 500 });
      await sql("GRANT RELOAD ON *.* TO enough@'%'");
      const witnessed = await engine.dump(here.bench.context('shop', enough), memoryBackup().sink);
      expect(witnessed.fingerprint.mode).toBe('checksums');
    });
  });

  describe('a restore', () => {
    let made: Awaited<ReturnType<Room['bench']['dump']>>;
    let original: Awaited<ReturnType<Room['server']['rowsOf']>>;
    const source = () => memorySource(made.manifest, made.backup);
    beforeAll(async () => {
      made = await here.bench.dump('shop');
      original = await here.server.rowsOf('shop');
    });

    it.each([
      ['is killed', 'head -c 100000 > /dev/null; kill -9 $$'],
      ['is killed when much is loaded', 'head -c 20000000 | "$REAL" "$@"; kill -9 $$'],
      ['ends with 0 half-way', 'head -c 100000 | "$REAL" "$@"; exit 0'],
      ['ends with an error', 'cat > /dev/null; echo "ERROR 1114 (HY000) at line 7: The table is full" >&2; exit 1'],
    ])('leaves everything as it was when its tool %s', async (_what, script) => {
      const before = await here.server.databases();
      const env = { PATH: await fakeClients({ mariadb: script }) };
      expect(await codeOf(here.bench.restore(here.bench.restoreJob('shop', 'swap'), source(), { env }))).toBe(
        'RESTORE_FAILED',
      );
      expect(await here.server.rowsOf('shop')).toEqual(original);
      expect(await here.server.databases()).toEqual(before);
    });

    it('leaves the old one serving when the server dies while it loads, and can be run again', async () => {
      const before = await here.server.databases();
      const job = here.bench.restoreJob('shop', 'swap');
      let [loaded, seen] = [0, 0];
      let killed: Promise<void> | undefined;
      const heard = listeningReporter();
      const report = {
        ...heard,
        moved(bytes: number) {
          if (heard.phases.at(-1) !== 'restoring' || (loaded += bytes) < 2_000_000) return;
          seen = loaded;
          killed ??= here.server.server.kill();
        },
      };
      const code = await codeOf(here.bench.restore(job, source(), { report }));
      expect(seen).toBeGreaterThan(0);
      await killed;
      expect(code).toBe('CONNECTION_LOST');
      await here.server.server.start();
      expect(await here.server.rowsOf('shop')).toEqual(original);
      expect((await here.server.databases()).sort()).toEqual([...before, aliasDatabase('shop', job.id)].sort());
      await sql('DELETE FROM orders', 'shop');
      await here.bench.restore(job, source());
      expect(await here.server.rowsOf('shop')).toEqual(original);
      const old = replacedDatabase('shop', job.id);
      expect((await here.server.databases()).sort()).toEqual([...before, old].sort());
      await sql(`DROP DATABASE ${ident(old)}`);
    });

    it('says before it begins that a statement is too long for the server', async () => {
      const long = {
        ...made.manifest,
        source: { ...made.manifest.source, details: { ...made.manifest.source.details, longestStatement: 2 ** 31 } },
      };
      const failed = await failure(
        here.bench.restore(here.bench.restoreJob('shop', 'swap'), memorySource(long, made.backup)),
      );
      expect(failed.code).toBe('RESTORE_REFUSED');
      expect(failed.detail).toContain('max_allowed_packet');
    });

    it('refuses a swap that foreign keys of another database would follow', async () => {
      await sql(
        'CREATE DATABASE other; CREATE TABLE other.far (id int PRIMARY KEY, c int, FOREIGN KEY (c) REFERENCES shop.customers (id))',
      );
      const failed = await failure(here.bench.restore(here.bench.restoreJob('shop', 'swap'), source()));
      expect([failed.code, failed.detail]).toEqual(['RESTORE_REFUSED', expect.stringContaining('other.far')]);
      await sql('DROP DATABASE other');
    });

    it('tells a login that may not make things of others what to do, and gives them to it on request', async () => {
      const job = here.bench.restoreJob('mine', 'new');
      const keeper = await user('keeper', 'ALL ON `mine%`.*');
      const failed = await failure(here.bench.restore(job, source(), keeper));
      expect(failed.code).toBe('PRIVILEGE_MISSING');
      expect(failed.detail).toContain('--no-owner');
      await here.bench.restore({ ...job, noOwner: true }, source(), keeper);
      const [view] = await sql<{ d: string }>(
        "SELECT definer AS d FROM information_schema.views WHERE table_schema = 'mine'",
      );
      expect(view!.d).toBe('keeper@%');
      await sql('DROP DATABASE mine');
      await here.bench.restore(here.bench.restoreJob('mine', 'new', { roleMap: { 'root@%': 'keeper@%' } }), source());
      const definers = await sql<{ d: string }>(
        "SELECT definer AS d FROM information_schema.routines WHERE routine_schema = 'mine' UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema = 'mine' UNION SELECT definer FROM information_schema.events WHERE event_schema = 'mine'",
      );
      expect(definers).toEqual([{ d: 'keeper@%' }]);
      await sql('DROP DATABASE mine');
    });

    it.runIf(flavour === 'mysql')(
      'says what lets a login without SUPER make triggers beside a binary log',
      async () => {
        const maker = await user('maker', 'ALL ON `bound%`.*');
        await sql('SET GLOBAL log_bin_trust_function_creators = OFF');
        try {
          const job = here.bench.restoreJob('bound', 'new', { noOwner: true });
          const failed = await failure(here.bench.restore(job, source(), maker));
          expect(failed.code).toBe('PRIVILEGE_MISSING');
          expect(failed.detail).toContain('log_bin_trust_function_creators');
        } finally {
          await sql('SET GLOBAL log_bin_trust_function_creators = ON');
        }
      },
    );

    it('lets events run where the database serves, and nowhere else; rights on routines stay', async () => {
      const events = async (): Promise<Record<string, string>> =>
        Object.fromEntries(
          (
            await sql<{ s: string; status: string }>(
              "SELECT event_schema AS s, status AS status FROM information_schema.events WHERE event_name = 'tidy'",
            )
          ).map((one) => [one.s, one.status]),
        );
      await sql("CREATE USER caller@'%' IDENTIFIED BY 'Secret-1'; GRANT EXECUTE ON PROCEDURE shop.tell TO caller@'%'");
      await sql('DROP PROCEDURE tell; CREATE PROCEDURE tell() SELECT 2', 'shop');
      await sql("GRANT EXECUTE ON PROCEDURE shop.tell TO caller@'%'");
      await here.bench.restore(here.bench.restoreJob('copy', 'new'), source());
      expect(await events()).toEqual({ shop: 'ENABLED', copy: 'DISABLED' });
      const job = here.bench.restoreJob('shop', 'swap');
      const old = replacedDatabase('shop', job.id);
      await here.bench.restore(job, source());
      expect(await events()).toEqual({ shop: 'ENABLED', copy: 'DISABLED', [old]: 'DISABLED' });
      expect(JSON.stringify(await sql("SHOW GRANTS FOR caller@'%'"))).toContain('`tell`');
      await engine.rollback(here.bench.context('shop'), rollbackOf(job));
      expect((await events()).shop).toBe('ENABLED');
      expect(JSON.stringify(await sql("SHOW GRANTS FOR caller@'%'"))).toContain('`tell`');
      await sql('DROP PROCEDURE tell; CREATE PROCEDURE tell() SELECT 1; DROP DATABASE copy', 'shop');
    });

    // Every seventh takes a tenth of the time.
    for (const step of [7, 1])
      it.skipIf(step === 1 && !SLOW)(
        `goes on where an exchange broke off, at any of its messages: by steps of ${step}`,
        async () => {
          const before = await here.server.databases();
          const job = here.bench.restoreJob('shop', 'swap');
          const place = aliasDatabase('shop', job.id);
          let done = false;
          for (let at = 12; !done; at += step) {
            const dying = await dyingAfter(here, 'shop', at);
            const outcome = await here.bench.restore(job, source(), dying.context).then(
              () => 'done',
              (thrown: unknown) => (thrown as { code?: string }).code,
            );
            await dying.close();
            done = outcome === 'done';
            const serving = await here.server.rowsOf('shop');
            expect(serving.customers, `after ${at} statements`).toEqual(original.customers);
            expect(at).toBeLessThan(400);
          }
          expect(await here.server.rowsOf('shop')).toEqual(original);
          const left = (await here.server.databases()).filter((name) => !before.includes(name));
          expect(left).toEqual([replacedDatabase('shop', job.id)]);
          expect(left).not.toContain(place);
          expect(await here.server.rowsOf(left[0]!)).toEqual(original);
          await sql(`DROP DATABASE ${ident(left[0]!)}`);
        },
      );

    it('lets the next restore begin, wherever an earlier one’s exchange broke off, and loses nothing', async () => {
      await shop(here, 'lean', 0);
      const lean = await here.server.rowsOf('lean');
      const { manifest, backup } = await here.bench.dump('lean');
      const stored = (): ReturnType<typeof memorySource> => memorySource(manifest, backup);
      const before = await here.server.databases();
      const seen = new Set<string>();
      // Every message with NIGHTJAR_SLOW.
      for (let at = 12, done = false; !done; at += process.env.NIGHTJAR_SLOW ? 1 : 29) {
        await sql(`UPDATE customers SET name = 'damaged ${at}' WHERE id = 1`, 'lean');
        const damaged = await here.server.rowsOf('lean');
        const job = here.bench.restoreJob('lean', 'swap');
        const [alias, old] = [aliasDatabase('lean', job.id), replacedDatabase('lean', job.id)];
        const dying = await dyingAfter(here, 'lean', at);
        const code = await codeOf(here.bench.restore(job, stored(), dying.context));
        await dying.close();
        done = code.startsWith('no error');
        const told = (dying.context.report as Heard).exchanged;
        seen.add(`${told?.serves} ${told?.underway}`);
        const holds = (await here.server.rowsOf('lean')).customers;
        const serves = told?.serves === 'incoming' ? lean.customers : damaged.customers;
        if (told?.serves !== 'either') expect(holds, `after ${at} statements`).toEqual(serves);
        const drop = (replaced: string): Promise<string> =>
          codeOf(engine.drop(here.bench.context('lean'), dropOf(job, replaced)));
        if (told?.serves === 'incoming' && told.underway)
          for (const one of [alias, old]) expect(await drop(one), `after ${at} statements`).toBe('SWAP_UNFINISHED');
        const next = await here.bench.restore(here.bench.restoreJob('lean', 'swap'), stored());
        expect(await here.server.rowsOf('lean'), `after ${at} statements`).toEqual(lean);
        // With its views, routines, triggers and events.
        const all = (await here.server.databases()).filter((name) => !before.includes(name));
        const kept = await Promise.all(all.map((name) => here.server.rowsOf(name)));
        expect(
          kept.filter((rows) => isDeepStrictEqual(rows, damaged)),
          `after ${at} statements`,
        ).toHaveLength(1);
        // Before its plan it has left a copy only, which the pruner drops.
        if (told) expect(all).not.toContain(alias);
        else if (all.includes(alias)) await here.server.dropDatabase(alias);
        if (all.includes(old)) expect(await drop(old)).toMatch(/^no error/);
        await here.server.dropDatabase(next.replacedDatabase!);
        expect(await here.server.databases(), `after ${at} statements`).toEqual(before);
        expect(at).toBeLessThan(400);
      }
      expect([...seen]).toContain('incoming true');
      await here.server.dropDatabase('lean');
    });
  });

  it('tells a server that was killed during a dump', async () => {
    let killed: Promise<void> | undefined;
    const backup = memoryBackup((bytes) => void (bytes > 1_000_000 && (killed ??= here.server.server.kill())));
    expect(await codeOf(engine.dump(here.bench.context('shop'), backup.sink))).toBe('CONNECTION_LOST');
    expect(backup.finished.has('archive')).toBe(false);
    await killed;
    expect(await codeOf(engine.dump(here.bench.context('shop'), memoryBackup().sink))).toBe('CONNECT_FAILED');
    await here.server.server.start();
    await here.bench.dump('shop');
  });
});
