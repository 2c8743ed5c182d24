/** What every verb works with: the place, a directory of its own on the task's disk, and signs of life. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineContext } from '../../engine.ts';
import { openPlace } from '../../files/open.ts';
import type { FilePlace } from '../../files/place.ts';
import { pathOnly } from '../../processes.ts';

export type SqliteContext = EngineContext<'sqlite'>;

export interface Work {
  readonly context: SqliteContext;
  readonly place: FilePlace;
  /** Of this call alone, and gone after it. */
  readonly room: string;
  readonly signal: AbortSignal;
  /** All of a child's environment. */
  readonly env: Readonly<Record<string, string>>;
}

const LIFE_MS = 10_000;

export async function withWork<T>(context: SqliteContext, work: (work: Work) => Promise<T>): Promise<T> {
  const room = await mkdtemp(join(context.scratch, 'sqlite-'));
  try {
    context.signal.throwIfAborted();
    const env = {
      ...pathOnly(context.env),
      // No settings of anybody's, and sorting on the task's disk.
      HOME: room,
      SQLITE_TMPDIR: room,
    };
    return await work({ context, place: openPlace(context), room, signal: context.signal, env });
  } catch (thrown) {
    // What a shell says when it is being stopped is not why it stopped.
    context.signal.throwIfAborted();
    throw thrown;
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

/** For work on the task's own disk, which shows no progress. */
export async function alive<T>({ context }: Work, work: Promise<T>): Promise<T> {
  const timer = setInterval(() => context.report.moved(0), LIFE_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** For a file that grows: a mount that hangs gives no sign of life. */
export async function growing<T>({ context }: Work, file: string, work: Promise<T>): Promise<T> {
  let seen = '';
  const timer = setInterval(() => {
    void stat(file).then(
      ({ size, mtimeMs }) => {
        const now = `${size} ${mtimeMs}`;
        if (now !== seen) context.report.moved(0);
        seen = now;
      },
      () => undefined,
    );
  }, LIFE_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
