import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLUSTER_SETTINGS, MEMBER_SETTINGS } from '../../services/aurora-settings.ts';
import { INSTANCE_SETTINGS } from '../../services/rds-settings.ts';
import { documented } from '../../services/settings-table.ts';

const page = readFileSync(new URL('../../docs/native-restore.md', import.meta.url), 'utf8');

/** Rows of the first table after a heading, without the padding of the formatter. */
function rowsAfter(heading: string): string[] {
  const lines = page.split(`\n${heading}\n`)[1]!.split('\n');
  const table = lines.slice(lines.findIndex((line) => line.startsWith('|')));
  return table
    .slice(
      2,
      table.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) => line.replaceAll(/ +/g, ' '));
}

describe('docs/native-restore.md', () => {
  it.each([
    ['## RDS instances', documented(INSTANCE_SETTINGS)],
    ['### The cluster', documented(CLUSTER_SETTINGS)],
    ['### Its members', documented(MEMBER_SETTINGS, true)],
  ])('says of every setting what AWS does and what is done about it: %s', (heading, rows) => {
    expect(rowsAfter(heading)).toEqual(rows);
  });
});
