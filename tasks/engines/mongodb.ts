/**
 * MongoDB 4.4 and newer: mongodump's archive, read through as it streams; restored beside the old database and exchanged with
 * it collection by collection. The parts are in `mongodb/`.
 */
import type { Engine } from '../engine.ts';
import { check } from './mongodb/check.ts';
import { dump } from './mongodb/dump.ts';
import { probe } from './mongodb/probe.ts';
import { restoreGlobals } from './mongodb/restore-globals.ts';
import { restore } from './mongodb/restore.ts';
import { drop, rollback, unfinished } from './mongodb/swap.ts';

export const mongodb: Engine<'mongodb'> = {
  name: 'mongodb',
  probe,
  dump,
  restore,
  // None of them waits for a database.
  restoreGlobals: (context, source) => restoreGlobals(context, source).then(() => undefined),
  unfinished,
  rollback,
  drop,
  check,
};
