/** The report as plain text, for mail readers and for searching. */
import {
  LISTED_FAILED,
  LISTED_OK,
  NOTHING_DUE,
  ageText,
  changeText,
  durationText,
  hasShrunk,
  headlineOf,
  momentText,
  nextCommand,
  partsOf,
  sizeText,
  type BrokenRun,
  type ReportLine,
  type RunSummary,
} from './report.ts';
import { PITR_OFF_HEADING, PITR_OFF_TEXT, nativeText, withoutPitr } from './report-native.ts';

export function reportText(summary: RunSummary): string {
  const { failed, ok, warned, storedBytes } = partsOf(summary);
  const lines = [headlineOf(summary), whenText(summary), ''];
  if (summary.lines.length === 0) lines.push(NOTHING_DUE, '');
  const off = withoutPitr(summary);
  if (off.length > 0)
    lines.push(
      `${PITR_OFF_HEADING.toUpperCase()} (${off.length})`,
      '',
      `  ${PITR_OFF_TEXT}`,
      ...off.map((line) => `  ${line.target}`),
      '',
    );
  if (summary.notes.length > 0) lines.push('NOTED', '', ...summary.notes.map((note) => `  ${note}`), '');
  if (failed.length > 0) {
    lines.push(`FAILED (${failed.length})`, '');
    for (const line of failed.slice(0, LISTED_FAILED)) lines.push(...failureLines(line, summary.endedAt), '');
    if (failed.length > LISTED_FAILED)
      lines.push(`… and ${failed.length - LISTED_FAILED} more: nightjar backups --json`, '');
  }
  if (ok.length > 0) {
    lines.push(`COMPLETED (${ok.length}, ${sizeText(storedBytes)} stored)`, '');
    if (ok.length > LISTED_OK) lines.push(`  Too many to list; see them with: nightjar status`);
    else lines.push(...okTable(ok, summary));
    lines.push('');
  }
  if (warned.length > 0) {
    lines.push('TO BE LOOKED AT', '');
    for (const line of warned) for (const warning of line.warnings) lines.push(`  ${line.target}: ${warning}`);
    lines.push('');
  }
  lines.push(`Run ${summary.runId}`);
  return lines.join('\n') + '\n';
}

const whenText = (summary: RunSummary): string =>
  `${summary.name}, ${summary.trigger} run of ${momentText(summary.scheduledTime, summary.timeZone)}, took ${durationText(
    (Date.parse(summary.endedAt) - Date.parse(summary.startedAt)) / 1000,
  )}.`;

function failureLines(line: ReportLine, endedAt: string): string[] {
  const failure = line.failure;
  return [
    `  ${line.target}: ${failure?.message ?? ''}`,
    ...(failure?.detail ? [`    ${failure.detail.replaceAll('\n', '\n    ')}`] : []),
    `    What to do: ${failure?.hint ?? ''}`,
    `    Newest good backup: ${ageText(line.newestGoodAt, endedAt)}`,
    `    ${failure?.code ?? ''}, ${nextCommand(line)}`,
  ];
}

function okTable(lines: readonly ReportLine[], summary: RunSummary): string[] {
  const rows = lines.map((line) => [
    line.target,
    sizeText(line.storedBytes),
    changeText(line) + (hasShrunk(line) ? ' (!)' : ''),
    durationText(line.seconds),
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.flatMap((row, index) => {
    const native = nativeText(lines[index]!, summary);
    return [
      `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd(),
      ...(native === '' ? [] : [`    ${native}`]),
    ];
  });
}

export function brokenText(run: BrokenRun): string {
  const { failure } = run;
  return [
    `The ${run.trigger} run broke off before it could list its backups.`,
    `${run.name}, scheduled for ${momentText(run.scheduledTime, run.timeZone)}.`,
    '',
    failure.message,
    ...(failure.detail ? [failure.detail] : []),
    `What to do: ${failure.hint}`,
    '',
    'Backups that had begun go on by themselves. See what there is with: nightjar status',
    '',
    `Run ${run.runId}, ${failure.code}`,
    `Execution ${run.executionArn}`,
    '',
  ].join('\n');
}
