/** Reads a run's result from the catalog, target by target, and closes the run. */
import { z } from 'zod';
import { failure, toNightjarError } from '../core/errors.ts';
import { runDueKey, runNotesKey, runSummaryKey } from '../core/names.ts';
import type { PlannedRun, RunEvent, RunTotals } from '../core/payloads.ts';
import { lineOf, type ReportLine, type RunSummary } from '../core/report.ts';
import { atOnce } from './shared/at-once.ts';
import { closeDead } from './shared/locking.ts';
import type { Parts } from './shared/parts.ts';
import { bytesBefore, ofRun, recentRecords } from './shared/run-records.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'name' | 'catalog' | 'config' | 'executions' | 'tasks' | 'work' | 'now'>;
export type SummarizeRunEvent = RunEvent & { readonly run: PlannedRun };

export const makeSummarizeRun =
  (parts: Needs) =>
  async (event: SummarizeRunEvent): Promise<RunTotals> => {
    const { runId } = event.run;
    const config = await parts.config();
    const due = z.array(z.string()).parse(await parts.work.getJson(runDueKey(runId)));
    const lines = await atOnce(due, (target) => lineFor(parts, target, runId));
    const endedAt = parts.now().toISOString();
    const summary: RunSummary = {
      name: parts.name,
      runId,
      trigger: event.input.trigger,
      scheduledTime: new Date(event.input.scheduledTime).toISOString(),
      startedAt: new Date(event.startedAt).toISOString(),
      endedAt,
      timeZone: config.schedule.timeZone,
      lines,
      notes: z.array(z.string()).parse((await parts.work.getJson(runNotesKey(runId))) ?? []),
    };
    await parts.work.putJson(runSummaryKey(runId), summary);
    const completed = lines.filter((line) => line.outcome === 'COMPLETED').length;
    const totals = { due: due.length, completed, failed: due.length - completed };
    await parts.catalog.closeRun(runId, {
      status: 'COMPLETED',
      endedAt,
      completed: totals.completed,
      failed: totals.failed,
    });
    return { runId, ...totals };
  };

/** One target's line. A record that can't be read is this target's failure and nobody else's. */
async function lineFor(parts: Needs, target: string, runId: string): Promise<ReportLine> {
  const absent = failure('NOT_STARTED', { operation: 'summarize run' });
  try {
    let records = await recentRecords(parts.catalog, target);
    const open = ofRun(records, runId);
    if (open?.status === 'RUNNING' && (await parts.executions.isOver(open.executionArn))) {
      await closeDead(parts, { target, kind: 'backup', id: open.backupId });
      records = await recentRecords(parts.catalog, target);
    }
    const record = ofRun(records, runId);
    const states = await parts.catalog.targetStates([target], parts.now().toISOString());
    return lineOf(target, record, {
      state: states.get(target),
      previousBytes: record && bytesBefore(records, record.backupId),
      absent:
        record?.status === 'RUNNING'
          ? failure('TARGET_BUSY', {
              operation: 'summarize run',
              detail: `The backup ${record.backupId} was still running when the run ended.`,
            })
          : absent,
    });
  } catch (error) {
    return { target, outcome: 'FAILED', failure: toNightjarError(error, 'summarize run').toFailure(), warnings: [] };
  }
}

export const handler = wire.lambda(() =>
  makeSummarizeRun({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    tasks: wire.tasks(),
    work: wire.work(),
    now: wire.now,
  }),
);
