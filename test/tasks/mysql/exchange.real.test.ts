/** An exchange of names that is cut at any of its messages: whoever comes next puts it in order, and nothing is lost. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../core/backup.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase, rolledBackDatabase } from '../../../core/names.ts';
import { listeningReporter, memorySource, type MemoryBackup } from '../../contracts/doubles.ts';
import { codeOf, dropOf, failure, rollbackOf, type Rows } from '../../contracts/engine-bench.ts';
import { dyingWay } from '../dying-way.ts';
import { engineOf, runAll } from './harness.ts';
import { FLAVOURS, leave, room, type Room } from './room.ts';

/** Every message with NIGHTJAR_SLOW; else some, and other ones of the two servers. */
const STEP = process.env.NIGHTJAR_SLOW === undefined ? { mariadb: 11, mysql: 31 } : { mariadb: 1, mysql: 1 };

const DAMAGE = [
  'DELETE FROM t WHERE id = 1',
  'CREATE TABLE later (id int)',
  'CREATE TRIGGER later_in BEFORE INSERT ON later FOR EACH ROW SET NEW.id = 1',
  'DROP PROCEDURE tell',
  'CREATE PROCEDURE tell() SELECT 2',
  'CREATE VIEW mine AS SELECT id FROM later',
];

describe.each(FLAVOURS)('with %s', (flavour) => {
  const SEED = [
    'CREATE TABLE t (id int PRIMARY KEY, n int)',
    'INSERT INTO t VALUES (1, 10), (2, 20)',
    'CREATE TABLE log (id int)',
    'CREATE FUNCTION total() RETURNS int READS SQL DATA RETURN (SELECT sum(n) FROM shop.t)',
    'CREATE VIEW zz AS SELECT shop.total() AS total FROM t',
    'CREATE VIEW aa AS SELECT * FROM zz',
    'CREATE PROCEDURE tell() SELECT 1',
    'CREATE TRIGGER tr AFTER INSERT ON shop.t FOR EACH ROW INSERT INTO log VALUES (NEW.id)',
    "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM log",
    ...(flavour === 'mariadb'
      ? ['CREATE SEQUENCE numbers', 'CREATE TABLE numbered (id int DEFAULT nextval(numbers))']
      : []),
  ];
  const engine = engineOf(flavour);
  let here: Room;
  let made: { backup: MemoryBackup; manifest: Manifest };
  /** As it was backed up, and as it serves when an exchange begins. */
  let [original, damaged]: Rows[] = [];
  let before: string[];
  const sql = <Row = Record<string, unknown>>(text: string, database?: string) =>
    here.server.server.query<Row>(text, database);
  const restore = (job: RestoreJob, more = {}) =>
    here.bench.restore(job, memorySource(made.manifest, made.backup), more);
  const drop = (job: RestoreJob, name: string, more = {}) =>
    engine.drop(here.bench.context('shop', more), dropOf(job, name, { database: 'shop' }));
  const left = async (): Promise<string[]> =>
    (await here.server.databases()).filter((name) => !before.includes(name) && name !== 'shop');
  /** As if it had the name: definitions name their own database. */
  const stateOf = async (name: string): Promise<Rows> =>
    JSON.parse(JSON.stringify(await here.server.rowsOf(name)).replaceAll(name, 'shop')) as Rows;
  /** How often this state is there in whole, under whatever name. */
  const copies = async (wanted: Rows | undefined): Promise<number> => {
    const all = await Promise.all(['shop', ...(await left())].map(stateOf));
    return all.filter((rows) => isDeepStrictEqual(rows, wanted)).length;
  };
  /** Works by a way that breaks after so many messages since a phase began, until it comes through; resolves with its code. */
  const cutAfter = async (phase: string, messages: number, work: (more: object) => Promise<unknown>) => {
    const way = await dyingWay(here.server.server.port);
    const report = listeningReporter((text) => {
      if (text === phase) way.dieAfter(messages);
    });
    const code = await codeOf(work({ target: here.server.target('shop', { port: way.port }), report }));
    await way.close();
    return { done: code.startsWith('no error'), code, told: report.exchanged };
  };
  const everyCut = async (phase: string, each: (at: number) => Promise<boolean>): Promise<void> => {
    for (let at = 1; !(await each(at)); at += STEP[flavour]) expect(at, phase).toBeLessThan(500);
  };

  beforeAll(async () => {
    here = await room(flavour);
    before = await here.server.databases();
    await sql('CREATE DATABASE shop');
    await runAll(here.server.server, 'shop', SEED);
    made = await here.bench.dump('shop');
    original = await here.server.rowsOf('shop');
    await sql('CREATE DATABASE spare');
    before.push('spare');
  });
  afterAll(() => leave(here));
  beforeEach(async () => {
    for (const name of [...(await left()), 'shop']) await here.server.dropDatabase(name);
    await sql('CREATE DATABASE shop');
    await runAll(here.server.server, 'shop', [...SEED, ...DAMAGE]);
    damaged = await here.server.rowsOf('shop');
  });

  const swapped = async (): Promise<RestoreJob> => {
    const job = here.bench.restoreJob('shop', 'swap');
    await restore(job);
    return job;
  };

  it('a rollback goes on where it broke off, and leaves both sides whole', async () => {
    let seen = '';
    await everyCut('renaming', async (at) => {
      const job = await swapped();
      const { done, told } = await cutAfter('renaming', at, (more) =>
        engine.rollback(here.bench.context('shop', more), rollbackOf(job)),
      );
      seen += `${told?.serves} ${told?.underway}; `;
      expect(await engine.rollback(here.bench.context('shop'), rollbackOf(job)), `cut after ${at}`).toMatchObject({
        serving: 'shop',
      });
      expect(await here.server.rowsOf('shop'), `cut after ${at}`).toEqual(damaged);
      const undone = rolledBackDatabase('shop', job.id);
      expect(await left(), `cut after ${at}`).toEqual([undone]);
      expect((await here.server.rowsOf(undone)).t, `cut after ${at}`).toEqual(original!.t);
      expect(await drop(job, undone)).toEqual({ dropped: true });
      return done;
    });
    expect(seen).toContain('incoming true');
  });

  it('a restore that follows a rollback which broke off loses neither what serves nor what was put aside', async () => {
    await everyCut('renaming', async (at) => {
      const first = await swapped();
      const { done } = await cutAfter('renaming', at, (more) =>
        engine.rollback(here.bench.context('shop', more), rollbackOf(first)),
      );
      const next = await swapped();
      expect(await here.server.rowsOf('shop'), `cut after ${at}`).toEqual(original);
      expect(await copies(damaged), `cut after ${at}`).toBe(1);
      for (const name of await left())
        if (!isDeepStrictEqual(await stateOf(name), damaged)) await here.server.dropDatabase(name);
      const [kept] = await left();
      const back = kept === replacedDatabase('shop', next.id) ? next : first;
      await engine.rollback(here.bench.context('shop'), rollbackOf(back));
      expect(await here.server.rowsOf('shop'), `cut after ${at}`).toEqual(damaged);
      for (const name of await left()) await here.server.dropDatabase(name);
      return done;
    });
  });

  it('an overwrite goes on where it broke off, and serves one of both in whole all the time', async () => {
    const keep = await swapped();
    await everyCut('renaming', async (at) => {
      await sql('UPDATE t SET n = 99', 'shop');
      const served = (await here.server.rowsOf('shop')).t;
      const job = here.bench.restoreJob('shop', 'overwrite');
      const { done } = await cutAfter('renaming', at, (more) => restore(job, more));
      expect([served, original!.t], `cut after ${at}`).toContainEqual((await here.server.rowsOf('shop')).t);
      await restore(job);
      expect(await here.server.rowsOf('shop'), `cut after ${at}`).toEqual(original);
      expect(await left(), `cut after ${at}`).toEqual([replacedDatabase('shop', keep.id)]);
      return done;
    });
  });

  it('a drop that broke off is done by the next one, and touches nothing else', async () => {
    const job = await swapped();
    const name = replacedDatabase('shop', job.id);
    await everyCut('dropping', async (at) => {
      const { done } = await cutAfter('dropping', at, (more) => drop(job, name, more));
      expect(await here.server.rowsOf('shop'), `cut after ${at}`).toEqual(original);
      if ((await left()).includes(name)) expect(await stateOf(name)).toEqual(damaged);
      return done;
    });
    expect(await left()).toEqual([]);
    expect(await drop(job, name)).toEqual({ dropped: false });
  });

  it('what can not be finished any more is laid aside with all its texts, and the next restore goes on', async () => {
    const job = here.bench.restoreJob('shop', 'swap');
    const [alias, old] = [aliasDatabase('shop', job.id), replacedDatabase('shop', job.id)];
    const way = await dyingWay(here.server.server.port);
    const heard = listeningReporter();
    const report = {
      ...heard,
      async exchange(state: Parameters<typeof heard.exchange>[0]) {
        if (state.serves === 'incoming' && state.underway) way.dieAfter(3);
        return heard.exchange(state);
      },
    };
    const target = here.server.target('shop', { port: way.port });
    expect(await codeOf(restore(job, { target, report }))).toBe('SWAP_UNFINISHED');
    await way.close();
    // Somebody helps himself meanwhile: the trigger of the plan has no table any more.
    await sql('DROP TABLE t', 'shop');
    const rollback = await failure(engine.rollback(here.bench.context('shop'), rollbackOf(job)));
    expect(rollback.code).toBe('SWAP_UNFINISHED');
    expect((await here.server.rowsOf(old)).t).toEqual(damaged!.t);

    const next = here.bench.restoreJob('shop', 'swap');
    const { warnings } = await restore(next);
    expect(await here.server.rowsOf('shop')).toEqual(original);
    expect(warnings.filter((one) => one.includes('could not be finished'))).toEqual([
      expect.stringMatching(new RegExp(`kept as ${old}, .*in ${alias}\\._nightjar_restore, under "aside"`)),
    ]);
    expect((await here.server.rowsOf(old)).t).toEqual(damaged!.t);
    const [note] = await sql<{ v: string }>("SELECT v FROM _nightjar_restore WHERE k = 'aside'", alias);
    const texts = JSON.stringify((JSON.parse(note!.v) as { serving: { objects: object[] } }).serving.objects);
    for (const one of ['SELECT 2', 'TRIGGER `?tr`?', 'EVENT `tidy`', 'VIEW `mine`', 'FUNCTION `total`'])
      expect(texts).toMatch(new RegExp(one));
    // It is nobody's any more: a further restore does not stumble over it, and the pruner may drop it.
    expect((await restore(here.bench.restoreJob('shop', 'overwrite'))).warnings.join()).not.toContain('broke off');
    for (const name of [alias, old]) expect(await drop(job, name)).toEqual({ dropped: true });
    expect(await left()).toEqual([replacedDatabase('shop', next.id)]);
  });
});
