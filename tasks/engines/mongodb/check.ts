/** Looks into a server that was restored beside the original: can it be read, how many documents, do the questions hold. */
import { BSON, type Document } from 'mongodb';
import { NightjarError } from '../../../core/errors.ts';
import type { CheckJob, CheckOutcome } from '../../../core/job.ts';
import { listCollections, requireDatabase } from './collections.ts';
import { codeOf } from './errors.ts';
import { within, type MongodbContext, type Server } from './server.ts';

/** A question that takes longer is answered by that. */
const QUESTION_MS = 300_000;
const ANSWER_LENGTH = 300;
const NAMED = 10;

type Answer = CheckOutcome['answers'][number];

/** @throws what keeps it from reaching or reading the server. */
export async function check(context: MongodbContext, job: CheckJob): Promise<Omit<CheckOutcome, 'kind'>> {
  const { target, report } = context;
  report.phase('connecting');
  return within(context, async (server) => {
    await requireDatabase(server, target.database);
    report.phase('counting rows');
    const counted = await countRows(server);
    report.phase('asking the checks');
    const answers: Answer[] = [];
    for (const query of job.queries) {
      answers.push(await askOne(server, query));
      report.moved(0);
    }
    return { serverVersion: server.version, ...counted, answers };
  });
}

async function countRows(server: Server): Promise<{ tables: number; rows: number }> {
  const { report, target } = server.context;
  const database = server.database(target.database);
  const hidden: string[] = [];
  let [tables, rows] = [0, 0];
  for (const { name } of (await listCollections(server, target.database)).filter((one) => one.type !== 'view')) {
    try {
      rows += await server.ask('count documents', () => database.collection(name).countDocuments({}));
      tables += 1;
    } catch (thrown) {
      if (!(thrown instanceof NightjarError) || thrown.code !== 'PRIVILEGE_MISSING') throw thrown;
      hidden.push(name);
    }
    report.moved(0);
  }
  if (hidden.length > 0)
    report.warn(
      `${hidden.length} collections were not counted, because the login of the check may not read them: ${hidden.slice(0, NAMED).join(', ')}${hidden.length > NAMED ? ', …' : ''}.`,
    );
  return { tables, rows };
}

/**
 * A question is a command as JSON, `{"aggregate": "orders", "pipeline": [ … ]}` or `{"find": "orders", … }`. It holds when it
 * gives one document whose first field besides `_id` is true.
 */
async function askOne(server: Server, query: string): Promise<Answer> {
  let command: Document;
  try {
    command = readQuestion(query);
  } catch (thrown) {
    return { query, holds: false, answer: clip(String(thrown)) };
  }
  try {
    const { cursor } = await server.ask('ask', () => server.database(server.context.target.database).command(command));
    const rows = (cursor as { firstBatch: Document[] }).firstBatch;
    const first = Object.entries(rows[0] ?? {}).find(([name]) => name !== '_id');
    const holds = rows.length === 1 && first?.[1] === true;
    return {
      query,
      holds,
      answer: clip(rows.length === 1 ? BSON.EJSON.stringify(rows[0]!) : `${rows.length} documents`),
    };
  } catch (thrown) {
    // What the server itself says of the question is its answer; a lost connection or an abort is not.
    if (!(thrown instanceof NightjarError) || thrown.code === 'CONNECTION_LOST' || codeOf(thrown) === undefined)
      throw thrown;
    return { query, holds: false, answer: clip(thrown.detail ?? thrown.message) };
  }
}

/** @throws Error for what is no question, or would write. */
function readQuestion(query: string): Document {
  const command = BSON.EJSON.parse(query) as Document;
  const [name] = Object.keys(command);
  if (name !== 'aggregate' && name !== 'find') throw new Error('A question is {"aggregate": …} or {"find": …}.');
  const stages = Array.isArray(command.pipeline) ? (command.pipeline as Document[]) : [];
  if (stages.some((stage) => Object.keys(stage).some((one) => one === '$out' || one === '$merge')))
    throw new Error('A question may not write: $out and $merge are refused.');
  return { ...command, ...(name === 'aggregate' ? { cursor: {} } : {}), maxTimeMS: QUESTION_MS };
}

const clip = (text: string): string => (text.length > ANSWER_LENGTH ? `${text.slice(0, ANSWER_LENGTH)}…` : text);
