/**
 * SQLite 3, by its own shell: a file on EFS is copied online, an object of S3 is fetched whole; the copy is checked before
 * it is kept, and a restore is checked and compared before it gets a name. The parts are in `sqlite/`.
 */
import type { Engine } from '../engine.ts';
import { check } from './sqlite/check.ts';
import { dump } from './sqlite/dump.ts';
import { probe } from './sqlite/probe.ts';
import { restore } from './sqlite/restore.ts';
import { drop, rollback } from './sqlite/swap.ts';

export const sqlite: Engine<'sqlite'> = { name: 'sqlite', probe, dump, restore, rollback, drop, check };
