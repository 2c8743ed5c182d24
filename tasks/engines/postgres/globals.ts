/** Roles and tablespaces: what a database leans on and its own dump does not hold. */
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import type { DumpSink } from '../../engine.ts';
import { strictOutlet } from '../../pipes/pipes.ts';
import { somewhere } from './databases.ts';
import type { Server } from './server.ts';
import { toolText } from './tool-run.ts';

/** pg_dumpall's last line; without it the text was cut off. */
const LAST_WORDS = 'PostgreSQL database cluster dump complete';

/**
 * `passwords`: with their hashes, where the user may read them: superusers and members of pg_read_all_data. A backup of one
 * database holds none.
 */
export async function dumpGlobals(
  server: Server,
  sink: DumpSink,
  signal: AbortSignal,
  { passwords = false }: { passwords?: boolean } = {},
): Promise<void> {
  const { report } = server.context;
  report.phase('dumping roles');
  const tries = [...(passwords ? [[]] : []), ['--no-role-passwords']];
  let text: string | undefined;
  let refused: string | undefined;
  for (const more of tries) {
    try {
      text = await readGlobals(server, more, signal);
      break;
    } catch (thrown) {
      const error = toNightjarError(thrown, 'pg_dumpall');
      if (error.code !== 'PRIVILEGE_MISSING') throw error;
      refused = error.detail ?? error.message;
    }
  }
  if (text === undefined) {
    report.warn(`Roles and tablespaces are not in the backup: ${refused}`);
    return;
  }
  if (refused !== undefined)
    report.warn(`The passwords of roles are not in the backup, for the user may not read their hashes: ${refused}`);
  if (!text.includes(LAST_WORDS))
    throw new NightjarError('DUMP_EMPTY', {
      operation: 'pg_dumpall',
      detail: `pg_dumpall ended with 0 after ${text.length} characters, without its last line.`,
    });
  const outlet = strictOutlet(sink.open('globals', 'globals.sql'));
  await outlet.write(Buffer.from(text));
  await outlet.end();
  report.moved(Buffer.byteLength(text));
}

async function readGlobals(server: Server, more: readonly string[], signal: AbortSignal): Promise<string> {
  const database = await somewhere(server, (_, name) => Promise.resolve(name));
  const args = [
    '--globals-only',
    '--encoding=UTF8',
    ...more,
    '--no-password',
    `--lock-wait-timeout=${server.context.target.lockTimeoutSeconds * 1_000}`,
    `--database=${database}`,
    `--dbname=${server.conninfo(database)}`,
  ];
  return toolText(server, 'pg_dumpall', args, { signal, fallback: 'DUMP_FAILED' });
}
