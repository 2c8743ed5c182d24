/** Every engine of `core/engines.ts` that a task dumps, and what does its work. */
import type { DumpEngine } from '../core/engines.ts';
import type { Engine } from './engine.ts';
import { duckdb } from './engines/duckdb.ts';
import { mariadb } from './engines/mariadb.ts';
import { mongodb } from './engines/mongodb.ts';
import { myduck } from './engines/myduck.ts';
import { mysql } from './engines/mysql.ts';
import { postgres } from './engines/postgres.ts';
import { sqlite } from './engines/sqlite.ts';

const engines: { readonly [E in DumpEngine]: Engine<E> } = {
  postgres,
  mysql,
  mariadb,
  mongodb,
  sqlite,
  duckdb,
  myduck,
};

/** The target's own engine: its context is then the engine's too. */
export const engineOf = (name: DumpEngine): Engine => engines[name] as Engine;
