import { beforeEach, describe, expect, it } from 'vitest';
import type { BackupInput, NightlyInput, PlannedRun, RunItem } from '../../core/payloads.ts';
import { runItemsKey, runSummaryKey } from '../../core/names.ts';
import { makePlanRun } from '../../lambdas/PlanRun.ts';
import { makePublishRpo } from '../../lambdas/PublishRpo.ts';
import { makeSendReport } from '../../lambdas/SendReport.ts';
import { makeSummarizeRun } from '../../lambdas/SummarizeRun.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { runSummarySchema } from '../../core/report.ts';
import {
  DAY,
  backupEvent,
  badBackup,
  caught,
  configOf,
  execution,
  goodBackup,
  makeWorld,
  targetOf,
  work,
  type World,
} from './support/world.ts';

let world: World;
beforeEach(() => (world = makeWorld()));

const INPUT: NightlyInput = { trigger: 'daily', scheduledTime: '2026-11-21T01:30:00Z' };
const RUN = 'daily-20261121T013000Z';
const event = (input: NightlyInput = INPUT) => ({ ...execution(world, 'nightly'), input });
const items = (): RunItem[] => JSON.parse(world.workObjects.get(runItemsKey(RUN))!) as RunItem[];
const planned = (run: ReturnType<typeof event>) => makePlanRun(world)(run);
const summary = () => runSummarySchema.parse(JSON.parse(world.workObjects.get(runSummaryKey(RUN))!));
const ofRun: Partial<BackupInput> = { runId: RUN };

describe('planning a run', () => {
  it('lists what is due and watches every target from now on, due or not', async () => {
    const run = await planned(event());
    expect(run).toEqual({ runId: RUN, due: 2, proceed: true, bucket: 'work', itemsKey: `runs/${RUN}/items.json` });
    expect(items()).toEqual(
      ['shop', 'billing'].map((target) => ({
        executionName: `${RUN}-${target}`,
        input: { target, trigger: 'daily', runId: RUN },
      })),
    );
    const states = await world.catalog.targetStates(['ledger'], '2027-01-01T00:00:00.000Z');
    expect(states.get('ledger')?.firstSeenAt).toBe('2026-11-21T01:30:00.000Z');
  });

  it('backs up weekly targets in the weekly run only', async () => {
    await makePlanRun(world)(event({ ...INPUT, trigger: 'weekly' }));
    const list = JSON.parse(world.workObjects.get(runItemsKey('weekly-20261121T013000Z'))!) as RunItem[];
    expect(list.map((item) => item.input.target)).toEqual(['ledger']);
  });

  it('goes on when nothing is due, so that the report can say so', async () => {
    world.setConfig(configOf({ targets: [targetOf('ledger', { frequency: 'weekly' })] }));
    expect(await planned(event())).toMatchObject({ due: 0, proceed: true });
    expect(items()).toEqual([]);
  });

  it('runs once when the same event is delivered twice, also at the same moment', async () => {
    const runs = await Promise.all([planned(event()), planned(event()), planned(event())]);
    expect(runs.filter((one) => one.proceed)).toHaveLength(1);
  });

  it('goes on when its own state is retried', async () => {
    const first = event();
    const run = await planned(first);
    expect(await planned(first)).toEqual(run);
  });

  it('takes over a run whose execution died, once, and starts only what has no good backup yet', async () => {
    const dead = event();
    await planned(dead);
    await goodBackup(world, 'shop', ofRun);
    await badBackup(world, 'billing', 'CONNECTION_LOST', ofRun);
    world.over.add(dead.executionArn);
    world.clock += 1;
    const heirs = [event(), event()];
    const runs = await Promise.all(heirs.map(planned));
    expect(runs.filter((one) => one.proceed)).toHaveLength(1);
    expect(items().map((item) => item.input.target)).toEqual(['billing']);
    // The dead execution used up the plain name.
    expect(items()[0]!.executionName).not.toBe(`${RUN}-billing`);
    expect(items()[0]!.executionName.length).toBeLessThanOrEqual(80);
    const heir = heirs[runs.findIndex((one) => one.proceed)]!;
    expect(await planned(heir)).toMatchObject({ proceed: true, due: 2 });
    expect(items().map((item) => item.input.target)).toEqual(['billing']);
  });

  it('does not touch a run that is over', async () => {
    const first = event();
    const run = await planned(first);
    await makeSummarizeRun(world)({ ...first, run });
    world.over.add(first.executionArn);
    expect((await planned(event())).proceed).toBe(false);
  });

  it('refuses an input without its moment', async () => {
    await expect(planned(event({ trigger: 'daily' } as never))).rejects.toMatchObject({ name: 'INPUT_INVALID' });
  });
});

