import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config-read.ts';
import type { ConfigInput } from '../../core/config.ts';
import { whyNotName, whyNotPart, whyNotScope } from '../../core/engine-limits.ts';
import { DUMP_ENGINES, ENGINES, type DumpEngine } from '../../core/engines.ts';
import * as names from '../../core/names.ts';
import { refuseForEngine } from '../../core/payloads.ts';
import { SCOPES } from '../../core/scope.ts';
import { CONFIG } from '../lib/synth.ts';

const ID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf';
const login = { host: 'shop.example.org', secret: SECRET };

/** What the config says of one target; '' when it takes it. */
function saidOf(target: object): string {
  try {
    parseConfig({ ...CONFIG, targets: [{ name: 'shop', database: 'shop', ...target }] as ConfigInput['targets'] });
    return '';
  } catch (thrown) {
    return (thrown as Error).message;
  }
}
const file = {
  storage: { efs: { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0' } },
};

describe('what an engine can not leave out', () => {
  it.each(DUMP_ENGINES)('%s has a reason for every scope that it lacks', (engine) => {
    const scopes: readonly string[] = ENGINES[engine].scopes;
    for (const kind of SCOPES) {
      const why = whyNotScope(engine, kind);
      if (scopes.includes(kind)) expect(why).toBeUndefined();
      else expect(why).toMatch(/\w+ .*\w+/);
      expect(why).not.toBe('it has no such thing');
    }
  });

  it.each([
    [{ tables: ['public.orders'] }, /scope\.tables is not for PostgreSQL: format plain is one script/],
    [{ exclude: ['public.log'] }, /scope\.exclude is not for PostgreSQL: format plain/],
    [{ dataOnly: true }, /scope\.dataOnly is not for PostgreSQL: format plain/],
  ])('plain SQL with %o is refused when the config is read, not at night', (scope, words) => {
    expect(saidOf({ engine: 'postgres', ...login, format: 'plain', scope })).toMatch(words);
    expect(saidOf({ engine: 'postgres', ...login, scope })).toBe('');
  });
  it('plain SQL of definitions, and of whole servers, is taken', () => {
    for (const scope of [{ schemaOnly: true }, { allDatabases: true }])
      expect(saidOf({ engine: 'postgres', ...login, format: 'plain', scope })).toBe('');
  });
  it.each(['sqlite', 'duckdb'] as const)('%s says why a file is no server', (engine) => {
    const said = saidOf({ engine, ...file, scope: { allDatabases: true } });
    expect(said).toContain('one file is one database');
    expect(said).not.toContain('leave out or take alone');
  });
  it('of rows alone no new database is made, and no part takes the place of a whole', () => {
    for (const engine of DUMP_ENGINES) {
      expect(whyNotPart(engine, 'new', { dataOnly: true })).toContain('Rows alone');
      expect(whyNotPart(engine, 'swap', { tables: ['orders'] })).toContain('never takes the place');
      expect(whyNotPart(engine, 'swap', {})).toBeUndefined();
    }
    expect(whyNotPart('postgres', 'overwrite', { schemaOnly: true })).toBeUndefined();
    expect(whyNotPart('mysql', 'overwrite', { schemaOnly: true })).toContain('MySQL can not');
  });
});

describe('names', () => {
  const longest: readonly (readonly [DumpEngine, string, string])[] = [
    ['postgres', 'x'.repeat(63), 'x'.repeat(64)],
    ['mysql', 'é'.repeat(64), 'x'.repeat(65)],
    ['mariadb', 'é'.repeat(64), 'x'.repeat(65)],
    ['mongodb', 'x'.repeat(63), 'x'.repeat(64)],
    ['sqlite', `${'x'.repeat(197)}.db`, 'ä'.repeat(101)],
    ['duckdb', `${'x'.repeat(197)}.db`, 'ä'.repeat(101)],
    ['myduck', 'x'.repeat(63), 'x'.repeat(64)],
  ];
  it.each(longest)(
    '%s: whatever name can be backed up can be restored under, and a longer one is refused',
    (engine, long, tooLong) => {
      for (const mode of ENGINES[engine].modes) {
        expect(() => refuseForEngine(engine, { mode, database: long }, engine)).not.toThrow();
        expect(() => refuseForEngine(engine, { mode, database: tooLong }, engine)).toThrow(
          expect.objectContaining({
            code: 'INPUT_INVALID',
            detail: expect.stringMatching(/is longer than \d+/) as string,
          }),
        );
      }
      const fields = 'storage' in ENGINES[engine].fields ? file : login;
      const exchange = engine === 'myduck' ? { exchange: { bucket: 'shop-exchange', user: 'exchange' } } : {};
      expect(saidOf({ engine, ...fields, ...exchange, database: long })).toBe('');
      expect(saidOf({ engine, ...fields, ...exchange, database: tooLong })).toMatch(/database is longer than \d+/);
      const makers = [names.aliasDatabase, names.replacedDatabase, names.rolledBackDatabase, names.restoredDatabase];
      for (const make of makers) expect(whyNotName(engine, make(long, ID))).toBeUndefined();
    },
  );
  it('a file is called by a plain name', () => {
    for (const database of ['a/b', '..', '.'])
      expect(() => refuseForEngine('sqlite', { mode: 'new', database })).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID' }),
      );
  });
});
