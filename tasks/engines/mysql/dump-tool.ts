/** mariadb-dump as a child: who it is, how it ended, and when its snapshot is open. */
import { NightjarError } from '../../../core/errors.ts';
import { bytesOf } from '../../pipes/pipes.ts';
import { endedWell, type RunningProcess } from '../../processes.ts';
import { toolError } from './errors.ts';
import type { Server } from './server.ts';

/** The tool's first bytes come with its first table: then its snapshot is open. It writes 4 KiB at once, its header has 1. */
const SNAPSHOT_WAIT_MS = 20_000;

export const schemaChanged = (detail: string, cause?: unknown): NightjarError =>
  new NightjarError('SCHEMA_CHANGED', { operation: 'mariadb-dump', detail, cause });

/** @throws DUMP_EMPTY when the tool says nothing of itself: then it does nothing either. */
export async function toolVersion(server: Server, signal: AbortSignal): Promise<string> {
  const text = await toolOutput(server, ['--version'], signal);
  if (text.length === 0)
    throw new NightjarError('DUMP_EMPTY', {
      operation: 'mariadb-dump --version',
      detail: 'It ended with 0 and said nothing.',
    });
  return text.toString('utf8').trim();
}

/** All that it writes, of something small. */
export async function toolOutput(server: Server, args: readonly string[], signal: AbortSignal): Promise<Buffer> {
  const running = server.start('mariadb-dump', args, { signal, stdout: 'pipe' });
  const [bytes] = await Promise.all([bytesOf(running.stdout!), dumped(running, signal)]);
  return bytes;
}

/** Resolves when it has ended well. @throws SCHEMA_CHANGED, or what its last words mean. */
export const dumped = (running: RunningProcess, signal: AbortSignal): Promise<string> =>
  endedWell(running, signal, (end) =>
    /\b1412\b|Table definition has changed/.test(end.stderr)
      ? schemaChanged(end.stderr.trim())
      : toolError('mariadb-dump', end, 'DUMP_FAILED'),
  );

/** Resolves with true when the tool's snapshot is open, which its first bytes tell; false when that takes too long. */
export async function snapshotOpen(dumper: RunningProcess, ended: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), SNAPSHOT_WAIT_MS)));
  const begun = new Promise<boolean>((resolve) => dumper.stdout!.once('readable', () => resolve(true)));
  try {
    return await Promise.race([begun, ended.then(() => true), overdue]);
  } finally {
    clearTimeout(timer);
  }
}
