/** What a restore may take of a backup that holds a part, for every kind of engine. */
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../core/backup.ts';
import { ENGINES, type DumpEngine } from '../../core/engines.ts';
import type { RestoreJob } from '../../core/job.ts';
import { isPart, narrowed, partInWords, refuseUncovered } from '../../core/narrowing.ts';
import type { BackupScope, Scope } from '../../core/scope.ts';

type Held = Pick<Manifest, 'scope' | 'engine' | 'format'>;
const held = (engine: DumpEngine, scope?: BackupScope, format = 'custom'): Held => ({
  engine,
  format,
  ...(scope && { scope }),
});
const job = (mode: RestoreJob['mode'], scope?: Scope) => ({ mode, ...(scope && { scope }) });
const PARTS: BackupScope[] = [{ tables: ['a'] }, { exclude: ['a'] }, { schemaOnly: true }, { dataOnly: true }];

describe('a backup of a part', () => {
  it.each(['mongodb', 'sqlite', 'duckdb'] as const)('is never swapped in for a whole database (%s)', (engine) => {
    for (const part of PARTS)
      expect(() => narrowed(job('swap'), held(engine, part)), JSON.stringify(part)).toThrow(/Nothing was touched/);
    expect(narrowed(job('swap'), held(engine))).toEqual(job('swap'));
  });

  it('overwrites only what it holds', () => {
    for (const part of PARTS) expect(isPart(job('overwrite'), held('duckdb', part))).toBe(true);
    expect(narrowed(job('overwrite'), held('duckdb', { tables: ['a'] })).scope).toEqual({ tables: ['a'] });
    expect(narrowed(job('overwrite'), held('duckdb', { exclude: ['a'] })).scope).toBeUndefined();
    expect(() => narrowed(job('overwrite'), held('postgres', { exclude: ['a'] }))).toThrow(/would lose them/);
    expect(isPart(job('overwrite'), held('mongodb', { allDatabases: true }))).toBe(false);
  });

  it('comes back beside as it is, unless less of it is asked for', () => {
    expect(narrowed(job('new'), held('duckdb', { tables: ['a', 'b'] }))).toEqual(job('new'));
    const one = job('new', { tables: ['a'] });
    expect(narrowed(one, held('duckdb', { tables: ['a', 'b'] }))).toEqual(one);
  });

  it('is told in words, also a long one', () => {
    expect(partInWords({ exclude: ['a', 'b'], schemaOnly: true })).toBe('all tables but a, b, their definitions only');
    expect(partInWords({ tables: Array.from({ length: 12 }, (_, i) => `t${i}`) })).toMatch(/t9 and 2 more$/);
  });
});

describe('a backup of plain SQL', () => {
  const script = (scope?: BackupScope) => held('postgres', scope, 'plain');
  it.each(ENGINES.postgres.modes)('comes back by %s as it is, and is refused by parts with the reason', (mode) => {
    for (const scope of [{ tables: ['public.a'] }, { schemaOnly: true }, { dataOnly: true }]) {
      const refused = () => narrowed(job(mode, scope), script());
      expect(refused, JSON.stringify(scope)).toThrow(/as it is only: format plain is one script/);
      expect(refused).toThrow(expect.objectContaining({ code: 'SCOPE_REFUSED' }));
    }
    expect(narrowed(job(mode), script())).toEqual(job(mode));
    expect(narrowed(job(mode), script({ allDatabases: true }))).toEqual(job(mode));
  });

  it('of definitions only can be asked for what it holds, and for no less', () => {
    const bare = script({ schemaOnly: true });
    expect(narrowed(job('new', { schemaOnly: true }), bare)).toEqual(job('new', { schemaOnly: true }));
    expect(() => narrowed(job('new', { tables: ['public.a'] }), bare)).toThrow(/one script/);
  });
});

describe('what an overwrite replaces', () => {
  const wish = (scope?: Scope) => job('overwrite', scope);
  const refused = (asked: ReturnType<typeof wish>, of: Held, safe?: BackupScope): boolean => {
    try {
      refuseUncovered(narrowed(asked, of), of, safe);
      return false;
    } catch (thrown) {
      expect((thrown as { code?: string }).code).toBe('SCOPE_REFUSED');
      return true;
    }
  };

  it('is in the safety backup, whatever the target’s scope has become since the backup', () => {
    const whole = held('mongodb');
    expect(refused(wish(), whole)).toBe(false);
    expect(refused(wish(), whole, { allDatabases: true })).toBe(false);
    for (const part of PARTS) expect(refused(wish(), whole, part), JSON.stringify(part)).toBe(true);
    for (const part of PARTS) expect(refused(job('swap'), whole, part)).toBe(false);
    expect(refused(wish({ tables: ['a'] }), whole, { tables: ['a', 'b'] })).toBe(false);
    expect(refused(wish({ tables: ['c'] }), whole, { tables: ['a', 'b'] })).toBe(true);
    expect(refused(wish({ tables: ['b'] }), whole, { exclude: ['a'] })).toBe(false);
    expect(refused(wish({ tables: ['a'] }), whole, { exclude: ['a'] })).toBe(true);
    expect(refused(wish({ dataOnly: true }), whole, { dataOnly: true })).toBe(false);
    expect(refused(wish({ schemaOnly: true }), whole, { schemaOnly: true })).toBe(true);
  });

  it('is in a safety backup of the same scope as the backup', () => {
    for (const part of PARTS.filter((one) => !one.schemaOnly))
      expect(refused(wish(), held('mongodb', part), part), JSON.stringify(part)).toBe(false);
    expect(refused(wish(), held('mongodb', { exclude: ['a'] }), { exclude: ['a', 'b'] })).toBe(true);
  });
});
