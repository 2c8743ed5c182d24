/** What the doctor says of a whole server is what tonight's backup of it will meet. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import { memoryBackup } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import type { Row } from './awkward.ts';
import { targetAt } from './harness.ts';
import { failNext, leave, room, shop, type Room } from './room.ts';

let here: Room;
const whole = () => targetAt(here.server.mongodb, 'shop', { scope: { allDatabases: true } });
const as = (username: string) => ({ login: async () => Promise.resolve({ username, password: username }) });
const bad = async (more: object = {}) => {
  const { findings } = await mongodb.probe(here.bench.context('shop', { target: whole(), ...more }));
  return findings.filter((one) => one.level === 'bad');
};

beforeAll(async () => {
  here = await room();
  await here.server.client.db('bank').collection<Row>('orders').insertOne({ _id: 1 });
  await shop(here, 'shop');
});
afterAll(() => leave(here));

describe('the doctor of a whole server', () => {
  it('finds it bad when users and roles may not be read, as the backup then lacks them; and says the grant', async () => {
    const admin = here.server.client.db('admin');
    await admin.command({ createUser: 'guest', pwd: 'guest', roles: [{ role: 'read', db: 'shop' }] });
    await admin.command({ createUser: 'reader', pwd: 'reader', roles: [{ role: 'readAnyDatabase', db: 'admin' }] });
    await admin.command({ createUser: 'keeper', pwd: 'keeper', roles: [{ role: 'backup', db: 'admin' }] });
    const lacking = async (who: string): Promise<string> => {
      const context = here.bench.context('shop', { target: whole(), ...as(who) });
      await mongodb.dump(context, memoryBackup().sink);
      return context.report.warnings.join('\n');
    };
    expect(await lacking('reader')).toContain('Users and roles are not in the backup');
    const [found, ...more] = await bad(as('reader'));
    expect(more).toEqual([]);
    expect(found?.what).toContain('reader may not read users and roles');
    expect(found?.hint).toBe('db.getSiblingDB("admin").grantRolesToUser("reader", [{ role: "backup", db: "admin" }])');
    // Whoever is shown some databases only would make a backup of those that passes for one of all.
    const context = here.bench.context('shop', { target: whole(), ...as('guest') });
    await expect(mongodb.dump(context, memoryBackup().sink)).rejects.toMatchObject({ code: 'PRIVILEGE_MISSING' });
    expect((await bad(as('guest'))).map((one) => one.what).join()).toContain('guest may not list all databases');
    expect(await lacking('keeper')).not.toContain('Users');
    expect(await bad(as('keeper'))).toEqual([]);
  });

  it('finds an exchange of names that broke off in whichever database', async () => {
    const { manifest, backup } = await here.bench.dump('shop', { target: whole() });
    const job = here.bench.restoreJob('bank', 'swap', { fromDatabase: 'shop' });
    // Its copies are made by then: the rest is finished by whoever comes next.
    await failNext(here, { command: 'renameCollection', code: 189, name: 'PrimarySteppedDown', after: 3 });
    expect((await failure(here.bench.restoreBackup(job, manifest, backup))).code).toBe('SWAP_UNFINISHED');
    await failNext(here);
    const [found, ...more] = await bad();
    expect([found?.what, more]).toEqual([expect.stringContaining('An exchange of names in bank broke off'), []]);
  });
});
