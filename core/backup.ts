/** Records of the catalog and the manifest that is the truth behind them. */
import { z } from 'zod';
import { ENGINE_NAMES, METHODS, RESTORE_MODES } from './engines.ts';
import { NightjarError, isErrorCode, type ErrorCode, type Failure } from './errors.ts';

export const KINDS = ['full', 'incremental', 'differential', 'log'] as const;
export const TRIGGERS = ['daily', 'weekly', 'user', 'admin'] as const;
export type Trigger = (typeof TRIGGERS)[number];

export const CONSISTENCIES = ['transaction', 'locked', 'snapshot', 'none'] as const;

/** ISO 8601, UTC, milliseconds. */
const instant = z.iso.datetime();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Rows (and, if asked, a content hash) of one table, inside the dump's own snapshot. */
export const tablePrintSchema = z.object({
  schema: z.string(),
  table: z.string(),
  rows: z.int().nonnegative(),
  /** Order-independent hash of all rows; only with fingerprint `checksums`. */
  checksum: z.string().optional(),
});
export type TablePrint = z.output<typeof tablePrintSchema>;

export const fingerprintSchema = z.object({
  mode: z.enum(['counts', 'checksums', 'none']),
  tables: z.array(tablePrintSchema),
  /** How long taking it took. */
  seconds: z.number().nonnegative(),
});
export type Fingerprint = z.output<typeof fingerprintSchema>;

export const vaultObjectSchema = z.object({
  /** `archive`: the data; `globals`: roles and tablespaces. */
  role: z.enum(['archive', 'globals']),
  key: z.string(),
  versionId: z.string(),
  bytes: z.int().nonnegative(),
  /** Of this object's bytes. */
  sha256,
  /** Base64 CRC32 over all parts as S3 reports it (FULL_OBJECT). */
  crc32: z.string(),
  /** Position among the objects of one stream, from 1. */
  part: z.int().min(1),
});
export type VaultObject = z.output<typeof vaultObjectSchema>;

export const manifestSchema = z.object({
  manifestVersion: z.literal(1),
  backupId: z.string(),
  target: z.string(),
  engine: z.enum(ENGINE_NAMES),
  method: z.enum(METHODS),
  kind: z.enum(KINDS),
  trigger: z.enum(TRIGGERS),
  runId: z.string().optional(),
  attempt: z.int().min(1),
  startedAt: instant,
  /** The moment the data is of: the snapshot's. */
  snapshotAt: instant,
  completedAt: instant,
  consistency: z.enum(CONSISTENCIES),
  source: z.object({
    host: z.string(),
    port: z.int(),
    database: z.string(),
    serverVersion: z.string(),
    serverMajor: z.int(),
    /** What the server says it is; tells a renamed or replaced server apart. */
    systemIdentifier: z.string().optional(),
    encoding: z.string(),
    collate: z.string(),
    ctype: z.string(),
    owner: z.string(),
    tlsVerified: z.boolean(),
    databaseBytes: z.int().nonnegative(),
  }),
  tool: z.object({
    name: z.string(),
    version: z.string(),
    /** The exact command, without secrets. */
    command: z.array(z.string()),
  }),
  /** How to turn the archive object's bytes back into what the tool wrote. */
  compression: z.object({
    /** `inside`: the archive format carries it; `outside`: the stream was piped through it. */
    place: z.enum(['inside', 'outside']),
    algorithm: z.enum(['zstd', 'gzip', 'none']),
    level: z.int(),
  }),
  objects: z.array(vaultObjectSchema).min(1),
  /** Of the archive stream over all its objects: what a restore checks while it streams. */
  archive: z.object({ bytes: z.int().nonnegative(), sha256 }),
  /** Sum over all objects. */
  storedBytes: z.int().nonnegative(),
  fingerprint: fingerprintSchema,
  /** Roles that own or are granted something in the archive. */
  roles: z.array(z.string()),
  extensions: z.array(z.object({ name: z.string(), version: z.string() })),
  warnings: z.array(z.string()),
});
export type Manifest = z.output<typeof manifestSchema>;

/** @throws NightjarError MANIFEST_INVALID. */
export function parseManifest(text: string, where: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new NightjarError('MANIFEST_INVALID', { operation: 'read manifest', detail: `${where}: ${why}`, cause });
  }
}

export const failureSchema = z.object({
  code: z.custom<ErrorCode>(isErrorCode),
  message: z.string(),
  hint: z.string(),
  operation: z.string().optional(),
  detail: z.string().optional(),
}) satisfies z.ZodType<Failure>;

