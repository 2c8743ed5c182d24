/** Looks into a server that was restored beside the original: can it be read, how many rows, do the user's questions hold. */
import { NightjarError } from '../../../core/errors.ts';
import type { CheckJob, CheckOutcome } from '../../../core/job.ts';
import { names } from './dump-plan.ts';
import { numberOf } from './errors.ts';
import { printTable, withSigns } from './fingerprint.ts';
import { openSnapshot } from './hold.ts';
import { reachServer, within, type MysqlContext, type Server, type Session } from './server.ts';
import { listTables } from './tables.ts';

/** A question that takes longer is answered by that. */
const QUESTION_SECONDS = 300;
const ANSWER_LENGTH = 300;
/** The server or the connection is going away. */
const GONE = [1053, 1927, 2006, 2013];

type Answer = CheckOutcome['answers'][number];

/** @throws what keeps it from reaching or reading the server. */
export async function check(context: MysqlContext, job: CheckJob): Promise<Omit<CheckOutcome, 'kind'>> {
  const { target, report } = context;
  report.phase('connecting');
  const server = await reachServer(context, target.database);
  report.phase('counting rows');
  const counted = await withSigns(report, countRows(server));
  report.phase('asking the checks');
  const answers = await within(server, (session) => ask(server, session, job.queries), target.database);
  return { serverVersion: server.version, ...counted, answers };
}

/** Of all tables that the login may read: in one snapshot, which locks nobody out. */
async function countRows(server: Server): Promise<{ tables: number; rows: number }> {
  const { report, signal, target } = server.context;
  const session = await openSnapshot(server, signal);
  const hidden: string[] = [];
  let [tables, rows] = [0, 0];
  try {
    for (const { table } of await listTables(session, target.database)) {
      try {
        rows += (await printTable(session, target.database, table, 'counts')).rows;
        tables += 1;
      } catch (thrown) {
        if (!(thrown instanceof NightjarError) || thrown.code !== 'PRIVILEGE_MISSING') throw thrown;
        hidden.push(table);
      }
      report.moved(0);
    }
  } finally {
    await session.close();
  }
  if (hidden.length > 0)
    report.warn(`Tables were not counted, because the login of the check may not read them: ${names(hidden)}.`);
  return { tables, rows };
}

async function ask(server: Server, session: Session, queries: readonly string[]): Promise<Answer[]> {
  // Also for what comes after a COMMIT inside a question.
  await session.rows('SET SESSION TRANSACTION READ ONLY');
  await session.rows(
    server.isMariadb
      ? `SET SESSION max_statement_time = ${QUESTION_SECONDS}`
      : `SET SESSION max_execution_time = ${QUESTION_SECONDS * 1_000}`,
  );
  const answers: Answer[] = [];
  for (const query of queries) {
    answers.push(await askOne(session, query));
    server.context.report.moved(0);
  }
  return answers;
}

async function askOne(session: Session, query: string): Promise<Answer> {
  try {
    const rows = await session.rows(query);
    // The servers' TRUE is the number 1.
    const holds = rows.length === 1 && Object.values(rows[0]!)[0] === 1;
    return { query, holds, answer: clip(rows.length === 1 ? JSON.stringify(rows[0]) : `${rows.length} rows`) };
  } catch (thrown) {
    // What the server itself says of the question is its answer; a lost connection or an abort is not.
    const number = numberOf(thrown);
    if (!(thrown instanceof NightjarError) || number === undefined || GONE.includes(number)) throw thrown;
    return { query, holds: false, answer: clip(thrown.detail ?? thrown.message) };
  }
}

const clip = (text: string): string => (text.length > ANSWER_LENGTH ? `${text.slice(0, ANSWER_LENGTH)}…` : text);
