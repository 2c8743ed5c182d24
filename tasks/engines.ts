/** Every engine of `core/engines.ts` that a task dumps, and what does its work. */
import type { DumpEngine } from '../core/engines.ts';
import type { Engine } from './engine.ts';
import { postgres } from './engines/postgres.ts';

const engines: { readonly [E in DumpEngine]: Engine<E> } = { postgres };

export const engineOf = (name: DumpEngine): Engine => engines[name];