export const BACKUP_STATUSES = ['RUNNING', 'COMPLETED', 'FAILED', 'DELETED'] as const;

/** One backup in the catalog. Small facts only: the rest is in the manifest. */
export const backupRecordSchema = z.object({
  backupId: z.string(),
  target: z.string(),
  engine: z.enum(ENGINE_NAMES),
  method: z.enum(METHODS),
  kind: z.enum(KINDS),
  trigger: z.enum(TRIGGERS),
  status: z.enum(BACKUP_STATUSES),
  runId: z.string().optional(),
  executionArn: z.string(),
  requestedBy: z.string().optional(),
  startedAt: instant,
  /** When it became COMPLETED or FAILED. */
  endedAt: instant.optional(),
  /** The moment the data is of. */
  snapshotAt: instant.optional(),
  manifestKey: z.string().optional(),
  manifestVersionId: z.string().optional(),
  storedBytes: z.int().nonnegative().optional(),
  databaseBytes: z.int().nonnegative().optional(),
  rows: z.int().nonnegative().optional(),
  tables: z.int().nonnegative().optional(),
  consistency: z.enum(CONSISTENCIES).optional(),
  warnings: z.array(z.string()).optional(),
  failure: failureSchema.optional(),
  deletedAt: instant.optional(),
  /** Since when the vault holds nothing of it any more. */
  objectsGoneAt: instant.optional(),
});
export type BackupRecord = z.output<typeof backupRecordSchema>;

/** What the catalog keeps about a target between its backups. */
export const targetStateSchema = z.object({
  target: z.string(),
  /** Since when its RPO is watched. */
  firstSeenAt: instant,
  newestGood: z
    .object({
      backupId: z.string(),
      snapshotAt: instant,
      storedBytes: z.int().nonnegative(),
      seconds: z.number().nonnegative(),
    })
    .optional(),
});
export type TargetState = z.output<typeof targetStateSchema>;

export const RUN_STATUSES = ['RUNNING', 'COMPLETED', 'FAILED'] as const;
/** One nightly or weekly execution over all due targets. */
export const runRecordSchema = z.object({
  runId: z.string(),
  trigger: z.enum(TRIGGERS),
  scheduledTime: instant,
  status: z.enum(RUN_STATUSES),
  executionArn: z.string(),
  startedAt: instant,
  endedAt: instant.optional(),
  due: z.int().nonnegative(),
  completed: z.int().nonnegative().optional(),
  failed: z.int().nonnegative().optional(),
  reportSentAt: instant.optional(),
  failure: failureSchema.optional(),
});
export type RunRecord = z.output<typeof runRecordSchema>;

/** What comparing a restored database with the backup's fingerprint found. */
export const comparisonSchema = z.object({
  mode: z.enum(['counts', 'checksums', 'none']),
  tablesCompared: z.int().nonnegative(),
  rowsExpected: z.int().nonnegative(),
  rowsFound: z.int().nonnegative(),
  /** The first 50 tables that differ. */
  differences: z.array(z.object({ schema: z.string(), table: z.string(), expected: z.string(), found: z.string() })),
  equal: z.boolean(),
});
export type Comparison = z.output<typeof comparisonSchema>;

export const RESTORE_STATUSES = ['RUNNING', 'COMPLETED', 'FAILED', 'ROLLED_BACK'] as const;
export const restoreRecordSchema = z.object({
  restoreId: z.string(),
  target: z.string(),
  /** The target whose server received it; the target itself unless said otherwise. */
  destination: z.string(),
  backupId: z.string(),
  mode: z.enum(RESTORE_MODES),
  /** Name under which the restored data serves, or would. */
  database: z.string(),
  status: z.enum(RESTORE_STATUSES),
  executionArn: z.string(),
  requestedBy: z.string().optional(),
  startedAt: instant,
  endedAt: instant.optional(),
  safetyBackupId: z.string().optional(),
  comparison: comparisonSchema.optional(),
  warnings: z.array(z.string()).optional(),
  /** Where the restored data is now; differs from `database` after a swap that did not happen. */
  restoredDatabase: z.string().optional(),
  /** The replaced database, while it is kept. */
  replacedDatabase: z.string().optional(),
  /** Until when the pruner leaves it. */
  replacedUntil: instant.optional(),
  replacedDroppedAt: instant.optional(),
  failure: failureSchema.optional(),
});
export type RestoreRecord = z.output<typeof restoreRecordSchema>;
