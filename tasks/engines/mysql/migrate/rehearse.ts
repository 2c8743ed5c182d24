/**
 * A backup of MySQL that goes into MariaDB, or the other way: its definitions are made once without rows, in the database that the
 * restore makes anyway, before anything else begins. So everything that the server does not take is told at once, by its name.
 */
import type { Manifest } from '../../../../core/backup.ts';
import { NightjarError } from '../../../../core/errors.ts';
import type { RestoreJob } from '../../../../core/job.ts';
import type { RestoreSource } from '../../../engine.ts';
import { unpacked } from '../../../pipes/packing.ts';
import { DumpLexer } from '../dump-lexer.ts';
import { statementOf, wordsFor } from '../dump-statements.ts';
import { numberOf } from '../errors.ts';
import { withSigns } from '../fingerprint.ts';
import { ident } from '../names.ts';
import { dropDatabase } from '../place.ts';
import { select } from '../selection.ts';
import { within, type Server, type Session } from '../server.ts';
import { createDatabase, folds, type Charset } from '../tables.ts';
import { collationRule, dialectOf, Findings, nearest, type Dialect } from './dialect.ts';
import { translate } from './translate.ts';

export interface Migration {
  /** A statement of the dump, as this server takes it. */
  readonly translate: (text: string) => string;
  readonly charset: (of: Charset) => Charset;
}

const flavourOf = ({ source, engine }: Manifest): string => String(source.details.flavour ?? engine);

/** Whether the backup is of the other kind of server. */
export const isForeign = (server: Server, manifest: Manifest): boolean =>
  (flavourOf(manifest) === 'mariadb') !== server.isMariadb;

/** What reads what is not there because that was refused: 1146, 1356, 1054, 1824. */
const CONSEQUENCES = [1054, 1146, 1356, 1824];

/** @throws RESTORE_REFUSED with all that the server does not take; PRIVILEGE_MISSING; CHECKSUM_MISMATCH. */
export async function rehearse(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  place: string,
  charset: Charset,
): Promise<Migration> {
  const { report } = server.context;
  const { manifest } = source;
  report.phase('looking for what can not be carried over');
  const dialect = await within(server, (session) => dialectOf(server, session));
  const findings = new Findings();
  const migration: Migration = {
    translate: (text) => translate(text, dialect, findings),
    charset: (of) => charsetFor(of, dialect, findings),
  };
  await within(server, async (session) => {
    await createDatabase(session, place, migration.charset(charset), (text) => report.warn(text));
    await session.rows(`USE ${ident(place)}`);
    await withSigns(report, makeAll(server, job, source, place, { session, migration, findings }));
  }).finally(() => within(server, (session) => dropDatabase(session, place)).catch(() => undefined));
  const way = `From ${flavourOf(manifest)} ${manifest.source.serverVersion} to ${server.version}`;
  if (findings.refused.length > 0)
    throw new NightjarError('RESTORE_REFUSED', {
      operation: 'preflight',
      detail: `${way}, this can not be carried over. ${findings.refused.join(' ')} Leave it out with a scope, or change it in the source. Nothing was touched.`,
    });
  for (const rule of findings.rules) report.warn(`${way}: ${rule}`);
  return migration;
}

function charsetFor({ charset, collation }: Charset, dialect: Dialect, findings: Findings): Charset {
  const other = nearest(dialect, collation);
  if (other === undefined || other === collation) return { charset, collation };
  const rule = collationRule(collation, other);
  if (rule !== undefined) findings.rule(rule, 'the database');
  return { charset, collation: other };
}

interface Rehearsal {
  readonly session: Session;
  readonly migration: Migration;
  readonly findings: Findings;
}

async function makeAll(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  place: string,
  rehearsal: Rehearsal,
): Promise<void> {
  const { signal } = server.context;
  const { findings, migration, session } = rehearsal;
  const waiting: { text: string; delimiter: string }[] = [];
  const { database } = source.manifest.source;
  const { handler } = select(job, { from: database, to: place, anyCase: await folds(session) }, (text) => {
    const before = findings.refusals;
    const translated = migration.translate(text);
    return findings.refusals > before ? '' : translated;
  });
  const lexer = new DumpLexer({
    ...handler,
    statement(text, delimiter) {
      const wanted = handler.statement(text, delimiter);
      if (wanted !== '' && statementOf(wanted).kind !== 'keys') waiting.push({ text: wanted, delimiter });
      return '';
    },
    comment: () => '',
    rows: () => undefined,
  });
  const { stream, done } = unpacked(source.openArchive(), source.manifest.compression, {
    env: server.environment(),
    signal,
    moved: () => undefined,
  });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      lexer.push(chunk);
      for (const one of waiting.splice(0)) await makeOne(session, one, findings);
    }
  } catch (thrown) {
    // What broke the archive is why the rest does not fit together.
    await done;
    if (thrown instanceof NightjarError) throw thrown;
    throw new NightjarError('RESTORE_FAILED', { operation: 'read the archive', detail: String(thrown), cause: thrown });
  }
  await done;
}

async function makeOne(
  session: Session,
  { text, delimiter }: { text: string; delimiter: string },
  findings: Findings,
): Promise<void> {
  const bare = text.trim().slice(0, -delimiter.length);
  try {
    await session.rows(Buffer.from(bare, 'latin1').toString('utf8'));
  } catch (thrown) {
    const number = numberOf(thrown);
    if (!(thrown instanceof NightjarError) || number === undefined) throw thrown;
    if (['CONNECTION_LOST', 'PRIVILEGE_MISSING'].includes(thrown.code)) throw thrown;
    if (findings.refusals > 0 && CONSEQUENCES.includes(number)) return;
    findings.refuse(wordsFor(statementOf(bare), bare), thrown.detail ?? thrown.message);
  }
}
