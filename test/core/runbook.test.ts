import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../core/errors.ts';
import { ALARMS } from '../../lib/alarm-list.ts';

const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const beforeAlarms = runbook.slice(0, runbook.indexOf('\n# Alarms'));
const headings = [...beforeAlarms.matchAll(/^## ([A-Z_]+)$/gm)].map((match) => match[1]!);

describe('the runbook', () => {
  it('has one section for every error code and none for a code that is gone', () => {
    expect([...headings].sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it('has one section for every alarm, in the order of the list', () => {
    const alarms = [...runbook.slice(beforeAlarms.length).matchAll(/^## (.+)$/gm)].map((match) => match[1]);
    expect(alarms).toEqual(ALARMS.map((alarm) => alarm.name));
  });

  it('says something in every section', () => {
    for (const heading of [...headings, ...ALARMS.map((alarm) => alarm.name)]) {
      const body = runbook.split(`\n## ${heading}\n`)[1]!.split(/\n#/)[0]!.trim();
      expect(body.length, heading).toBeGreaterThan(60);
    }
  });
});
