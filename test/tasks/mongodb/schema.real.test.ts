/** A whole server without its documents: definitions of every database, and users and roles, who are no documents of anybody's. */
import { Readable } from 'node:stream';
import type { Document } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import type { CollectionEntry } from '../../../tasks/engines/mongodb/archive-format.ts';
import { ArchiveReader } from '../../../tasks/engines/mongodb/archive.ts';
import { definitionOf } from '../../../tasks/engines/mongodb/collections.ts';
import { schemaArchive } from '../../../tasks/engines/mongodb/schema-archive.ts';
import type { Server } from '../../../tasks/engines/mongodb/server.ts';
import { codeOf } from '../../contracts/engine-bench.ts';
import type { Row } from './awkward.ts';
import { targetAt } from './harness.ts';
import { leave, room, shop, type Room } from './room.ts';

let [here, there]: (Room | undefined)[] = [];
beforeAll(async () => {
  [here, there] = await Promise.all([room(), room()]);
  await shop(here, 'shop');
  await here.server.client.db('bank').collection<Row>('orders').insertOne({ _id: 1 });
  const admin = here.server.client.db('admin');
  const books = { resource: { db: 'shop', collection: 'orders' }, actions: ['find'] };
  await admin.command({ createRole: 'reads books', privileges: [books], roles: [] });
  await admin.command({ createUser: 'reader', pwd: 'reader', roles: [{ role: 'read', db: 'shop' }] });
});
afterAll(async () => {
  for (const one of [here, there]) if (one) await leave(one);
});

describe('definitions of a whole server', () => {
  it('come back with users, their passwords, and roles; and without a document', async () => {
    const target = targetAt(here!.server.mongodb, 'shop', { scope: { allDatabases: true, schemaOnly: true } });
    const made = await here!.bench.dump('shop', { target });
    const { server, bench } = there!;
    const reader = { login: async () => Promise.resolve({ username: 'reader', password: 'reader' }) };
    const login = () => codeOf(mongodb.probe(bench.context('shop', reader)));
    expect(await login()).toBe('AUTH_FAILED');
    const done = await bench.restoreBackup(
      bench.restoreJob('shop', 'new', { allDatabases: true }),
      made.manifest,
      made.backup,
    );
    expect(done.warnings.join('\n')).not.toContain('holds no users');
    expect(await login()).toMatch(/^no error/);
    const { roles } = await server.client.db('admin').command({ rolesInfo: 1 });
    expect(roles).toMatchObject([{ role: 'reads books' }]);
    const [was, is] = [await here!.server.rowsOf('shop'), await server.rowsOf('shop')];
    expect(is['(structure)']).toEqual(was['(structure)']);
    expect([is.orders, is.customers, (await server.rowsOf('bank')).orders]).toEqual([[], [], []]);
  });

  it('have the indexes of time series, too', async () => {
    // The stand-in has no time series: what is asked of a server that has some is answered here.
    const indexes: Document[] = [{ v: 2, key: { place: 1, at: 1 }, name: 'by place' }];
    const server = {
      version: '6.0.0',
      context: { target: { database: 'shop', scope: { schemaOnly: true } }, report: { moved: () => undefined } },
      ask: (_: string, work: () => unknown) => work(),
      database: () => ({ collection: () => ({ listIndexes: () => ({ toArray: () => Promise.resolve(indexes) }) }) }),
    } as unknown as Server;
    const options = { timeseries: { timeField: 'at', metaField: 'place' } };
    const found = new Map([['shop', [{ name: 'weather', type: 'timeseries', options, uuid: undefined }]]]);
    let entries: readonly CollectionEntry[] = [];
    const nothing = (): void => undefined;
    const reader = new ArchiveReader({
      prelude: (_, all) => (entries = all),
      ...{ block: nothing, body: nothing, blockEnd: nothing, end: nothing },
    });
    for await (const chunk of Readable.from(schemaArchive(server, found, false))) reader.feed(chunk as Buffer);
    reader.finish();
    expect(
      entries.map((one) => [one.collection, definitionOf(one).indexes.map((index) => index.name as string)]),
    ).toEqual([['weather', ['by place']]]);
  });
});
