import type { BackupRecord } from '../../core/backup.ts';
import type { Target } from '../../core/config.ts';
import { ENGINES } from '../../core/engines.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { BackupInput, ExecutionFacts } from '../../core/payloads.ts';

/** The RUNNING record of the backup that this execution makes: the same one however often it is asked for. */
export const runningBackup = (target: Target, input: BackupInput, execution: ExecutionFacts): BackupRecord => ({
  backupId: idOfExecution(execution.executionArn, execution.startedAt),
  target: target.name,
  engine: target.engine,
  method: ENGINES[target.engine].method,
  kind: 'full',
  trigger: input.trigger,
  status: 'RUNNING',
  ...(input.runId === undefined ? {} : { runId: input.runId }),
  executionArn: execution.executionArn,
  ...(input.requestedBy === undefined ? {} : { requestedBy: input.requestedBy }),
  startedAt: new Date(execution.startedAt).toISOString(),
});
