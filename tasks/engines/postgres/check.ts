/** Looks into a server that was restored beside the original: can it be read, how many rows, do the user's questions hold. */
import { NightjarError } from '../../../core/errors.ts';
import type { CheckJob, CheckOutcome } from '../../../core/job.ts';
import { sqlStateOf } from './errors.ts';
import { prepareAsker, printTable } from './fingerprint.ts';
import { reachServer, type PostgresContext, type Server, type Session } from './server.ts';
import { noLimits } from './snapshot.ts';
import { listTables } from './tables.ts';

/** A question that takes longer is answered by that. */
const QUESTION_SECONDS = 300;
const ANSWER_LENGTH = 300;
const NAMED = 10;

type Answer = CheckOutcome['answers'][number];

/** @throws what keeps it from reaching or reading the server. */
export async function check(context: PostgresContext, job: CheckJob): Promise<Omit<CheckOutcome, 'kind'>> {
  const { target, report } = context;
  report.phase('connecting');
  const server = await reachServer(context, [target.database]);
  report.phase('counting rows');
  const counted = await within(server, countRows);
  report.phase('asking the checks');
  // A session of its own: counting has changed settings that a question may rely on.
  const answers = await within(server, (session) => ask(session, job.queries, () => report.moved(0)));
  return { serverVersion: server.version, ...counted, answers };
}

async function within<T>(server: Server, work: (session: Session, server: Server) => Promise<T>): Promise<T> {
  const session = await server.session(server.context.target.database);
  try {
    return await work(session, server);
  } finally {
    await session.close();
  }
}

/** Of all tables that the login may read: in one snapshot, which locks nobody out. */
async function countRows(session: Session, server: Server): Promise<{ tables: number; rows: number }> {
  const { report } = server.context;
  await noLimits(server, session);
  await prepareAsker(session);
  await session.rows('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const hidden: string[] = [];
  let [tables, rows] = [0, 0];
  for (const one of await listTables(session)) {
    await session.rows('SAVEPOINT one');
    try {
      if (one.readable === false) throw new NightjarError('PRIVILEGE_MISSING', { operation: 'count rows' });
      rows += (await printTable(session, one, 'counts')).rows;
      tables += 1;
    } catch (thrown) {
      if (!(thrown instanceof NightjarError) || thrown.code !== 'PRIVILEGE_MISSING') throw thrown;
      hidden.push(`${one.schema}.${one.table}`);
    }
    await session.rows('ROLLBACK TO SAVEPOINT one; RELEASE SAVEPOINT one');
    report.moved(0);
  }
  await session.rows('ROLLBACK');
  if (hidden.length > 0)
    report.warn(
      `${hidden.length} tables were not counted, because the login of the check may not read them: ${hidden.slice(0, NAMED).join(', ')}${hidden.length > NAMED ? ', …' : ''}.`,
    );
  return { tables, rows };
}

async function ask(session: Session, queries: readonly string[], alive: () => void): Promise<Answer[]> {
  // Also for what comes after a COMMIT inside a question.
  await session.rows(
    `SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET statement_timeout = '${QUESTION_SECONDS}s'`,
  );
  const answers: Answer[] = [];
  for (const query of queries) {
    answers.push(await askOne(session, query));
    alive();
  }
  return answers;
}

async function askOne(session: Session, query: string): Promise<Answer> {
  await session.rows('BEGIN READ ONLY');
  try {
    const rows = await session.rows(query);
    const holds = rows.length === 1 && Object.values(rows[0]!)[0] === true;
    return { query, holds, answer: clip(rows.length === 1 ? JSON.stringify(rows[0]) : `${rows.length} rows`) };
  } catch (thrown) {
    // What the server itself says of the question is its answer; a lost connection or an abort is not.
    if (!(thrown instanceof NightjarError) || !isAnswer(thrown)) throw thrown;
    return { query, holds: false, answer: clip(thrown.detail ?? thrown.message) };
  } finally {
    await session.rows('ROLLBACK').catch(() => undefined);
  }
}

/** Classes 08 and 57P: the connection, or a server that shuts down. */
function isAnswer(thrown: NightjarError): boolean {
  const state = sqlStateOf(thrown);
  return state !== undefined && /^[0-9A-Z]{5}$/.test(state) && !/^(08|57P)/.test(state);
}

const clip = (text: string): string => (text.length > ANSWER_LENGTH ? `${text.slice(0, ANSWER_LENGTH)}…` : text);
