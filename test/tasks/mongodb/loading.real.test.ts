/** What ends a restore while mongorestore fills a database: nothing that serves has changed, and what is left is known. */
import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase } from '../../../core/names.ts';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import type { RestoreSource } from '../../../tasks/engine.ts';
import { restoreDatabases } from '../../../tasks/restore-databases.ts';
import { heldBackup, listeningReporter, memorySource } from '../../contracts/doubles.ts';
import { codeOf, dropOf, type Bench, type Rows } from '../../contracts/engine-bench.ts';
import { dyingWay, type DyingWay } from '../dying-way.ts';
import { targetAt } from './harness.ts';
import { leave, room, shop, type Room } from './room.ts';

type Made = Awaited<ReturnType<Bench<'mongodb'>['dump']>>;

let here: Room;
let way: DyingWay;
let whole: Made;
let one: Made;
let serving: Rows;
const UNPACKED = { compression: { algorithm: 'none', level: 0 } } as const;

/** As a task that comes by the way. */
const target = (fields: object = {}) => ({
  ...targetAt(here.server.mongodb, 'shop', { ...UNPACKED, ...fields }),
  port: way.port,
});

async function start(): Promise<void> {
  here = await room();
  way = await dyingWay(here.server.mongodb.port);
  await shop(here, 'shop', 8);
  one = await here.bench.dump('shop', { target: target() });
  whole = await here.bench.dump('shop', { target: target({ scope: { allDatabases: true } }) });
  await here.server.client.db('shop').collection('orders').deleteMany({});
  serving = await here.server.rowsOf('shop');
}
beforeAll(start);
afterEach(() => way.close().then(async () => void (way = await dyingWay(here.server.mongodb.port))));
afterAll(async () => {
  await way.close();
  await leave(here);
});

/** Of this process alone, by name: none may outlive what it was started for. */
const tools = (...names: string[]): number[] =>
  execFileSync('ps', ['-o', 'pid=,comm=', '--ppid', String(process.pid)])
    .toString()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, name]) => names.includes(name ?? ''))
    .map(([pid]) => Number(pid));

/** Gives half of the archive, and the rest after `midway`, which is called when some documents have arrived in `place`. */
const halfway = (source: RestoreSource, place: string, midway: () => unknown): RestoreSource => ({
  ...source,
  openArchive() {
    const { bytes } = source.manifest.archive;
    return Readable.from(
      (async function* () {
        let given = 0;
        for await (const chunk of source.openArchive() as AsyncIterable<Buffer>) {
          yield chunk;
          if (given <= bytes / 2 && (given += chunk.length) > bytes / 2) {
            while ((await arrived(place)) === 0) await pause(20);
            await midway();
          }
        }
      })(),
      { objectMode: false },
    );
  },
});
const arrived = (place: string): Promise<number> =>
  here.server.client.db(place).collection('filling').countDocuments({});

interface Way {
  readonly job: RestoreJob;
  /** What is filled. */
  readonly place: string;
  readonly made: Made;
}
const WAYS: Record<string, () => Way> = {
  'beside it': () => ({
    job: here.bench.restoreJob('copy', 'new', { fromDatabase: 'shop' }),
    place: 'copy',
    made: one,
  }),
  swap: () => into('swap'),
  overwrite: () => into('overwrite'),
  'overwrite with one collection': () => into('overwrite', { scope: { tables: ['filling'] } }),
  'one of a whole server': () => ({ ...into('swap', { fromDatabase: 'shop' }), made: whole }),
  'a whole server': () => {
    const job = here.bench.restoreJob('shop', 'new', { allDatabases: true });
    return { job, place: 'shop', made: whole };
  },
};
/** Where a server is away for good the driver looks for it for a quarter of a minute before it gives up. */
const patiently = (name: string): string[] => (process.env.NIGHTJAR_SLOW ? Object.keys(WAYS) : [name]);
function into(mode: 'swap' | 'overwrite', more: Partial<RestoreJob> = {}): Way {
  const job = here.bench.restoreJob('shop', mode, more);
  return { job, place: aliasDatabase('shop', job.id), made: one };
}

async function restore({ job, place, made }: Way, midway?: () => unknown) {
  const report = listeningReporter();
  const context = here.bench.context('shop', { target: target(), report });
  const open = (manifest: Made['manifest']): RestoreSource => {
    const source = memorySource(manifest, made.backup);
    return midway ? halfway(source, place, midway) : source;
  };
  const done = await restoreDatabases({
    engine: mongodb as never,
    context,
    job,
    manifest: made.manifest,
    open,
  });
  return { ...done, warnings: report.warnings.join(' ') };
}
const databases = async (): Promise<string[]> => (await here.server.databases()).sort();

