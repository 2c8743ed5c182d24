/** Which databases of a server are somebody's. */
import { NOTE_TABLE } from './names.ts';
import { databaseNames } from './place.ts';
import type { Server, Session } from './server.ts';

const SYSTEM = ['information_schema', 'performance_schema', 'mysql', 'sys'];
/** Directories of RDS that older servers take for databases. Elsewhere they are databases like any other. */
const RDS_DIRECTORIES = ['innodb', 'tmp'];

/** Every database that is somebody's. `leftOut` hears of each that is not the server's own and yet left out. */
export async function listDatabases(
  server: Pick<Server, 'isMariadb' | 'version'>,
  session: Session,
  leftOut: (text: string) => void,
): Promise<string[]> {
  const ours = await session.rows<{ name: string }>(
    `SELECT table_schema AS name FROM information_schema.tables WHERE table_name = ?`,
    [NOTE_TABLE],
  );
  const left = new Set(ours.map((one) => one.name));
  if (left.size > 0) leftOut(`What restores have left behind is not in the backup: ${[...left].join(', ')}.`);
  const found: string[] = [];
  const directories: string[] = [];
  for (const name of await databaseNames(session)) {
    if (isServers(server, name) || left.has(name)) continue;
    if (await isDirectoryOfRds(session, name)) directories.push(name);
    else found.push(name);
  }
  if (directories.length > 0)
    leftOut(`Not in the backup, because they are empty and of RDS itself: ${directories.join(', ')}.`);
  return found;
}

/** MariaDB has `sys` since 10.6; before that it is somebody's. */
export function isServers({ isMariadb, version }: Pick<Server, 'isMariadb' | 'version'>, name: string): boolean {
  if (!SYSTEM.includes(name)) return false;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return name !== 'sys' || !isMariadb || major > 10 || (major === 10 && minor >= 6);
}

async function isDirectoryOfRds(session: Session, name: string): Promise<boolean> {
  if (!RDS_DIRECTORIES.includes(name)) return false;
  const { base } = await session.row<{ base: string | null }>('SELECT @@basedir AS base');
  if (!base?.startsWith('/rdsdbbin/')) return false;
  const { things } = await session.row<{ things: number | string }>(
    `SELECT (SELECT count(*) FROM information_schema.tables WHERE table_schema = ?)
          + (SELECT count(*) FROM information_schema.routines WHERE routine_schema = ?)
          + (SELECT count(*) FROM information_schema.events WHERE event_schema = ?) AS things`,
    [name, name, name],
  );
  return Number(things) === 0;
}
