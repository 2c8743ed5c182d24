/** `nightjar runs`: the nights, newest first. Needs only the vault's stack. */
import type { RunRecord } from '../../core/backup.ts';
import { EXIT } from '../../core/errors.ts';
import { duration, paintStatus, secondsBetween, table, utc } from '../format.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { RunsJson } from '../shapes.ts';

export async function runs(session: Session, options: { limit: number }): Promise<Outcome<RunsJson>> {
  const { catalog } = await session.vault();
  const found = await catalog.listRuns({ limit: options.limit });
  return {
    json: { command: 'runs', ok: true, runs: found },
    text: found.length === 0 ? ['There has been no run yet.'] : runTable(session, found),
    exit: EXIT.ok,
  };
}

export function runTable(session: Session, records: readonly RunRecord[]): string[] {
  return table(
    [
      { title: 'run' },
      { title: 'scheduled for' },
      { title: 'status' },
      { title: 'due', right: true },
      { title: 'good', right: true },
      { title: 'failed', right: true },
      { title: 'took', right: true },
      { title: 'report' },
      { title: '' },
    ],
    records.map((run) => {
      const seconds = secondsBetween(run.startedAt, run.endedAt);
      const failed = run.failed === undefined ? '' : String(run.failed);
      return [
        run.runId,
        utc(run.scheduledTime),
        paintStatus(session.paint, run.status),
        String(run.due),
        run.completed === undefined ? '' : String(run.completed),
        run.failed ? session.paint('red', failed) : failed,
        seconds === undefined ? '' : duration(seconds),
        run.reportSentAt ? 'sent' : run.status === 'RUNNING' ? '' : session.paint('red', 'NOT SENT'),
        run.failure?.code ?? '',
      ];
    }),
  );
}
