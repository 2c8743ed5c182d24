/** What the engines of the family do. */
import { check } from './check.ts';
import { dump } from './dump.ts';
import { probe } from './probe.ts';
import { restore } from './restore.ts';
import { restoreGlobals } from './restore-globals.ts';
import { drop, rollback, unfinished } from './swap.ts';

export const verbs = { probe, dump, restore, restoreGlobals, unfinished, rollback, drop, check };
