/**
 * MyDuck Server: its own BACKUP into an exchange bucket, with a key that lives no longer than it; the file read by DuckDB
 * before it is kept; restored beside what is there. The parts are in `myduck/`.
 */
import { NightjarError } from '../../core/errors.ts';
import type { Engine } from '../engine.ts';
import { refuseStranger } from '../leftovers.ts';
import { check, probe } from './myduck/check.ts';
import { dump } from './myduck/dump.ts';
import { awsKeys } from './myduck/keys.ts';
import type { Parts } from './myduck/parts.ts';
import { restore } from './myduck/restore.ts';

/** `parts`: called once for each job. */
export const makeMyduck = (parts: () => Parts): Engine<'myduck'> => ({
  name: 'myduck',
  probe: (context) => probe(parts(), context),
  dump: (context, sink) => dump(parts(), context, sink),
  restore: (context, job, source) => restore(parts(), context, job, source),
  // No restore of this engine replaces anything.
  rollback: (_, { database }) =>
    Promise.reject(
      new NightjarError('ROLLBACK_IMPOSSIBLE', {
        operation: 'rollback',
        detail: `MyDuck’s databases are restored beside others only; ${database} serves as it is.`,
      }),
    ),
  // Nor does one of them work under another name: there is nothing of what the pruner asks for.
  async drop(_, job) {
    refuseStranger(job);
    return Promise.resolve({ dropped: false });
  },
  check,
});

export const myduck = makeMyduck(() => ({ keys: awsKeys(), pauseMs: 1_000 }));
