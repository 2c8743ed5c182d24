/**
 * After an execution of backup, restore or rollback ended badly: closes what it left open, and lifts the fence of a table's
 * swap. Most have closed themselves, and then nothing changes; what no Catch can see (StopExecution, an execution's own
 * time-out) ends here. What it throws Lambda tries twice more, minutes later.
 */
import { ERRORS, failure, isErrorCode, type ErrorCode, type Failure } from '../core/errors.ts';
import { idOfExecution } from '../core/ids.ts';
import { parseMachineArn } from '../core/names.ts';
import { backupInputSchema, restoreInputSchema, rollbackInputSchema, type ExecutionFacts } from '../core/payloads.ts';
import { mailFailed } from './native/fail.ts';
import { closeFailedBackup, type FailedBackup } from './shared/failed-backup.ts';
import { closeFailedRestore } from './shared/failed-restore.ts';
import { closeFailedRollback } from './shared/failed-rollback.ts';
import type { Parts } from './shared/parts.ts';
import { safetyBackupOf } from './shared/safety.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<
  Parts,
  'name' | 'catalog' | 'config' | 'tasks' | 'services' | 'pointers' | 'events' | 'mailer' | 'now'
>;

/** EventBridge's "Step Functions Execution Status Change". */
export interface ExecutionEnded {
  readonly detail: {
    readonly executionArn: string;
    readonly stateMachineArn: string;
    readonly status: string;
    /** Milliseconds since the epoch. */
    readonly startDate: number;
    readonly stopDate?: number | null;
    /** JSON; null when it was too large for the event. */
    readonly input?: string | null;
    readonly error?: string | null;
    readonly cause?: string | null;
  };
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ABORTED: 'EXECUTION_ABORTED',
  TIMED_OUT: 'EXECUTION_TIMED_OUT',
  FAILED: 'EXECUTION_FAILED',
};

export const makeCloseOrphan =
  (parts: Needs) =>
  async ({ detail }: ExecutionEnded): Promise<{ closed: string | undefined }> => {
    const machine = parseMachineArn(parts.name, detail.stateMachineArn);
    const execution: ExecutionFacts = {
      executionArn: detail.executionArn,
      startedAt: new Date(detail.startDate).toISOString(),
    };
    const id = idOfExecution(execution.executionArn, execution.startedAt);
    const what = whatHappened(detail);
    const tellAgain = !endedInOurWords(detail);
    const input: unknown = detail.input ? JSON.parse(detail.input) : undefined;
    switch (machine) {
      case 'backup':
        return { closed: await orphanedBackup(parts, { execution, id, input, failure: what, tellAgain }) };
      case 'restore': {
        const parsed = restoreInputSchema.safeParse(input);
        const destination = parsed.success ? (parsed.data.destination ?? parsed.data.target) : undefined;
        const safetyBackupId = destination && (await safetyBackupOf(parts.catalog, destination, id));
        const closed = await closeFailedRestore(parts, {
          execution,
          destination,
          failure: what,
          tellAgain: tellAgain && (await parts.catalog.getRestore(id))?.status === 'FAILED',
          over: detail.stopDate ? new Date(detail.stopDate) : parts.now(),
          ...(safetyBackupId === undefined ? {} : { safetyBackupId }),
        });
        // FailRestore has mailed all else; that writes are denied nobody else tells of an execution that was stopped.
        if (closed.denies !== undefined) await mailFailed(parts, closed);
        if (closed.again) throw closed.again;
        return { closed: closed.record?.restoreId };
      }
      case 'rollback': {
        const parsed = rollbackInputSchema.safeParse(input);
        if (parsed.success) await closeFailedRollback(parts, id, parsed.data.restoreId);
        return { closed: parsed.success ? parsed.data.restoreId : undefined };
      }
      default:
        // The others have no record; the lock of a drop falls to whoever wants it next, for its execution is over.
        return { closed: undefined };
    }
  };

function whatHappened({ status, error, cause }: ExecutionEnded['detail']): Failure {
  const detail = [error, cause].filter(Boolean).join(': ');
  return failure(CODES[status] ?? 'EXECUTION_FAILED', {
    operation: 'run workflow',
    ...(detail === '' ? {} : { detail }),
  });
}

/**
 * Whether the state that closes a failure came to its end: its code and words are the execution's, and it has told the world
 * before. Else it may have written the record and not have told anybody: told twice is better than never.
 */
const endedInOurWords = ({ status, error, cause }: ExecutionEnded['detail']): boolean =>
  status === 'FAILED' && typeof error === 'string' && isErrorCode(error) && !!cause?.startsWith(ERRORS[error].message);

interface Orphan extends Pick<FailedBackup, 'execution' | 'failure' | 'tellAgain'> {
  readonly id: string;
  readonly input: unknown;
}

async function orphanedBackup(parts: Needs, { id, input, ...failed }: Orphan): Promise<string | undefined> {
  const parsed = backupInputSchema.safeParse(input);
  if (!parsed.success) {
    // An input that never was one has opened nothing; one that did not fit into the event is found by its id.
    const there = await parts.catalog.findBackup(id);
    if (!there) return undefined;
    const { target, trigger } = there;
    await closeFailedBackup(parts, { input: { target, trigger }, ...failed });
    return id;
  }
  const record = await closeFailedBackup(parts, { input: parsed.data, ...failed });
  return record?.backupId;
}

export const handler = wire.lambda(() =>
  makeCloseOrphan({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    tasks: wire.tasks(),
    services: wire.services(),
    pointers: wire.pointers(),
    events: wire.events(),
    mailer: wire.mailer(),
    now: wire.now,
  }),
);
