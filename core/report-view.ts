/** What the report's mail says: which rows, in which order, in which words. Text and HTML only render it. */
import type { Failure } from './errors.ts';
import {
  ageText,
  changeText,
  durationText,
  hasShrunk,
  momentText,
  sizeText,
  type BrokenRun,
  type ReportLine,
  type RunSummary,
} from './report.ts';
import { PITR_OFF_HEADING, PITR_OFF_TEXT, nativeText, withoutPitr } from './report-native.ts';

/** More good targets than this are summed up instead of listed: a mail has a size that people read. */
export const LISTED_OK = 300;
/** The same for failures: beyond this a list helps nobody, and the command line has them all. */
export const LISTED_FAILED = 300;
const NOTED_WARNINGS = 50;

export interface ReportView {
  readonly tone: 'bad' | 'good' | 'calm';
  /** The first sentence. */
  readonly headline: string;
  /** Under it: whose run, of when, how long it took. */
  readonly facts: readonly string[];
  /** In the order in which a tired person needs them. */
  readonly sections: readonly Section[];
  readonly foot: readonly string[];
}

export type Section = {
  readonly heading?: { readonly title: string; readonly count?: string };
} & (
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'failures'; readonly failures: readonly FailureView[] }
  | { readonly kind: 'good'; readonly rows: readonly GoodRow[] }
  | { readonly kind: 'warnings'; readonly warnings: readonly WarningView[] }
);

/** What is not a failure tonight and may be one tomorrow. */
export interface WarningView {
  /** Undefined of what is no single target's, or where the text is the target's name. */
  readonly target?: string;
  readonly text: string;
}

/** One thing that failed, from what happened to what to type. */
export interface FailureView {
  /** Undefined of a run as a whole. */
  readonly target?: string;
  readonly message: string;
  readonly detail?: string;
  readonly todo: Label;
  /** Undefined of a run as a whole; `never`: there is none. */
  readonly newestGood?: Label & { readonly never: boolean };
  /** Code, and what to type to see more. */
  readonly more: readonly string[];
}

export interface Label {
  readonly label: string;
  readonly text: string;
}

export interface GoodRow {
  readonly target: string;
  readonly size: string;
  readonly change: string;
  /** A backup that lost half its size must be seen. */
  readonly shrunk: boolean;
  readonly took: string;
  /** Of a database whose service keeps the recovery points: what PITR reaches. */
  readonly native?: string;
}

export function reportView(summary: RunSummary): ReportView {
  const byName = [...summary.lines].sort((left, right) => (left.target < right.target ? -1 : 1));
  const ok = byName.filter((line) => line.outcome === 'COMPLETED');
  // The one that has gone longest without a good backup comes first.
  const failed = byName
    .filter((line) => line.outcome === 'FAILED')
    .sort((left, right) => (left.newestGoodAt ?? '').localeCompare(right.newestGoodAt ?? ''));
  const seconds = (Date.parse(summary.endedAt) - Date.parse(summary.startedAt)) / 1000;
  return {
    tone: failed.length > 0 ? 'bad' : ok.length > 0 ? 'good' : 'calm',
    headline: headlineOf(failed.length, ok.length),
    facts: [
      summary.name,
      `${summary.trigger} run of ${momentText(summary.scheduledTime, summary.timeZone)}`,
      `took ${durationText(seconds)}`,
    ],
    sections: [
      ...(summary.lines.length === 0 ? [NOTHING_DUE] : []),
      ...pitrSections(ok),
      ...cautionSections({ title: 'Noted' }, summary.notes),
      ...failedSections(failed, summary.endedAt),
      ...okSections(ok, summary),
      ...warningSections(ok),
    ],
    foot: [`Nightjar ${summary.name}, run ${summary.runId}`],
  };
}

function headlineOf(failed: number, ok: number): string {
  const all = failed + ok;
  if (all === 0) return 'Nothing was due.';
  if (failed === 0) return ok === 1 ? 'The backup is good.' : `All ${ok} backups are good.`;
  return `${failed} of ${all} ${all === 1 ? 'backup' : 'backups'} failed.`;
}

