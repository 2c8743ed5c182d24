/**
 * Exchanging two databases. Neither server can rename one, so its tables move: those that serve into the database that keeps them,
 * the restored ones into their place, in one RENAME TABLE, which is atomic. Views, routines, triggers and events do not move: they
 * are dropped and made again, by a plan that lies in the restored database until all is done. A crash between any two steps is
 * taken up by the same exchange, started again.
 */
import { NightjarError, wordsOf } from '../../../core/errors.ts';
import type { ExchangeState } from '../../../core/exchange.ts';
import { KEPT_TABLE, NOTE_TABLE, ident, qualified } from './names.ts';
import { numberOf } from './errors.ts';
import {
  createObjects,
  dropObject,
  inWordsOf,
  readObjects,
  runningEvents,
  sameObject,
  type CodeObject,
} from './objects.ts';
import { databaseExists, dropDatabase, readNote, writeNote } from './place.ts';
import { movedPlan, triggersOf, type Exchange, type Plan } from './plan.ts';
import { regrant, routineGrants } from './routine-grants.ts';
import { nameSequences } from './sequence-defaults.ts';
import type { Server, Session } from './server.ts';
import { endBlockers } from './sessions.ts';
import { charsetOf, createDatabase, dropEmpty, listMovable } from './tables.ts';

/** Everybody's statements queue behind a rename that waits. */
const LOCK_SECONDS = 2;
const TRIES = 4;

/**
 * @returns whether something served.
 * @throws SWAP_FAILED with everything as it was; SWAP_UNFINISHED when the tables have moved and the rest has not.
 */
export async function exchange(server: Server, names: Exchange): Promise<boolean> {
  const { report, signal } = server.context;
  signal.throwIfAborted();
  // From here on it is better finished than broken off.
  const session = await server.lastSession();
  try {
    await session.rows(`SET SESSION lock_wait_timeout = ${LOCK_SECONDS}`);
    let plan = await movedPlan(session, names);
    if (!plan) {
      plan = await makePlan(server, session, names);
      // Where the name has the sequence already, no statement ever finds it missing.
      if (server.isMariadb) await nameSequences(session, names, names.incoming);
      await report.exchange({ ...stateOf(names, plan.had), serves: 'either' });
      await move(server, session, names, plan);
    }
    await settleMoved(server, session, names, plan);
    return plan.had;
  } finally {
    await session.close();
  }
}

/** Once the tables have moved. @throws SWAP_UNFINISHED. */
export async function settleMoved(server: Server, session: Session, names: Exchange, plan: Plan): Promise<void> {
  const { report } = server.context;
  await report.exchange(stateOf(names, plan.had));
  try {
    await settle(server, session, names, plan);
  } catch (thrown) {
    throw new NightjarError('SWAP_UNFINISHED', {
      operation: 'make views, routines, triggers and events',
      detail: `The tables of ${names.incoming} serve as ${names.name}; of what belongs to them not all is there yet: ${wordsOf(thrown)}`,
      cause: thrown,
    });
  }
  await report.exchange({ ...stateOf(names, plan.had), underway: false });
}

/** As it is when the tables have moved and the rest has not. */
export const stateOf = ({ name, incoming, keepAs }: Exchange, had: boolean): ExchangeState => ({
  name,
  incoming,
  ...(had ? { keepAs } : {}),
  serves: 'incoming',
  underway: true,
});

async function makePlan(server: Server, session: Session, names: Exchange): Promise<Plan> {
  const { report } = server.context;
  const { name, incoming, keepAs } = names;
  const note = (await readNote(session, incoming)) ?? {};
  const earlier = note.plan === undefined ? undefined : (JSON.parse(note.plan) as Plan);
  const had = earlier ? earlier.had : await databaseExists(session, name);
  const sideOf = async (database: string): Promise<Plan['serving']> => ({
    tables: await listMovable(session, database),
    objects: await readObjects(session, database, (view) =>
      report.warn(`The view ${view} of ${database} refers to what is not there any more; it was left out.`),
    ),
  });
  const [serving, coming] = [had ? await sideOf(name) : { tables: [], objects: [] }, await sideOf(incoming)];
  const objects = await inWordsOf(session, coming.objects, incoming, name);
  const plan: Plan = {
    names,
    had,
    // An attempt that died may have dropped them already.
    serving: { ...serving, objects: withTriggers(serving.objects, earlier?.serving.objects) },
    incoming: { ...coming, objects: withTriggers(objects, earlier?.incoming.objects) },
    grants: had ? await routineGrants(session, name) : [],
  };
  await writeNote(
    session,
    incoming,
    { restore: names.restoreId, events: JSON.stringify(runningEvents(plan.serving.objects)) },
    { table: KEPT_TABLE },
  );
  await writeNote(session, incoming, { plan: JSON.stringify(plan) });
  const place = had ? keepAs : name;
  if (!(await databaseExists(session, place)))
    await createDatabase(session, place, await charsetOf(session, had ? name : incoming), (text) => report.warn(text));
  return plan;
}

function withTriggers(found: readonly CodeObject[], earlier: readonly CodeObject[] = []): CodeObject[] {
  const lost = earlier.filter(
    (one) => one.kind === 'TRIGGER' && !found.some((other) => other.kind === 'TRIGGER' && other.name === one.name),
  );
  return [...found, ...lost];
}