function lose(): void {
  way.dieAfter(0);
  way.cut();
}
const FAULTS: Record<string, { midway(): unknown; code: RegExp; leaves: boolean }> = {
  'mongorestore is killed': {
    midway() {
      const pids = tools('mongorestore');
      expect(pids).toHaveLength(1);
      process.kill(pids[0]!, 'SIGKILL');
    },
    code: /^RESTORE_FAILED$/,
    leaves: false,
  },
  'the connection is cut once': { midway: () => way.cut(), code: /^CONNECTION_LOST$/, leaves: false },
  'the connection is lost for good': {
    midway: lose,
    code: /^CONNECTION_LOST$/,
    leaves: true,
  },
};

describe.each(Object.keys(FAULTS))('when %s while it loads', (fault) => {
  const { code, leaves } = FAULTS[fault]!;

  it.each(leaves ? patiently('beside it') : Object.keys(WAYS))(
    'a restore (%s) says so, leaves what serves, and is done by the next one',
    async (name) => {
      const empties = name === 'a whole server';
      // A whole server comes back to one that has not the database.
      if (empties) await here.server.dropDatabase('shop');
      const first = WAYS[name]!();
      expect(await codeOf(restore(first, () => FAULTS[fault]!.midway()))).toMatch(code);
      expect(tools('mongorestore', 'mongodump', 'zstd')).toEqual([]);
      const left = [...new Set([...(empties ? [] : ['shop']), ...(leaves ? [first.place] : [])])].sort();
      expect(await databases()).toEqual(left);
      if (!empties) expect(await here.server.rowsOf('shop')).toEqual(serving);
      if (leaves) {
        await way.close();
        way = await dyingWay(here.server.mongodb.port);
      }
      // Another restore, which a person starts, and the attempt that the workflow makes again.
      const next = WAYS[name]!();
      const done = await restore(next);
      expect(done.comparison).toMatchObject({ equal: true, differences: [] });
      if (leaves && next.place === first.place) expect(done.warnings).toContain('loaded anew');
      if (leaves && next.place !== first.place) {
        // The pruner knows it by the name.
        const drop = dropOf(first.job, first.place);
        expect(await mongodb.drop(here.bench.context('shop'), drop)).toEqual({ dropped: true });
      }
      if (done.replacedDatabase) {
        expect(await here.server.rowsOf(done.replacedDatabase)).toEqual(serving);
        await here.server.dropDatabase(done.replacedDatabase);
      }
      expect(await databases()).toEqual(name === 'beside it' ? ['copy', 'shop'] : ['shop']);
      if (name === 'beside it') await here.server.dropDatabase('copy');
      await here.server.client.db('shop').collection('orders').deleteMany({});
      expect(await here.server.rowsOf('shop')).toEqual(serving);
    },
  );
});

it.each(patiently('swap'))(
  'a server that is killed while it loads is told (%s), and no tool outlives it',
  async (name) => {
    if (name === 'a whole server') await here.server.dropDatabase('shop');
    expect(await codeOf(restore(WAYS[name]!(), () => here.server.mongodb.kill()))).toBe('CONNECTION_LOST');
    expect(tools('mongorestore', 'mongodump', 'zstd')).toEqual([]);
    // The stand-in keeps nothing over a crash.
    await way.close();
    await leave(here);
    await start();
  },
);

it.each([
  [
    'DUMP_FAILED',
    'a mongodump that is killed',
    () => tools('mongodump').forEach((pid) => process.kill(pid, 'SIGKILL')),
  ],
  ['CONNECTION_LOST', 'a connection that is lost while mongodump reads', lose],
] as const)('%s: %s leaves no archive and no tool', async (code, _what, midway) => {
  // More than lies on its way at any time.
  if ((await arrived('large')) === 0) await shop(here, 'large', 40);
  const backup = heldBackup(1_000_000);
  const dump = codeOf(
    mongodb.dump(here.bench.context('large', { target: { ...target(), database: 'large' } }), backup.sink),
  );
  await backup.begun;
  midway();
  backup.release();
  expect(await dump).toBe(code);
  expect(backup.finished.has('archive')).toBe(false);
  expect(tools('mongorestore', 'mongodump', 'zstd')).toEqual([]);
});
