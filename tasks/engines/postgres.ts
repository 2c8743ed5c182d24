/**
 * PostgreSQL 14 to 18: pg_dump in one snapshot with its fingerprint, read through as it streams; restored beside the old
 * database and renamed into place. The parts are in `postgres/`.
 */
import type { Engine } from '../engine.ts';
import { check } from './postgres/check.ts';
import { dump } from './postgres/dump.ts';
import { probe } from './postgres/probe.ts';
import { restoreGlobals } from './postgres/restore-globals.ts';
import { restore } from './postgres/restore.ts';
import { drop, rollback, unfinished } from './postgres/swap.ts';

export const postgres: Engine<'postgres'> = {
  name: 'postgres',
  probe,
  dump,
  restore,
  // None of them waits for a database.
  restoreGlobals: (context, source, job) => restoreGlobals(context, source, job.id).then(() => undefined),
  unfinished,
  rollback,
  drop,
  check,
};
