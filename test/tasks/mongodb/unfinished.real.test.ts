/** A restore that died while it filled a database under its own name: the half of it never passes for all. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { databasesIn } from '../../../core/server-backup.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import { failure, type Bench } from '../../contracts/engine-bench.ts';
import type { Row } from './awkward.ts';
import { fakeTools, PATH, targetAt } from './harness.ts';
import { failNext, leave, room, shop, type Room } from './room.ts';

let here: Room;
let made: Awaited<ReturnType<Bench<'mongodb'>['dump']>>;
let kept: unknown[];
const whole = () => targetAt(here.server.mongodb, 'shop', { scope: { allDatabases: true } });
const rows = () => Promise.all(['bank', 'shop'].map((name) => here.server.rowsOf(name)));
const everything = (more: Partial<RestoreJob> = {}) =>
  here.bench.restoreJob('shop', 'new', { allDatabases: true, target: whole(), ...more });
const restore = (job: RestoreJob, env: object = {}) =>
  here.bench.restoreBackup(job, made.manifest, made.backup, { target: job.target as never, ...env });

beforeAll(async () => {
  here = await room();
  await here.server.client.db('bank').collection<Row>('orders').insertOne({ _id: 1 });
  await shop(here, 'shop');
  made = await here.bench.dump('shop', { target: whole() });
  expect(databasesIn(made.manifest)).toEqual(['bank', 'shop']);
  kept = await rows();
});
afterAll(() => leave(here));
afterEach(async () => {
  await failNext(here);
  for (const name of await here.server.databases()) await here.server.dropDatabase(name);
});

/** As a task that was killed leaves it: what had come is there, and nobody took it away. */
async function dieAtShop(job = everything()): Promise<RestoreJob> {
  for (const name of await here.server.databases()) await here.server.dropDatabase(name);
  const tools = await fakeTools({
    mongorestore:
      'case "$*" in *--version*) exec $REAL --version;; esac; $REAL "$@"; test -f "$0.once" && exit 1; touch "$0.once"',
  });
  await failNext(here, { command: 'dropDatabase', code: 8, name: 'UnknownError' });
  const thrown = await failure(restore(job, { env: { PATH: `${tools}:${PATH}` } }));
  expect(thrown.code).toBe('RESTORE_FAILED');
  await failNext(here);
  await rm(tools, { recursive: true, force: true });
  expect(await here.server.databases()).toEqual(['bank', 'shop']);
  const left = here.server.client.db('shop');
  await left.collection('orders').drop();
  expect(await left.collection('nightjar_restore').findOne()).toMatchObject({ _id: job.id, state: 'unfinished' });
  return job;
}

describe('a database that was being filled when its restore died', () => {
  it('is never taken for one that is there: the next restore says so, drops it and loads all of it', async () => {
    const dead = await dieAtShop();
    await here.server.dropDatabase('bank');
    const done = await restore(everything());
    expect(done.comparison).toMatchObject({ equal: true, tablesCompared: 3 });
    expect(done.warnings.join('\n')).toContain(`shop is not complete: the restore ${dead.id} was filling it`);
    expect(await rows()).toEqual(kept);
    // Complete now: the next one leaves it alone.
    expect((await failure(restore(everything()))).code).toBe('DESTINATION_EXISTS');
    expect(await rows()).toEqual(kept);
  });

  it('is refused with the command that drops it where somebody wrote to it since, or may be at it yet', async () => {
    const writes: (() => Promise<RestoreJob>)[] = [
      async () =>
        here.server.client
          .db('shop')
          .collection<Row>('made since')
          .insertOne({ _id: 1 })
          .then(() => everything()),
      async () =>
        here.server.client
          .db('shop')
          .collection<Row>('customers')
          .insertOne({ _id: 500 })
          .then(() => everything()),
      async () => Promise.resolve(everything({ target: { ...whole(), name: 'another' } })),
    ];
    for (const write of writes) {
      const dead = await dieAtShop();
      await here.server.dropDatabase('bank');
      const job = await write();
      const before = await here.server.rowsOf('shop');
      const thrown = await failure(restore(job));
      expect(thrown.code).toBe('RESTORE_UNFINISHED');
      expect(thrown.detail).toContain(dead.id);
      expect(thrown.detail).toContain('db.getSiblingDB("shop").dropDatabase()');
      expect(await here.server.rowsOf('shop')).toEqual(before);
    }
  });

  it('is told by a backup and by the doctor', async () => {
    const dead = await dieAtShop();
    const context = here.bench.context('bank', { target: whole() });
    const { findings } = await mongodb.probe(context);
    expect(findings.filter((one) => one.level === 'bad').map((one) => one.what)).toEqual([
      expect.stringContaining(`shop is not complete: the restore ${dead.id}`),
    ]);
    const { backup } = await here.bench.dump('shop', { target: whole(), report: context.report });
    expect(backup.finished.has('archive')).toBe(true);
    expect(context.report.warnings.join('\n')).toContain('shop is not complete');
  });

  it('stays as the restore that took it up left it, though the one before was not dead after all', async () => {
    for (const name of await here.server.databases()) await here.server.dropDatabase(name);
    const slow = await fakeTools({
      mongorestore:
        'case "$*" in *--version*) exec $REAL --version;; esac; cat > "$0.input"; while ! test -f "$0.go"; do sleep 0.1; done; exit 1',
    });
    const one = (env: object = {}) => restore(here.bench.restoreJob('shop', 'new', { target: whole() }), env);
    const first = failure(one({ env: { PATH: `${slow}:${PATH}` } }));
    const begun = () => here.server.client.db('shop').collection('nightjar_restore').findOne();
    while (!(await begun())) await new Promise((done) => setTimeout(done, 20));
    const second = await one();
    expect(second.warnings.join('\n')).toContain('shop is not complete');
    await writeFile(join(slow, 'mongorestore.go'), '');
    expect((await first).code).toBe('RESTORE_FAILED');
    expect(await here.server.rowsOf('shop')).toEqual(kept[1]);
    await rm(slow, { recursive: true, force: true });
  });
});
