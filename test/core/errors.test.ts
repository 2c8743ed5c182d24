import { describe, expect, it } from 'vitest';
import { DETAIL_LIMIT, ERRORS, NightjarError, failure, isErrorCode, toNightjarError } from '../../core/errors.ts';

describe('the registry of errors', () => {
  it('has a whole sentence and a hint for every code', () => {
    for (const [code, entry] of Object.entries(ERRORS)) {
      expect(code).toMatch(/^[A-Z][A-Z_]+$/);
      expect(entry.message, code).toMatch(/^[A-Z].*\.$/s);
      expect(entry.hint, code).toMatch(/^\S.*[.`)]$/s);
      expect(entry.exitCode, code).toBeGreaterThan(0);
    }
  });

  it('knows its codes and nothing that objects inherit', () => {
    expect(isErrorCode('TASK_DIED')).toBe(true);
    for (const other of ['toString', 'constructor', '', 7, undefined]) expect(isErrorCode(other)).toBe(false);
  });
});

describe('an error', () => {
  it('is named by its code, because Step Functions matches by the name', () => {
    const error = new NightjarError('TARGET_BUSY', { operation: 'lock', detail: 'held by X' });
    expect(error.name).toBe('TARGET_BUSY');
    expect(error.message).toBe(`${ERRORS.TARGET_BUSY.message} held by X`);
    expect(error.toFailure()).toEqual({
      code: 'TARGET_BUSY',
      message: ERRORS.TARGET_BUSY.message,
      hint: ERRORS.TARGET_BUSY.hint,
      operation: 'lock',
      detail: 'held by X',
    });
  });

  it('of a stranger keeps its own words', () => {
    const error = toNightjarError(new TypeError('x is not a function'), 'sum up');
    expect(error).toMatchObject({ code: 'UNEXPECTED', detail: 'TypeError: x is not a function', operation: 'sum up' });
    expect(toNightjarError(error)).toBe(error);
    expect(toNightjarError('words').detail).toBe('words');
  });

  it('keeps beginning and end of what is too long for a record', () => {
    const { detail } = failure('DUMP_FAILED', { detail: `begin${'x'.repeat(50_000)}end` });
    expect(detail!.length).toBeLessThanOrEqual(DETAIL_LIMIT);
    expect(detail).toMatch(/^begin.*end$/s);
  });
});
