/** The databases of a server: which of them a backup of all holds, and which hold nothing of anybody's. */
import { NightjarError } from '../../../core/errors.ts';
import { maintenanceDatabases } from './database.ts';
import { enterFirst, type Server, type Session } from './server.ts';
import { noLimits } from './snapshot.ts';

/** Of the provider, by owner; nobody else may enter them. Source: the manuals of RDS, Cloud SQL and Azure. */
const PROVIDERS: Readonly<Record<string, string>> = {
  rdsadmin: 'rdsadmin',
  cloudsqladmin: 'cloudsqladmin',
  azure_maintenance: 'azuresu',
  azure_sys: 'azuresu',
};
/** That every server is made with. */
const isServersOwn = (database: string): boolean => database === 'postgres' || database === 'template1';

interface Found {
  readonly name: string;
  readonly owner: string;
  readonly open: boolean;
  readonly broken: boolean;
  readonly may: boolean;
}

/** In a database that is there, whatever the target's own is. */
export async function somewhere<T>(
  server: Server,
  work: (session: Session, database: string) => Promise<T>,
): Promise<T> {
  const { database } = server.context.target;
  const { session, name } = await enterFirst([database, ...maintenanceDatabases([database])], async (one) => ({
    session: await server.session(one),
    name: one,
  }));
  try {
    await noLimits(server, session);
    return await work(session, name);
  } finally {
    await session.close();
  }
}

export interface ServerDatabases {
  /** Those of a backup of all. */
  readonly names: readonly string[];
  /** All that there are. */
  readonly seen: readonly string[];
  /** What is not in the backup, and why. */
  readonly leftOut: readonly string[];
}

/**
 * All that take connections but template0, and the server's own two where they hold anything. @throws PRIVILEGE_MISSING with
 * all that the user may not enter.
 */
export async function databasesOf(server: Server): Promise<ServerDatabases> {
  const { user, found } = await somewhere(server, async (session) => ({
    ...(await session.row<{ user: string }>('SELECT current_user AS user')),
    found: await session.rows<Found>(`
      SELECT datname AS name, pg_catalog.pg_get_userbyid(datdba) AS owner, datallowconn AS open, datconnlimit = -2 AS broken,
             pg_catalog.has_database_privilege(oid, 'CONNECT') AS may
        FROM pg_catalog.pg_database WHERE datname <> 'template0' ORDER BY datname COLLATE "C"`),
  }));
  const leftOut: string[] = [];
  const wanted = found.filter(({ name, owner, open, broken }) => {
    const why =
      PROVIDERS[name] === owner
        ? 'is the provider’s own'
        : broken
          ? 'was left invalid by a DROP DATABASE that was broken off'
          : open
            ? undefined
            : 'takes no connections';
    if (why !== undefined) leftOut.push(`The database ${name} ${why} and is not in the backup.`);
    return why === undefined;
  });
  const closed = wanted.filter((one) => !one.may).map((one) => one.name);
  if (closed.length > 0)
    throw new NightjarError('PRIVILEGE_MISSING', {
      operation: 'list databases',
      detail: `${user} may not connect to ${closed.join(', ')}: GRANT CONNECT ON DATABASE … TO "${user}". A backup of all databases leaves none out.`,
    });
  const names: string[] = [];
  for (const { name } of wanted) if (!isServersOwn(name) || !(await isUntouched(server, name))) names.push(name);
  // A server that nobody has used yet.
  if (names.length === 0 && wanted[0]) names.push(wanted[0].name);
  return { names, seen: found.map((one) => one.name), leftOut };
}

/** Whether a backup may take its place as if it were not there: every server has one, and this holds nothing. */
export async function isVacant(server: Server, database: string): Promise<boolean> {
  if (!isServersOwn(database) || !(await isUntouched(server, database))) return false;
  const { mine } = await somewhere(server, (session) =>
    session.row<{ mine: boolean }>(
      `SELECT pg_catalog.pg_has_role(datdba, 'USAGE') AS mine FROM pg_catalog.pg_database WHERE datname = $1`,
      [database],
    ),
  );
  return mine;
}

/** As initdb made it: no object, no setting, no right has come since. Everything that users make has an oid from 16384 on. */
export async function isUntouched(server: Server, database: string): Promise<boolean> {
  const session = await server.session(database);
  try {
    const kinds = ['class', 'proc', 'type', 'namespace', 'extension', 'largeobject_metadata', 'publication'];
    kinds.push('foreign_data_wrapper', 'event_trigger', 'cast', 'am');
    const { touched } = await session.row<{ touched: boolean }>(`
      SELECT ${kinds.map((kind) => `EXISTS (SELECT FROM pg_catalog.pg_${kind} WHERE oid >= 16384)`).join(' OR ')}
          OR EXISTS (SELECT FROM pg_catalog.pg_default_acl)
          OR EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
                      WHERE d.datname = pg_catalog.current_database())
          OR NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_init_privs i
                           ON i.objoid = n.oid AND i.classoid = 'pg_catalog.pg_namespace'::regclass
                          WHERE n.nspname = 'public' AND n.nspacl IS NOT DISTINCT FROM i.initprivs) AS touched`);
    return !touched;
  } finally {
    await session.close();
  }
}
