/** Databases as wholes: which are there, making, dropping, and the note that a restored one carries. */
import type { NightjarError } from '../../../core/errors.ts';
import { sqlStateOf } from './errors.ts';
import { ident, literal } from './names.ts';
import type { DatabaseDefinition } from './definition.ts';
import { enterFirst, type Server, type Session } from './server.ts';
import { noLimits } from './snapshot.ts';

/** Databases that every server has; there are two, because one of them may be what is to be renamed. */
export const maintenanceDatabases = (not: readonly string[]): string[] =>
  ['postgres', 'template1'].filter((name) => !not.includes(name));

/** Works beside the databases of these names. A session of its own: hours may lie between two steps. */
export async function beside<T>(
  server: Server,
  names: readonly string[],
  work: (session: Session) => Promise<T>,
  options: { last?: boolean } = {},
): Promise<T> {
  const session = await enterFirst(maintenanceDatabases(names), (name) =>
    options.last ? server.lastSession(name) : server.session(name),
  );
  try {
    await noLimits(server, session);
    return await work(session);
  } finally {
    await session.close();
  }
}

export interface DatabaseState {
  readonly name: string;
  readonly comment: string | null;
  /** None of these can be dropped. */
  readonly template: boolean;
}

export async function databaseNamed(session: Session, name: string): Promise<DatabaseState | undefined> {
  const [found] = await session.rows<DatabaseState>(
    `SELECT datname AS name, pg_catalog.shobj_description(oid, 'pg_database') AS comment, datistemplate AS template
       FROM pg_catalog.pg_database WHERE datname = $1`,
    [name],
  );
  return found;
}

export const listDatabases = async (session: Session): Promise<string[]> =>
  (await session.rows<{ name: string }>('SELECT datname AS name FROM pg_catalog.pg_database')).map(({ name }) => name);

/** True when it was there. Sessions in it are ended. */
export async function dropDatabase(session: Session, name: string): Promise<boolean> {
  const found = await databaseNamed(session, name);
  if (!found) return false;
  if (found.template) await session.rows(`ALTER DATABASE ${ident(name)} IS_TEMPLATE false`);
  await session.rows(`DROP DATABASE IF EXISTS ${ident(name)} WITH (FORCE)`);
  return true;
}

/** Makes it as the source was; where the server lacks the locale, with the server's own, and says so. */
export async function createDatabase(
  session: Session,
  name: string,
  definition: DatabaseDefinition,
  encoding: string,
  warn: (text: string) => void,
): Promise<void> {
  const plain = `CREATE DATABASE ${ident(name)} TEMPLATE template0 ENCODING ${literal(encoding)}`;
  try {
    await session.rows(definition.create ?? plain);
  } catch (thrown) {
    // 22023, 42809, 42704, 22000: locale, provider or encoding that this server does not know or does not pair.
    if (!['22023', '42809', '42704', '22000', '0A000'].includes(sqlStateOf(thrown) ?? '')) throw thrown;
    await session.rows(plain);
    warn(
      `The destination can not make a database as the source was (${(thrown as NightjarError).detail ?? String(thrown)}); ` +
        'its own default locale was used, so texts may sort differently.',
    );
  }
}

const NOTE = 'Nightjar restore ';

/** The comment that a restored database carries: the one it had, and where it comes from. */
export function noteOf(restoreId: string, backupId: string, comment: string | null): string {
  const kept = (comment ?? '')
    .split('\n')
    .filter((line) => !line.startsWith(NOTE))
    .join('\n');
  return `${kept === '' ? '' : `${kept}\n`}${NOTE}${restoreId} of backup ${backupId}`;
}

/** Whether this very restore made the database and found its rows right. */
export const isMadeBy = (state: DatabaseState | undefined, restoreId: string): boolean =>
  (state?.comment ?? '').split('\n').some((line) => line.startsWith(`${NOTE}${restoreId} `));

export async function setComment(session: Session, name: string, comment: string): Promise<void> {
  await session.rows(`COMMENT ON DATABASE ${ident(name)} IS ${literal(comment)}`);
}
