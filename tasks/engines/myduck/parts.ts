/** What the engine works with besides its context. */
import type { EngineContext } from '../../engine.ts';
import { inRoomOf } from '../duckdb/context.ts';
import type { DuckdbContext } from '../duckdb/session.ts';
import type { KeyCalls, KeyPatience } from './keys.ts';
import type { MyduckContext } from './wire.ts';

export interface Parts extends KeyPatience {
  readonly keys: KeyCalls;
}

export interface Call extends DuckdbContext {
  readonly target: EngineContext<'myduck'>['target'];
  readonly step: (text: string) => void;
}

export const inCall = <T>(context: MyduckContext, work: (call: Call) => Promise<T>): Promise<T> =>
  inRoomOf(context, (room) => work({ ...room, target: context.target }));
