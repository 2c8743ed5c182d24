/** Sends the report of a run: one mail to each address, once. Also of a run that broke before it could list anything. */
import { z } from 'zod';
import { NightjarError, toNightjarError } from '../core/errors.ts';
import { runId as runIdOf, runMailedKey, runSummaryKey } from '../core/names.ts';
import type { PlannedRun, RunEvent, RunTotals } from '../core/payloads.ts';
import { brokenSubject, runSummarySchema, subjectOf, type BrokenRun, type Mail } from '../core/report.ts';
import { reportHtml } from '../core/report-html.ts';
import { reportText } from '../core/report-text.ts';
import { brokenView, reportView, type ReportView } from '../core/report-view.ts';
import { failureOfCatch } from '../core/task-failure.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'name' | 'catalog' | 'config' | 'work' | 'mailer' | 'now'>;
export type SendReportEvent = RunEvent & { readonly run?: PlannedRun; readonly totals?: RunTotals };

export const makeSendReport =
  (parts: Needs) =>
  async (event: SendReportEvent): Promise<{ sent: number }> => {
    const config = await parts.config();
    const { trigger, scheduledTime } = event.input;
    const runId = runIdOf(trigger, scheduledTime);
    if ((await parts.catalog.getRun(runId))?.reportSentAt !== undefined) return { sent: 0 };

    const mail = event.failure
      ? await brokenMail(parts, event, runId, config.schedule.timeZone)
      : await summaryMail(parts, runId);

    const mailed = new Set(z.array(z.string()).parse((await parts.work.getJson(runMailedKey(runId))) ?? []));
    const refusals: string[] = [];
    let sent = 0;
    for (const to of config.mail.to.filter((address) => !mailed.has(address))) {
      try {
        await parts.mailer.send(config.mail.from, to, mail);
        sent += 1;
        mailed.add(to);
        // One refused address must not make the others read the report twice.
        await parts.work.putJson(runMailedKey(runId), [...mailed]);
      } catch (error) {
        refusals.push(`${to}: ${toNightjarError(error).detail ?? ''}`);
      }
    }
    if (refusals.length > 0)
      throw new NightjarError('MAIL_REFUSED', { operation: 'send report', detail: refusals.join('; ') });
    await parts.catalog.markReportSent(runId, parts.now().toISOString());
    return { sent };
  };

async function summaryMail(parts: Needs, runId: string): Promise<Mail> {
  const summary = runSummarySchema.parse(await parts.work.getJson(runSummaryKey(runId)));
  return mailOf(subjectOf(summary), reportView(summary));
}

async function brokenMail(parts: Needs, event: SendReportEvent, runId: string, timeZone: string): Promise<Mail> {
  const { trigger, scheduledTime } = event.input;
  const failure = failureOfCatch(event.failure!);
  await parts.catalog.closeRun(runId, { status: 'FAILED', endedAt: parts.now().toISOString(), failure });
  const run: BrokenRun = {
    name: parts.name,
    runId,
    trigger,
    scheduledTime,
    timeZone,
    failure,
    executionArn: event.executionArn,
  };
  return mailOf(brokenSubject(run), brokenView(run));
}

const mailOf = (subject: string, view: ReportView): Mail => ({
  subject,
  text: reportText(view),
  html: reportHtml(view, subject),
});

export const handler = wire.lambda(() =>
  makeSendReport({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    work: wire.work(),
    mailer: wire.mailer(),
    now: wire.now,
  }),
);
