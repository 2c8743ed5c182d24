/** Looks into a database: can it be read, how many rows, do the user's questions hold. */
import { join } from 'node:path';
import { NightjarError } from '../../../core/errors.ts';
import type { CheckJob, CheckOutcome } from '../../../core/job.ts';
import { missing } from '../../files/mounted.ts';
import { walRefused } from './copy.ts';
import { printFile } from './fingerprint.ts';
import { readHeader } from './header.ts';
import { orNewer } from './newer.ts';
import { toolVersion, withShell } from './shell.ts';
import { withWork, type SqliteContext, type Work } from './work.ts';

/** A question that takes longer is answered by that. */
const QUESTION_SECONDS = 300;
const ANSWER_LENGTH = 300;

type Answer = CheckOutcome['answers'][number];

export const check = (context: SqliteContext, job: CheckJob): Promise<Omit<CheckOutcome, 'kind'>> =>
  withWork(context, async (work) => {
    const { target, report } = context;
    report.phase('connecting');
    const file = await reachable(work, target.database);
    const header = await readHeader(file, target.database);
    if (work.place.directory !== undefined && header.wal) throw walRefused(target.database);
    report.phase('counting rows');
    const { tables } = await printFile(work, file, 'counts', { readonly: !header.wal }).catch(
      async (thrown: unknown) => {
        throw orNewer(thrown, header.version, await toolVersion(work, 'CHECK_FAILED'));
      },
    );
    report.phase('asking the checks');
    const answers: Answer[] = [];
    for (const query of job.queries) {
      answers.push(await askOne(work, file, query));
      report.moved(0);
    }
    const rows = tables.reduce((sum, one) => sum + one.rows, 0);
    return { serverVersion: header.version, tables: tables.length, rows, answers };
  });

/** Where it can be opened: in place, or a copy of the object. */
async function reachable(work: Work, name: string): Promise<string> {
  const { place } = work;
  if (!(await place.stat(name))) throw missing(place.words, name);
  if (place.directory !== undefined) return join(place.directory, name);
  const file = join(work.room, 'source.db');
  await place.fetch(name, file);
  return file;
}

async function askOne(work: Work, file: string, query: string): Promise<Answer> {
  const limit = AbortSignal.timeout(QUESTION_SECONDS * 1_000);
  const signal = AbortSignal.any([work.signal, limit]);
  const meaning = { operation: 'check', fallback: 'CHECK_FAILED', readonly: true, safe: true, signal } as const;
  try {
    const rows = await withShell(work, file, meaning, (shell) => shell.rows(query));
    const holds = rows.length === 1 && Object.values(rows[0]!)[0] === 1;
    return { query, holds, answer: clip(rows.length === 1 ? JSON.stringify(rows[0]) : `${rows.length} rows`) };
  } catch (thrown) {
    work.signal.throwIfAborted();
    if (limit.aborted) return { query, holds: false, answer: `No answer in ${QUESTION_SECONDS} s.` };
    // What the database says of the question is its answer; a lock or a mount that is gone is not.
    if (thrown instanceof NightjarError && !['CHECK_FAILED', 'STORAGE_DENIED'].includes(thrown.code)) throw thrown;
    const words = thrown instanceof NightjarError ? (thrown.detail ?? thrown.message) : 'More than one answer.';
    return { query, holds: false, answer: clip(words) };
  }
}

const clip = (text: string): string => (text.length > ANSWER_LENGTH ? `${text.slice(0, ANSWER_LENGTH)}…` : text);
