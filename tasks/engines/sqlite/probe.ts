/** What can be known about tonight's backup without making it. Reads only. */
import { join } from 'node:path';
import { NightjarError } from '../../../core/errors.ts';
import type { Finding, ProbeOutcome } from '../../../core/job.ts';
import { missing } from '../../files/mounted.ts';
import { roomFinding } from '../../files/room.ts';
import { SIDECARS, timeoutOf } from './copy.ts';
import { HEADER_BYTES, readHeader, type Header } from './header.ts';
import { isNewer, orNewer } from './newer.ts';
import { toolVersion, withShell } from './shell.ts';
import { withWork, type SqliteContext, type Work } from './work.ts';
import { bad, ok, warn } from '../../findings.ts';

/** @throws what keeps it from reaching the file; everything else is a finding. */
export const probe = (context: SqliteContext): Promise<Omit<ProbeOutcome, 'kind'>> =>
  withWork(context, async (work) => {
    const { target, report } = context;
    const { place } = work;
    report.phase('connecting');
    const facts = await place.stat(target.database);
    if (!facts) throw missing(place.words, target.database);
    report.phase('looking around');
    const version = await toolVersion(work, 'UNEXPECTED');
    const findings = [
      ok(`The image has SQLite ${version}.`),
      roomFinding(target, facts.bytes),
      ...(await besides(work, target.database)),
    ];
    const file = await headed(work);
    const header = await headerOr(file, target.database, findings);
    if (header && isNewer(header.version, version)) findings.push(newer(header.version, version));
    if (place.directory === undefined)
      findings.push(ok(`The object of ${facts.changedAt} (${facts.bytes} bytes) can be seen.`));
    else if (header) findings.push(...(await looks(work, file, header, version)));
    return {
      ...(header ? { serverVersion: header.version } : {}),
      databaseBytes: facts.bytes,
      findings,
    };
  });

const newer = (written: string, tool: string): Finding =>
  warn(
    `SQLite ${written} wrote it last, newer than the image’s ${tool}.`,
    'It is backed up as long as its schema uses nothing newer; a backup of one that does fails with SERVER_UNSUPPORTED.',
  );

/** Where its header can be read: of an object only that is fetched. */
async function headed({ place, room: directory, context }: Work): Promise<string> {
  const { database } = context.target;
  if (place.directory !== undefined) return join(place.directory, database);
  const file = join(directory, 'header.db');
  await place.fetch(database, file, HEADER_BYTES);
  return file;
}

async function besides({ place }: Work, name: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const ending of SIDECARS) {
    const one = await place.stat(name + ending);
    if (!one || one.bytes === 0) continue;
    if (place.directory === undefined)
      findings.push(
        bad(
          `Beside the object lies ${name}${ending}: it was uploaded from a database in use.`,
          'Upload what VACUUM INTO makes, and delete the other.',
        ),
      );
    else
      findings.push(
        warn(
          `Beside the file lies ${name}${ending}: somebody is writing, or a crash left it.`,
          'A journal is undone by the next writer, or in the copy; a WAL on EFS keeps backups from working.',
        ),
      );
  }
  return findings;
}

async function headerOr(path: string, name: string, findings: Finding[]): Promise<Header | undefined> {
  try {
    return await readHeader(path, name);
  } catch (thrown) {
    if (!(thrown instanceof NightjarError) || thrown.code !== 'DATABASE_DAMAGED') throw thrown;
    findings.push(bad(thrown.detail ?? thrown.message, thrown.entry.hint));
    return undefined;
  }
}

async function looks(work: Work, path: string, header: Header, version: string): Promise<Finding[]> {
  const { database } = work.context.target;
  if (header.wal) {
    const { message, hint } = new NightjarError('WAL_REFUSED').entry;
    return [bad(message, hint)];
  }
  const said = (header.pages ?? 0) * header.pageSize;
  if (said > header.bytes)
    return [
      bad(
        `${database} has ${header.bytes} bytes, and says that it has ${said}: its end is missing.`,
        'Restore the newest good backup beside it.',
      ),
    ];
  try {
    const meaning = { operation: 'look into the file', fallback: 'UNEXPECTED', readonly: true } as const;
    const tables = await withShell(work, path, meaning, async (shell) => {
      await shell.ask(timeoutOf(work));
      return (await shell.ask(`SELECT count(*) FROM sqlite_schema WHERE type = 'table';`)).trim();
    });
    return [ok(`${database} can be read, last written by SQLite ${header.version}: ${tables} tables.`)];
  } catch (raw) {
    const thrown = orNewer(raw, header.version, version);
    if (!(thrown instanceof NightjarError)) throw thrown;
    // What a reader that may not write can't undo is undone in the copy.
    if (thrown.code === 'STORAGE_DENIED') return [warn(thrown.detail ?? thrown.message, thrown.entry.hint)];
    return [bad(thrown.message, thrown.entry.hint)];
  }
}
