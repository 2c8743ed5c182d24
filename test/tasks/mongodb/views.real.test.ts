/** Some collections are overwritten where a view has the name by now, or the other way round: nothing renames a view. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ExchangeState } from '../../../core/exchange.ts';
import { memorySource } from '../../contracts/doubles.ts';
import type { Bench } from '../../contracts/engine-bench.ts';
import type { Row } from './awkward.ts';
import { leave, room, shop, type Room } from './room.ts';

const VIEW = 'first orders';
let here: Room;
let made: Awaited<ReturnType<Bench<'mongodb'>['dump']>>;
let kept: Awaited<ReturnType<Room['server']['rowsOf']>>;
const db = () => here.server.client.db('shop');
const anotherView = (name: string) => db().createCollection(name, { viewOn: 'customers', pipeline: [] });

beforeAll(async () => {
  here = await room();
  await shop(here, 'shop');
  made = await here.bench.dump('shop');
  kept = await here.server.rowsOf('shop');
});
afterAll(() => leave(here));
beforeEach(async () => {
  await here.server.dropDatabase('shop');
  await shop(here, 'shop');
});

/** `meanwhile`: as the names begin to change. */
async function overwrite(name: string, meanwhile: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
  const { report } = here.bench.context('shop');
  let mixed = 0;
  const exchange = async (state: ExchangeState): Promise<void> => {
    if (state.serves === 'mixed' && (mixed += 1) === 2) await meanwhile();
  };
  const job = here.bench.restoreJob('shop', 'overwrite', { scope: { tables: [name] } });
  await here.bench.restore(job, memorySource(made.manifest, made.backup), { report: { ...report, exchange } });
  expect(mixed).toBe(2);
}

describe('an overwrite of some collections', () => {
  it('takes the place of a view that has the name by now', async () => {
    await db().collection('orders').drop();
    await anotherView('orders');
    await overwrite('orders');
    expect(await here.server.rowsOf('shop')).toEqual(kept);
  });

  it('brings a view back where a collection has the name by now', async () => {
    await db().collection(VIEW).drop();
    await db().collection<Row>(VIEW).insertOne({ _id: 1 });
    await overwrite(VIEW);
    expect(await here.server.rowsOf('shop')).toEqual(kept);
  });

  it('is not stopped by who makes the one or the other while the names change', async () => {
    await db().collection('orders').drop();
    await overwrite('orders', () => anotherView('orders'));
    expect(await here.server.rowsOf('shop')).toEqual(kept);
    await overwrite(VIEW, () => db().collection<Row>(VIEW).insertOne({ _id: 1 }));
    expect(await here.server.rowsOf('shop')).toEqual(kept);
  });

  it('leaves every other view as it is', async () => {
    await anotherView('later');
    await overwrite('orders');
    expect((await here.server.rowsOf('shop'))['(structure)']?.join('\n')).toContain('"later"');
  });
});
