/**
 * The report as HTML, for a phone at seven in the morning: one column, large type, failures first, no images, styles
 * inline because mail readers drop the rest. Everything that is not ours is escaped.
 */
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

const COLOURS = {
  ink: '#1b2430',
  soft: '#5b6776',
  line: '#e3e7ec',
  page: '#f3f5f7',
  card: '#ffffff',
  bad: '#b3261e',
  badTint: '#fdf1f0',
  good: '#1a6b42',
  calm: '#3b4a5c',
  warn: '#8a5a00',
  warnTint: '#fff8e8',
} as const;
const FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const MONO = 'ui-monospace,SFMono-Regular,Menlo,Consolas,monospace';

export const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

const row = (html: string, padding = '0 20px'): string =>
  `<tr><td style="padding:${padding};font-family:${FONT};color:${COLOURS.ink}">${html}</td></tr>`;

const heading = (text: string): string =>
  row(
    `<div style="font-size:13px;font-weight:600;letter-spacing:.04em;text-transform:uppercase;color:${COLOURS.soft}">${escapeHtml(text)}</div>`,
    '24px 20px 8px',
  );

const code = (text: string): string =>
  `<span style="font-family:${MONO};font-size:13px;word-break:break-all">${escapeHtml(text)}</span>`;

function page(options: {
  title: string;
  colour: string;
  headline: string;
  under: string;
  rows: readonly string[];
}): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    '<meta name="color-scheme" content="light"><meta name="supported-color-schemes" content="light">',
    `<title>${escapeHtml(options.title)}</title></head>`,
    `<body style="margin:0;padding:0;background:${COLOURS.page}">`,
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:${COLOURS.page}"><tr><td align="center" style="padding:12px 8px 32px">`,
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;background:${COLOURS.card};border-radius:10px;overflow:hidden">`,
    `<tr><td style="padding:22px 20px;background:${options.colour};font-family:${FONT};color:#ffffff">`,
    `<div style="font-size:22px;line-height:1.25;font-weight:700">${escapeHtml(options.headline)}</div>`,
    `<div style="padding-top:6px;font-size:14px;line-height:1.4">${escapeHtml(options.under)}</div></td></tr>`,
    ...options.rows,
    '</table></td></tr></table></body></html>',
  ].join('\n');
}

function failureCard(line: ReportLine, endedAt: string): string {
  const failure = line.failure;
  const never = line.newestGoodAt === undefined;
  const parts = [
    `<div style="font-size:17px;font-weight:700">${escapeHtml(line.target)}</div>`,
    `<div style="padding-top:4px;font-size:15px;line-height:1.45">${escapeHtml(failure?.message ?? '')}</div>`,
    failure?.detail
      ? `<div style="margin-top:8px;padding:8px 10px;background:#ffffff;border-radius:6px;font-family:${MONO};font-size:12px;line-height:1.45;white-space:pre-wrap;word-break:break-word">${escapeHtml(failure.detail)}</div>`
      : '',
    `<div style="padding-top:8px;font-size:15px;line-height:1.45"><b>What to do:</b> ${escapeHtml(failure?.hint ?? '')}</div>`,
    `<div style="padding-top:8px;font-size:14px;line-height:1.5;color:${never ? COLOURS.bad : COLOURS.soft}">Newest good backup: <b>${escapeHtml(ageText(line.newestGoodAt, endedAt))}</b></div>`,
    `<div style="padding-top:4px;color:${COLOURS.soft}">${code(`${failure?.code ?? ''} · ${nextCommand(line)}`)}</div>`,
  ];
  return row(
    `<div style="padding:14px;background:${COLOURS.badTint};border-left:4px solid ${COLOURS.bad};border-radius:6px">${parts.join('')}</div>`,
    '0 20px 12px',
  );
}

