/** What of an archive a job brings into a new database: pg_restore's arguments, and whose rows are compared. */
import type { RestoreJob } from '../../../core/job.ts';
import { beside } from './database.ts';
import { writeListFile, type OpenArchive } from './load.ts';
import { entriesFor, listFile, tablesNamed, withPartitions } from './scope.ts';
import type { Server } from './server.ts';
import { isOf } from './toc.ts';

/** pg_restore's arguments besides where to. */
export async function argsFor(server: Server, job: RestoreJob, archive: OpenArchive, place: string): Promise<string[]> {
  const own = await beside(server, [place], (session) =>
    session.row<{ tablespaces: number }>('SELECT count(*)::int - 2 AS tablespaces FROM pg_catalog.pg_tablespace'),
  );
  return [
    ...(job.noOwner ? ['--no-owner', '--no-privileges'] : []),
    // A server that has none of its own can't mean the backup's.
    ...(own.tablespaces > 0 ? [] : ['--no-tablespaces']),
    ...(job.scope?.schemaOnly ? ['--schema-only'] : []),
    ...(job.scope?.tables ? [await tableList(server, job.scope.tables, archive)] : []),
  ];
}

async function tableList(server: Server, names: readonly string[], archive: OpenArchive): Promise<string> {
  const { toc } = archive.start;
  const tables = withPartitions(
    toc,
    tablesNamed(toc, names).map((one) => one.entry.id),
  );
  const { chosen, leftOut } = entriesFor(toc, tables);
  const lost = leftOut.filter((entry) => entry.kind === 'FK CONSTRAINT');
  if (lost.length > 0)
    server.context.report.warn(
      `${lost.length} foreign keys to tables outside the scope were left out: ${lost.map((one) => one.rest).join(', ')}.`,
    );
  const file = await writeListFile(
    server,
    'scope.list',
    listFile(toc, (id) => chosen.has(id)),
  );
  return `--use-list=${file}`;
}

/** Tables whose rows come back: all, or those of the scope with their partitions. */
export function broughtBy(
  job: RestoreJob,
  { start: { toc } }: OpenArchive,
): (place: { schema: string; table: string }) => boolean {
  if (!job.scope?.tables) return () => true;
  const ids = withPartitions(
    toc,
    tablesNamed(toc, job.scope.tables).map((one) => one.entry.id),
  );
  const entries = toc.filter((entry) => ids.has(entry.id));
  return (place) => entries.some((entry) => isOf(entry, place.schema, place.table));
}
