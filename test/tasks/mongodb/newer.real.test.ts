/** Updates as MongoDB 5 and newer log them, on the way that a restore goes: mongodump's archive, mongorestore, what is read back. */
import type { Document } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { heldBackup, listeningReporter, manifestOf } from '../../contracts/doubles.ts';
import { failure, type Rows } from '../../contracts/engine-bench.ts';
import type { Row } from './awkward.ts';
import { BIG, bank } from './bank.ts';
import { OUTSIDE, targetAt } from './harness.ts';
import { asNewerLogs, newerServer, type NewerServer } from './newer.ts';
import { leave, room, type Room } from './room.ts';

let here: Room;
let newer: NewerServer;
let made: { manifest: ReturnType<typeof manifestOf>; backup: ReturnType<typeof heldBackup> };
let serving: Rows;

const BEFORE = { n: 1, gone: 'x', deep: { a: 1, b: { c: 2, d: 3 } }, list: [1, { x: 1, y: 2 }, 3] };
/** Each section that a diff may have: fields that are new, changed, gone, changed within, and within an array. */
const CHANGE = { $set: { n: 2, late: 'new', 'deep.b.c': 9, 'list.1.x': 7 }, $unset: { gone: '' } };
const NESTED = {
  deep: (value: { b: Document }) => ({ sb: { u: { c: value.b.c as unknown } } }),
  list: (value: [unknown, Document]) => ({ a: true, s1: { u: { x: value[1].x as unknown } } }),
} as const;

const restore = (job: RestoreJob) => {
  const target = { ...targetAt(here.server.mongodb, 'bank'), port: newer.port };
  return here.bench.restoreBackup(job, made.manifest, made.backup, { target, report: listeningReporter() });
};

describe.skipIf(OUTSIDE)('an oplog with the updates of MongoDB 5 and newer', () => {
  beforeAll(async () => {
    here = await room({}, { replicaSet: 'rs0', tls: false });
    newer = await newerServer(here.server.mongodb.port);
    await bank(here);
    const db = here.server.client.db('bank');
    for (const name of BIG) await db.collection<Row>(name).insertOne({ _id: 'deep', ...BEFORE });
    const backup = heldBackup(100_000);
    const fields = { scope: { allDatabases: true }, compression: { algorithm: 'none', level: 0 } } as const;
    const context = here.bench.context('bank', { target: targetAt(here.server.mongodb, 'bank', fields) });
    const dump = mongodb.dump(context, backup.sink);
    await backup.begun;
    for (const name of BIG) await db.collection<Row>(name).updateOne({ _id: 'deep' as never }, CHANGE);
    backup.release();
    const facts = await dump;
    const logged = asNewerLogs(backup.finished.get('archive')!, NESTED);
    expect(logged.diffs).toBe(BIG.length);
    backup.finished.set('archive', logged.archive);
    made = { backup, manifest: manifestOf('mongodb', facts, backup, '01J00000000000000000000000') };
    serving = await here.server.rowsOf('bank');
  });
  afterAll(async () => {
    await newer.close();
    await leave(here);
  });

  it.each(['new', 'swap'] as const)('is played by mongorestore, and every value is there (%s)', async (mode) => {
    expect(made.manifest.consistency).toBe('snapshot');
    newer.played = 0;
    const name = mode === 'new' ? 'copy' : 'bank';
    const job = here.bench.restoreJob(name, mode, { fromDatabase: 'bank' });
    expect(await restore(job)).toMatchObject({ comparison: { equal: true, differences: [] }, warnings: [] });
    expect(newer.played).toBe(BIG.length);
    expect(await here.server.rowsOf(name)).toEqual(serving);
  });

  it.each(['n', 'late', 'gone', 'deep.b.c', 'list.1.x'])(
    'is not taken for played where %s of one update was lost, though every count is right',
    async (path) => {
      newer.lost = path;
      const thrown = await failure(restore(here.bench.restoreJob('lossy', 'new', { fromDatabase: 'bank' })));
      newer.lost = undefined;
      expect(thrown.code).toBe('FINGERPRINT_DIFFERS');
      expect(thrown.detail).toMatch(/the values that the oplog wrote last, found other values in 1 of them \((.*)\)/);
      expect(thrown.detail).toContain(`(${path})`);
      expect(await here.server.databases()).not.toContain('lossy');
    },
  );
});
