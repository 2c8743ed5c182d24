/** Roles and tablespaces for a server that lacks them; none that is there is changed. */
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreSource } from '../../engine.ts';
import { maintenanceDatabases } from './database.ts';
import { somewhere } from './databases.ts';
import { planGlobals, type GlobalsPlan, type Present, type Step, type TablespacePlan } from './globals-plan.ts';
import { reachServer, type PostgresContext, type Session } from './server.ts';

const NAMED = 50;
const list = (names: readonly string[]): string =>
  names.slice(0, NAMED).join(', ') + (names.length > NAMED ? `, and ${names.length - NAMED} more` : '');

/** What the user may not do, on RDS much of what a superuser may, is told and is no reason to fail. */
export async function restoreGlobals(
  context: PostgresContext,
  source: RestoreSource,
  restoreId: string,
): Promise<void> {
  const { report, target } = context;
  const text = await source.readGlobals();
  if (text === undefined) {
    report.warn('The backup has no roles and tablespaces: those that the databases need must be there.');
    return;
  }
  const server = await reachServer(context, [target.database, ...maintenanceDatabases([target.database])]);
  await somewhere(server, async (session) => {
    const plan = planGlobals(text, await presentIn(session), restoreId);
    const refused = [...(await makeRoles(session, plan.roles)), ...(await makeTablespaces(session, plan.tablespaces))];
    tell(plan, await lacking(session, plan), refused, (words) => report.warn(words));
  });
}

async function presentIn(session: Session): Promise<Present> {
  const { roles } = await session.row<{ roles: string[] }>(
    'SELECT ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles) AS roles',
  );
  const tablespaces = await session.rows<{ name: string; location: string }>(
    'SELECT spcname AS name, pg_catalog.pg_tablespace_location(oid) AS location FROM pg_catalog.pg_tablespace',
  );
  return { roles: new Set(roles), tablespaces: new Map(tablespaces.map(({ name, location }) => [name, location])) };
}

/** In one transaction: a role is never left without what belongs to it, for a second try would take it for somebody else's. */
async function makeRoles(session: Session, steps: readonly Step[]): Promise<string[]> {
  await session.rows(`SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; BEGIN`);
  const refused = await doneInside(session, steps);
  await session.rows('COMMIT');
  return refused;
}

/** Each step of a transaction; resolves with those that were refused, which undo no other. */
async function doneInside(session: Session, steps: readonly Step[]): Promise<string[]> {
  const refused: string[] = [];
  for (const { sql, otherwise, what } of steps) {
    let why: string | undefined;
    for (const statement of [sql, ...(otherwise === undefined ? [] : [otherwise])]) {
      await session.rows('SAVEPOINT one');
      why = await refusalOf(session, statement);
      if (why === undefined) break;
      await session.rows('ROLLBACK TO SAVEPOINT one');
    }
    if (why !== undefined) refused.push(`${what} (${why})`);
  }
  return refused;
}

async function makeTablespaces(session: Session, plans: readonly TablespacePlan[]): Promise<string[]> {
  const refused: string[] = [];
  for (const { create, rename, steps } of plans) {
    let why = create && (await refusalOf(session, create.sql));
    if (why === undefined) {
      await session.rows('BEGIN');
      why = await refusalOf(session, rename.sql);
      // Without its name the other steps would be about somebody else's.
      if (why === undefined) refused.push(...(await doneInside(session, steps)));
      await session.rows(why === undefined ? 'COMMIT' : 'ROLLBACK');
    }
    if (why !== undefined) refused.push(`${rename.what} (${why})`);
  }
  return refused;
}

/** The server's own words, which never quote the statement; undefined when it was done. @throws when the session broke. */
const refusalOf = (session: Session, statement: string): Promise<string | undefined> =>
  session.rows(statement).then(
    () => undefined,
    (thrown: unknown) => {
      if (!(thrown instanceof NightjarError) || thrown.code === 'CONNECTION_LOST') throw thrown;
      return thrown.detail ?? thrown.message;
    },
  );

/** Memberships of the backup that roles which were there already do not have here. */
async function lacking(session: Session, { untouched }: GlobalsPlan): Promise<string[]> {
  const rows = await session.rows<{ role: string; member: string }>(
    `SELECT role, member FROM unnest($1::text[], $2::text[]) AS u(role, member)
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m
                          JOIN pg_catalog.pg_roles r ON r.oid = m.roleid JOIN pg_catalog.pg_roles p ON p.oid = m.member
                         WHERE r.rolname = role AND p.rolname = u.member)`,
    [untouched.map((one) => one.role), untouched.map((one) => one.member)],
  );
  return rows.map(({ role, member }) => `${member} of ${role}`);
}

function tell(
  { leftAlone, withoutPassword, spacesLeftAlone }: GlobalsPlan,
  memberships: readonly string[],
  refused: readonly string[],
  warn: (words: string) => void,
): void {
  if (leftAlone.length > 0) warn(`Roles that were there already were left as they are: ${list(leftAlone)}.`);
  if (spacesLeftAlone.length > 0)
    warn(`Tablespaces that were there already were left as they are: ${list(spacesLeftAlone)}.`);
  if (memberships.length > 0)
    warn(`Memberships that the backup has and roles that were there already lack, not given: ${list(memberships)}.`);
  if (withoutPassword.length > 0)
    warn(
      `Roles that were made have no password and can not log in by one: ${list(withoutPassword)}. Set them: ALTER ROLE … PASSWORD.`,
    );
  if (refused.length > 0) warn(`Not taken over of roles and tablespaces: ${list(refused)}.`);
}
