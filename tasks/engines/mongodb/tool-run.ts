/** Starting MongoDB's tools and judging how they ended. */
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { childOutlet, textOf } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import { endedWell, startProcess, type ProcessOptions, type RunningProcess } from '../../processes.ts';
import { toolError } from './errors.ts';
import type { Server } from './server.ts';

export type ToolName = 'mongodump' | 'mongorestore';

/**
 * Both are written in Go, whose heap else grows to twice what lives in it; a wish, no wall, and dear where more than that lives:
 * buffers of 16 MiB, one of mongodump for each collection that it reads, two of mongorestore and two more for each that it
 * fills, and the server's answers of as much. Source: Go, runtime; mongo-tools, common/archive and mongorestore/restore.go.
 */
const GO_HEAP: Readonly<Record<ToolName, string>> = { mongodump: '64MiB', mongorestore: '80MiB' };

/**
 * How many collections are dumped, filled or given their indexes at once. What is dumped at once is mixed in the archive, and has
 * to be filled at once, whatever is asked for then.
 */
export const collectionsAtOnce = (jobs = 1): string => `--numParallelCollections=${jobs}`;

/** What the login is told by; the rest of the arguments may be shown to anybody. */
export const loginArgs = (server: Server): string[] => [`--config=${server.configFile}`];

export function startTool(
  server: Server,
  name: ToolName,
  args: readonly string[],
  options: Pick<ProcessOptions, 'signal' | 'stdin' | 'stdout'>,
): RunningProcess {
  const running = startProcess(name, [...loginArgs(server), ...args], {
    ...options,
    env: { ...server.environment(), GOMEMLIMIT: GO_HEAP[name] },
  });
  // Both want to tidy up when they are told to end, and wait for a pipe that nobody serves any more.
  const letGo = (): void => {
    running.stdin?.destroy();
    running.stdout?.destroy();
  };
  options.signal.addEventListener('abort', letGo, { once: true });
  const forget = (): void => options.signal.removeEventListener('abort', letGo);
  running.done.then(forget, forget);
  return running;
}

/** Resolves with the tool's last words when it ended with 0. @throws the abort's reason, or what its words mean. */
export const judge = (
  running: RunningProcess,
  name: string,
  signal: AbortSignal,
  fallback: ErrorCode,
): Promise<string> => endedWell(running, signal, (end) => toolError(name, end, fallback));

/** Such as `100.9.5`; '' of a tool that says nothing. @throws UNEXPECTED when the image has none. */
export async function toolVersion(server: Server, name: ToolName, signal: AbortSignal): Promise<string> {
  const running = startProcess(name, ['--version'], { signal, stdout: 'pipe', env: server.environment() });
  const [text] = await Promise.all([textOf(running.stdout!), judge(running, name, signal, 'DUMP_FAILED')]);
  return /version: (\S+)/.exec(text)?.[1] ?? '';
}

/**
 * Runs mongorestore on an archive that is made as it reads; what `archive` is given ends with the tool. Resolves with its last
 * words when it took all of it. @throws RESTORE_FAILED, what its words mean, what `archive` throws, or the abort's reason.
 */
export async function feedRestore(
  server: Server,
  args: readonly string[],
  archive: (signal: AbortSignal) => Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<string> {
  const { report, signal: outer } = server.context;
  const own = new AbortController();
  const signal = AbortSignal.any([outer, own.signal]);
  const tool = startTool(server, 'mongorestore', ['--archive', '--stopOnError', ...args], { signal, stdin: 'pipe' });
  const judged = judge(tool, 'mongorestore', signal, 'RESTORE_FAILED');
  const alive = setInterval(() => report.moved(0), 10_000);
  try {
    const feeding = (async () => {
      const outlet = childOutlet(tool.stdin!);
      let open = true;
      // To its end, also when nobody reads: only there it says whether it was what was stored.
      for await (const piece of archive(signal)) open = await outlet.write(piece);
      if (!open) await judged;
      await outlet.end();
    })();
    const [words] = await together(own, [judged, feeding]);
    refuseFailures(words);
    return words;
  } catch (thrown) {
    outer.throwIfAborted();
    throw thrown;
  } finally {
    clearInterval(alive);
  }
}

/** mongorestore's last line. Source: mongorestore/main. */
const RESULT = /(\d+) document\(s\) restored successfully\. (\d+) document\(s\) failed to restore/;

/** mongorestore ends with 0 though it left documents out. @throws RESTORE_FAILED unless its words say that it left none. */
function refuseFailures(words: string): void {
  const [, , failed] = RESULT.exec(words) ?? [];
  if (failed === '0') return;
  throw new NightjarError('RESTORE_FAILED', {
    operation: 'mongorestore',
    detail:
      failed === undefined
        ? 'mongorestore ended with 0 and did not say that it restored anything.'
        : `mongorestore left ${failed} documents out: ${words.trim().slice(-1_000)}`,
  });
}