function okRows(lines: readonly ReportLine[], summary: RunSummary): string {
  const border = `border-bottom:1px solid ${COLOURS.line}`;
  const rows = lines.map((line) => {
    const shrunk = hasShrunk(line);
    const change = changeText(line);
    return [
      `<tr><td style="padding:9px 8px 9px 0;${border};font-size:15px;word-break:break-word">${escapeHtml(line.target)}${native(line, summary)}</td>`,
      `<td align="right" style="padding:9px 0;${border};font-size:14px;white-space:nowrap">${escapeHtml(sizeText(line.storedBytes))}`,
      `<div style="font-size:12px;color:${shrunk ? COLOURS.bad : COLOURS.soft};${shrunk ? 'font-weight:700' : ''}">${escapeHtml(change)} · ${escapeHtml(durationText(line.seconds))}</div></td></tr>`,
    ].join('');
  });
  return row(
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="font-family:${FONT};color:${COLOURS.ink}">${rows.join('\n')}</table>`,
  );
}

function native(line: ReportLine, summary: RunSummary): string {
  const text = nativeText(line, summary);
  return text === ''
    ? ''
    : `<div style="font-size:12px;line-height:1.45;color:${COLOURS.soft}">${escapeHtml(text)}</div>`;
}

/** What is not a failure tonight and may be one tomorrow. */
function cautions(title: string, texts: readonly string[]): string[] {
  if (texts.length === 0) return [];
  const items = texts.map(
    (text) => `<div style="padding-top:6px;font-size:14px;line-height:1.45">${escapeHtml(text)}</div>`,
  );
  const box = `padding:8px 14px 14px;background:${COLOURS.warnTint};border-left:4px solid ${COLOURS.warn};border-radius:6px`;
  return [heading(title), row(`<div style="${box}">${items.join('')}</div>`)];
}

function warningRows(lines: readonly ReportLine[]): string {
  const items = lines.flatMap((line) =>
    line.warnings.map(
      (warning) =>
        `<div style="padding-top:6px;font-size:14px;line-height:1.45"><b>${escapeHtml(line.target)}:</b> ${escapeHtml(warning)}</div>`,
    ),
  );
  return row(
    `<div style="padding:8px 14px 14px;background:${COLOURS.warnTint};border-left:4px solid ${COLOURS.warn};border-radius:6px">${items.join('')}</div>`,
  );
}

const note = (text: string): string =>
  row(`<div style="font-size:15px;line-height:1.5">${escapeHtml(text)}</div>`, '18px 20px 0');
const foot = (...lines: string[]): string =>
  row(
    lines
      .map((line) => `<div style="font-size:12px;line-height:1.6;color:${COLOURS.soft}">${escapeHtml(line)}</div>`)
      .join(''),
    '24px 20px 20px',
  );

export function reportHtml(summary: RunSummary, title: string): string {
  const { failed, ok, warned, storedBytes } = partsOf(summary);
  const seconds = (Date.parse(summary.endedAt) - Date.parse(summary.startedAt)) / 1000;
  const rows: string[] = [];
  if (summary.lines.length === 0) rows.push(note(NOTHING_DUE));
  const off = withoutPitr(summary).map((line) => line.target);
  rows.push(...cautions(`${PITR_OFF_HEADING} (${off.length})`, off.length === 0 ? [] : [PITR_OFF_TEXT, ...off]));
  rows.push(...cautions('Noted', summary.notes));
  if (failed.length > 0) {
    rows.push(heading(`Failed (${failed.length})`));
    rows.push(...failed.slice(0, LISTED_FAILED).map((line) => failureCard(line, summary.endedAt)));
    if (failed.length > LISTED_FAILED) rows.push(note(`… and ${failed.length - LISTED_FAILED} more.`));
  }
  if (ok.length > 0) {
    rows.push(heading(`Completed (${ok.length}, ${sizeText(storedBytes)})`));
    rows.push(
      ok.length > LISTED_OK ? note('Too many to list here. See them with: nightjar status') : okRows(ok, summary),
    );
  }
  if (warned.length > 0) rows.push(heading('To be looked at'), warningRows(warned));
  rows.push(foot(`Nightjar ${summary.name} · run ${summary.runId}`));
  return page({
    title,
    colour: failed.length > 0 ? COLOURS.bad : ok.length > 0 ? COLOURS.good : COLOURS.calm,
    headline: headlineOf(summary),
    under: `${summary.name} · ${summary.trigger} run of ${momentText(summary.scheduledTime, summary.timeZone)} · took ${durationText(seconds)}`,
    rows,
  });
}

export function brokenHtml(run: BrokenRun, title: string): string {
  const { failure } = run;
  const card = [
    `<div style="font-size:15px;line-height:1.45">${escapeHtml(failure.message)}</div>`,
    failure.detail
      ? `<div style="margin-top:8px;padding:8px 10px;background:#ffffff;border-radius:6px;font-family:${MONO};font-size:12px;line-height:1.45;white-space:pre-wrap;word-break:break-word">${escapeHtml(failure.detail)}</div>`
      : '',
    `<div style="padding-top:8px;font-size:15px;line-height:1.45"><b>What to do:</b> ${escapeHtml(failure.hint)}</div>`,
    `<div style="padding-top:4px;color:${COLOURS.soft}">${code(failure.code)}</div>`,
  ].join('');
  return page({
    title,
    colour: COLOURS.bad,
    headline: `The ${run.trigger} run broke off.`,
    under: `${run.name} · scheduled for ${momentText(run.scheduledTime, run.timeZone)}`,
    rows: [
      row(
        `<div style="padding:14px;background:${COLOURS.badTint};border-left:4px solid ${COLOURS.bad};border-radius:6px">${card}</div>`,
        '20px 20px 0',
      ),
      note('Backups that had begun go on by themselves. See what there is with: nightjar status'),
      foot(`Nightjar ${run.name} · run ${run.runId}`, `Execution ${run.executionArn}`),
    ],
  });
}
