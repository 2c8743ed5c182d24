/**
 * Whether a login may do all that a restore does, asked before anything is made: what it lacks would end the restore after hours of
 * loading, or, where it hides what serves from it, leave some of that behind in the midst of what comes in.
 */
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { names } from './dump-plan.ts';
import { readGrants, type Grants } from './grants.ts';
import { databaseExists } from './place.ts';
import type { Code } from './read-through.ts';
import { grant, inTable, pattern, routinesHint, seesRoutines, unreadableRoutines, type Lack } from './rights.ts';
import type { Server, Session } from './server.ts';

/** To make, fill and drop a database with a note in it. */
const WHOLE = ['SELECT', 'INSERT', 'DELETE', 'CREATE', 'DROP', 'ALTER'];
/** To rename tables into it and out of it. */
const SERVING = ['SELECT', 'INSERT', 'CREATE', 'DROP', 'ALTER'];
/** What makes each, shows it and drops it again. */
const FOR_CODE: Readonly<Record<Code, readonly string[]>> = {
  view: ['CREATE VIEW', 'SHOW VIEW'],
  trigger: ['TRIGGER'],
  event: ['EVENT'],
  procedure: ['CREATE ROUTINE', 'ALTER ROUTINE'],
  function: ['CREATE ROUTINE', 'ALTER ROUTINE'],
};
/** Without these a login does not see all that there is. */
const TO_SEE = ['SHOW VIEW', 'TRIGGER', 'EVENT'];

/** @throws PRIVILEGE_MISSING with the statements that mend it. */
export async function requireRestoreRights(
  server: Server,
  session: Session,
  job: RestoreJob,
  manifest: Manifest,
): Promise<void> {
  const grants = await readGrants(session);
  const lacks = await findRestoreLacks(server, session, grants, job, manifest);
  if (lacks.length === 0) return;
  throw new NightjarError('PRIVILEGE_MISSING', {
    operation: 'preflight',
    detail: `${lacks.map(({ what, hint }) => `${what} ${hint}`).join(' ')} Nothing was touched.`,
  });
}

async function findRestoreLacks(
  server: Server,
  session: Session,
  grants: Grants,
  job: RestoreJob,
  manifest: Manifest,
): Promise<Lack[]> {
  const { database, id, mode, scope } = job;
  const [place, old] = [aliasDatabase(database, id), replacedDatabase(database, id)];
  if (mode === 'overwrite' && scope)
    return lackingOn(grants, [
      [place, WHOLE],
      // Triggers that it does not see would run on every row.
      [database, ['SELECT', 'INSERT', 'DELETE', 'TRIGGER'], scope.tables],
    ]);
  const coming = comingCode(job, manifest);
  const made = coming.flatMap((kind) => FOR_CODE[kind]);
  const exchanged = mode !== 'new' && (await databaseExists(session, database));
  const lacks = lackingOn(grants, [
    [place, [...WHOLE, ...made]],
    [database, [...SERVING, ...made, ...(exchanged ? TO_SEE : [])]],
    ...(exchanged ? [[old, WHOLE] as const] : []),
  ]);
  if (exchanged && !seesRoutines(server, grants, database))
    lacks.push({
      what: `${grants.user} may not see the routines of ${database}, which would stay where the restored ones belong.`,
      hint: routinesHint(server, grants),
    });
  if (lacks.length > 0) return lacks;

  // From here on the login sees all that serves.
  const serving = exchanged ? await servingCode(session, database) : [];
  const moved = serving.flatMap(({ kind }) => FOR_CODE[kind]);
  if (exchanged)
    lacks.push(
      ...lackingOn(grants, [
        [database, moved],
        [old, moved],
      ]),
    );
  const bodiless = exchanged ? await unreadableRoutines(session, [database]) : [];
  const comingDefiners = job.noOwner ? [] : manifest.roles.map((role) => job.roleMap?.[role] ?? role);
  const others = [...(coming.length > 0 ? comingDefiners : []), ...serving.map((one) => one.definer)].filter(
    (definer) => definer !== grants.user,
  );
  const unread = coming.some(isRoutine) && comingDefiners.some((definer) => definer !== grants.user);
  if (bodiless.length > 0 || (unread && !readsBodies(server, grants, place)))
    lacks.push({
      what: `${grants.user} can not read the bodies of ${bodiless.length > 0 ? names(bodiless) : 'routines of others'}, which move with their database.`,
      hint: routinesHint(server, grants),
    });
  if (others.length > 0 && !makesForOthers(grants)) lacks.push(definersLack(server, grants, others));
  const code = [...coming, ...serving.map((one) => one.kind)];
  if (code.includes('trigger') || code.includes('function')) lacks.push(...(await bareLog(server, session, grants)));
  return lacks;
}