/** Why nothing was due, for a mail that would otherwise be empty. */
const NOTHING_DUE: Section = {
  kind: 'note',
  text: 'The run started as planned and no target has this frequency. If you expected one, look at `frequency` in the config.',
};

function pitrSections(ok: readonly ReportLine[]): Section[] {
  const off = withoutPitr(ok).map((line) => line.target);
  const heading = { title: PITR_OFF_HEADING, count: String(off.length) };
  return off.length === 0 ? [] : cautionSections(heading, [PITR_OFF_TEXT, ...off]);
}

const cautionSections = (heading: NonNullable<Section['heading']>, texts: readonly string[]): Section[] =>
  texts.length === 0 ? [] : [{ kind: 'warnings', heading, warnings: texts.map((text) => ({ text })) }];

function failedSections(failed: readonly ReportLine[], endedAt: string): Section[] {
  if (failed.length === 0) return [];
  const listed = failed.slice(0, LISTED_FAILED);
  const hidden = failed.length - listed.length;
  return [
    {
      kind: 'failures',
      heading: { title: 'Failed', count: String(failed.length) },
      failures: listed.map((line) => failureOfLine(line, endedAt)),
    },
    ...(hidden === 0 ? [] : [{ kind: 'note', text: `… and ${hidden} more: nightjar backups --json` } as const]),
  ];
}

function failureOfLine(line: ReportLine, endedAt: string): FailureView {
  const never = line.newestGoodAt === undefined;
  return {
    target: line.target,
    ...failureWords(line.failure),
    newestGood: { label: 'Newest good backup:', text: ageText(line.newestGoodAt, endedAt), never },
    more: [
      line.failure?.code ?? '',
      line.backupId ? `nightjar show ${line.backupId}` : `nightjar backups ${line.target}`,
    ],
  };
}

const failureWords = (failure: Failure | undefined): Pick<FailureView, 'message' | 'detail' | 'todo'> => ({
  message: failure?.message ?? '',
  ...(failure?.detail ? { detail: failure.detail } : {}),
  todo: { label: 'What to do:', text: failure?.hint ?? '' },
});

function okSections(ok: readonly ReportLine[], summary: RunSummary): Section[] {
  if (ok.length === 0) return [];
  const stored = ok.reduce((sum, line) => sum + (line.storedBytes ?? 0), 0);
  const heading = { title: 'Completed', count: `${ok.length}, ${sizeText(stored)} stored` };
  if (ok.length > LISTED_OK)
    return [{ kind: 'note', heading, text: 'Too many to list here; see them with: nightjar status' }];
  const rows = ok.map((line) => {
    const native = nativeText(line, summary);
    return {
      target: line.target,
      size: sizeText(line.storedBytes),
      change: changeText(line),
      shrunk: hasShrunk(line),
      took: durationText(line.seconds),
      ...(native === undefined ? {} : { native }),
    };
  });
  return [{ kind: 'good', heading, rows }];
}

function warningSections(ok: readonly ReportLine[]): Section[] {
  const warned = ok.filter((line) => line.warnings.length > 0).slice(0, NOTED_WARNINGS);
  const warnings = warned.flatMap(({ target, warnings: texts }) => texts.map((text) => ({ target, text })));
  return warnings.length === 0 ? [] : [{ kind: 'warnings', heading: { title: 'To be looked at' }, warnings }];
}

export const brokenView = (run: BrokenRun): ReportView => ({
  tone: 'bad',
  headline: `The ${run.trigger} run broke off before it could list its backups.`,
  facts: [run.name, `scheduled for ${momentText(run.scheduledTime, run.timeZone)}`],
  sections: [
    { kind: 'failures', failures: [{ ...failureWords(run.failure), more: [run.failure.code] }] },
    { kind: 'note', text: 'Backups that had begun go on by themselves. See what there is with: nightjar status' },
  ],
  foot: [`Nightjar ${run.name}, run ${run.runId}`, `Execution ${run.executionArn}`],
});
