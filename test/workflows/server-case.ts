/** A server `shop` of the in-memory RDS that is to be restored, and what holds however that ended. */
import { expect } from 'vitest';
import { isErrorCode } from '../../core/errors.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { auroraService } from '../../services/aurora.ts';
import { rdsService } from '../../services/rds.ts';
import { SECRET, configOf, makeWorld, succeed, type World } from '../lambdas/support/world.ts';
import { FakeRds } from '../support/fake-rds.ts';
import type { Call, Ended, Hook, RunTask } from './calls.ts';
import { Harness } from './harness.ts';

/** Time goes by between any two calls of a state. */
const STEP = 15_000;
/** Looks after which whatever was asked of RDS has come true. */
const REST = 30;

export interface ServerCase {
  readonly world: World;
  readonly rds: FakeRds;
  readonly harness: Harness;
  readonly engine: 'rds' | 'aurora';
  /** Resource id of the original. */
  readonly original: string;
  readonly before: Hook;
  /** The state that is at work. */
  at: Call | undefined;
  /** Stands before every call that changes something at RDS. */
  mishap: ((operation: string, work: () => Promise<object>) => Promise<object>) | undefined;
}

const CHECK = {
  secret: SECRET,
  database: 'shop',
  queries: ['SELECT count(*) > 0 FROM orders'],
};

/** Looks into the restored server, and finds what it is told to find. */
const looker =
  (world: World, holds: boolean): RunTask =>
  async ({ job }) => {
    if (job.kind !== 'check') throw new Error(`a server needs no ${job.kind}`);
    await succeed(world, job.id, {
      kind: 'check',
      serverVersion: '16.4',
      tables: 3,
      rows: 12,
      answers: job.queries.map((query) => ({ query, holds, answer: holds ? 't' : 'f' })),
    });
    return 0;
  };

export async function openServer(
  options: { engine?: 'rds' | 'aurora'; target?: object; holds?: boolean } = {},
): Promise<ServerCase> {
  const { engine = 'rds', target = {}, holds = true } = options;
  const named = engine === 'rds' ? { instance: 'shop' } : { cluster: 'shop' };
  const pointer = { parameter: '/shop/host' };
  const config = configOf({ targets: [{ name: 'shop', engine, ...named, check: CHECK, pointer, ...target } as never] });
  const world = makeWorld(undefined, config);
  world.clock = Date.now();
  world.pointed.set('SSM parameter /shop/host', 'shop.example.org');
  const rds = new FakeRds();
  rds.now = world.now();
  const made = engine === 'rds' ? rds.addInstance('shop') : rds.addCluster('shop');
  const calls = (region?: string) => ({
    send: (command: object) => {
      const work = (): Promise<object> => rds.clients(region).send(command as never);
      const operation = command.constructor.name.replace(/Command$/, '');
      return one.mishap === undefined || operation.startsWith('Describe') ? work() : one.mishap(operation, work);
    },
  });
  const clients = Object.assign(calls, { alarms: rds.clients.alarms });
  const services = { rds: rdsService(clients), aurora: auroraService(clients) };
  Object.assign(world, { services: { ...world.services, ...services } });
  const harness = new Harness(world, looker(world, holds));
  harness.answer = () => Promise.resolve({});
  const before: Hook = (call, work) => {
    one.at = call;
    world.clock += STEP;
    rds.now = world.now();
    // What is found under neither name is no look for the double.
    rds.turn();
    return work();
  };
  const original = (
    'DbiResourceId' in made ? made.DbiResourceId : (made as { DbClusterResourceId?: string }).DbClusterResourceId
  )!;
  const one: ServerCase = { world, rds, harness, engine, original, before, at: undefined, mishap: undefined };
  return Promise.resolve(one);
}

export const swapOf = (more: Partial<RestoreInput> = {}): Partial<RestoreInput> => ({
  target: 'shop',
  at: 'latest',
  mode: 'swap',
  approve: true,
  ...more,
});

/** Every server that is there: its name, id and state. */
export function servers({ rds, engine }: ServerCase): { name: string; id: string; status: string; serves: boolean }[] {
  const region = rds.region();
  const all =
    engine === 'rds'
      ? region.instances.map(({ shape, status, hidden }) => [
          shape.DBInstanceIdentifier,
          shape.DbiResourceId,
          status,
          hidden,
        ])
      : region.clusters.map(({ shape, status, hidden }) => [
          shape.DBClusterIdentifier,
          shape.DbClusterResourceId,
          status,
          hidden,
        ]);
  return all.map(([name, id, status, hidden]) => ({
    name: String(name),
    id: String(id),
    status: String(status),
    serves: status === 'available' && hidden === false,
  }));
}

export const holderOf = (one: ServerCase) => servers(one).find(({ name }) => name === 'shop');

/** The original or the restored one serves, the record says which, and the original is there in whole. */
export async function expectNothingLost(one: ServerCase, ended: Ended, lastResortFailed = false): Promise<void> {
  const { world, rds, original } = one;
  rds.turn(REST);
  const record = await world.catalog.getRestore(ended.id);
  const holder = holderOf(one);
  expect(
    servers(one).map(({ id }) => id),
    'the original is there',
  ).toContain(original);
  // Refused, or stopped, before it had a record: it touched nothing.
  if (!record) return void expect(holder).toMatchObject({ id: original, serves: true });
  expect(['COMPLETED', 'FAILED']).toContain(record.status);
  const { serving, restored } = record.native!;
  if (record.status === 'FAILED') expect(isErrorCode(record.failure?.code ?? '')).toBe(true);
  else if (record.mode === 'swap') expect(serving).toBe('restored');
  // The worst is expected only where an execution was stopped from outside, or the last resort itself failed.
  if (serving === 'nothing') return void expect(ended.status === 'ABORTED' || lastResortFailed).toBe(true);
  if (record.mode === 'swap')
    expect(holder).toMatchObject({ id: serving === 'original' ? original : restored!.resourceId, serves: true });
  else expect(holder).toMatchObject({ id: original, serves: true });
}

/** Nobody is kept out, and nothing is left open. */
export async function expectFree({ world }: ServerCase): Promise<void> {
  for (const kind of ['backup', 'restore'] as const) {
    const wish = { target: 'shop', kind, id: 'SOMEBODY', executionArn: 'arn', since: world.now().toISOString() };
    expect(await world.catalog.lock(wish)).toEqual({ taken: true });
    await world.catalog.unlock('shop', kind, 'SOMEBODY');
  }
  expect((await world.catalog.listRestores()).filter((each) => each.status === 'RUNNING')).toEqual([]);
}

/** Started again it comes to its end, whatever was left. */
export async function expectRunsAgain(one: ServerCase, input = swapOf()): Promise<void> {
  one.mishap = undefined;
  one.rds.turn(REST);
  const again = await one.harness.run('restore', input, one.before);
  expect(again).toMatchObject({ status: 'SUCCEEDED', output: { status: 'COMPLETED', serving: 'restored' } });
  await expectNothingLost(one, again);
  await expectFree(one);
}
