/** Looks into a database: can it be read, how many rows, do the user's questions hold. Works on a copy. */
import type { CheckJob, CheckOutcome } from '../../../core/job.ts';
import type { EngineContext } from '../../engine.ts';
import { catalogOf } from './archive.ts';
import { inRoom } from './context.ts';
import { takeCopy } from './copy.ts';
import { isOf } from './errors.ts';
import { takePrints } from './fingerprint.ts';
import { withSession, type Session } from './session.ts';
import { listTables } from './tables.ts';

const ANSWER_LENGTH = 300;
type Answer = CheckOutcome['answers'][number];

/** @throws what keeps it from reading the file. */
export async function check(context: EngineContext<'duckdb'>, job: CheckJob): Promise<Omit<CheckOutcome, 'kind'>> {
  return inRoom(context, async (call) => {
    call.step('connecting');
    const copy = await takeCopy(call, call.target.database, { fallback: 'CHECK_FAILED' });
    call.step('counting rows');
    const options = {
      file: copy.file,
      readOnly: true,
      fallback: 'CHECK_FAILED',
      operation: 'check',
      // A question that had too little would be answered with no.
      memory: 'all',
    } as const;
    return withSession(call, options, async (session) => {
      const catalog = await catalogOf(session);
      const { prints } = await takePrints(session, await listTables(session, catalog), false, call.report, catalog);
      call.step('asking the checks');
      // A question looks into this database and nowhere else.
      await session.rows('SET enable_external_access = false');
      await session.rows('SET lock_configuration = true');
      const answers: Answer[] = [];
      for (const query of job.queries) answers.push(await ask(session, query));
      return {
        serverVersion: copy.writtenBy ?? session.version,
        tables: prints.length,
        rows: prints.reduce((sum, one) => sum + one.rows, 0),
        answers,
      };
    });
  });
}

async function ask(session: Session, query: string): Promise<Answer> {
  try {
    const rows = await session.rows(query);
    const holds = rows.length === 1 && Object.values(rows[0]!)[0] === true;
    return { query, holds, answer: clip(rows.length === 1 ? JSON.stringify(rows[0]) : `${rows.length} rows`) };
  } catch (thrown) {
    // What DuckDB says of the question is its answer; that its process is gone is not.
    if (!isOf(thrown, 'CHECK_FAILED') || (thrown.detail ?? '').includes('without an answer')) throw thrown;
    return { query, holds: false, answer: clip(thrown.detail ?? thrown.message) };
  }
}

const clip = (text: string): string => (text.length > ANSWER_LENGTH ? `${text.slice(0, ANSWER_LENGTH)}…` : text);
