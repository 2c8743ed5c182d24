/** SQL as pg_dump and pg_restore write it, run by a session of psql that goes on after it; owners are changed on the way. */
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreSource } from '../../engine.ts';
import { unpacked } from '../../pipes/packing.ts';
import { breakOnAbort, childOutlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import { feedArchive } from './archive.ts';
import type { OpenArchive } from './load.ts';
import { isChanging, ofBytes, withOwners, type Owners } from './owners.ts';
import { piecesOf } from './pieces.ts';
import type { PsqlSession } from './psql.ts';
import type { Server } from './server.ts';
import { judge, startTool } from './tool-run.ts';

export interface ScriptOptions {
  readonly owners: Owners;
  /** The caller's own transaction is open, and its COMMIT is the caller's. Else the script commits as it goes. */
  readonly inTransaction: boolean;
}

/** pg_restore, with these arguments, writes the script, psql takes it; resolves when all was taken and the archive proven. */
export async function runScript(
  server: Server,
  archive: OpenArchive,
  { args, owners, inTransaction }: ScriptOptions & { readonly args: readonly string[] },
  psql: PsqlSession,
  own: AbortController,
  signal: AbortSignal,
): Promise<void> {
  // --single-transaction: else pg_restore would commit after each large object.
  const single = inTransaction ? ['--single-transaction'] : [];
  const writer = startTool(server, 'pg_restore', [...single, '--no-tablespaces', ...args, '--file=-'], {
    signal,
    stdin: 'pipe',
    stdout: 'pipe',
  });
  const judged = judge(writer, 'pg_restore', signal, 'RESTORE_FAILED');
  const outlet = childOutlet(writer.stdin!);
  const script = writer.stdout as AsyncIterable<Buffer>;
  await together(own, [
    feedArchive(archive.start.head, archive.rest!, outlet, signal).then(() => outlet.end()),
    judged,
    feedScript(inTransaction ? withoutLastCommit(script) : script, owners, psql),
  ]);
}

/** Plain SQL as pg_dump wrote it, and psql takes it; resolves when all was taken and the stored bytes proven. */
export async function runPlain(
  server: Server,
  source: RestoreSource,
  { owners, inTransaction, tablespaces }: ScriptOptions & { readonly tablespaces: boolean },
  psql: PsqlSession,
  own: AbortController,
  signal: AbortSignal,
): Promise<void> {
  const stored = source.openArchive();
  breakOnAbort(stored, signal);
  try {
    const { stream, done } = unpacked(stored, source.manifest.compression, {
      env: server.environment(),
      signal,
      moved: (bytes) => server.context.report.moved(bytes),
    });
    let script = stream as AsyncIterable<Buffer>;
    if (inTransaction) script = without(OWN_TRANSACTION, script);
    if (!tablespaces) script = without(TABLESPACE, script);
    await together(own, [feedScript(script, owners, psql), done]);
  } finally {
    stored.destroy();
  }
}

/** pg_dump puts the bytes of large objects into transactions of their own; in one that is open already they need none. */
const OWN_TRANSACTION = /^\s*(BEGIN|COMMIT);$/;
const TABLESPACE = /^\s*SET default_tablespace = ("(?:[^"]|"")+"|[^\s']+);$/;

/** A script without the statements of this form. */
export async function* without(form: RegExp, script: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of piecesOf(script))
    if (piece.kind !== 'statement' || !form.test(piece.text)) yield piece.bytes;
}

/** Hands a script to psql, statement by statement where owners change. */
export async function feedScript(script: AsyncIterable<Buffer>, owners: Owners, psql: PsqlSession): Promise<void> {
  if (!isChanging(owners)) {
    for await (const chunk of script) await psql.input.write(chunk);
    return;
  }
  const narrow = ofBytes(owners);
  for await (const piece of piecesOf(script)) {
    if (piece.kind !== 'statement') {
      await psql.input.write(piece.bytes);
      continue;
    }
    const text = withOwners(piece.text, narrow);
    if (text === undefined) continue;
    await psql.input.write(text === piece.text ? piece.bytes : Buffer.from(text, 'latin1'));
  }
}

const TAIL_BYTES = 64 * 1024;
const COMMIT = Buffer.from('\nCOMMIT;\n');

/** pg_restore ends its script with COMMIT; that is ours to say. @throws RESTORE_FAILED when there is none to leave out. */
export async function* withoutLastCommit(scriptBytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let tail = Buffer.alloc(0);
  for await (const chunk of scriptBytes) {
    tail = Buffer.concat([tail, chunk]);
    if (tail.length <= TAIL_BYTES * 2) continue;
    yield tail.subarray(0, tail.length - TAIL_BYTES);
    tail = tail.subarray(tail.length - TAIL_BYTES);
  }
  const at = tail.lastIndexOf(COMMIT);
  if (at < 0)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'pg_restore',
      detail: 'The script of pg_restore has no COMMIT at its end, so it can not be run in one transaction.',
    });
  yield tail.subarray(0, at + 1);
  yield tail.subarray(at + COMMIT.length);
}
