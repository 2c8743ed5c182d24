/** Every part that a backup may hold, every part that may be asked for, every mode: row by row, or refused beforehand. */
import { copyFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { whyNotPart } from '../../../core/engine-limits.ts';
import type { RestoreMode } from '../../../core/engines.ts';
import { narrowed, withinHeld } from '../../../core/narrowing.ts';
import type { BackupScope, Scope } from '../../../core/scope.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { failure, type Rows } from '../../contracts/engine-bench.ts';
import { awkwardSql, DAMAGE } from './awkward.ts';
import { targetAt } from './harness.ts';
import { leave, room, type Room } from './room.ts';

/** One that keeps no text of its own, one that is missing, one without rowids, one that triggers look at. */
const ASKED = ['contentless', 'boxes', 'with space', 'parent'];
const SOME = [...ASKED, 'texts', 'select'];
const WITHOUT = ['big', 'wide'];

const HELD: Record<string, BackupScope> = {
  'the whole': {},
  tables: { tables: SOME },
  exclude: { exclude: WITHOUT },
  schemaOnly: { schemaOnly: true },
  'tables, schemaOnly': { tables: SOME, schemaOnly: true },
  dataOnly: { dataOnly: true },
  'exclude, dataOnly': { exclude: WITHOUT, dataOnly: true },
};
const WANTED: (Scope | undefined)[] = [
  undefined,
  { tables: ASKED },
  { schemaOnly: true },
  { tables: ASKED, schemaOnly: true },
  { dataOnly: true },
  { tables: ASKED, dataOnly: true },
];
const places = ['damaged.db', 'hollow.db', 'original.db', 'shop.db'];
const MODES: RestoreMode[] = ['new', 'swap', 'overwrite'];

const MORE_DAMAGE = `INSERT INTO contentless (rowid, body) VALUES (6, 'later words'); DROP TABLE boxes;`;
const FINE = `SELECT group_concat(rowid) FROM contentless WHERE contentless MATCH 'hidden OR later';
  INSERT INTO texts (texts) VALUES ('integrity-check'); INSERT INTO contentless (contentless) VALUES ('integrity-check');
  PRAGMA integrity_check;`;

/** What a key of {@link Rows} belongs to: a virtual table's own tables to it. */
function ownerOf(key: string): string | undefined {
  if (!key.startsWith('(')) return key;
  const name = key.slice(1, -1);
  return ['texts', 'contentless', 'boxes'].find((one) => name.startsWith(`${one}_`));
}
const tablesIn = (rows: Rows): string[] => [...new Set(Object.keys(rows).flatMap((key) => ownerOf(key) ?? []))];
const of = (rows: Rows, table: string): Rows =>
  Object.fromEntries(Object.entries(rows).filter(([key]) => ownerOf(key) === table));

describe.each(['file', 'sql'] as const)('of a backup kept as %s', (format) => {
  let here: Room;
  let original: Rows;
  let damaged: Rows;
  let hollow: Rows;
  beforeAll(async () => {
    here = await room({ format });
    await here.sql('original.db', awkwardSql({ zero: format === 'file' }));
    original = await here.server.rowsOf('original.db');
    await here.sql('damaged.db', awkwardSql({ zero: format === 'file' }) + DAMAGE + MORE_DAMAGE);
    damaged = await here.server.rowsOf('damaged.db');
    // Made by SQLite itself: what a virtual table keeps is there from its first day.
    const schema = await here.sql('original.db', '.schema --nosys');
    await here.sql(
      'hollow.db',
      `PRAGMA page_size = 8192; PRAGMA encoding = 'UTF-16le';\n` +
        schema.replaceAll(/^CREATE TABLE (IF NOT EXISTS )?'\w+_\w+'.*$/gm, ''),
    );
    hollow = await here.server.rowsOf('hollow.db');
    expect(tablesIn(hollow).sort()).toEqual(tablesIn(original).sort());
  });
  afterAll(() => leave(here));

  beforeEach(() => copyFile(here.server.path('damaged.db'), here.server.path('shop.db')));

  it.each(Object.keys(HELD))(
    'what was asked of a backup with %s comes back, or it was refused beforehand',
    async (kind) => {
      const held = HELD[kind]!;
      const { manifest, backup } = await here.bench.dump('original.db', {
        target: targetAt('original.db', { format, ...(kind === 'the whole' ? {} : { scope: held }) }),
      });
      const inBackup = (table: string): boolean => held.tables?.includes(table) ?? !held.exclude?.includes(table);
      const asked = MODES.flatMap((mode) => WANTED.map((scope) => ({ mode, scope })));
      const isRefused = ({ mode, scope }: (typeof asked)[number]): boolean => refusedBeforehand(mode, scope, manifest);
      const restoring = ({ mode, scope }: (typeof asked)[number]): ReturnType<typeof here.bench.restore> => {
        const job = here.bench.restoreJob(mode === 'new' ? 'beside.db' : 'shop.db', mode, scope && { scope });
        return here.bench.restore(job, memorySource(manifest, backup));
      };
      for (const one of asked.filter(isRefused))
        expect((await failure(restoring(one))).code, JSON.stringify(one)).toBe('SCOPE_REFUSED');
      expect(await here.server.rowsOf('shop.db')).toEqual(damaged);
      expect((await here.server.databases()).sort()).toEqual(places);
      for (const one of asked.filter((each) => !isRefused(each))) {
        const { mode, scope } = one;
        const what = JSON.stringify(one);
        const name = mode === 'new' ? 'beside.db' : 'shop.db';
        await copyFile(here.server.path('damaged.db'), here.server.path('shop.db'));
        expect((await restoring(one)).comparison.equal, what).toBe(true);
        const found = await here.server.rowsOf(name);
        const { tables, schemaOnly } = withinHeld(scope, held);
        const back = tablesIn(original).filter((one) => inBackup(one) && (tables?.includes(one) ?? true));
        const source = schemaOnly ? hollow : original;
        for (const table of back) expect(of(found, table), `${what}: ${table}`).toEqual(of(source, table));
        if (mode === 'new') expect(tablesIn(found).sort(), what).toEqual(back.sort());
        if (mode === 'overwrite')
          for (const table of tablesIn(damaged).filter((one) => !back.includes(one)))
            expect(of(found, table), `${what}: ${table}`).toEqual(of(damaged, table));
        if (back.includes('contentless') && back.includes('texts') && !schemaOnly)
          expect(await here.sql(name, FINE), what).toBe('5\nok');
        else expect(await here.sql(name, 'PRAGMA integrity_check;'), what).toBe('ok');
        if (mode === 'swap') {
          // The whole for the whole; what was there is kept.
          expect([kind, scope], what).toEqual(['the whole', undefined]);
          const [old] = (await here.server.databases()).filter((one) => one.startsWith('shop') && one !== 'shop.db');
          expect(await here.server.rowsOf(old!), what).toEqual(damaged);
          await rm(here.server.path(old!));
        }
        if (mode === 'new') await rm(here.server.path(name));
      }
    },
  );
});

/** As the plan finds it, from the manifest alone. */
function refusedBeforehand(
  mode: RestoreMode,
  scope: Scope | undefined,
  manifest: Parameters<typeof narrowed>[1],
): boolean {
  try {
    const asked = narrowed({ mode, ...(scope && { scope }) }, manifest);
    return whyNotPart('sqlite', mode, withinHeld(asked.scope, manifest.scope)) !== undefined;
  } catch {
    return true;
  }
}