describe('summing up a run', () => {
  let run: PlannedRun;
  let nightly: ReturnType<typeof event>;
  beforeEach(async () => {
    await goodBackup(world, 'shop', { bytes: 4_000 });
    world.clock += 1_000;
    nightly = event();
    run = await planned(nightly);
  });
  const sum = () => makeSummarizeRun(world)({ ...nightly, run });

  it('reads outcome, size, change and age from the catalog', async () => {
    await goodBackup(world, 'shop', { ...ofRun, bytes: 5_000 });
    await badBackup(world, 'billing', 'AUTH_FAILED', ofRun);
    expect(await sum()).toEqual({ runId: RUN, due: 2, completed: 1, failed: 1 });
    expect(summary().lines).toMatchObject([
      { target: 'shop', outcome: 'COMPLETED', storedBytes: 5_000, previousBytes: 4_000 },
      { target: 'billing', outcome: 'FAILED', failure: { code: 'AUTH_FAILED' } },
    ]);
    expect(summary().lines[0]!.newestGoodAt).toBeDefined();
    expect(summary().lines[1]!.newestGoodAt).toBeUndefined();
    expect(await world.catalog.getRun(RUN)).toMatchObject({ status: 'COMPLETED', completed: 1, failed: 1 });
  });

  it('never counts a backup of another run as this one’s', async () => {
    expect(await sum()).toMatchObject({ completed: 0, failed: 2 });
    expect(summary().lines.map((line) => line.failure?.code)).toEqual(['NOT_STARTED', 'NOT_STARTED']);
    // Yet the report says how old the newest good one is.
    expect(summary().lines[0]!.newestGoodAt).toBeDefined();
  });

  it('closes a backup that was left RUNNING by a dead execution, and reports it as failed', async () => {
    const dead = backupEvent(world, 'shop', ofRun);
    const { id } = await makeOpenBackup(world)(dead);
    await work(world, id);
    world.over.add(dead.executionArn);
    await sum();
    expect(summary().lines[0]).toMatchObject({ outcome: 'FAILED', failure: { code: 'EXECUTION_FAILED' } });
    expect((await world.catalog.getBackup('shop', id))?.status).toBe('FAILED');
    expect(world.stopped).toHaveLength(1);
  });

  it('reports a target whose records can not be read, and all the others besides', async () => {
    await goodBackup(world, 'billing', ofRun);
    const real = { ...world.catalog };
    world.catalog.listBackups = (options) =>
      options?.target === 'shop' ? Promise.reject(new Error('the item can not be read')) : real.listBackups(options);
    expect(await sum()).toMatchObject({ completed: 1, failed: 1 });
    expect(summary().lines[0]).toMatchObject({ target: 'shop', failure: { code: 'UNEXPECTED' } });
  });
});

