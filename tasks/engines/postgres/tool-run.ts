/** Starting PostgreSQL's tools and judging how they ended. */
import type { ErrorCode } from '../../../core/errors.ts';
import { endedWell, startProcess, type ProcessOptions, type RunningProcess } from '../../processes.ts';
import { toolError } from './errors.ts';
import { bytesOf, childOutlet } from '../../pipes/pipes.ts';
import type { Server } from './server.ts';

export type ToolName = Parameters<Server['tool']>[0];

/** A tool of the server's own major, with the login in its environment. */
export function startTool(
  server: Server,
  name: ToolName,
  args: readonly string[],
  options: Pick<ProcessOptions, 'signal' | 'stdin' | 'stdout'>,
): RunningProcess {
  return startProcess(server.tool(name), args, { ...options, env: server.environment() });
}

/** Resolves with the tool's last words when it ended with 0. @throws the abort's reason, or what its words mean. */
export const judge = (
  running: RunningProcess,
  name: string,
  signal: AbortSignal,
  fallback: ErrorCode,
): Promise<string> => endedWell(running, signal, (end) => toolError(name, end, fallback));

export async function toolText(...given: Parameters<typeof toolBytes>): Promise<string> {
  return (await toolBytes(...given)).toString('utf8');
}

/** Runs a tool to its end; what it wrote to stdout. For what is small enough to be held in memory. */
export async function toolBytes(
  server: Server,
  name: ToolName,
  args: readonly string[],
  options: { signal: AbortSignal; fallback: ErrorCode; stdin?: Buffer },
): Promise<Buffer> {
  const running = startTool(server, name, args, {
    signal: options.signal,
    stdout: 'pipe',
    ...(options.stdin ? { stdin: 'pipe' as const } : {}),
  });
  const input = running.stdin ? childOutlet(running.stdin) : undefined;
  const [bytes] = await Promise.all([
    bytesOf(running.stdout!),
    judge(running, name, options.signal, options.fallback),
    options.stdin ? input!.write(options.stdin).then(() => input!.end()) : undefined,
  ]);
  return bytes;
}
