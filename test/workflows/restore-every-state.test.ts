import { describe } from 'vitest';
import { makeWorld } from '../lambdas/support/world.ts';
import { FakeServer } from './fake-server.ts';
import type { Hook } from './calls.ts';
import { Harness } from './harness.ts';
import { MISHAPS, befalling } from './mishaps.ts';
import {
  RESTORE_STATES,
  sweepRestores,
  sweepRetries,
  sweepTardyRestores,
  type Case,
  type Route,
  type Sweep,
} from './restore-sweep.ts';

/** `shop` as it was backed up, and as it is now. */
async function open({ mishap, frozen }: Route): Promise<Case> {
  const world = makeWorld();
  const server = new FakeServer(world);
  server.set('shop', 'backed');
  const backup = await new Harness(world, server.task).run('backup', { target: 'shop' });
  if (backup.status !== 'SUCCEEDED') throw new Error(backup.cause);
  server.set('shop', 'living');
  const archives = [...world.vault.objects].filter(([key]) => key.includes('archive')).map(([, held]) => held);
  if (frozen) for (const held of archives) held.access = 'frozen';
  const harness = new Harness(world, befalling(['restore'], MISHAPS[mishap], world, server.task));
  const before: Hook = (call, work) => {
    // S3 takes its hours; the second look finds the copies there.
    if (call.state === 'CheckThaw' && call.count === 2) for (const held of archives) held.access = 'here';
    return work();
  };
  return { harness, place: server, target: 'shop', database: 'shop', living: 'living', backed: 'backed', before };
}

const HARD: readonly (keyof typeof MISHAPS)[] = [
  'the task is killed without a word before its work',
  'the task is killed without a word, its work done',
];

describe.each(HARD)('with a server in memory, where %s', (mishap) => {
  const sweep: Sweep = {
    modes: ['new', 'swap', 'overwrite'],
    states: RESTORE_STATES,
    routeTo: (state) => ({
      frozen: ['ThawObjects', 'CheckThaw'].includes(state),
      mishap: ['JudgeTask', 'FailRestore'].includes(state) ? mishap : 'nothing befalls the task',
    }),
    open,
  };
  sweepRestores(sweep);
  sweepRetries(sweep);
  sweepTardyRestores(sweep);
});
