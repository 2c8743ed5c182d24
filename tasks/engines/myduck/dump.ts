/** One database through the exchange into the vault: the server's own single file, read by DuckDB to its last value. */
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import { exchangeScheme } from '../../../core/names.ts';
import { warnOfTls } from '../../authority.ts';
import type { DumpFacts, DumpSink } from '../../engine.ts';
import { foresee } from '../../files/room.ts';
import { readAll, writeArchive } from '../duckdb/archive.ts';
import { majorOf } from '../duckdb/dump.ts';
import { fingerprintOf } from '../duckdb/fingerprint.ts';
import { absorbed } from '../duckdb/copy.ts';
import { isOf } from '../duckdb/errors.ts';
import { openExchange, plainDatabase, scrubbing, statement, type Exchange } from './exchange.ts';
import { withKey, type Key } from './keys.ts';
import { inCall, type Call, type Parts } from './parts.ts';
import { openWire, type MyduckContext, type Session, type Wire } from './wire.ts';
import { assertWritable, UNHEARD_TRIES } from './writable.ts';

/** What a BACKUP that went well says; the number of bytes in it is an address of memory. */
const UPLOADED = /^Uploaded .+ to s3c?:\/\//s;

export async function dump(parts: Parts, context: MyduckContext, sink: DumpSink): Promise<DumpFacts> {
  return inCall(context, async (call) => {
    const { target, report, step } = call;
    step('connecting');
    plainDatabase(target.database);
    let key: Key | undefined;
    const wire = await openWire(context, { scrub: scrubbing(() => key) });
    const server = await about(wire, target.database);
    warnOfTls(report, wire);
    const { endpoint } = target.exchange;
    if (exchangeScheme(endpoint) === 's3c')
      report.warn(
        `The server writes to ${endpoint} over plain HTTP: MyDuck knows no other way to an S3 that is not Amazon’s.`,
      );

    await assertWritable(wire, { pauseMs: parts.pauseMs, after: 'Nothing was asked of it yet.' });
    step('dumping');
    const exchange = openExchange(context);
    const takenAt = new Date().toISOString();
    try {
      const flight = { busy: false };
      const options = { ...parts, probe: target.exchange.prefix + exchange.probe, busy: () => flight.busy };
      await withKey(call, parts.keys, options, async (made) => {
        key = made;
        await backUp(parts, context, wire, { exchange, key: made, flight });
      });
      const file = `${call.room}/nightjar_copy.duckdb`;
      await foresee({ place: exchange.place, room: call.room, report }, [exchange.object]);
      await exchange.place.fetch(exchange.object, file).catch((thrown: unknown) => {
        if (!isOf(thrown, 'DATABASE_MISSING')) throw thrown;
        throw new NightjarError('DUMP_EMPTY', {
          operation: 'BACKUP DATABASE',
          detail: `${thrown.detail ?? ''} The server said that it had written it.`,
          cause: thrown,
        });
      });
      const storage = await absorbed(call, file, 'DUMP_FAILED', exchange.place.words + exchange.object);
      const started = performance.now();
      const { version, ...reading } = await readAll(call, file, {
        content: true,
        fallback: 'DUMP_FAILED',
        operation: 'read every table',
      });
      const fingerprint = fingerprintOf(target.fingerprint, reading.prints, (performance.now() - started) / 1_000);
      report.expect(storage.bytes);
      const command = await writeArchive(call, sink, { ...reading, file, format: 'file', name: exchange.object });
      return {
        snapshotAt: takenAt,
        consistency: 'locked',
        source: {
          place: `${target.host}:${target.port}`,
          database: target.database,
          serverVersion: server.version,
          serverMajor: majorOf(server.version),
          tlsVerified: wire.tlsVerified,
          databaseBytes: storage.bytes,
          details: { storageVersion: storage.storageVersion, contents: 'whole' },
        },
        format: 'file',
        tool: {
          name: 'duckdb',
          version,
          command: [`BACKUP DATABASE ${target.database} TO 's3://…'`, '|', ...command],
        },
        compression: { place: 'outside', ...target.compression },
        fingerprint,
        roles: [],
        extensions: [],
      };
    } finally {
      await clear(call, exchange);
    }
  });
}

/** @throws DATABASE_MISSING. */
export async function about(wire: Wire, database: string): Promise<{ version: string }> {
  const session = await wire.session();
  try {
    if (!(await databases(session)).includes(database))
      throw new NightjarError('DATABASE_MISSING', { operation: 'connect', detail: `The server has no ${database}.` });
    const [row] = await session.rows<{ version: string }>('SELECT version() AS version');
    return { version: row!.version };
  } finally {
    await session.close();
  }
}

export async function databases(session: Session): Promise<string[]> {
  const rows = await session.rows<{ name: string }>(
    'SELECT database_name AS name FROM duckdb_databases() WHERE NOT internal',
  );
  return rows.map((row) => row.name);
}

/** Whatever becomes of the backup, the server must take writes again afterwards; until it does, it may need its key. */
async function backUp(
  parts: Parts,
  context: MyduckContext,
  wire: Wire,
  { exchange, key, flight }: { exchange: Exchange; key: Key; flight: { busy: boolean } },
): Promise<void> {
  const { target, report, signal } = context;
  let failed: NightjarError | undefined;
  const session = await wire.session();
  flight.busy = true;
  try {
    await session.told(statement('BACKUP', context, target.database, exchange.object, key), UPLOADED, 'DUMP_FAILED');
    flight.busy = false;
  } catch (thrown) {
    failed = toNightjarError(thrown, 'BACKUP DATABASE');
    flight.busy = signal.aborted || failed.code === 'CONNECTION_LOST';
  } finally {
    await session.close();
  }
  const after = failed
    ? `BACKUP DATABASE failed (${failed.code}: ${failed.detail ?? failed.message}), so this backup was not kept.`
    : 'BACKUP DATABASE went well, but this backup was not kept.';
  const unheard = flight.busy && !signal.aborted;
  await assertWritable(wire, {
    pauseMs: parts.pauseMs,
    after,
    tookOne: true,
    alive: () => report.moved(0),
    ...(unheard ? { tries: UNHEARD_TRIES } : {}),
  }).then(
    () => (flight.busy = false),
    (thrown: unknown) => {
      // A task that was told to stop fails by that; this must be heard all the same.
      if (signal.aborted) report.warn((thrown as Error).message);
      flight.busy &&= signal.aborted;
      throw thrown;
    },
  );
  signal.throwIfAborted();
  if (failed) throw failed;
}

/** Nothing of ours stays in the exchange. */
export async function clear({ report }: Pick<Call, 'report'>, { place, object, probe }: Exchange): Promise<void> {
  for (const name of [object, probe])
    await place
      .remove(name)
      .catch((thrown: unknown) =>
        report.warn(`${place.words}${name} could not be removed: ${(thrown as Error).message} Remove it by hand.`),
      );
}