const isRoutine = (kind: Code): boolean => kind === 'procedure' || kind === 'function';

/** As the backup says; one that does not is older than this question, and of some tables nobody knows the triggers. */
function comingCode({ scope }: RestoreJob, { source }: Manifest): Code[] {
  if (scope?.dataOnly || scope?.tables) return [];
  return String(source.details.code ?? '')
    .split(' ')
    .filter((kind): kind is Code => kind in FOR_CODE);
}

async function servingCode(session: Session, database: string): Promise<{ kind: Code; definer: string }[]> {
  const rows = await session.rows<{ kind: string; definer: string }>(
    `SELECT DISTINCT 'view' AS kind, definer AS definer FROM information_schema.views WHERE table_schema = ?
      UNION SELECT 'trigger', definer FROM information_schema.triggers WHERE trigger_schema = ?
      UNION SELECT 'event', definer FROM information_schema.events WHERE event_schema = ?
      UNION SELECT IF(routine_type = 'PROCEDURE', 'procedure', 'function'), definer
        FROM information_schema.routines WHERE routine_schema = ?`,
    [database, database, database, database],
  );
  return rows.map(({ kind, definer }) => ({ kind: kind as Code, definer }));
}

type Needs = readonly [database: string, rights: readonly string[], tables?: readonly string[] | undefined];

/** What is lacking on several databases is told together. */
function lackingOn(grants: Grants, needs: readonly Needs[]): Lack[] {
  const has = ([database, , tables]: Needs, right: string): boolean =>
    tables ? tables.every((table) => grants.onTable(database, table, right)) : grants.on(database, right);
  const missing = needs
    .map((one) => ({ database: one[0], rights: [...new Set(one[1])].filter((right) => !has(one, right)) }))
    .filter(({ rights }) => rights.length > 0);
  if (missing.length === 0) return [];
  const all = [...new Set(missing.flatMap(({ rights }) => rights))].join(', ');
  // The working names of the next restore are others: a pattern holds for all of them.
  const where = missing.map(({ database }) => pattern(database).replace(/(\\_(?:nj|old)\\_)[0-9a-z]+`$/, '\\_%`'));
  return [
    {
      what: `${grants.user} may not do what this restore needs on ${names(missing.map(({ database }) => database))}: ${all}.`,
      hint: [...new Set(where)].map((one) => grant(grants, all, `${one}.*`)).join(' '),
    },
  ];
}

/** Bodies of routines that somebody else has made. */
const readsBodies = (server: Server, grants: Grants, database: string): boolean =>
  inTable(server)
    ? grants.onTable('mysql', 'proc', 'SELECT') || grants.on(database, 'SHOW CREATE ROUTINE')
    : grants.everywhereAlsoOn(database, 'SELECT') || grants.everywhere('SHOW_ROUTINE');

const FOR_OTHERS = ['SUPER', 'SET USER', 'SET_USER_ID', 'SET_ANY_DEFINER'];
const makesForOthers = (grants: Grants): boolean => FOR_OTHERS.some((right) => grants.everywhere(right));

function definersLack(server: Server, grants: Grants, others: readonly string[]): Lack {
  const [, minor = 0] = server.version.split('.').map(Number);
  const mysql =
    server.major > 8 || minor >= 2
      ? 'SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER'
      : server.major === 8
        ? 'SET_USER_ID'
        : 'SUPER';
  const right = server.isMariadb ? 'SET USER' : mysql;
  return {
    what: `${grants.user} may not make views, triggers, routines or events that others run: ${names([...new Set(others)])}.`,
    hint: `${grant(grants, right, '*.*')} Or restore with \`--no-owner\` or a role map; those that serve now keep theirs.`,
  };
}

/** Source: MySQL 8.0 manual, stored programs and the binary log. */
async function bareLog(server: Server, session: Session, grants: Grants): Promise<Lack[]> {
  const { log, trust } = await session.row<{ log: number; trust: number }>(
    'SELECT @@log_bin AS log, @@log_bin_trust_function_creators AS trust',
  );
  const may = grants.everywhere('SUPER') || (server.isMariadb && grants.everywhere('BINLOG ADMIN'));
  if (Number(log) === 0 || Number(trust) === 1 || may) return [];
  return [
    {
      what: 'The server writes a binary log and lets only SUPER make triggers and functions.',
      hint: 'SET GLOBAL log_bin_trust_function_creators = 1; (on RDS in the parameter group).',
    },
  ];
}
