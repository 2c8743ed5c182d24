/**
 * The engines that Nightjar protects: one list drives config validation, deploy rules and the handlers. An engine is
 * added here and in one file of `tasks/engines/`.
 */
import { z } from 'zod';
import {
  bytesAtMost,
  charactersAtMost,
  dumped,
  fileDatabase,
  identifier,
  native,
  port,
  server,
  serverLogin,
} from './engine-fields.ts';
import { FETCHED_FILE, HELD_FILE, LOCKED_FILE } from './restoring-files.ts';
import { MOVED_TABLES, RENAMED_COLLECTIONS, RENAMED_DATABASE } from './restoring-servers.ts';
import type { Restoring } from './restoring.ts';
import { noPart, type ScopeKind } from './scope.ts';

/**
 * How a restore places what it brings back. `new`: beside the original. `swap`: under the original's name. `overwrite`: into
 * the original. `pointer`: beside it, and what the application reads to find it is switched. `items`: chosen items are copied
 * into the original.
 */
export const RESTORE_MODES = ['new', 'swap', 'overwrite', 'pointer', 'items'] as const;
export type RestoreMode = (typeof RESTORE_MODES)[number];

/** `dump`: a task streams it out. `native`: the service keeps the recovery points itself. */
export const METHODS = ['dump', 'native'] as const;
export type Method = (typeof METHODS)[number];

/** MySQL and MariaDB differ in what the engine finds, not in what a person says. */
const mysqlFields = {
  ...serverLogin,
  ...dumped,
  port: port.default(3306),
  database: charactersAtMost(64),
  /** What becomes of tables that a transaction doesn't cover, such as MyISAM's: locked while they are dumped, or refused. */
  unsafeTables: z.enum(['lock', 'refuse']).default('refuse'),
};

/** Why some can't leave something out, in words that follow a colon. */
const SCRIPT = "format plain is one script without a table of contents; use format 'custom'";
const ONE_FILE = { allDatabases: 'one file is one database, and has no users: make each a target of its own' } as const;

