/** What of a backup a job brings back: what it asks for, within what the backup holds. */
import type { Manifest } from '../../../core/backup.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { beside } from './database.ts';
import type { Place } from './fingerprint.ts';
import { writeListFile, type OpenArchive } from './load.ts';
import { cutByRows, entriesFor, listFile, wantedTables } from './scope.ts';
import type { Server } from './server.ts';
import { tablespacesOf } from './tables.ts';
import { byTable } from './toc.ts';

/** pg_restore's arguments besides where to. */
export async function argsFor(
  server: Server,
  job: RestoreJob,
  manifest: Manifest,
  archive: OpenArchive,
  place: string,
): Promise<string[]> {
  const list = entryList(server, job, manifest, archive);
  return [
    ...ownerArgs(job),
    ...((await hasTablespaces(server, manifest, place)) ? [] : ['--no-tablespaces']),
    ...(job.scope?.schemaOnly ? ['--schema-only'] : []),
    ...(list === undefined ? [] : [`--use-list=${await writeListFile(server, 'scope.list', list)}`]),
  ];
}

/** Whether the destination has all that the backup names; what it lacks is told. A server without any can't mean the backup's. */
export async function hasTablespaces(server: Server, manifest: Manifest, place: string): Promise<boolean> {
  const wanted = tablespacesOf(manifest.source);
  const there = await beside(server, [place], (session) =>
    session.rows<{ name: string }>(
      `SELECT spcname AS name FROM pg_catalog.pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')`,
    ),
  );
  const missing = wanted.filter((name) => !there.some((one) => one.name === name));
  if (missing.length > 0)
    server.context.report.warn(`The server has no tablespaces ${missing.join(', ')}: all is in its default one.`);
  return there.length > 0 && missing.length === 0;
}

export const ownerArgs = ({ noOwner }: RestoreJob): string[] => (noOwner ? ['--no-owner', '--no-privileges'] : []);

/** Undefined when everything comes back. */
function entryList(
  server: Server,
  { scope }: RestoreJob,
  manifest: Manifest,
  { start: { toc } }: OpenArchive,
): string | undefined {
  const tell = (lost: readonly { rest: string }[], why: string): void => {
    if (lost.length === 0) return;
    server.context.report.warn(
      `${lost.length} foreign keys to ${why} were left out: ${lost.map((one) => one.rest).join(', ')}.`,
    );
  };
  // pg_restore takes the filling of a view for a part of the schema.
  const views = new Set(toc.filter((entry) => entry.kind === 'MATERIALIZED VIEW DATA').map((entry) => entry.id));
  if (scope?.tables) {
    const { chosen, leftOut } = entriesFor(toc, wantedTables(toc, scope.tables, manifest));
    const lost = leftOut.filter((entry) => entry.kind === 'FK CONSTRAINT');
    tell(lost, 'tables outside the scope');
    return listFile(toc, (id) => chosen.has(id));
  }
  if (scope?.schemaOnly) return views.size > 0 ? listFile(toc, (id) => !views.has(id)) : undefined;
  if (!manifest.scope?.exclude) return undefined;
  const lost = cutByRows(toc);
  tell(lost, 'tables whose rows are not in the backup');
  return listFile(toc, (id) => !lost.some((one) => one.id === id));
}

/** Tables whose rows come back: all, or those of the scope with their partitions. */
export function broughtBy(
  { scope }: RestoreJob,
  manifest: Manifest,
  { start: { toc } }: OpenArchive,
): (place: Place) => boolean {
  if (!scope?.tables) return () => true;
  const ids = wantedTables(toc, scope.tables, manifest);
  const find = byTable(toc.filter((entry) => ids.has(entry.id)));
  return (place) => find(place).length > 0;
}
