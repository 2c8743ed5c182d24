import { describe, expect, it } from 'vitest';
import { age, bytes, count, duration, fields, painter, plural, table, utc } from '../../cli/format.ts';
import { barLine } from '../../cli/bar-meter.ts';
import { amount, lineMeter } from '../../cli/meter.ts';

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [100 * 1024 ** 2, '100 MiB'],
    [5.25 * 1024 ** 4, '5.3 TiB'],
  ])('%d bytes read as %s', (value, text) => expect(bytes(value)).toBe(text));

  it.each([
    [0, '0.0 s'],
    [9.96, '10 s'],
    [59.6, '1 min 00 s'],
    [192, '3 min 12 s'],
    [3_599.7, '1 h 00 min'],
    [7_500, '2 h 05 min'],
    [3 * 86_400 + 4 * 3_600, '3 d 4 h'],
  ])('%d seconds read as %s', (value, text) => expect(duration(value)).toBe(text));

  it('groups digits and agrees in number', () => {
    expect(count(1234567)).toBe('1,234,567');
    expect([plural(1, 'backup'), plural(2, 'backup')]).toEqual(['1 backup', '2 backups']);
  });
});

describe('times', () => {
  const now = Date.parse('2026-11-21T09:00:00Z');
  it('are UTC, whatever zone they came in', () =>
    expect(utc('2026-11-21T03:30:00+01:00')).toBe('2026-11-21 02:30:00 UTC'));
  it('say how long ago and how far ahead', () => {
    expect(age('2026-11-21T05:40:00Z', now)).toBe('3 h 20 min ago');
    expect(age('2026-11-21T10:00:00Z', now)).toBe('in 1 h 00 min');
    expect(age('2026-11-21T09:00:01Z', now)).toBe('just now');
  });
});

describe('tables', () => {
  it('stay aligned when cells are coloured', () => {
    const red = painter(true)('red', 'FAILED');
    const lines = table(
      [{ title: 'a' }, { title: 'b', right: true }],
      [
        [red, '1'],
        ['COMPLETED', '22'],
      ],
    );
    expect(lines.map((line) => line.replace(/\u001b\[\d+m/g, ''))).toEqual([
      'A           B',
      'FAILED      1',
      'COMPLETED  22',
    ]);
  });
  it('keep a value’s further lines under its first', () =>
    expect(
      fields([
        ['a', 'x\ny'],
        ['none', undefined],
      ]),
    ).toEqual(['a  x\n   y']));
});

describe('progress', () => {
  it('never claims more than all of it', () =>
    expect(amount({ bytes: 300, totalBytes: 200 })).toBe('300 B of 200 B, 100 %'));
  it('draws no bar where the end is not known', () =>
    expect(barLine({ label: 'backup shop', phase: 'dumping', bytes: 2048, seconds: 3 })).toBe(
      'backup shop  dumping  2.0 KiB  3.0 s',
    ));
  it('in plain lines comes at each phase and each half minute, not at each look', () => {
    const lines: string[] = [];
    const meter = lineMeter((line) => lines.push(line));
    for (let seconds = 0; seconds <= 60; seconds += 2)
      meter.show({ label: 'x', phase: seconds < 10 ? 'starting' : 'dumping', bytes: 0, seconds });
    expect(lines).toEqual(['x  starting  0.0 s', 'x  dumping  10 s', 'x  dumping  40 s']);
  });
});