export const ENGINES = {
  postgres: {
    label: 'PostgreSQL',
    method: 'dump',
    family: 'postgres',
    scratchCopies: 0,
    rdsNames: ['postgres', 'aurora-postgresql'],
    modes: ['new', 'swap', 'overwrite'],
    scopes: ['tables', 'exclude', 'schemaOnly', 'dataOnly', 'allDatabases'],
    lacksIn: { plain: { tables: SCRIPT, exclude: SCRIPT, dataOnly: SCRIPT } },
    wholeIn: { plain: SCRIPT },
    restoring: RENAMED_DATABASE,
    excludes: 'rows',
    /** Fields of a target that only this engine has. */
    fields: {
      ...serverLogin,
      ...dumped,
      port: port.default(5432),
      database: bytesAtMost(63),
      /** `custom`: pg_restore reads it, in part or in parallel; `plain`: SQL that psql reads. */
      format: z.enum(['custom', 'plain']).default('custom'),
      /** How long the dump waits for the first lock of a table. */
      lockTimeoutSeconds: z.int().min(1).max(86_400).default(300),
      /** Parallel restore jobs; more than one downloads the archive to the task's disk first. `auto` decides by size. */
      restoreJobs: z.union([z.literal('auto'), z.int().min(1).max(32)]).default('auto'),
    },
  },
  mysql: {
    label: 'MySQL',
    method: 'dump',
    family: 'mysql',
    scratchCopies: 0,
    rdsNames: ['mysql', 'aurora-mysql'],
    modes: ['new', 'swap', 'overwrite'],
    scopes: ['tables', 'exclude', 'schemaOnly', 'dataOnly', 'allDatabases'],
    restoring: MOVED_TABLES,
    excludes: 'rows',
    fields: mysqlFields,
  },
  mariadb: {
    label: 'MariaDB',
    method: 'dump',
    family: 'mysql',
    scratchCopies: 0,
    rdsNames: ['mariadb'],
    modes: ['new', 'swap', 'overwrite'],
    scopes: ['tables', 'exclude', 'schemaOnly', 'dataOnly', 'allDatabases'],
    restoring: MOVED_TABLES,
    excludes: 'rows',
    fields: mysqlFields,
  },
  mongodb: {
    label: 'MongoDB',
    method: 'dump',
    family: 'mongodb',
    scratchCopies: 0,
    modes: ['new', 'swap', 'overwrite'],
    scopes: ['tables', 'exclude', 'schemaOnly', 'allDatabases'],
    lacks: {
      dataOnly:
        'documents and definitions come together, and without its unique indexes, validators and sizes a collection is another one',
    },
    restoring: RENAMED_COLLECTIONS,
    fields: {
      ...serverLogin,
      ...dumped,
      port: port.default(27_017),
      database: bytesAtMost(63),
      /** Atlas and others: `host` is looked up in DNS for the servers behind it. */
      srv: z.boolean().default(false),
      /** Where the user is known. */
      authDatabase: bytesAtMost(63).default('admin'),
      replicaSet: z.string().min(1).max(128).optional(),
    },
  },
  sqlite: {
    label: 'SQLite',
    method: 'dump',
    family: 'sqlite',
    scratchCopies: 2,
    modes: ['new', 'swap', 'overwrite'],
    scopes: ['tables', 'exclude', 'schemaOnly', 'dataOnly'],
    lacks: ONE_FILE,
    restoring: LOCKED_FILE,
    fields: {
      ...fileDatabase,
      ...dumped,
      /** `file`: the database as it is; `sql`: what the shell's `.dump` writes. */
      format: z.enum(['file', 'sql']).default('file'),
      /** How long a lock of another process is waited for. */
      busyTimeoutSeconds: z.int().min(1).max(3_600).default(60),
    },
  },
  duckdb: {
    label: 'DuckDB',
    method: 'dump',
    family: 'duckdb',
    scratchCopies: 3,
    modes: ['new', 'swap', 'overwrite'],
    scopes: ['tables', 'exclude', 'schemaOnly', 'dataOnly'],
    lacks: ONE_FILE,
    restoring: HELD_FILE,
    fields: {
      ...fileDatabase,
      ...dumped,
      /** `file`: one database file; `parquet`: what `EXPORT DATABASE` writes, in one tar. */
      format: z.enum(['file', 'parquet']).default('file'),
    },
  },
  myduck: {
    label: 'MyDuck Server',
    method: 'dump',
    family: 'duckdb',
    scratchCopies: 2,
    // It can't rename a database, and restores over a living one under the running server.
    modes: ['new'],
    scopes: [],
    lacks: {
      ...noPart('its BACKUP and RESTORE take whole files only; restore into a target of DuckDB for a part'),
      allDatabases: 'its BACKUP takes one database, without users: make each a target of its own',
    },
    restoring: FETCHED_FILE,
    fields: {
      ...serverLogin,
      ...dumped,
      /** Of its PostgreSQL wire. */
      port: port.default(5432),
      database: bytesAtMost(63),
      /** Where the server writes its backup to and reads a restore from, before and after it is in the vault. */
      exchange: z.strictObject({
        bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
        prefix: z.string().max(500).default('nightjar/'),
        /** Host of S3 as the server reaches it; the region's own by default. */
        endpoint: z.string().max(253).optional(),
        /** A user of IAM with rights on that prefix only; the task makes a key of it and throws it away afterwards. */
        user: z.string().regex(/^[A-Za-z0-9+=,.@_-]{1,64}$/),
      }),
    },
  },
  rds: {
    label: 'Amazon RDS',
    method: 'native',
    modes: ['new', 'swap', 'pointer'],
    fields: { ...server, instance: identifier },
  },
  aurora: {
    label: 'Amazon Aurora',
    method: 'native',
    modes: ['new', 'swap', 'pointer'],
    fields: { ...server, cluster: identifier },
  },
  dynamodb: {
    label: 'Amazon DynamoDB',
    method: 'native',
    modes: ['new', 'swap', 'pointer', 'items'],
    fields: {
      ...native,
      table: z.string().regex(/^[A-Za-z0-9_.-]{3,255}$/),
      /**
       * How writes are kept away while a swap deletes and makes the table again: `deny` by the table's resource policy, or
       * `application`, which promises that it is stopped. What is written without a fence is lost.
       */
      fence: z.enum(['deny', 'application']).default('deny'),
    },
  },
} as const satisfies Record<
  string,
  {
    label: string;
    method: Method;
    modes: readonly RestoreMode[];
    fields: Record<string, z.ZodType>;
  } & (
    | { method: 'native' }
    /** `family`: engines that can take each other's backups. `scopes`: what of a database or of a backup it can leave out. `lacks`: why it can't the others, and `lacksIn` in which format. `wholeIn`: why a backup of this format comes back as it is only. `restoring`: how it restores, in words. `excludes`: of an excluded table the rows only, and its definition is in the backup. `scratchCopies`: how often the whole database lies on the task's disk. `rdsNames`: what RDS calls it. */
    | {
        method: 'dump';
        family: string;
        scopes: readonly ScopeKind[];
        lacks?: Partial<Record<ScopeKind, string>>;
        lacksIn?: Readonly<Record<string, Partial<Record<ScopeKind, string>>>>;
        wholeIn?: Readonly<Record<string, string>>;
        restoring: Restoring;
        excludes?: 'rows';
        scratchCopies: number;
        rdsNames?: readonly string[];
      }
  )
>;

export type EngineName = keyof typeof ENGINES;
export const ENGINE_NAMES = Object.keys(ENGINES) as [EngineName, ...EngineName[]];

/** Engines by method; a target of a native engine has no task and no login of its own. */
export const NATIVE_ENGINES = ['rds', 'aurora', 'dynamodb'] as const satisfies readonly EngineName[];
export type NativeEngine = (typeof NATIVE_ENGINES)[number];
export type DumpEngine = Exclude<EngineName, NativeEngine>;
export const isNative = (engine: EngineName): engine is NativeEngine => ENGINES[engine].method === 'native';
export const DUMP_ENGINES = ENGINE_NAMES.filter((name): name is DumpEngine => !isNative(name));
/** Whether a backup of one can be restored into the other, as far as the engine that restores it agrees. */
export function isKin(one: EngineName, other: EngineName): boolean {
  const family = (name: EngineName): string | undefined => {
    const engine = ENGINES[name];
    return 'family' in engine ? engine.family : undefined;
  };
  return family(one) !== undefined && family(one) === family(other);
}
