/**
 * MySQL: mariadb-dump in one snapshot, read through and counted as it streams; restored beside the old database, whose tables are
 * exchanged in one RENAME. MySQL and MariaDB are one family; the parts are in `mysql/`.
 */
import type { Engine } from '../engine.ts';
import { check } from './mysql/check.ts';
import { dump } from './mysql/dump.ts';
import { probe } from './mysql/probe.ts';
import { restore } from './mysql/restore.ts';
import { restoreGlobals } from './mysql/restore-globals.ts';
import { drop, rollback, unfinished } from './mysql/swap.ts';

export const mysql: Engine<'mysql'> = {
  name: 'mysql',
  probe,
  dump,
  restore,
  restoreGlobals,
  unfinished,
  rollback,
  drop,
  check,
};
