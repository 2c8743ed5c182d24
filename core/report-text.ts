/** The report as plain text, for mail readers and for searching. */
import type { FailureView, GoodRow, Label, ReportView, Section } from './report-view.ts';

export const reportText = (view: ReportView): string =>
  [view.headline, `${view.facts.join(', ')}.`, '', ...view.sections.flatMap(sectionLines), ...view.foot, ''].join('\n');

function sectionLines(section: Section): string[] {
  const { heading } = section;
  const count = heading?.count === undefined ? '' : ` (${heading.count})`;
  return [...(heading ? [`${heading.title.toUpperCase()}${count}`, ''] : []), ...contentLines(section), ''];
}

function contentLines(section: Section): string[] {
  switch (section.kind) {
    case 'note':
      return [section.text];
    case 'failures':
      return section.failures.flatMap((one, index) => [...(index === 0 ? [] : ['']), ...failureLines(one)]);
    case 'good':
      return goodTable(section.rows);
    case 'warnings':
      return section.warnings.map(({ target, text }) => `  ${target === undefined ? '' : `${target}: `}${text}`);
  }
}

function failureLines({ target, message, detail, todo, newestGood, more }: FailureView): string[] {
  const words = ({ label, text }: Label): string => `    ${label} ${text}`;
  return [
    `  ${target === undefined ? '' : `${target}: `}${message}`,
    ...(detail === undefined ? [] : [`    ${detail.replaceAll('\n', '\n    ')}`]),
    words(todo),
    ...(newestGood ? [words(newestGood)] : []),
    `    ${more.join(', ')}`,
  ];
}

function goodTable(good: readonly GoodRow[]): string[] {
  const rows = good.map((row) => [row.target, row.size, row.change + (row.shrunk ? ' (!)' : ''), row.took]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.flatMap((row, index) => {
    const { native } = good[index]!;
    return [
      `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd(),
      ...(native === undefined ? [] : [`    ${native}`]),
    ];
  });
}