/** All tables at once. @throws SWAP_FAILED, with the triggers back in their place. */
async function move(server: Server, session: Session, names: Exchange, plan: Plan): Promise<void> {
  const { name, incoming, keepAs } = names;
  const moves = [
    ...plan.serving.tables.map((table) => [qualified(name, table), qualified(keepAs, table)]),
    ...plan.incoming.tables.map((table) => [qualified(incoming, table), qualified(name, table)]),
    [qualified(incoming, KEPT_TABLE), plan.had ? qualified(keepAs, NOTE_TABLE) : qualified(name, KEPT_TABLE)],
  ];
  const refusals = new Set<string>();
  for (let attempt = 1; ; attempt += 1) {
    try {
      // A table with triggers can't move to another database.
      for (const one of triggersOf(plan.incoming.objects)) await dropObject(session, incoming, one);
      for (const one of triggersOf(plan.serving.objects)) await dropObject(session, name, one);
      await session.rows(`RENAME TABLE ${moves.map(([from, to]) => `${from!} TO ${to!}`).join(', ')}`);
      return;
    } catch (thrown) {
      const again = numberOf(thrown) === 1205 && attempt < TRIES && refusals.size === 0;
      const after = await afterFailure(server, names, plan, again).catch((why: unknown) => {
        throw new NightjarError('SWAP_UNFINISHED', {
          operation: 'RENAME TABLE',
          detail: `${name} serves as before, or the restored tables do; its triggers may be missing: ${wordsOf(thrown)} Then: ${wordsOf(why)}`,
          cause: thrown,
        });
      });
      if (after === 'moved') return;
      if (again) {
        await endBlockers(server, session, [name, incoming], { all: attempt > 2, refusals });
        continue;
      }
      await server.context.report.exchange({ ...stateOf(names, plan.had), serves: 'before', underway: false });
      throw new NightjarError('SWAP_FAILED', {
        operation: 'RENAME TABLE',
        detail: [`${name} was not replaced by ${incoming}: ${wordsOf(thrown)}`, ...refusals].join(' '),
        cause: thrown,
      });
    }
  }
}

/** The answer may have been lost: where the tables are tells. Else the triggers that serve come back. `again`: it is tried once more. */
async function afterFailure(
  server: Server,
  names: Exchange,
  plan: Plan,
  again: boolean,
): Promise<'moved' | 'as before'> {
  const session = await server.lastSession();
  try {
    if (await movedPlan(session, names)) return 'moved';
    if (plan.had) await createObjects(session, names.name, triggersOf(plan.serving.objects), { of: names.name });
    if (plan.had && !again) await dropEmpty(session, names.keepAs);
    return 'as before';
  } finally {
    await session.close();
  }
}

/** Everything besides the tables; each step may be done twice. */
async function settle(server: Server, session: Session, names: Exchange, plan: Plan): Promise<void> {
  const { report } = server.context;
  const { name, incoming, keepAs } = names;
  const note = await readNote(session, incoming);
  const same = plan.serving.objects.filter(
    (one) => !['TRIGGER', 'EVENT'].includes(one.kind) && plan.incoming.objects.some((other) => sameObject(one, other)),
  );
  const isSame = (kind: string, name: string): boolean =>
    same.some((other) => other.kind === kind && other.name === name);
  // A package takes its body with it.
  const isStaying = (one: CodeObject): boolean =>
    isSame(one.kind, one.name) && (one.kind !== 'PACKAGE BODY' || isSame('PACKAGE', one.name));
  if (plan.had)
    for (const one of plan.serving.objects)
      if (!isStaying(one) && one.kind !== 'TRIGGER') await dropObject(session, name, one);
  const coming = plan.incoming.objects.filter((one) => !isStaying(one));
  const brokenIn =
    (database: string) =>
    (view: CodeObject, why: string): void =>
      report.warn(`The view ${view.name} could not be made in ${database}: ${why} Make it by hand: ${view.sql}`);
  if (server.isMariadb) await nameSequences(session, names, name);
  await createObjects(session, name, coming, { of: name, broken: brokenIn(name) });
  for (const failed of await regrant(session, name, plan.grants, coming)) report.warn(failed);
  if (plan.had) await createObjects(session, keepAs, plan.serving.objects, { of: name, broken: brokenIn(keepAs) });
  await wake(server, session, names, plan, JSON.parse(note?.events ?? '[]') as string[]);
  if (!plan.had) await session.rows(`DROP TABLE IF EXISTS ${qualified(name, KEPT_TABLE)}`);
  await dropDatabase(session, incoming);
}

async function wake(server: Server, session: Session, names: Exchange, plan: Plan, events: string[]): Promise<void> {
  const there = plan.incoming.objects.filter((one) => one.kind === 'EVENT' && events.includes(one.name));
  if (there.length === 0) return;
  if (!names.wakeEvents) {
    server.context.report.warn(
      `Events do not run in ${names.name}, for it is a copy: ${there.map((one) => one.name).join(', ')}. Wake them with ALTER DEFINER = … EVENT … ENABLE; without their DEFINER they become yours.`,
    );
    return;
  }
  await session.rows(`USE ${ident(names.name)}`);
  for (const one of there) await session.rows(`ALTER ${definerIn(one.sql)}EVENT ${ident(one.name)} ENABLE`);
}

/** Whoever alters an event becomes the one that it runs as, unless somebody else is named. */
const definerIn = (sql: string): string => /^CREATE (DEFINER=`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)? )/.exec(sql)?.[1] ?? '';
