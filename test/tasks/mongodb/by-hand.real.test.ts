/** The commands by which a person restores without Nightjar do it, as they stand in docs/engines/mongodb.md. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import vm from 'node:vm';
import type { Document } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { blocksOf, linesOf, typed } from '../../support/by-hand.ts';
import type { Row } from './awkward.ts';
import { PATH, targetAt } from './harness.ts';
import { failNext, leave, room, shop, type Room } from './room.ts';

let here: Room;
let place: string;
/** Of one database, and of a whole server. */
let blocks: string[][];

beforeAll(async () => {
  here = await room({}, { replicaSet: 'rs0' });
  place = await mkdtemp(join(tmpdir(), 'nightjar-docs-'));
  await mkdir(join(place, 'vault'));
  blocks = (await blocksOf('mongodb.md', 'Without Nightjar')).map(linesOf);
  const { mongodb, login } = here.server;
  await writeFile(join(place, 'ca.pem'), mongodb.caPem);
  const tls = mongodb.caPem === '' ? '' : '&tls=true&tlsCAFile=ca.pem';
  const who = `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}`;
  await writeFile(
    join(place, 'login.yaml'),
    `uri: mongodb://${who}@${mongodb.host}:${mongodb.port}/?authSource=admin&directConnection=true${tls}\n`,
  );
  await shop(here, 'shop');
  await here.server.client.db('bank').collection('orders').insertOne({ n: 1 });
});
afterAll(async () => {
  await leave(here);
  await rm(place, { recursive: true, force: true });
});

async function by(line: string): Promise<void> {
  const { stderr } = await typed(line, { vault: join(place, 'vault'), cwd: place, env: { PATH } });
  if (line.startsWith('mongorestore')) expect(stderr, line).toMatch(/[1-9]\d* document\(s\) restored.* 0 document/);
}
/** The archive under the name that the page fetches. */
const store = (line: string, archive: Buffer): Promise<void> =>
  writeFile(join(place, 'vault', /s3:\/\/\S+\/(\S+)/.exec(line)![1]!), archive);

describe('restoring by hand, as the docs tell it', () => {
  it('brings one database back, under its own name and under another', async () => {
    const [fetch, same, beside, ...rest] = blocks[0]!;
    expect([beside !== undefined, rest]).toEqual([true, []]);
    const kept = await here.server.rowsOf('shop');
    const { backup } = await here.bench.dump('shop');
    await store(fetch!, backup.finished.get('archive')!);
    await by(fetch!);
    await here.server.dropDatabase('shop');
    await by(same!);
    expect(await here.server.rowsOf('shop')).toEqual(kept);
    await by(beside!);
    expect(await here.server.rowsOf('copy')).toEqual(kept);
    await here.server.dropDatabase('copy');
  });

  it('brings a whole server back, and one database of it', async () => {
    const [fetch, all, one, ...rest] = blocks[1]!;
    expect([one !== undefined, rest]).toEqual([true, []]);
    const [shops, banks] = [await here.server.rowsOf('shop'), await here.server.rowsOf('bank')];
    const target = targetAt(here.server.mongodb, 'shop', { scope: { allDatabases: true } });
    const { backup } = await here.bench.dump('shop', { target });
    await store(fetch!, backup.finished.get('archive')!);
    await by(fetch!);
    for (const name of ['shop', 'bank']) await here.server.dropDatabase(name);
    await by(all!);
    expect([await here.server.rowsOf('shop'), await here.server.rowsOf('bank')]).toEqual([shops, banks]);
    await by(one!);
    expect(await here.server.rowsOf('copy')).toEqual(shops);
  });
});

describe('an exchange that broke off', () => {
  it('is put in order by hand, as the docs tell it, wherever that was', async () => {
    const [look, giveUp, finish, ...rest] = await blocksOf('mongodb.md', 'An exchange that broke off, by hand', 'js');
    expect([finish !== undefined, rest]).toEqual([true, []]);
    const { manifest, backup } = await here.bench.dump('shop');
    const restored = await here.server.rowsOf('shop');
    const steps = new Set<string>();
    for (const after of [3, 6, 8, 11]) {
      await here.server.client.db('shop').collection<Row>('made since').insertOne({ _id: after });
      const before = await here.server.rowsOf('shop');
      const job = here.bench.restoreJob('shop', 'swap');
      await failNext(here, { command: 'renameCollection', code: 189, name: 'PrimarySteppedDown', after });
      const context = here.bench.context('shop');
      // Also what the engine would take back by itself is left to the person.
      const stop = new AbortController();
      if (after === 3) {
        const exchange = context.report.exchange.bind(context.report);
        context.report.exchange = async (state) => exchange(state).then(() => void setTimeout(() => stop.abort(), 0));
      }
      const asked = { signal: after === 3 ? stop.signal : context.signal, report: context.report };
      await expect(here.bench.restore(job, memorySource(manifest, backup), asked)).rejects.toThrow();
      await failNext(here);
      const journal = await here.server.client.db('shop').collection('nightjar_exchange').findOne();
      const step = String(journal?.step);
      steps.add(step);
      await mongosh(here, look! + (step === 'copying' ? giveUp! : finish!));
      const old = replacedDatabase('shop', job.id);
      expect(await here.server.rowsOf('shop'), `${after} ${step}`).toEqual(step === 'copying' ? before : restored);
      if (step !== 'copying') expect(await here.server.rowsOf(old), `${after} ${step}`).toEqual(before);
      for (const name of [old, aliasDatabase('shop', job.id)]) await here.server.dropDatabase(name);
    }
    expect([...steps].sort()).toEqual(['copying', 'keeping', 'names']);
  });
});

/** As far as the page needs the shell. */
async function mongosh({ server: { client } }: Room, text: string): Promise<void> {
  const shell = {
    adminCommand: (command: Document) => client.db('admin').command(command),
    getSiblingDB: (name: string) => {
      const db = client.db(name);
      return {
        getCollection: (collection: string) => db.collection(collection),
        getCollectionInfos: (filter: Document) => db.listCollections(filter).toArray(),
        createCollection: (view: string, options: Document) => db.createCollection(view, options),
      };
    },
  };
  const script = vm.runInThisContext(`(async (db) => {\n${text}\n})`) as (db: typeof shell) => Promise<void>;
  await script(shell);
}