describe('sending the report', () => {
  const whole = async () => {
    const nightly = event();
    const run = await planned(nightly);
    await goodBackup(world, 'shop', ofRun);
    await badBackup(world, 'billing', 'AUTH_FAILED', ofRun);
    const totals = await makeSummarizeRun(world)({ ...nightly, run });
    return { ...nightly, run, totals };
  };

  it('reaches every address once, in HTML and text, with the failures on top', async () => {
    const done = await whole();
    expect(await makeSendReport(world)(done)).toEqual({ sent: 2 });
    expect(world.mails.map((one) => one.to)).toEqual(['oncall@example.org', 'dba@example.org']);
    const { mail } = world.mails[0]!;
    expect(mail.subject).toBe('Nightjar shop-prod: 1 of 2 backups FAILED');
    for (const body of [mail.text, mail.html]) {
      expect(body.indexOf('billing')).toBeGreaterThan(0);
      expect(body.indexOf('billing')).toBeLessThan(body.indexOf('5.00 kB'));
      expect(body).toContain('AUTH_FAILED');
    }
    expect(await makeSendReport(world)(done)).toEqual({ sent: 0 });
    expect(world.mails).toHaveLength(2);
  });

  it('fails loudly when SES refuses one address; the others have it, and get it no second time', async () => {
    const done = await whole();
    world.refused.add('oncall@example.org');
    await expect(makeSendReport(world)(done)).rejects.toMatchObject({
      name: 'MAIL_REFUSED',
      message: expect.stringContaining('oncall@example.org') as string,
    });
    expect(world.mails.map((one) => one.to)).toEqual(['dba@example.org']);
    expect((await world.catalog.getRun(RUN))?.reportSentAt).toBeUndefined();
    world.refused.clear();
    expect(await makeSendReport(world)(done)).toEqual({ sent: 1 });
    expect(world.mails.map((one) => one.to)).toEqual(['dba@example.org', 'oncall@example.org']);
  });

  it('says so when nothing was due', async () => {
    world.setConfig(configOf({ targets: [targetOf('ledger', { frequency: 'weekly' })] }));
    const nightly = event();
    const run = await planned(nightly);
    await makeSummarizeRun(world)({ ...nightly, run });
    await makeSendReport(world)({ ...nightly, run });
    expect(world.mails[0]!.mail.subject).toBe('Nightjar shop-prod: nothing was due');
  });

  it('says that the run broke, also when it broke before it was planned', async () => {
    await makeSendReport(world)({ ...event(), failure: caught('CONFIG_INVALID', 'targets.0.host is missing') });
    const { subject, text, html } = world.mails[0]!.mail;
    expect(subject).toBe('Nightjar shop-prod: the daily run FAILED');
    for (const body of [text, html]) expect(body).toContain('targets.0.host is missing');
  });

  it('closes a broken run as FAILED', async () => {
    const nightly = event();
    const run = await planned(nightly);
    await makeSendReport(world)({ ...nightly, run, failure: { Error: 'States.Runtime', Cause: 'no items' } });
    expect(await world.catalog.getRun(RUN)).toMatchObject({ status: 'FAILED', failure: { code: 'UNEXPECTED' } });
  });
});

describe('ten thousand targets', () => {
  it('are planned, summed up and mailed like three', async () => {
    const targets = Array.from({ length: 10_000 }, (_, index) => targetOf(`t${index}`));
    world.setConfig(configOf({ targets }));
    const nightly = event();
    const run = await planned(nightly);
    expect(run.due).toBe(10_000);
    expect(new Set(items().map((item) => item.executionName)).size).toBe(10_000);
    expect(JSON.stringify(run).length).toBeLessThan(1_000);
    // The memory twin scans for a target's list; the real one asks its index.
    world.catalog.listBackups = () => Promise.resolve([]);
    const totals = await makeSummarizeRun(world)({ ...nightly, run });
    expect(totals).toEqual({ runId: RUN, due: 10_000, completed: 0, failed: 10_000 });
    await makeSendReport(world)({ ...nightly, run, totals });
    const { mail } = world.mails[0]!;
    expect(mail.subject).toBe('Nightjar shop-prod: ALL 10000 backups FAILED');
    expect(mail.html.length + mail.text.length).toBeLessThan(2_000_000);
  });
});

describe('the hourly watch', () => {
  const publish = () => makePublishRpo(world)();

  it('counts a target that was never backed up from the day it was first seen', async () => {
    expect(await publish()).toEqual({ pastRpo: [], targetsWatched: 3, gone: [] });
    world.clock += 27 * 3_600_000;
    expect((await publish()).pastRpo).toEqual(['shop', 'billing']);
    expect(world.metered.at(-1)).toEqual({ pastRpo: 2, targetsWatched: 3 });
    expect(world.published.map((one) => [one.name, one.detail.target])).toEqual([
      ['Nightjar Target Past RPO', 'shop'],
      ['Nightjar Target Past RPO', 'billing'],
    ]);
    world.clock += 7 * DAY;
    expect((await publish()).pastRpo).toEqual(['shop', 'billing', 'ledger']);
  });

  it('is quiet again after a good backup, and not after a failed one', async () => {
    await publish();
    world.clock += 27 * 3_600_000;
    await goodBackup(world, 'shop');
    await badBackup(world, 'billing', 'AUTH_FAILED');
    expect((await publish()).pastRpo).toEqual(['billing']);
  });

  it('watches no target that promises nothing', async () => {
    world.setConfig(
      configOf({
        targets: [targetOf('shop', { frequency: 'none' }), targetOf('b', { frequency: 'none', rpoHours: 1 })],
      }),
    );
    await publish();
    world.clock += 400 * DAY;
    expect(await publish()).toEqual({ pastRpo: ['b'], targetsWatched: 1, gone: [] });
  });
});
