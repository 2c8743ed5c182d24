/** Every engine of `core/engines.ts` and what does its work. */
import type { EngineName } from '../core/engines.ts';
import type { Engine } from './engine.ts';
import { postgres } from './engines/postgres.ts';

const engines: { readonly [E in EngineName]: Engine<E> } = { postgres };

export const engineOf = (name: EngineName): Engine => engines[name];
