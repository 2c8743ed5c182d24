/** What can be known about tonight's backup without making it. Reads only. */
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { NightjarError } from '../../../core/errors.ts';
import type { Finding, ProbeOutcome } from '../../../core/job.ts';
import type { EngineContext } from '../../engine.ts';
import { missing } from '../../files/mounted.ts';
import { catalogOf } from './archive.ts';
import { inRoom, type Call } from './context.ts';
import { isOf } from './errors.ts';
import { walOf } from './names.ts';
import { withSession, type Session } from './session.ts';
import { NEWEST_STORAGE, readStorage } from './storage.ts';
import { chosenTables, danglingKeys, listTables } from './tables.ts';
import { bad, ok, warn } from '../../findings.ts';

/** An object is fetched to be looked into; a larger one is left to its backup. */
const LOOK_BYTES = 256 * 1024 * 1024;
/** How many times the file's size the scratch disk must hold: a copy; with Parquet the export and its proof besides. */
const ROOM = { file: 1, parquet: 2 } as const;

/** @throws what keeps it from reaching the file; everything else is a finding. */
export async function probe(context: EngineContext<'duckdb'>): Promise<Omit<ProbeOutcome, 'kind'>> {
  return inRoom(context, async (call) => {
    const { place, target, step } = call;
    step('connecting');
    const facts = await place.stat(target.database);
    if (!facts) throw missing(place.words, target.database);
    step('looking around');
    const looked = await look(call, facts.bytes);
    const wal = await place.stat(walOf(target.database));
    const findings = [
      ...looked.findings,
      ...(wal
        ? [
            warn(
              `A .wal of ${wal.bytes} bytes lies beside the file: a writer left without a checkpoint.`,
              'It comes along; let the application run CHECKPOINT before it ends.',
            ),
          ]
        : []),
      await room(call, facts.bytes + (wal?.bytes ?? 0)),
    ];
    return { serverVersion: looked.version, databaseBytes: facts.bytes, findings };
  });
}

async function look(call: Call, bytes: number): Promise<{ version?: string; findings: Finding[] }> {
  const { place, target } = call;
  let file = join(place.directory ?? call.room, target.database);
  if (place.directory === undefined) {
    if (bytes > LOOK_BYTES) return { findings: [ok('The object can be seen; its backup looks into it.')] };
    file = join(call.room, 'nightjar_look.duckdb');
    await place.fetch(target.database, file);
  }
  try {
    const { storageVersion, writtenBy } = await readStorage(file, `${place.words}, ${target.database}`);
    if (storageVersion > NEWEST_STORAGE)
      return {
        findings: [
          bad(
            `The file is of storage version ${storageVersion}${writtenBy ? `, written by DuckDB ${writtenBy}` : ''}; Nightjar’s image reads up to ${NEWEST_STORAGE}.`,
            'Update Nightjar’s image: until then its backups fail.',
          ),
        ],
      };
    const options = { file, readOnly: true, fallback: 'DUMP_FAILED', operation: 'open the database' } as const;
    return await withSession(call, options, async (session) => ({
      version: session.version,
      findings: [ok(`DuckDB ${session.version} reads the file.`), ...(await scopeOf(call, session))],
    }));
  } catch (thrown) {
    if (!isOf(thrown, 'FILE_LOCKED', 'DATABASE_DAMAGED', 'SERVER_UNSUPPORTED', 'STORAGE_DENIED', 'DUMP_FAILED'))
      throw thrown;
    const hint =
      thrown.code === 'FILE_LOCKED'
        ? 'Let the application close the file at the hour of the backup: a second process can not even read while one writes.'
        : thrown.entry.hint;
    return { findings: [bad(thrown.detail ?? thrown.message, hint)] };
  }
}

async function scopeOf({ target }: Call, session: Session): Promise<Finding[]> {
  const tables = await listTables(session, await catalogOf(session));
  if (!target.scope) return [ok(`All ${tables.length} tables are in the backup.`)];
  try {
    const chosen = chosenTables(tables, target.scope, 'the database');
    const dangling = target.scope.dataOnly ? [] : danglingKeys(chosen);
    if (dangling.length === 0) return [ok(`${chosen.length} of ${tables.length} tables are in the backup.`)];
    return [bad(`The scope parts what foreign keys bind: ${dangling.join('; ')}.`, 'Name both tables, or neither.')];
  } catch (thrown) {
    if (!(thrown instanceof NightjarError)) throw thrown;
    return [bad(thrown.detail ?? thrown.message, thrown.entry.hint)];
  }
}

async function room({ room: scratch, target }: Call, bytes: number): Promise<Finding> {
  const { bavail, bsize } = await statfs(scratch);
  const [needed, free] = [bytes * (ROOM[target.format] + (target.scope ? 1 : 0)), bavail * bsize];
  if (needed <= free) return ok(`The scratch disk has room: ${free} bytes free, about ${needed} needed.`);
  return bad(
    `The scratch disk has ${free} bytes free, and the backup needs about ${needed}.`,
    'Raise size.ephemeralGiB of the target.',
  );
}
