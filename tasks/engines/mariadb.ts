/**
 * MariaDB: mariadb-dump in one snapshot, read through and counted as it streams; restored beside the old database, whose tables are
 * exchanged in one RENAME. MySQL and MariaDB are one family; the parts are in `mysql/`.
 */
import type { Engine } from '../engine.ts';
import { verbs } from './mysql/verbs.ts';

export const mariadb: Engine<'mariadb'> = { name: 'mariadb', ...verbs };
