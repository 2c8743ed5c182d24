/** The morning's report: what a run found, its subject, and words for numbers. What the mail says is in `report-view.ts`. */
import { z } from 'zod';
import { failureSchema, TRIGGERS, type BackupRecord, type TargetState } from './backup.ts';
import { windowSchema } from './native.ts';
import type { Failure } from './errors.ts';

/** One due target of a run. */
export const reportLineSchema = z.object({
  target: z.string(),
  outcome: z.enum(['COMPLETED', 'FAILED']),
  backupId: z.string().optional(),
  storedBytes: z.int().nonnegative().optional(),
  /** From opening to closing. */
  seconds: z.number().nonnegative().optional(),
  /** Stored bytes of the good backup before this one. */
  previousBytes: z.int().nonnegative().optional(),
  /** Snapshot of the newest good backup, this one included; undefined: there is none. */
  newestGoodAt: z.iso.datetime().optional(),
  failure: failureSchema.optional(),
  warnings: z.array(z.string()),
  /** Of a database whose service keeps the recovery points: what PITR reached, and its point's ARN. */
  native: z.object({ window: windowSchema, point: z.string().optional() }).optional(),
});
export type ReportLine = z.output<typeof reportLineSchema>;

/** Everything the report says; lies in the work bucket as `runs/<id>/summary.json`. */
export const runSummarySchema = z.object({
  name: z.string(),
  runId: z.string(),
  trigger: z.enum(TRIGGERS),
  scheduledTime: z.iso.datetime(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  timeZone: z.string(),
  lines: z.array(reportLineSchema),
  /** What belongs to no single target. */
  notes: z.array(z.string()).default([]),
});
export type RunSummary = z.output<typeof runSummarySchema>;

/** A run that broke before there was anything to list. */
export interface BrokenRun {
  readonly name: string;
  readonly runId: string;
  readonly trigger: string;
  readonly scheduledTime: string;
  readonly timeZone: string;
  readonly failure: Failure;
  readonly executionArn: string;
}

export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export function lineOf(
  target: string,
  record: BackupRecord | undefined,
  facts: { state: TargetState | undefined; previousBytes: number | undefined; absent: Failure },
): ReportLine {
  const newestGoodAt = facts.state?.newestGood?.snapshotAt;
  const common = { target, warnings: record?.warnings ?? [], ...(newestGoodAt === undefined ? {} : { newestGoodAt }) };
  if (!record) return { ...common, outcome: 'FAILED', failure: facts.absent };
  const seconds =
    record.endedAt === undefined ? {} : { seconds: (Date.parse(record.endedAt) - Date.parse(record.startedAt)) / 1000 };
  if (record.status !== 'COMPLETED')
    return {
      ...common,
      ...seconds,
      outcome: 'FAILED',
      backupId: record.backupId,
      failure: record.failure ?? facts.absent,
    };
  return {
    ...common,
    ...seconds,
    outcome: 'COMPLETED',
    backupId: record.backupId,
    ...(record.storedBytes === undefined ? {} : { storedBytes: record.storedBytes }),
    ...(facts.previousBytes === undefined ? {} : { previousBytes: facts.previousBytes }),
    ...nativeOf(record),
  };
}

const nativeOf = ({ window, points }: BackupRecord): Pick<ReportLine, 'native'> =>
  window === undefined ? {} : { native: { window, ...(points?.[0] === undefined ? {} : { point: points[0] }) } };

/** Says it all: this line is what a locked phone shows. */
export function subjectOf(summary: RunSummary): string {
  const all = summary.lines.length;
  const failed = summary.lines.filter((line) => line.outcome === 'FAILED').length;
  const who = `Nightjar ${summary.name}`;
  if (all === 0) return `${who}: nothing was due`;
  if (failed === 0) return `${who}: ${all === 1 ? '1 backup' : `all ${all} backups`} completed`;
  if (failed === all) return `${who}: ${all === 1 ? 'the backup' : `ALL ${all} backups`} FAILED`;
  return `${who}: ${failed} of ${all} backups FAILED`;
}

export const brokenSubject = (run: BrokenRun): string => `Nightjar ${run.name}: the ${run.trigger} run FAILED`;

/** Decimal units, three digits: `1.53 GB`. */
export function sizeText(bytes: number | undefined): string {
  if (bytes === undefined) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return `${value} B`;
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** `45 s`, `12 min`, `3 h 05 min`, `4 days`. */
export function durationText(seconds: number | undefined): string {
  if (seconds === undefined) return '–';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
  return `${Math.round(minutes / (24 * 60))} days`;
}

/** Against the good backup before: `+3 %`, `−41 %`, `same`, `first`. */
export function changeText(line: Pick<ReportLine, 'storedBytes' | 'previousBytes'>): string {
  if (line.storedBytes === undefined) return '';
  if (line.previousBytes === undefined) return 'first';
  if (line.previousBytes === 0) return line.storedBytes === 0 ? 'same' : `+${sizeText(line.storedBytes)}`;
  const percent = ((line.storedBytes - line.previousBytes) / line.previousBytes) * 100;
  if (Math.abs(percent) < 0.5) return 'same';
  const digits = Math.abs(percent) < 10 ? 1 : 0;
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent).toFixed(digits)} %`;
}

/** A backup that lost half its size overnight may be a database that lost half its rows. */
export const hasShrunk = (line: Pick<ReportLine, 'storedBytes' | 'previousBytes'>): boolean =>
  line.storedBytes !== undefined && line.previousBytes !== undefined && line.storedBytes < line.previousBytes * 0.5;

/** How old the newest good backup is, seen from the end of the run. */
export function ageText(newestGoodAt: string | undefined, endedAt: string): string {
  if (newestGoodAt === undefined) return 'never';
  return `${durationText(Math.max(0, (Date.parse(endedAt) - Date.parse(newestGoodAt)) / 1000))} old`;
}

/** A moment in the config's time zone: `Sat 21 Nov 2026, 02:30 CET`. */
export function momentText(instant: string, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  }).formatToParts(new Date(instant));
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('weekday')} ${part('day')} ${part('month')} ${part('year')}, ${part('hour')}:${part('minute')} ${part('timeZoneName')}`;
}
