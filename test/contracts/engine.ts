/**
 * What every engine promises, against a real server: `engineContract` is called once for each engine and server version. An
 * engine brings a harness; the promises are the same for all.
 */
import { createCipheriv } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../core/backup.ts';
import type { TargetOf } from '../../core/config.ts';
import { ENGINES, type DumpEngine, type RestoreMode } from '../../core/engines.ts';
import { aliasDatabase, replacedDatabase, rolledBackDatabase } from '../../core/names.ts';
import { tableName, type BackupScope, type Scope, type ScopeKind } from '../../core/scope.ts';
import type { Login } from '../../tasks/engine.ts';
import { listeningReporter, memoryBackup, memorySource, type MemoryBackup } from './doubles.ts';
import {
  benchOf,
  codeOf,
  dropOf,
  newId,
  rollbackOf,
  type Bench,
  type EngineHarness,
  type Rows,
} from './engine-bench.ts';

/** 64 MiB in which every byte occurs, no packing finds anything, and quotes, NULs and line ends stand at every place. */
function largeBytes(): Buffer {
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  return stream.update(Buffer.alloc(64 * 1024 ** 2));
}

/** Databases that a restore left behind besides those that were there before. */
async function newOnes<E extends DumpEngine>(bench: Bench<E>, before: readonly string[]): Promise<string[]> {
  return (await bench.server.databases()).filter((name) => !before.includes(name));
}

