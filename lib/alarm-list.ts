/**
 * Every alarm, in the order of how bad it is. `docs/runbook.md` has a section for each, under its name; one that watches
 * a machine stands for three alarms of AWS (`nightly-failed`, `nightly-timed-out`, `nightly-aborted`).
 */
import type { FunctionName } from './function-list.ts';
import type { Machine } from '../core/names.ts';

interface Common {
  readonly name: string;
  /** Printed in the alarm's mail: what it means and what to do. */
  readonly says: string;
}
/** Executions that failed, timed out or were aborted. */
interface MachineAlarm extends Common {
  readonly watches: 'machine';
  readonly machine: Machine;
}
interface FunctionAlarm extends Common {
  readonly watches: 'function';
  readonly function: FunctionName;
}
interface OtherAlarm extends Common {
  readonly watches: 'pastRpo' | 'readOnly' | 'undelivered';
}

export const ALARMS = [
  {
    name: 'past-rpo',
    watches: 'pastRpo',
    says: 'A target has had no good backup for longer than promised, or nobody watches any more. See `nightjar status`.',
  },
  {
    name: 'server-read-only',
    watches: 'readOnly',
    says: 'A backup has left a database server without writes, or found it so: its applications fail now. See `nightjar status`.',
  },
  {
    name: 'nightly-failed',
    watches: 'machine',
    machine: 'nightly',
    says: 'A nightly run broke off, or its report could not be sent. Backups that were made are good. See `nightjar runs`.',
  },
  {
    name: 'undelivered',
    watches: 'undelivered',
    says: 'A scheduled run did not begin, or the end of an execution was not heard. The queue’s message says which.',
  },
  {
    name: 'restore-failed',
    watches: 'machine',
    machine: 'restore',
    says: 'A restore failed. What serves under the old name is in its record: `nightjar show ID`.',
  },
  {
    name: 'restore-set-failed',
    watches: 'machine',
    machine: 'restore-set',
    says: 'Tables that go back to one moment together did not all: some may serve it and others not. See `nightjar show ID`.',
  },
  {
    name: 'rollback-failed',
    watches: 'machine',
    machine: 'rollback',
    says: 'A rollback failed. What serves under the old name is in the restore’s record: `nightjar show ID`.',
  },
  {
    name: 'prune-failed',
    watches: 'machine',
    machine: 'prune',
    says: 'Expired backups or replaced databases are still there and go on costing. Nothing is lost.',
  },
  {
    name: 'close-orphan-errors',
    watches: 'function',
    function: 'CloseOrphan',
    says: 'The record of an execution that broke off may still say RUNNING, and its target may stay locked for a while.',
  },
  {
    name: 'publish-rpo-errors',
    watches: 'function',
    function: 'PublishRpo',
    says: 'The age of backups could not be watched this hour.',
  },
] as const satisfies readonly (MachineAlarm | FunctionAlarm | OtherAlarm)[];

export type AlarmName = (typeof ALARMS)[number]['name'];
