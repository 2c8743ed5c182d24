/**
 * Fails a restore at every state from its task on, over a real PostgreSQL. The states before it touch no server:
 * `restore-every-state.test.ts` has all states over one in memory.
 */
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { DEFINITIONS } from '../../lib/workflows/index.ts';
import { configOf, makeWorld } from '../lambdas/support/world.ts';
import { startServer, type PostgresServer } from '../tasks/postgres/harness.ts';
import { Harness } from './harness.ts';
import { MISHAPS, befalling } from './mishaps.ts';
import { PARTS } from './parts.ts';
import { RealServer } from './real-server.ts';
import { RESTORE_STATES, sweepRestores, type Case, type Route } from './restore-sweep.ts';
import { nextOf } from './walk.ts';

let started: PostgresServer;
let server: RealServer;
let copy: string;

beforeAll(async () => {
  started = await startServer(17);
  server = new RealServer(started);
  await server.prepare();
});
afterAll(async () => {
  await started?.stop();
});
afterEach(() => server.clear(copy));

async function open({ mishap }: Route): Promise<Case> {
  copy = await server.copy();
  const world = makeWorld(undefined, configOf({ targets: [server.target(copy)] }));
  const place = server.place(world);
  const backup = await new Harness(world, place.task).run('backup', { target: 'shop' });
  if (backup.status !== 'SUCCEEDED') throw new Error(backup.cause);
  const living = (await place.holds(copy))!;
  return {
    harness: new Harness(world, befalling(['restore'], MISHAPS[mishap], world, place.task)),
    place,
    target: 'shop',
    database: copy,
    living,
    backed: server.first!.word,
    before: (_, work) => work(),
  };
}

/** States that an execution may come to once its task has begun. */
function fromTheTaskOn(): string[] {
  const { States } = DEFINITIONS.restore(PARTS);
  const reached = new Set<string>();
  const visit = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    nextOf(States[name]!).forEach(visit);
  };
  visit('RunRestore');
  return RESTORE_STATES.filter((state) => reached.has(state));
}

describe('with a real server', () => {
  sweepRestores({
    modes: ['new', 'swap', 'overwrite'],
    states: fromTheTaskOn(),
    routeTo: (state) => ({
      frozen: false,
      mishap:
        state === 'JudgeTask'
          ? 'the task is terminated without a word, its work done'
          : state === 'FailRestore'
            ? 'the task is killed without a word, its work done'
            : 'nothing befalls the task',
    }),
    // Breaking for good is the same to a server, before and after the work.
    without: ['fails before its work, however often it is tried', 'loses its answer each time'],
    open,
  });
});
