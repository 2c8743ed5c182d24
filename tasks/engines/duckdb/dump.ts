/** One database file into one archive: copied while nobody writes, read by DuckDB to its last value, then stored. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NightjarError } from '../../../core/errors.ts';
import { scopeKinds, type BackupScope } from '../../../core/scope.ts';
import type { DumpFacts, DumpSink, EngineContext } from '../../engine.ts';
import { foresee } from '../../files/room.ts';
import { readAll, writeArchive } from './archive.ts';
import { narrow } from './assemble.ts';
import { inRoom, type Call } from './context.ts';
import { takeCopy, type Copy } from './copy.ts';
import { fingerprintOf } from './fingerprint.ts';
import { walOf } from './names.ts';

/** What of a database is in an archive, as its restore asks for it: rows without definitions need a place to go. */
export type Contents = 'whole' | 'definitions' | 'rows';
export const contentsOf = (scope: BackupScope | undefined): Contents =>
  scope?.schemaOnly ? 'definitions' : scope?.dataOnly ? 'rows' : 'whole';

/** Of the library's version, such as 1 of `v1.5.6`. */
export const majorOf = (version: string): number => Number(/\d+/.exec(version)?.[0] ?? 0);

export async function dump(context: EngineContext<'duckdb'>, sink: DumpSink): Promise<DumpFacts> {
  return inRoom(context, async (call) => {
    call.step('connecting');
    await foresee(call, [call.target.database, walOf(call.target.database)]);
    const copy = await takeCopy(call, call.target.database, { fallback: 'DUMP_FAILED' });
    if (copy.hadWal)
      call.report.warn(
        'A .wal lay beside the file: its last writer left without a checkpoint. What it held is in the backup.',
      );
    call.step('dumping');
    return dumpCopy(call, copy, sink);
  });
}

async function dumpCopy(call: Call, copy: Copy, sink: DumpSink): Promise<DumpFacts> {
  const { target, place, report } = call;
  const file = await inScope(call, copy.file, target.scope);
  const started = performance.now();
  const { version, ...reading } = await readAll(call, file, {
    content: true,
    fallback: 'DUMP_FAILED',
    operation: 'read every table',
  });
  const fingerprint = fingerprintOf(target.fingerprint, reading.prints, (performance.now() - started) / 1_000);
  report.expect(copy.bytes);
  const command = await writeArchive(call, sink, {
    ...reading,
    file,
    format: target.format,
    name: target.database,
  });
  return {
    snapshotAt: copy.takenAt,
    consistency: copy.consistency,
    source: {
      place: place.words,
      database: target.database,
      serverVersion: copy.writtenBy ?? version,
      serverMajor: majorOf(copy.writtenBy ?? version),
      databaseBytes: copy.bytes,
      details: { storageVersion: copy.storageVersion, contents: contentsOf(target.scope) },
    },
    format: target.format,
    tool: { name: 'duckdb', version, command },
    compression: { place: 'outside', ...target.compression },
    fingerprint,
    roles: [],
    extensions: [],
  };
}

/** The part that the target asks for; the whole costs nothing. */
async function inScope(call: Call, whole: string, scope: BackupScope | undefined): Promise<string> {
  if (!scope || scopeKinds(scope).length === 0) return whole;
  if (scope.allDatabases)
    throw new NightjarError('SCOPE_REFUSED', {
      operation: 'read scope',
      detail: 'A file holds one database: name each file as a target of its own.',
    });
  const part = join(call.room, 'nightjar_part.duckdb');
  await narrow(call, { from: whole, into: part, scope, where: 'the database', fallback: 'DUMP_FAILED' });
  await rm(whole);
  return part;
}