export function engineContract<E extends DumpEngine>(harness: EngineHarness<E>): void {
  describe(`${harness.title} keeps the engine's promises`, () => {
    const modes: readonly RestoreMode[] = ENGINES[harness.engine.name].modes;
    const scopes: readonly ScopeKind[] = ENGINES[harness.engine.name].scopes;
    const swaps = modes.includes('swap');
    let DATABASE: string;
    let bench: Bench<E>;
    let original: Rows;
    let made: { backup: MemoryBackup; manifest: Manifest };

    beforeAll(async () => {
      bench = await benchOf(harness);
      DATABASE = bench.server.awkwardName;
      await bench.server.seed(DATABASE);
      original = await bench.server.rowsOf(DATABASE);
      made = await bench.dump(DATABASE);
    });
    afterAll(async () => {
      await bench.server.stop();
      await rm(bench.scratch, { recursive: true, force: true });
    });
    const source = (stored?: Buffer): ReturnType<typeof memorySource> =>
      memorySource(made.manifest, made.backup, stored);

    it('brings every row of an awkward database back beside it', async () => {
      const job = bench.restoreJob('copy', 'new');
      const outcome = await bench.restore(job, source());
      expect(await bench.server.rowsOf('copy')).toEqual(original);
      expect(outcome).toMatchObject({ restoredDatabase: 'copy', comparison: { equal: true, differences: [] } });
      expect(outcome.comparison.rowsFound).toBeGreaterThan(0);
      expect(outcome.comparison.tablesCompared).toBe(made.manifest.fingerprint.tables.length);
      await bench.server.dropDatabase('copy');
    });

    it('refuses to restore beside under a name that is taken, and leaves that one alone', async () => {
      const before = await bench.server.databases();
      expect(await codeOf(bench.restore(bench.restoreJob(DATABASE, 'new'), source()))).toBe('DESTINATION_EXISTS');
      expect(await bench.server.rowsOf(DATABASE)).toEqual(original);
      expect(await newOnes(bench, before)).toEqual([]);
    });

    it.runIf(swaps)('swaps the backup in under busy sessions, rolls back, and drops what was replaced', async () => {
      await bench.server.damage(DATABASE);
      const damaged = await bench.server.rowsOf(DATABASE);
      expect(damaged).not.toEqual(original);
      const busy = await bench.server.busySession(DATABASE);
      const job = bench.restoreJob(DATABASE, 'swap');
      const old = replacedDatabase(DATABASE, job.id);

      const outcome = await bench.restore(job, source());
      expect(outcome).toMatchObject({ restoredDatabase: DATABASE, replacedDatabase: old, comparison: { equal: true } });
      expect(await busy.wasEnded()).toBe(bench.server.swapEndsSessions);
      expect(await bench.server.rowsOf(DATABASE)).toEqual(original);
      expect(await bench.server.rowsOf(old)).toEqual(damaged);
      // The same task again, as after a crash that lost its answer.
      expect(await bench.restore(job, source())).toMatchObject({ restoredDatabase: DATABASE, replacedDatabase: old });
      expect(await bench.server.rowsOf(old)).toEqual(damaged);

      const back = rollbackOf(job);
      const undone = rolledBackDatabase(DATABASE, job.id);
      expect(await bench.engine.rollback(bench.context(DATABASE), back)).toEqual({
        serving: DATABASE,
        setAside: undone,
      });
      expect(await bench.engine.rollback(bench.context(DATABASE), back)).toEqual({
        serving: DATABASE,
        setAside: undone,
      });
      expect(await bench.server.rowsOf(DATABASE)).toEqual(damaged);
      expect(await bench.server.rowsOf(undone)).toEqual(original);

      const dropJob = dropOf(job, undone, { database: DATABASE });
      expect(await bench.engine.drop(bench.context(DATABASE), dropJob)).toEqual({ dropped: true });
      expect(await bench.engine.drop(bench.context(DATABASE), dropJob)).toEqual({ dropped: false });
      expect(await bench.server.databases()).not.toContain(undone);
      expect(await codeOf(bench.engine.rollback(bench.context(DATABASE), { ...back, database: 'gone' }))).toBe(
        'ROLLBACK_IMPOSSIBLE',
      );
      // Back to the backup's state for the promises below.
      const again = bench.restoreJob(DATABASE, 'swap');
      await bench.restore(again, source());
      await bench.server.dropDatabase(replacedDatabase(DATABASE, again.id));
    });

    it('drops nothing that it did not replace itself', async () => {
      const drop = (name: string): Promise<unknown> =>
        bench.engine.drop(bench.context(DATABASE), dropOf(bench.restoreJob(DATABASE, 'swap'), name));
      expect(await codeOf(drop(DATABASE))).toBe('INPUT_INVALID');
      expect(await bench.server.databases()).toContain(DATABASE);
    });

    it.runIf(swaps)('swaps a database in whose old one is gone', async () => {
      const job = bench.restoreJob('vanished', 'swap');
      const outcome = await bench.restore(job, source());
      expect(outcome.replacedDatabase).toBeUndefined();
      expect(await bench.server.rowsOf('vanished')).toEqual(original);
      await bench.server.dropDatabase('vanished');
    });

    it.runIf(modes.includes('overwrite'))('overwrites the living database', async () => {
      await bench.server.damage(DATABASE);
      const outcome = await bench.restore(bench.restoreJob(DATABASE, 'overwrite'), source());
      expect(outcome.comparison.equal).toBe(true);
      expect(await bench.server.rowsOf(DATABASE)).toEqual(original);
    });

    if (harness.depth === 'ways') return;

    it('brings 64 MiB in one value back, byte by byte', async () => {
      const bytes = largeBytes();
      await bench.server.large.make('large', bytes);
      const { manifest, backup } = await bench.dump('large');
      const outcome = await bench.restore(bench.restoreJob('larger', 'new'), memorySource(manifest, backup));
      expect(outcome.comparison.equal).toBe(true);
      const back = await bench.server.large.read('larger');
      // Not by `toEqual`: it would write both of them down.
      expect({ size: back.length, same: back.equals(bytes) }).toEqual({ size: bytes.length, same: true });
      for (const database of ['large', 'larger']) await bench.server.dropDatabase(database);
    });

    it.each(modes)('never lets a damaged archive reach the old name (%s)', async (mode) => {
      const before = await bench.server.databases();
      const good = made.backup.finished.get('archive')!;
      const places = { middle: Math.floor(good.length / 2), 'last byte': good.length - 1 };
      for (const [where, at] of Object.entries(places)) {
        const flipped = Buffer.from(good);
        flipped[at]! ^= 0x10;
        const job = bench.restoreJob(mode === 'new' ? 'never' : DATABASE, mode);
        const code = await codeOf(bench.restore(job, source(flipped)));
        expect(['CHECKSUM_MISMATCH', 'RESTORE_FAILED'], where).toContain(code);
        expect(await bench.server.rowsOf(DATABASE), where).toEqual(original);
        expect(await newOnes(bench, before), where).toEqual([]);
      }
    });

    it.runIf(swaps)(
      'notices rows that are not the backup’s, keeps them for inspection, and leaves the old database serving',
      async () => {
        const [first, ...others] = made.manifest.fingerprint.tables;
        const wrong: Manifest = {
          ...made.manifest,
          fingerprint: { ...made.manifest.fingerprint, tables: [{ ...first!, rows: first!.rows + 1 }, ...others] },
        };
        const before = await bench.server.databases();
        const job = bench.restoreJob(DATABASE, 'swap');
        expect(await codeOf(bench.restore(job, memorySource(wrong, made.backup)))).toBe('FINGERPRINT_DIFFERS');
        expect(await bench.server.rowsOf(DATABASE)).toEqual(original);
        const alias = aliasDatabase(DATABASE, job.id);
        expect(await newOnes(bench, before)).toEqual([alias]);
        expect(Object.keys(await bench.server.rowsOf(alias)).sort()).toEqual(Object.keys(original).sort());
        if (scopes.includes('allDatabases')) {
          expect(await bench.engine.unfinished!(bench.context(DATABASE), job.id)).toEqual([alias]);
          expect(await bench.engine.unfinished!(bench.context(DATABASE), newId())).toEqual([]);
        }
        // What it left behind is dropped when its days are over.
        const dropJob = dropOf(job, alias);
        expect(await bench.engine.drop(bench.context(DATABASE), dropJob)).toEqual({ dropped: true });
        expect(await newOnes(bench, before)).toEqual([]);
        expect(await bench.engine.drop(bench.context(DATABASE), dropJob)).toEqual({ dropped: false });
        if (!modes.includes('overwrite')) return;
        const over = bench.restoreJob(DATABASE, 'overwrite');
        expect(await codeOf(bench.restore(over, memorySource(wrong, made.backup)))).toBe('FINGERPRINT_DIFFERS');
        expect(await bench.server.rowsOf(DATABASE)).toEqual(original);
      },
    );

    it.runIf(swaps)('takes up a restore whose task died, whatever it left behind', async () => {
      const before = await bench.server.databases();
      for (const step of ['restoring', 'comparing rows', 'renaming']) {
        const job = bench.restoreJob(DATABASE, 'swap');
        const death = new AbortController();
        const report = listeningReporter((text) => {
          if (text === step) death.abort(new Error(`died while ${step}`));
        });
        const first = bench.restore(job, source(), { signal: death.signal, report });
        await expect(first, step).rejects.toThrow(`died while ${step}`);
        expect(await bench.server.rowsOf(DATABASE), step).toEqual(original);
        const outcome = await bench.restore(job, source());
        expect(outcome, step).toMatchObject({ restoredDatabase: DATABASE, comparison: { equal: true } });
        expect(await bench.server.rowsOf(DATABASE), step).toEqual(original);
        await bench.server.dropDatabase(outcome.replacedDatabase!);
        expect(await newOnes(bench, before), step).toEqual([]);
      }
    });

    it('makes no backup with tools that do nothing and end with 0', async ({ skip }) => {
      const { silentTools } = bench.server;
      if (!silentTools) return skip('it starts no tool');
      const backup = memoryBackup();
      const code = await codeOf(bench.engine.dump(bench.context(DATABASE, { env: silentTools }), backup.sink));
      expect(['DUMP_EMPTY', 'DUMP_FAILED', 'READ_THROUGH_FAILED']).toContain(code);
      expect(backup.finished.has('archive')).toBe(false);
    });

    it('restores nothing with tools that do nothing and end with 0', async ({ skip }) => {
      const { silentTools } = bench.server;
      if (!silentTools) return skip('it starts no tool');
      const job = swaps ? bench.restoreJob(DATABASE, 'swap') : bench.restoreJob('silent', 'new');
      const code = await codeOf(bench.restore(job, source(), { env: silentTools }));
      expect(['RESTORE_FAILED', 'FINGERPRINT_DIFFERS']).toContain(code);
      expect(await bench.server.rowsOf(DATABASE)).toEqual(original);
    });

    it.runIf(scopes.includes('tables'))('backs some tables up, and nothing else', async () => {
      const { lone } = bench.server;
      const target = bench.server.target(DATABASE, { scope: { tables: [lone] } } as Partial<TargetOf<E>>);
      const one = await bench.dump(DATABASE, { target });
      expect(one.manifest.fingerprint.tables.map(tableName)).toEqual([lone]);
      await bench.restore(bench.restoreJob('some', 'new'), memorySource(one.manifest, one.backup));
      const found = await bench.server.rowsOf('some');
      expect(found[lone]).toEqual(original[lone]);
      const others = Object.entries(found).filter(
        ([name, rows]) => !name.startsWith('(') && name !== lone && rows.length > 0,
      );
      expect(others).toEqual([]);
      await bench.server.dropDatabase('some');
    });

    it.runIf(scopes.includes('exclude'))('leaves out what is excluded', async () => {
      const { lone } = bench.server;
      const target = bench.server.target(DATABASE, { scope: { exclude: [lone] } } as Partial<TargetOf<E>>);
      const rest = await bench.dump(DATABASE, { target });
      await bench.restore(bench.restoreJob('rest', 'new'), memorySource(rest.manifest, rest.backup));
      const found = await bench.server.rowsOf('rest');
      expect(found[lone] ?? []).toEqual([]);
      for (const [name, rows] of Object.entries(original))
        if (!name.startsWith('(') && name !== lone) expect(found[name], name).toEqual(rows);
      await bench.server.dropDatabase('rest');
    });

    it.runIf(scopes.includes('schemaOnly'))('backs up the schema without a row', async () => {
      const target = bench.server.target(DATABASE, { scope: { schemaOnly: true } } as Partial<TargetOf<E>>);
      const bare = await bench.dump(DATABASE, { target });
      await bench.restore(bench.restoreJob('bare', 'new'), memorySource(bare.manifest, bare.backup));
      const found = await bench.server.rowsOf('bare');
      const tables = Object.keys(original).filter((name) => !name.startsWith('('));
      expect(Object.keys(found)).toEqual(expect.arrayContaining(tables));
      expect(tables.filter((name) => found[name]!.length > 0)).toEqual([]);
      await bench.server.dropDatabase('bare');
    });

    it.each(scopes.filter((kind) => kind === 'tables' || kind === 'schemaOnly'))(
      'brings back part of a whole backup (%s)',
      async (kind) => {
        const { lone } = bench.server;
        const scope = kind === 'tables' ? { tables: [lone] } : { schemaOnly: true };
        await bench.restore(bench.restoreJob('part', 'new', { scope }), source());
        const found = await bench.server.rowsOf('part');
        const filled = Object.keys(found).filter((name) => !name.startsWith('(') && found[name]!.length > 0);
        expect(filled).toEqual(kind === 'tables' ? [lone] : []);
        if (kind === 'tables') expect(found[lone]).toEqual(original[lone]);
        await bench.server.dropDatabase('part');
      },
    );

    it.runIf(scopes.includes('tables'))(
      'never touches what a backup of a part does not hold, or refuses it',
      async () => {
        const { lone, parts } = bench.server;
        const { apart, empty } = parts!;
        const living = 'living';
        await bench.restore(bench.restoreJob(living, 'new', { scope: { tables: [lone, apart] } }), source());
        /** Each with the tables whose rows it holds. The last one may leave the other empty. */
        const narrowings: { kind: ScopeKind; scope: BackupScope; held: string[] }[] = [
          { kind: 'tables', scope: { tables: [lone] }, held: [lone] },
          { kind: 'schemaOnly', scope: { schemaOnly: true }, held: [] },
          { kind: 'dataOnly', scope: { dataOnly: true }, held: [lone, apart] },
          { kind: 'exclude', scope: { exclude: [lone] }, held: [apart] },
        ];
        const dumps = new Map<ScopeKind, Awaited<ReturnType<typeof bench.dump>>>();
        for (const { kind, scope } of narrowings.filter((one) => scopes.includes(one.kind)))
          dumps.set(
            kind,
            await bench.dump(living, {
              target: bench.server.target(living, { scope } as unknown as Partial<TargetOf<E>>),
            }),
          );
        const places = await bench.server.databases();
        for (const { kind, held } of narrowings) {
          const part = dumps.get(kind);
          if (!part) continue;
          for (const table of held) await empty(living, table);
          let before = await bench.server.rowsOf(living);
          const attempts: [RestoreMode, Scope?][] = [
            ['overwrite', { tables: [held.includes(lone) ? apart : lone] }],
            ['overwrite', { dataOnly: true }],
            ['overwrite'],
            ['swap'],
          ];
          for (const [mode, wanted] of attempts) {
            if (!modes.includes(mode) || (wanted?.dataOnly && !scopes.includes('dataOnly'))) continue;
            const job = bench.restoreJob(living, mode, wanted && { scope: wanted });
            const what = `a backup with ${kind}, ${mode} ${JSON.stringify(wanted ?? {})}`;
            const done = await bench.restore(job, memorySource(part.manifest, part.backup)).catch((thrown: unknown) => {
              const { code, detail } = thrown as { code?: string; detail?: string };
              // An overwrite with whole tables is what a backup of some tables is for.
              if (kind === 'tables' && mode === 'overwrite' && !wanted) throw thrown;
              expect(code, what).toMatch(/^(SCOPE_REFUSED|INPUT_INVALID)$/);
              if (mode === 'swap') expect(detail, what).toMatch(/`new`|`overwrite`/);
            });
            const found = await bench.server.rowsOf(living);
            const comesBack = (table: string): boolean =>
              held.includes(table) && (wanted?.tables === undefined || wanted.tables.includes(table));
            if (!done) expect(found, what).toEqual(before);
            else if (mode === 'overwrite')
              for (const table of [lone, apart])
                expect(found[table], `${what}: ${table}`).toEqual((comesBack(table) ? original : before)[table]);
            if (mode === 'swap' && done) {
              // Excluded tables that come back empty: the old database is there whole, and it is said.
              expect(kind, what).toBe('exclude');
              expect(done.warnings.join(), what).toContain(lone);
              const kept = done.replacedDatabase!;
              expect(await bench.server.rowsOf(kept), what).toEqual(before);
              await bench.server.dropDatabase(kept);
            }
            expect(await newOnes(bench, places), what).toEqual([]);
            before = found;
          }
        }
        await bench.server.dropDatabase(living);
      },
    );

    it.each(['gzip', 'none'] as const)('brings every row back that was packed by %s', async (algorithm) => {
      const target = bench.server.target(DATABASE, {
        compression: { algorithm, level: algorithm === 'gzip' ? 1 : 0 },
      } as Partial<TargetOf<E>>);
      const packed = await bench.dump(DATABASE, { target });
      expect(packed.manifest.compression.algorithm).toBe(algorithm);
      await bench.restore(bench.restoreJob('packed', 'new'), memorySource(packed.manifest, packed.backup));
      expect(await bench.server.rowsOf('packed')).toEqual(original);
      await bench.server.dropDatabase('packed');
    });

    it('ends a dump with the abort’s own reason and finishes no archive', async () => {
      const death = new AbortController();
      const backup = memoryBackup();
      const report = listeningReporter((text) => {
        if (text === 'dumping') death.abort(new Error('told to stop'));
      });
      const context = bench.context(DATABASE, { signal: death.signal, report });
      await expect(bench.engine.dump(context, backup.sink)).rejects.toThrow('told to stop');
      expect(backup.finished.has('archive')).toBe(false);
    });

    it('says what a wrong login or a missing database is', async () => {
      const { login } = bench.server;
      const wrong = { login: async () => Promise.resolve({ ...login!, password: 'wrong' }) };
      const { sink } = memoryBackup();
      if (login) expect(await codeOf(bench.engine.dump(bench.context(DATABASE, wrong), sink))).toBe('AUTH_FAILED');
      expect(await codeOf(bench.engine.dump(bench.context('nowhere'), sink))).toBe('DATABASE_MISSING');
    });

    it('reads a rotated password once more before it gives up', async ({ skip }) => {
      const { login: right } = bench.server;
      if (!right) return skip('a file has no login');
      let asked = 0;
      const login = async (): Promise<Login> => {
        asked += 1;
        return Promise.resolve(asked === 1 ? { ...right, password: 'before rotation' } : right);
      };
      await bench.dump(DATABASE, { login });
      expect(asked).toBe(2);
    });

    it('probes without a bad finding, and finds the size', async () => {
      const outcome = await bench.engine.probe(bench.context(DATABASE));
      expect(outcome.findings.filter((one) => one.level === 'bad')).toEqual([]);
      expect(outcome.databaseBytes).toBeGreaterThan(0);
    });

    it('checks what is there: counts every row, asks every question, and changes nothing', async () => {
      const queries = bench.server.queries.all;
      const job = {
        kind: 'check',
        id: newId(),
        target: bench.server.target(DATABASE),
        idleMinutes: 5,
        queries,
      } as const;
      const before = await bench.server.rowsOf(DATABASE);
      const outcome = await bench.engine.check(bench.context(DATABASE), { ...job, queries: [...queries] });
      const tables = made.manifest.fingerprint.tables.filter((one) => bench.server.isCounted?.(one) ?? true);
      expect(outcome.tables).toBe(tables.length);
      expect(outcome.rows).toBe(tables.reduce((sum, one) => sum + one.rows, 0));
      expect(outcome.rows).toBeGreaterThan(0);
      expect(outcome.serverVersion).toBe(made.manifest.source.serverVersion);
      expect(outcome.answers.map(({ query, holds }) => [query, holds])).toEqual([
        [queries[0], true],
        [queries[1], false],
        [queries[2], false],
        [queries[3], false],
      ]);
      expect(outcome.answers[2]!.answer).toContain(bench.server.queries.failing);
      expect(await bench.server.rowsOf(DATABASE)).toEqual(before);
    });

    it('checks nothing where it can not come in', async ({ skip }) => {
      const { login: right } = bench.server;
      if (!right) return skip('a file has no login');
      const job = { kind: 'check', id: newId(), target: bench.server.target(DATABASE), idleMinutes: 5 } as const;
      const login = async (): Promise<Login> => Promise.resolve({ ...right, password: 'wrong' });
      expect(await codeOf(bench.engine.check(bench.context(DATABASE, { login }), { ...job, queries: [] }))).toBe(
        'AUTH_FAILED',
      );
    });

    it('writes no password into facts, warnings or files', async () => {
      const text = JSON.stringify(made.manifest) + (made.backup.finished.get('globals')?.toString() ?? '');
      if (bench.server.login) expect(text).not.toContain(bench.server.login.password);
      for (const file of await readdir(bench.scratch)) expect(file).not.toContain('pass');
    });
  });
}
