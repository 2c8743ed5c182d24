import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../core/errors.ts';

const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const beforeAlarms = runbook.slice(0, runbook.indexOf('\n# Alarms'));
const headings = [...beforeAlarms.matchAll(/^## ([A-Z_]+)$/gm)].map((match) => match[1]!);

describe('the runbook', () => {
  it('has one section for every error code and none for a code that is gone', () => {
    expect([...headings].sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it('says something in every section', () => {
    for (const code of headings) {
      const body = beforeAlarms.split(`\n## ${code}\n`)[1]!.split(/\n#/)[0]!.trim();
      expect(body.length, code).toBeGreaterThan(60);
    }
  });
});
