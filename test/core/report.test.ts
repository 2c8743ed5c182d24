import { describe, expect, it } from 'vitest';
import { failure } from '../../core/errors.ts';
import {
  LISTED_OK,
  ageText,
  changeText,
  durationText,
  momentText,
  sizeText,
  subjectOf,
  type ReportLine,
  type RunSummary,
} from '../../core/report.ts';
import { brokenHtml, reportHtml } from '../../core/report-html.ts';
import { brokenText, reportText } from '../../core/report-text.ts';

const good = (target: string, more: Partial<ReportLine> = {}): ReportLine => ({
  target,
  outcome: 'COMPLETED',
  backupId: `B-${target}`,
  storedBytes: 2_500_000_000,
  previousBytes: 2_400_000_000,
  seconds: 754,
  newestGoodAt: '2026-11-21T01:31:00.000Z',
  warnings: [],
  ...more,
});
const bad = (target: string, more: Partial<ReportLine> = {}): ReportLine => ({
  target,
  outcome: 'FAILED',
  backupId: `B-${target}`,
  newestGoodAt: '2026-11-19T01:31:00.000Z',
  failure: failure('AUTH_FAILED', { detail: 'FATAL: password authentication failed' }),
  warnings: [],
  ...more,
});
const summary = (...lines: ReportLine[]): RunSummary => ({
  name: 'shop-prod',
  runId: 'daily-20261121T013000Z',
  trigger: 'daily',
  scheduledTime: '2026-11-21T01:30:00.000Z',
  startedAt: '2026-11-21T01:30:10.000Z',
  endedAt: '2026-11-21T02:05:10.000Z',
  timeZone: 'Europe/Zurich',
  lines,
  notes: [],
});
const bodies = (one: RunSummary): string[] => [reportText(one), reportHtml(one, subjectOf(one))];

describe('the subject', () => {
  it.each([
    [[], 'Nightjar shop-prod: nothing was due'],
    [[good('a')], 'Nightjar shop-prod: 1 backup completed'],
    [[good('a'), good('b')], 'Nightjar shop-prod: all 2 backups completed'],
    [[good('a'), bad('b')], 'Nightjar shop-prod: 1 of 2 backups FAILED'],
    [[bad('a'), bad('b')], 'Nightjar shop-prod: ALL 2 backups FAILED'],
    [[bad('a')], 'Nightjar shop-prod: the backup FAILED'],
  ])('says it all', (lines, subject) => {
    expect(subjectOf(summary(...lines))).toBe(subject);
  });
});

