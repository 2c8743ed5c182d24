/** Looks into a server: how many rows, do the user's questions hold; and what tonight's backup will meet. */
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import type { CheckJob, CheckOutcome, Finding, ProbeOutcome } from '../../../core/job.ts';
import { exchangeScheme } from '../../../core/names.ts';
import { literal, qualified, type Place } from '../duckdb/names.ts';
import { isNewerLibrary, NEWEST_STORAGE } from '../duckdb/storage.ts';
import { about } from './dump.ts';
import { openExchange, plainDatabase } from './exchange.ts';
import type { Parts } from './parts.ts';
import { openWire, type MyduckContext, type Session, type Wire } from './wire.ts';
import { assertWritable } from './writable.ts';
import { clockFinding, ok, warn } from '../../findings.ts';

const ANSWER_LENGTH = 300;
type Answer = CheckOutcome['answers'][number];

export async function check(context: MyduckContext, job: CheckJob): Promise<Omit<CheckOutcome, 'kind'>> {
  const { target, report } = context;
  report.phase('connecting');
  const wire = await openWire(context);
  const { version } = await about(wire, target.database);
  const session = await wire.session();
  try {
    report.phase('counting rows');
    let rows = 0;
    const tables = await tablesOf(session, target.database);
    for (const one of tables) {
      const [found] = await session.rows<{ n: string }>(
        `SELECT count(*) AS n FROM ${qualified(one, target.database)}`,
        'CHECK_FAILED',
      );
      rows += Number(found!.n);
      report.moved(0);
    }
    report.phase('asking the checks');
    const answers: Answer[] = [];
    for (const query of job.queries) answers.push(await ask(session, query));
    return { serverVersion: version, tables: tables.length, rows, answers };
  } finally {
    await session.close();
  }
}

const tablesOf = (session: Session, database: string): Promise<Place[]> =>
  session.rows<Place>(
    `SELECT schema_name AS "schema", table_name AS "table" FROM duckdb_tables() WHERE database_name = ${literal(database)} AND NOT internal AND NOT temporary`,
  );

/** In a transaction that is taken back: a question changes nothing. */
async function ask(session: Session, query: string): Promise<Answer> {
  await session.rows('BEGIN');
  try {
    const rows = await session.rows(query, 'CHECK_FAILED');
    const holds = rows.length === 1 && isTrue(Object.values(rows[0]!)[0]);
    return { query, holds, answer: clip(rows.length === 1 ? JSON.stringify(rows[0]) : `${rows.length} rows`) };
  } catch (thrown) {
    if (!(thrown instanceof NightjarError) || thrown.code !== 'CHECK_FAILED') throw thrown;
    return { query, holds: false, answer: clip(thrown.detail ?? thrown.message) };
  } finally {
    await session.rows('ROLLBACK').catch(() => undefined);
  }
}
const isTrue = (value: unknown): boolean => value === true || value === 't' || value === 'true';
const clip = (text: string): string => (text.length > ANSWER_LENGTH ? `${text.slice(0, ANSWER_LENGTH)}…` : text);

export async function probe(parts: Parts, context: MyduckContext): Promise<Omit<ProbeOutcome, 'kind'>> {
  const { target, report } = context;
  report.phase('connecting');
  const wire = await openWire(context);
  const { version } = await about(wire, target.database);
  report.phase('looking around');
  const findings = [
    wire.tlsVerified
      ? ok('TLS, with the certificate verified.')
      : ({
          level: 'warn',
          what: 'TLS is not verified.',
          hint: 'Set tls.verify of the target to full, and tls.ca to what signed the server’s certificate.',
        } as const),
    ...(isNewerLibrary(version)
      ? [
          {
            level: 'warn',
            what: `The server’s DuckDB ${version} is newer than that of Nightjar’s image, which reads storage versions up to ${NEWEST_STORAGE}.`,
            hint: 'Update Nightjar’s image before the server begins to write a newer storage version: its backups would fail.',
          } as const,
        ]
      : [ok(`Nightjar’s DuckDB reads what the server’s ${version} writes.`)]),
    await clockOf(wire),
    await asked('The database’s name', () => Promise.resolve(plainDatabase(target.database))),
    await asked('The server takes writes', () => assertWritable(wire, { pauseMs: parts.pauseMs, after: '' })),
    await asked(`The keys of ${target.exchange.user}`, () => parts.keys.list(target.exchange.user)),
    await asked('The exchange', () => openExchange(context).place.list('')),
    ...(exchangeScheme(target.exchange.endpoint) === 's3c'
      ? [
          {
            level: 'warn',
            what: `The server speaks plain HTTP to ${target.exchange.endpoint}.`,
            hint: 'Use Amazon’s own endpoint, s3.<region>.amazonaws.com.',
          } as const,
        ]
      : []),
  ];
  return { serverVersion: version, databaseBytes: await sizeOf(wire, target.database), findings };
}

async function asked(what: string, look: () => Promise<unknown>): Promise<Finding> {
  try {
    await look();
    return ok(`${what}: well.`);
  } catch (thrown) {
    const error = thrown instanceof NightjarError ? thrown : undefined;
    const words = error ? (error.detail ?? error.message) : String(thrown);
    return { level: 'bad', what: `${what}: ${words}`, hint: error?.entry.hint ?? 'See docs/engines/myduck.md.' };
  }
}

async function clockOf(wire: Wire): Promise<Finding> {
  const session = await wire.session();
  try {
    const before = Date.now();
    const [row] = await session.rows<{ clock: string }>('SELECT epoch_ms(now()) AS clock');
    return clockFinding(Number(row!.clock), (before + Date.now()) / 2);
  } catch (thrown) {
    const { detail, message } = toNightjarError(thrown);
    return warn(`The server’s clock was not told: ${detail ?? message}`, 'Compare it by hand with the time of day.');
  } finally {
    await session.close();
  }
}

async function sizeOf(wire: Wire, database: string): Promise<number> {
  const session = await wire.session();
  try {
    const [row] = await session.rows<{ bytes: string }>(
      `SELECT (block_size * total_blocks) AS bytes FROM pragma_database_size() WHERE database_name = ${literal(database)}`,
    );
    return Number(row?.bytes ?? 0);
  } finally {
    await session.close();
  }
}
