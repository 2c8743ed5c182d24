/** Roles and tablespaces: what a database leans on and its own dump does not hold. */
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import type { DumpSink } from '../../engine.ts';
import { strictOutlet } from '../../pipes/pipes.ts';
import type { Server } from './server.ts';
import { toolText } from './tool-run.ts';

/** pg_dumpall's last line; without it the text was cut off. */
const LAST_WORDS = 'PostgreSQL database cluster dump complete';

/** Without passwords: reading them needs a superuser, which RDS has not, and a backup should not hold them. */
export async function dumpGlobals(server: Server, sink: DumpSink, signal: AbortSignal): Promise<void> {
  const { target, report } = server.context;
  report.phase('dumping roles');
  const args = [
    '--globals-only',
    '--no-role-passwords',
    '--no-password',
    `--lock-wait-timeout=${target.lockTimeoutSeconds * 1_000}`,
    `--database=${target.database}`,
    `--dbname=${server.conninfo(target.database)}`,
  ];
  let text: string;
  try {
    text = await toolText(server, 'pg_dumpall', args, { signal, fallback: 'DUMP_FAILED' });
  } catch (thrown) {
    const error = toNightjarError(thrown, 'pg_dumpall');
    if (error.code !== 'PRIVILEGE_MISSING') throw error;
    report.warn(`Roles and tablespaces are not in the backup: ${error.detail ?? error.message}`);
    return;
  }
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