describe('the report', () => {
  it('names every target, what it cost, and how it changed', () => {
    for (const body of bodies(summary(good('orders'), good('users', { storedBytes: 1_200, previousBytes: 2_400 })))) {
      for (const words of ['orders', '2.50 GB', '+4.2 %', '13 min', 'users', '1.20 kB', '−50 %'])
        expect(body).toContain(words);
    }
  });

  it('puts failures first, the one longest without a good backup on top, with reason, hint and age', () => {
    const never = bad('never');
    delete never.newestGoodAt;
    for (const body of bodies(summary(good('aaa'), bad('bbb'), never))) {
      const at = (words: string): number => body.indexOf(words);
      expect(at('never')).toBeLessThan(at('bbb'));
      expect(at('bbb')).toBeLessThan(at('aaa'));
      for (const words of [
        'AUTH_FAILED',
        'password authentication failed',
        'What to do:',
        '2 days old',
        'nightjar show B-bbb',
      ])
        expect(body).toContain(words);
    }
  });

  it('says that nothing was due instead of being empty', () => {
    for (const body of bodies(summary())) expect(body).toContain('no target has this frequency');
  });

  it('shows the warnings of backups that completed', () => {
    for (const body of bodies(summary(good('a', { warnings: ['TLS is not verified'] })))) {
      expect(body).toContain('TLS is not verified');
      expect(body.toLowerCase()).toContain('to be looked at');
    }
  });

  it('escapes whatever a server or a config said', () => {
    const evil = bad('<b>x', { failure: failure('DUMP_FAILED', { detail: '<script>alert("1")</script> & \'more\'' }) });
    const html = reportHtml(summary(evil), 'a <title>');
    expect(html).not.toContain('<script>');
    expect(html).not.toContain('<b>x');
    expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;more&#39;');
    expect(html).toContain('<title>a &lt;title&gt;</title>');
  });

  it('sums up hundreds of good backups and still lists every failure', () => {
    const many = Array.from({ length: LISTED_OK + 1 }, (_, index) => good(`good-${index}`));
    for (const body of bodies(summary(...many, bad('broken')))) {
      expect(body).not.toContain('good-7');
      expect(body).toContain('broken');
      expect(body).toContain(`${LISTED_OK + 1}`);
    }
    for (const body of bodies(summary(...many.slice(1)))) expect(body).toContain('good-300');
  });

  it('fetches nothing: no image, no link, no script', () => {
    expect(reportHtml(summary(good('a'), bad('b')), 's')).not.toMatch(/<img|<script|href=|src=|url\(/);
  });

  it('says that a run broke off, and where to look', () => {
    const run = {
      name: 'shop-prod',
      runId: 'daily-20261121T013000Z',
      trigger: 'daily',
      scheduledTime: '2026-11-21T01:30:00.000Z',
      timeZone: 'UTC',
      failure: failure('CONFIG_INVALID', { detail: 'targets.0.host <is missing>' }),
      executionArn: 'arn:aws:states:eu-west-1:123456789012:execution:shop-prod-nightly:x',
    };
    expect(brokenText(run)).toContain('targets.0.host <is missing>');
    const html = brokenHtml(run, 's');
    expect(html).toContain('targets.0.host &lt;is missing&gt;');
    expect(html).toContain(run.executionArn);
  });
});

describe('words for numbers', () => {
  it('are short and honest', () => {
    expect([0, 999, 1_000, 999_600, 12_345_678, 5e15].map(sizeText)).toEqual([
      '0 B',
      '999 B',
      '1.00 kB',
      '1.00 MB',
      '12.3 MB',
      '5.00 PB',
    ]);
    expect([0.4, 89, 90, 3_540, 3_599, 7_500, 400_000].map(durationText)).toEqual([
      '0 s',
      '89 s',
      '2 min',
      '59 min',
      '1 h 00 min',
      '2 h 05 min',
      '5 days',
    ]);
    expect(changeText({ storedBytes: 100, previousBytes: 100 })).toBe('same');
    expect(changeText({ storedBytes: 100, previousBytes: undefined })).toBe('first');
    expect(changeText({ storedBytes: 100, previousBytes: 0 })).toBe('+100 B');
    expect(ageText(undefined, '2026-11-21T02:05:10.000Z')).toBe('never');
    expect(momentText('2026-11-21T01:30:00.000Z', 'Europe/Zurich')).toBe('Sat 21 Nov 2026, 02:30 CET');
  });
});

describe('databases whose service keeps the recovery points', () => {
  const window = { on: true, earliest: '2026-11-14T01:30:00.000Z', latest: '2026-11-21T02:01:10.000Z' };
  const point = 'arn:aws:rds:eu-west-1:123456789012:snapshot:nightjar-shop-01jd5zk7s8q2m4n6p8r0t2v4w6';

  it('show what PITR reaches, how close to now, and their point', () => {
    for (const text of bodies(summary(good('shop', { native: { window, point } })))) {
      expect(text).toContain('PITR reaches from Sat 14 Nov 2026, 02:30 CET to Sat 21 Nov 2026, 03:01 CET');
      expect(text).toContain('4 min before the end of the run');
      expect(text).toContain('recovery point nightjar-shop-01jd5zk7s8q2m4n6p8r0t2v4w6');
      expect(text.toLowerCase()).not.toContain('point-in-time recovery is off');
    }
  });

  it('stand at the top when PITR is off, above everything that went well', () => {
    const off = summary(good('a-dump'), good('shop', { native: { window: { on: false }, point } }));
    for (const text of bodies(off)) {
      const at = text.search(/point-in-time recovery is off/i);
      expect(at).toBeGreaterThan(-1);
      expect(at).toBeLessThan(text.indexOf('a-dump'));
      expect(text).toContain('PITR is OFF');
    }
  });

  it('are told of when a tag is wrong, escaped as everything that is not ours', () => {
    const noted = { ...summary(good('shop')), notes: ["the tag says '<often>'"] };
    expect(reportText(noted)).toContain("the tag says '<often>'");
    expect(reportHtml(noted, 'x')).toContain('the tag says &#39;&lt;often&gt;&#39;');
  });
});
