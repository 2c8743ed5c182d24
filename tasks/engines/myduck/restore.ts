/** Bringing a backup back beside what the server has: proven here by DuckDB, then `RESTORE DATABASE … FROM` the exchange. */
import type { Comparison } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { scopeKinds } from '../../../core/scope.ts';
import type { RestoreDone, RestoreSource } from '../../engine.ts';
import { openArchive, readAll } from '../duckdb/archive.ts';
import { differs } from '../../comparing.ts';
import { compare } from '../duckdb/fingerprint.ts';
import { compared, inDamage, refuseNewerFile } from '../duckdb/restore.ts';
import { qualified } from '../duckdb/names.ts';
import { newestStorageOf } from '../duckdb/storage.ts';
import { clear, databases } from './dump.ts';
import { openExchange, plainDatabase, scrubbing, statement } from './exchange.ts';
import { withKey, type Key } from './keys.ts';
import { inCall, type Parts } from './parts.ts';
import { openWire, type MyduckContext, type Session, type Wire } from './wire.ts';

const DOWNLOADED = /^Downloaded from s3c?:\/\//;

export async function restore(
  parts: Parts,
  context: MyduckContext,
  job: RestoreJob,
  source: RestoreSource,
): Promise<RestoreDone> {
  return inCall(context, async (call) => {
    const { target, step } = call;
    const { database } = job;
    step('connecting');
    refuse(job, source);
    let key: Key | undefined;
    const wire = await openWire(context, { scrub: scrubbing(() => key), anywhere: true });
    await refuseOlderServer(wire, source);
    await refuseTaken(wire, database);

    step('restoring');
    const file = await openArchive(call, source);
    step('comparing rows');
    const inFile = await compared(call, job, source.manifest, file);
    // Nothing of it has reached the server yet.
    if (!inFile.equal) throw differs(inFile, 'It was not given to the server.');
    const exchange = openExchange(context);
    try {
      await exchange.place.store(file, exchange.object);
      await withKey(call, parts.keys, { ...parts, probe: target.exchange.prefix + exchange.probe }, async (made) => {
        key = made;
        // Between the look and this a minute may have passed, and RESTORE writes over a living file.
        await refuseTaken(wire, database);
        await within(wire, (session) =>
          session.told(statement('RESTORE', context, database, exchange.object, made), DOWNLOADED, 'RESTORE_FAILED'),
        ).catch(async (thrown: unknown) => {
          throw await brokenOff(wire, database, thrown);
        });
      });
    } finally {
      await clear(call, exchange);
    }
    step('comparing rows on the server');
    const expected = (
      await inDamage(() =>
        readAll(call, file, { content: false, fallback: 'RESTORE_FAILED', operation: 'compare rows' }),
      )
    ).prints;
    const onServer = await counted(wire, database, expected, call.report);
    if (!onServer.equal) throw differs(onServer, `It serves as ${database}.`);
    return { restoredDatabase: database, comparison: inFile };
  });
}

function refuse({ database, mode, scope }: RestoreJob, { manifest }: RestoreSource): void {
  plainDatabase(database);
  refuseNewerFile(manifest);
  if (mode !== 'new')
    throw new NightjarError('RESTORE_REFUSED', {
      operation: 'preflight',
      detail:
        'MyDuck can’t rename a database, and its RESTORE over a living one writes under the running server: use mode `new`.',
    });
  if (scopeKinds(scope).length > 0 || manifest.source.details.contents === 'rows')
    throw new NightjarError('SCOPE_REFUSED', {
      operation: 'preflight',
      detail: 'MyDuck restores whole files only: restore into a target of DuckDB for a part.',
    });
}

/** It would take the file for its own and fail to open it: under a name that stays taken. */
async function refuseOlderServer(wire: Wire, { manifest }: RestoreSource): Promise<void> {
  const theirs = Number(manifest.source.details.storageVersion ?? 0);
  const [row] = await within(wire, (session) =>
    session.rows<{ version: string }>('SELECT version() AS version', 'RESTORE_FAILED'),
  );
  const newest = newestStorageOf(row!.version);
  if (newest === undefined || theirs <= newest) return;
  throw new NightjarError('RESTORE_REFUSED', {
    operation: 'preflight',
    detail: `The backup is of storage version ${theirs} (DuckDB ${manifest.source.serverVersion}), and the server’s DuckDB ${row!.version} reads up to ${newest}: update the server. Nothing was touched.`,
  });
}

/** It writes into a file of the name that it was told, and takes whatever lies there for a database at its next start. */
async function brokenOff(wire: Wire, database: string, thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof NightjarError)) return thrown;
  const shown = await within(wire, databases).then(
    (names) => (names.includes(database) ? `The server shows ${database} now` : `The server does not show ${database}`),
    () => `The server does not answer, so it may show ${database} when it is back`,
  );
  return thrown.retold({
    detail: `${thrown.detail ?? thrown.message} ${shown}; a part of the file may lie in its directory, and becomes a database of that name when the server starts. Nobody may use it: drop it, or restore under another name. All other databases are as they were.`,
  });
}

async function refuseTaken(wire: Wire, database: string): Promise<void> {
  if ((await within(wire, databases)).includes(database))
    throw new NightjarError('DESTINATION_EXISTS', { operation: 'restore', detail: `Database: ${database}.` });
}

async function within<T>(wire: Wire, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await wire.session();
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** What the server itself sees of the file that was given to it. */
async function counted(
  wire: Wire,
  database: string,
  expected: Parameters<typeof compare>[1],
  report: { moved(bytes: number): void },
): Promise<Comparison> {
  return within(wire, async (session) => {
    const found: { schema: string; table: string; rows: number }[] = [];
    for (const { schema, table } of expected) {
      const [row] = await session
        .rows<{ n: string }>(`SELECT count(*) AS n FROM ${qualified({ schema, table }, database)}`, 'RESTORE_FAILED')
        .catch((thrown: unknown) => {
          if (thrown instanceof NightjarError && thrown.code === 'RESTORE_FAILED') return [];
          throw thrown;
        });
      if (row) found.push({ schema, table, rows: Number(row.n) });
      report.moved(0);
    }
    const counts = expected.map(({ schema, table, rows }) => ({ schema, table, rows }));
    return compare('counts', counts, found);
  });
}
