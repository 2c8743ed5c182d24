/** A short mail: a headline, a few sections of sentences, and commands to copy. As text, and as HTML for a phone at night. */
import type { Mail } from './report.ts';
import { escapeHtml } from './report-html.ts';

export interface Notice {
  readonly subject: string;
  readonly headline: string;
  readonly tone: 'good' | 'bad' | 'calm';
  readonly sections: readonly {
    readonly heading: string;
    readonly lines: readonly string[];
    /** Printed to be copied. */
    readonly commands?: readonly string[];
  }[];
  readonly foot: string;
}

const COLOUR = { good: '#1a6b42', bad: '#b3261e', calm: '#3b4a5c' } as const;
const FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

export const noticeMail = (notice: Notice): Mail => ({
  subject: notice.subject,
  text: textOf(notice),
  html: htmlOf(notice),
});

const shown = ({ sections }: Notice): Notice['sections'] =>
  sections.filter((one) => one.lines.length > 0 || (one.commands ?? []).length > 0);

function textOf(notice: Notice): string {
  const sections = shown(notice).flatMap(({ heading, lines, commands = [] }) => [
    heading.toUpperCase(),
    '',
    ...lines.map((line) => `  ${line}`),
    ...commands.map((command) => `    ${command}`),
    '',
  ]);
  return [notice.headline, '', ...sections, notice.foot].join('\n') + '\n';
}

function htmlOf(notice: Notice): string {
  const sections = shown(notice).map(({ heading, lines, commands = [] }) =>
    [
      `<div style="padding:20px 20px 4px;font-size:13px;font-weight:600;text-transform:uppercase;color:#5b6776">${escapeHtml(heading)}</div>`,
      ...lines.map(
        (line) =>
          `<div style="padding:4px 20px;font-size:15px;line-height:1.45;word-break:break-word">${escapeHtml(line)}</div>`,
      ),
      ...commands.map(
        (command) =>
          `<div style="margin:6px 20px;padding:8px 10px;background:#f3f5f7;border-radius:6px;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px;word-break:break-all">${escapeHtml(command)}</div>`,
      ),
    ].join('\n'),
  );
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${escapeHtml(notice.subject)}</title></head>`,
    `<body style="margin:0;padding:12px 8px;background:#f3f5f7;font-family:${FONT};color:#1b2430">`,
    '<div style="max-width:600px;margin:0 auto;background:#ffffff;border-radius:10px;overflow:hidden">',
    `<div style="padding:22px 20px;background:${COLOUR[notice.tone]};color:#ffffff;font-size:22px;font-weight:700">${escapeHtml(notice.headline)}</div>`,
    ...sections,
    `<div style="padding:24px 20px 20px;font-size:12px;color:#5b6776">${escapeHtml(notice.foot)}</div>`,
    '</div></body></html>',
  ].join('\n');
}
