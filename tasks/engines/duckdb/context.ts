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
  readonly step: (text: string) => void;
}

/** A directory that goes when the work ends, and what stands around it. */
export async function inRoomOf<T>(
  { scratch, env, signal, report }: Pick<EngineContext, 'scratch' | 'env' | 'signal' | 'report'>,
  work: (room: DuckdbContext & Pick<Call, 'step'>) => Promise<T>,
): Promise<T> {
  const room = await mkdtemp(join(scratch, 'duckdb-'));
  try {
    return await work({ env, signal, report, room, step: stepper({ report, signal }) });
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

export const inRoom = <T>(context: EngineContext<'duckdb'>, work: (call: Call) => Promise<T>): Promise<T> =>
  inRoomOf(context, (room) => work({ ...room, target: context.target, place: openPlace(context) }));

const stepper =
  ({ report, signal }: Pick<EngineContext, 'report' | 'signal'>) =>
  (text: string): void => {
    report.phase(text);
    signal.throwIfAborted();
  };
