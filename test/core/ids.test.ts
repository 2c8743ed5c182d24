import { describe, expect, it } from 'vitest';
import { highestIdAt, idOfExecution, isId, lowestIdAt, timeOfId } from '../../core/ids.ts';

const WHEN = '2026-11-21T01:30:00.123Z';

describe('the id of an execution', () => {
  it('is the same however often it is asked for, and however the moment is written', () => {
    expect(idOfExecution('arn:a', WHEN)).toBe(idOfExecution('arn:a', WHEN));
    expect(idOfExecution('arn:a', '2026-11-21T02:30:00.123+01:00')).toBe(idOfExecution('arn:a', WHEN));
  });

  it('is another for another execution of the same moment', () => {
    const ids = Array.from({ length: 5_000 }, (_, index) => idOfExecution(`arn:${index}`, WHEN));
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids.slice(0, 100)) expect(isId(id)).toBe(true);
  });

  it('sorts by time and carries it', () => {
    const later = idOfExecution('arn:a', '2026-11-21T01:30:00.124Z');
    const id = idOfExecution('arn:z', WHEN);
    expect(id < later).toBe(true);
    expect(timeOfId(id)).toBe(Date.parse(WHEN));
    expect(lowestIdAt(Date.parse(WHEN)) <= id && id <= highestIdAt(Date.parse(WHEN))).toBe(true);
  });

  it('is not mistaken for other words', () => {
    for (const text of ['latest', '', '2026-11-21T01:30:00Z', idOfExecution('a', WHEN).toLowerCase(), 'I'.repeat(26)])
      expect(isId(text)).toBe(false);
  });
});
