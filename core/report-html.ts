/**
 * The report as HTML, for a phone at seven in the morning: one column, large type, failures first, no images, styles
 * inline because mail readers drop the rest. Everything that is not ours is escaped.
 */
import type { FailureView, GoodRow, Label, ReportView, Section, WarningView } from './report-view.ts';

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

const headingRow = (text: string): string =>
  row(
    `<div style="font-size:13px;font-weight:600;letter-spacing:.04em;text-transform:uppercase;color:${COLOURS.soft}">${escapeHtml(text)}</div>`,
    '24px 20px 8px',
  );

const code = (text: string): string =>
  `<span style="font-family:${MONO};font-size:13px;word-break:break-all">${escapeHtml(text)}</span>`;

export function reportHtml(view: ReportView, title: string): string {
  const colour = { bad: COLOURS.bad, good: COLOURS.good, calm: COLOURS.calm }[view.tone];
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    '<meta name="color-scheme" content="light"><meta name="supported-color-schemes" content="light">',
    `<title>${escapeHtml(title)}</title></head>`,
    `<body style="margin:0;padding:0;background:${COLOURS.page}">`,
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:${COLOURS.page}"><tr><td align="center" style="padding:12px 8px 32px">`,
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;background:${COLOURS.card};border-radius:10px;overflow:hidden">`,
    `<tr><td style="padding:22px 20px;background:${colour};font-family:${FONT};color:#ffffff">`,
    `<div style="font-size:22px;line-height:1.25;font-weight:700">${escapeHtml(view.headline)}</div>`,
    `<div style="padding-top:6px;font-size:14px;line-height:1.4">${escapeHtml(view.facts.join(' · '))}</div></td></tr>`,
    ...view.sections.flatMap(sectionRows),
    foot(view.foot),
    '</table></td></tr></table></body></html>',
  ].join('\n');
}

function sectionRows(section: Section): string[] {
  const { heading } = section;
  const count = heading?.count === undefined ? '' : ` (${heading.count})`;
  return [...(heading ? [headingRow(`${heading.title}${count}`)] : []), ...contentRows(section)];
}

function contentRows(section: Section): string[] {
  switch (section.kind) {
    case 'note':
      return [row(`<div style="font-size:15px;line-height:1.5">${escapeHtml(section.text)}</div>`, '18px 20px 0')];
    case 'failures':
      // Without a heading above it a card stands too close to the top.
      return section.failures.map((one) => failureRow(one, section.heading ? '0 20px 12px' : '20px 20px 12px'));
    case 'good':
      return [goodRows(section.rows)];
    case 'warnings':
      return [warningRow(section.warnings)];
  }
}

function failureRow({ target, message, detail, todo, newestGood, more }: FailureView, padding: string): string {
  const labelled = ({ label, text }: Label): string => `<b>${escapeHtml(label)}</b> ${escapeHtml(text)}`;
  const parts = [
    target === undefined ? '' : `<div style="font-size:17px;font-weight:700">${escapeHtml(target)}</div>`,
    `<div style="padding-top:4px;font-size:15px;line-height:1.45">${escapeHtml(message)}</div>`,
    detail === undefined
      ? ''
      : `<div style="margin-top:8px;padding:8px 10px;background:#ffffff;border-radius:6px;font-family:${MONO};font-size:12px;line-height:1.45;white-space:pre-wrap;word-break:break-word">${escapeHtml(detail)}</div>`,
    `<div style="padding-top:8px;font-size:15px;line-height:1.45">${labelled(todo)}</div>`,
    newestGood
      ? `<div style="padding-top:8px;font-size:14px;line-height:1.5;color:${newestGood.never ? COLOURS.bad : COLOURS.soft}">${labelled(newestGood)}</div>`
      : '',
    `<div style="padding-top:4px;color:${COLOURS.soft}">${code(more.join(' · '))}</div>`,
  ];
  return row(
    `<div style="padding:14px;background:${COLOURS.badTint};border-left:4px solid ${COLOURS.bad};border-radius:6px">${parts.join('')}</div>`,
    padding,
  );
}

function goodRows(rows: readonly GoodRow[]): string {
  const border = `border-bottom:1px solid ${COLOURS.line}`;
  const cells = rows.map(({ target, size, change, shrunk, took, native }) =>
    [
      `<tr><td style="padding:9px 8px 9px 0;${border};font-size:15px;word-break:break-word">${escapeHtml(target)}${nativeLine(native)}</td>`,
      `<td align="right" style="padding:9px 0;${border};font-size:14px;white-space:nowrap">${escapeHtml(size)}`,
      `<div style="font-size:12px;color:${shrunk ? COLOURS.bad : COLOURS.soft};${shrunk ? 'font-weight:700' : ''}">${escapeHtml(change)} · ${escapeHtml(took)}</div></td></tr>`,
    ].join(''),
  );
  return row(
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="font-family:${FONT};color:${COLOURS.ink}">${cells.join('\n')}</table>`,
  );
}

const nativeLine = (text: string | undefined): string =>
  text === undefined
    ? ''
    : `<div style="font-size:12px;line-height:1.45;color:${COLOURS.soft}">${escapeHtml(text)}</div>`;

function warningRow(warnings: readonly WarningView[]): string {
  const items = warnings.map(
    ({ target, text }) =>
      `<div style="padding-top:6px;font-size:14px;line-height:1.45">${target === undefined ? '' : `<b>${escapeHtml(target)}:</b> `}${escapeHtml(text)}</div>`,
  );
  return row(
    `<div style="padding:8px 14px 14px;background:${COLOURS.warnTint};border-left:4px solid ${COLOURS.warn};border-radius:6px">${items.join('')}</div>`,
  );
}

const foot = (lines: readonly string[]): string =>
  row(
    lines
      .map((line) => `<div style="font-size:12px;line-height:1.6;color:${COLOURS.soft}">${escapeHtml(line)}</div>`)
      .join(''),
    '24px 20px 20px',
  );
