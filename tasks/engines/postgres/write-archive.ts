/** pg_dump's own format on its way to the vault, read through by pg_restore as it passes. */
import { NightjarError } from '../../../core/errors.ts';
import { packedFile, packingWords, writePacked } from '../../pipes/packing.ts';
import { childOutlet, pump, textOf, type Outlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import type { DumpScope } from './dump-scope.ts';
import type { Server } from './server.ts';
import type { Snapshot } from './snapshot.ts';
import { missingData, parseToc } from './toc.ts';
import { judge, startTool } from './tool-run.ts';

/** From here on pg_dump compresses with zstd itself. */
const ZSTD_INSIDE_FROM = 16;
/** A reader that leaves more than this unread, which is what a pipe holds, has not read to the end. */
const UNREAD_AT_MOST = 64 * 1024;

export interface WriteParts {
  readonly sink: Outlet;
  /** Called when pg_dump has written its first byte, and holds its locks. */
  readonly begun: () => void;
  readonly own: AbortController;
  readonly signal: AbortSignal;
}

/** How one format is written. */
export interface WritePlan {
  readonly place: 'inside' | 'outside';
  readonly file: string;
  /** pg_dump's. */
  readonly args: readonly string[];
  /** The rest of the pipe, as it is told in the manifest. */
  readonly outside: readonly string[];
  /** Resolves once every child ended with 0. */
  write(parts: WriteParts): Promise<Written>;
}

export interface Written {
  /** What is missing in it by what should be there. */
  missing(expected: Expected): readonly string[];
  /** For a restore. */
  readonly details?: Readonly<Record<string, number>>;
}

export interface Expected {
  readonly scope: DumpScope;
  /** Rows by table, as they were counted; undefined when they were not. */
  readonly rows: ReadonlyMap<string, number> | undefined;
  /** False where names in the archive are not written in UTF-8. */
  readonly byName: boolean;
}

/** What every way of calling pg_dump has in common. */
export const commonArgs = (server: Server, snapshot: Snapshot, scope: DumpScope): string[] => {
  const { database, lockTimeoutSeconds } = server.context.target;
  return [
    ...scope.args,
    // A copy would share the slot of the one that runs, and its definition holds a password.
    '--no-subscriptions',
    `--snapshot=${snapshot.id}`,
    `--lock-wait-timeout=${lockTimeoutSeconds * 1_000}`,
    '--no-password',
    `--dbname=${server.conninfo(database)}`,
  ];
};

export function archivePlan(server: Server, snapshot: Snapshot, scope: DumpScope): WritePlan {
  const { compression } = server.context.target;
  const { algorithm, level } = compression;
  const inside = algorithm !== 'zstd' || server.major >= ZSTD_INSIDE_FROM;
  // Before 16 the option took a level of gzip and nothing else.
  const how = !inside || algorithm === 'none' ? '0' : server.major < ZSTD_INSIDE_FROM ? level : `${algorithm}:${level}`;
  const args = ['--format=custom', `--compress=${how}`, ...commonArgs(server, snapshot, scope)];
  return {
    place: inside ? 'inside' : 'outside',
    file: inside ? 'archive.dump' : packedFile('archive.dump', compression),
    args,
    outside: inside ? [] : packingWords(compression),
    async write(parts) {
      const toc = parseToc(await (inside ? writeInside : writeOutside)(server, args, parts));
      const made = toc.filter((entry) => entry.kind === 'TABLE').length;
      return {
        missing: ({ byName }) => [
          ...missingData(toc, scope.filled, byName),
          ...(made < scope.made ? [`the definitions of ${scope.made - made} tables`] : []),
        ],
      };
    },
  };
}

async function writeInside(server: Server, args: readonly string[], parts: WriteParts): Promise<string> {
  const { sink, begun, own, signal } = parts;
  const dumper = startTool(server, 'pg_dump', args, { signal, stdout: 'pipe' });
  const dumped = judge(dumper, 'pg_dump', signal, 'DUMP_FAILED');
  const reader = readThrough(server, signal);
  const work = (async () => {
    const bytes = await pump(dumper.stdout!, [sink, reader.outlet], (count) => {
      begun();
      server.context.report.moved(count);
    });
    await dumped;
    if (bytes === 0) throw new NightjarError('DUMP_EMPTY', { operation: 'pg_dump' });
    await reader.outlet.end();
  })();
  const [toc] = await together(own, [reader.toc, work, dumped]);
  return toc;
}

async function writeOutside(server: Server, args: readonly string[], parts: WriteParts): Promise<string> {
  const reader = readThrough(server, parts.signal);
  const [toc] = await together(parts.own, [reader.toc, dumpPacked(server, args, reader.outlet, parts)]);
  return toc;
}

/** pg_dump, packed by one of ours, into the sink; the reader hears what was packed, unpacked again. */
export async function dumpPacked(
  server: Server,
  args: readonly string[],
  reader: Outlet,
  { sink, begun, own, signal }: WriteParts,
): Promise<void> {
  const { report, target } = server.context;
  const dumper = startTool(server, 'pg_dump', args, { signal, stdout: 'pipe' });
  const dumped = judge(dumper, 'pg_dump', signal, 'DUMP_FAILED');
  const writing = writePacked(dumper.stdout!, {
    env: server.environment(),
    signal,
    compression: target.compression,
    sink,
    reader,
    ended: dumped,
    own,
    moved: (bytes) => report.moved(bytes),
    dumped: begun,
  });
  await together(own, [writing, dumped]);
}

/** The engine's own reader on the archive as it passes: all of it is decoded, and its table of contents listed. */
function readThrough(server: Server, signal: AbortSignal): { outlet: Outlet; toc: Promise<string> } {
  const through = startTool(server, 'pg_restore', ['--file=/dev/null'], { signal, stdin: 'pipe' });
  const lister = startTool(server, 'pg_restore', ['--list', '--verbose'], { signal, stdin: 'pipe', stdout: 'pipe' });
  const [toThrough, toLister] = [childOutlet(through.stdin!), childOutlet(lister.stdin!)];
  let unread = 0;
  const check = async (running: typeof through, name: string): Promise<void> => {
    await judge(running, name, signal, 'READ_THROUGH_FAILED').catch((thrown: unknown) => {
      // Whatever the reader's words look like, it is the archive that it speaks of.
      if (!(thrown instanceof NightjarError) || thrown.operation !== name) throw thrown;
      throw new NightjarError('READ_THROUGH_FAILED', {
        operation: name,
        ...(thrown.detail === undefined ? {} : { detail: thrown.detail }),
        cause: thrown,
      });
    });
  };
  const outlet: Outlet = {
    async write(chunk) {
      const [took] = await Promise.all([toThrough.write(chunk), toLister.write(chunk)]);
      if (!took) unread += chunk.length;
      return took;
    },
    async end() {
      // It may have ended with 0 long ago, having looked at the beginning only.
      if (unread > UNREAD_AT_MOST)
        throw new NightjarError('READ_THROUGH_FAILED', {
          operation: 'pg_restore',
          detail: `pg_restore stopped reading ${unread} bytes before the archive's end.`,
        });
      await Promise.all([toThrough.end(), toLister.end()]);
    },
  };
  const toc = Promise.all([
    textOf(lister.stdout!),
    check(through, 'pg_restore'),
    check(lister, 'pg_restore --list'),
  ]).then(([text]) => text);
  return { outlet, toc };
}
