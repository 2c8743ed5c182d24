/** What one call of the engine works in. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineContext } from '../../engine.ts';
import { openPlace } from '../../files/open.ts';
import type { FilePlace } from '../../files/place.ts';
import type { DuckdbContext } from './session.ts';

export interface Call extends DuckdbContext {
  readonly target: EngineContext<'duckdb'>['target'];
  readonly place: FilePlace;
  /** Tells what comes next, unless the task was told to stop. */
  step(text: string): void;
}

/** Gives the call a directory of its own, which goes when it ends. */
export async function inRoom<T>(context: EngineContext<'duckdb'>, work: (call: Call) => Promise<T>): Promise<T> {
  const room = await mkdtemp(join(context.scratch, 'duckdb-'));
  const { target, env, signal, report } = context;
  try {
    return await work({
      target,
      env,
      signal,
      report,
      room,
      place: openPlace(context),
      step: stepper(context),
    });
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

export const stepper =
  ({ report, signal }: Pick<EngineContext, 'report' | 'signal'>) =>
  (text: string): void => {
    report.phase(text);
    signal.throwIfAborted();
  };

/** Of helpers such as zstd. */
export const toolEnv = ({ env }: Pick<EngineContext, 'env'>): Record<string, string> => ({
  PATH: env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
});
