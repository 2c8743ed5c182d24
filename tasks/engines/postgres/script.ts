/** The script that pg_restore writes of an archive, run by a session that goes on after it. */
import { NightjarError } from '../../../core/errors.ts';
import { feedArchive } from './archive.ts';
import type { OpenArchive } from './load.ts';
import { childOutlet } from '../../pipes/pipes.ts';
import type { PsqlSession } from './psql.ts';
import type { Server } from './server.ts';
import { together } from '../../pipes/together.ts';
import { judge, startTool } from './tool-run.ts';

/** pg_restore writes the script, psql takes it; resolves when all of it was taken and the archive proven. */
export async function runScript(
  server: Server,
  archive: OpenArchive,
  args: readonly string[],
  psql: PsqlSession,
  own: AbortController,
  signal: AbortSignal,
): Promise<void> {
  // --single-transaction: else pg_restore would commit after each large object.
  const writer = startTool(server, 'pg_restore', ['--single-transaction', '--no-tablespaces', ...args, '--file=-'], {
    signal,
    stdin: 'pipe',
    stdout: 'pipe',
  });
  const judged = judge(writer, 'pg_restore', signal, 'RESTORE_FAILED');
  const outlet = childOutlet(writer.stdin!);
  await together(own, [
    feedArchive(archive.start.head, archive.rest!, outlet).then(() => outlet.end()),
    judged,
    (async () => {
      for await (const chunk of withoutLastCommit(writer.stdout as AsyncIterable<Buffer>))
        await psql.input.write(chunk);
    })(),
  ]);
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
