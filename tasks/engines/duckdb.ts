/**
 * DuckDB, one file: copied while nobody writes, read by DuckDB to its last value, stored as it is or as Parquet; restored
 * beside the old file and renamed into place. The parts are in `duckdb/`.
 */
import type { Engine } from '../engine.ts';
import { check } from './duckdb/check.ts';
import { dump } from './duckdb/dump.ts';
import { drop, rollback } from './duckdb/exchange.ts';
import { probe } from './duckdb/probe.ts';
import { restore } from './duckdb/restore.ts';

export const duckdb: Engine<'duckdb'> = { name: 'duckdb', probe, dump, restore, rollback, drop, check };
