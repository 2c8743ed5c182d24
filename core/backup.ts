/** Records of the catalog and the manifest that is the truth behind them. */
import { z } from 'zod';
import { COMPRESSIONS } from './engine-fields.ts';
import { ENGINE_NAMES, METHODS, NATIVE_ENGINES, RESTORE_MODES } from './engines.ts';
import { FREQUENCIES } from './config.ts';
import { exchangeStateSchema } from './exchange.ts';
import { NightjarError, isErrorCode, type ErrorCode, type Failure } from './errors.ts';
import { backupScopeSchema } from './scope.ts';
import { nativeRestoreSchema, pointSchema, settingsSchema, windowSchema } from './native.ts';
import { memberOfSetSchema } from './restore-set.ts';
import { heldDatabaseSchema } from './server-backup.ts';

export const KINDS = ['full', 'incremental', 'differential', 'log'] as const;
export const TRIGGERS = ['daily', 'weekly', 'user', 'admin'] as const;
export type Trigger = (typeof TRIGGERS)[number];

export const CONSISTENCIES = ['transaction', 'locked', 'snapshot', 'none'] as const;

/** ISO 8601, UTC, milliseconds. */
const instant = z.iso.datetime();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Rows (and, if asked, a content hash) of one table, inside the dump's own snapshot. */
export const tablePrintSchema = z.object({
  /** Only in a backup of a whole server. */
  database: z.string().optional(),
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
  /** Of the database whose archive it is part of, where a backup has several archives. */
  database: z.string().optional(),
});
export type VaultObject = z.output<typeof vaultObjectSchema>;

export const manifestSchema = z.object({
  manifestVersion: z.literal(1),
  backupId: z.string(),
  target: z.string(),
  engine: z.enum(ENGINE_NAMES),
  method: z.literal('dump'),
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
    /** `host:port`, or where the file lies. */
    place: z.string(),
    database: z.string(),
    /** Of the server, or of the library that wrote the file. */
    serverVersion: z.string(),
    serverMajor: z.int(),
    /** What the server says it is; tells a renamed or replaced server apart. */
    systemIdentifier: z.string().optional(),
    owner: z.string().optional(),
    /** Absent of a database without a connection. */
    tlsVerified: z.boolean().optional(),
    databaseBytes: z.int().nonnegative(),
    /** What only this engine knows and its restore asks for, such as a binlog position or a storage version. */
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),
  /** Of the archive, in the engine's words, such as `custom` or `plain`. */
  format: z.string(),
  /** What of the database is in it; all of it when absent. */
  scope: backupScopeSchema.optional(),
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
    algorithm: z.enum(COMPRESSIONS),
    level: z.int(),
    /** What packed it, outside, and its version, such as `zstd 1.5.4`. */
    packer: z.string().optional(),
  }),
  /** Of every object of the backup, around the compression. */
  encryption: z
    .object({
      format: z.literal('age'),
      recipients: z.array(z.string()).min(1),
      /** ARN of the secret that held an identity of theirs when the backup was made. */
      identity: z.string(),
    })
    .optional(),
  objects: z.array(vaultObjectSchema).min(1),
  /** Of the archive stream over all its objects: what a restore checks while it streams. Of several: their bytes, and the SHA-256 over their SHA-256s, one a line. */
  archive: z.object({ bytes: z.int().nonnegative(), sha256 }),
  /** Every database in it, of a backup of a whole server. */
  databases: z.array(heldDatabaseSchema).min(1).optional(),
  /** Sum over all objects. */
  storedBytes: z.int().nonnegative(),
  fingerprint: fingerprintSchema,
  /** Roles that own or are granted something in the archive. */
  roles: z.array(z.string()),
  extensions: z.array(z.object({ name: z.string(), version: z.string() })),
  warnings: z.array(z.string()),
});
export type Manifest = z.output<typeof manifestSchema>;

/** Of a backup that the service keeps itself: the vault holds this manifest and, where asked for, exports. */
export const nativeManifestSchema = z.object({
  manifestVersion: z.literal(1),
  backupId: z.string(),
  target: z.string(),
  engine: z.enum(NATIVE_ENGINES),
  method: z.literal('native'),
  kind: z.literal('full'),
  trigger: z.enum(TRIGGERS),
  runId: z.string().optional(),
  startedAt: instant,
  /** The moment the recovery point is of. */
  snapshotAt: instant,
  completedAt: instant,
  /** What PITR reached when the backup was taken. */
  window: windowSchema,
  /** In this region first, then its copies. */
  points: z.array(pointSchema).min(1),
  /** Everything that a restore must bring back besides the data: also of a database that is gone by then. */
  settings: settingsSchema,
  /** Of a table, as the service last counted them. */
  items: z.int().nonnegative().optional(),
  warnings: z.array(z.string()),
});
export type NativeManifest = z.output<typeof nativeManifestSchema>;

const anyManifestSchema = z.discriminatedUnion('method', [manifestSchema, nativeManifestSchema]);
export type AnyManifest = z.output<typeof anyManifestSchema>;

/** @throws NightjarError MANIFEST_INVALID. */
export function parseManifest(text: string, where: string): AnyManifest {
  try {
    return anyManifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new NightjarError('MANIFEST_INVALID', { operation: 'read manifest', detail: `${where}: ${why}`, cause });
  }
}

/** @throws NightjarError MANIFEST_INVALID for one of the other method. */
export function dumpManifest(manifest: AnyManifest): Manifest {
  if (manifest.method === 'dump') return manifest;
  throw otherMethod(manifest);
}

/** @throws NightjarError MANIFEST_INVALID for one of the other method. */
export function nativeManifest(manifest: AnyManifest): NativeManifest {
  if (manifest.method === 'native') return manifest;
  throw otherMethod(manifest);
}

const otherMethod = ({ target, backupId, method }: AnyManifest): NightjarError =>
  new NightjarError('MANIFEST_INVALID', {
    operation: 'read manifest',
    detail: `The backup ${backupId} of ${target} was made by the method ${method}.`,
  });

export const failureSchema = z.object({
  code: z.custom<ErrorCode>(isErrorCode),
  message: z.string(),
  hint: z.string(),
  operation: z.string().optional(),
  detail: z.string().optional(),
}) satisfies z.ZodType<Failure>;

export const BACKUP_STATUSES = ['RUNNING', 'COMPLETED', 'FAILED', 'DELETED'] as const;

/** What a native backup that runs has found and made so far: its manifest is made of it. */
export const pointDraftSchema = z.object({
  /** By the state that waits: since when. */
  steps: z.record(z.string(), instant),
  /** As they were read right before the recovery point was asked for. */
  settings: settingsSchema,
  window: windowSchema,
  items: z.int().nonnegative().optional(),
  /** Points that the service was asked for: in this region first, then the copies. */
  asked: z.array(z.object({ region: z.string(), arn: z.string(), at: instant })),
  /** Those that are ready, in the same order. */
  points: z.array(pointSchema),
  warnings: z.array(z.string()),
});
export type PointDraft = z.output<typeof pointDraftSchema>;

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
  /** Of a native one: what PITR reached then, and the ARNs of its recovery points. */
  window: windowSchema.optional(),
  points: z.array(z.string()).optional(),
  /** Only while it runs. */
  draft: pointDraftSchema.optional(),
  /** When its recovery points were deleted. */
  pointsGoneAt: instant.optional(),
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
  /** Of a target that was found by its tag. */
  discovered: z
    .object({
      engine: z.enum(NATIVE_ENGINES),
      /** Name of the instance, cluster or table. */
      resource: z.string(),
      arn: z.string(),
      frequency: z.enum(FREQUENCIES),
      seenAt: instant,
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
  /** Absent when a moment was restored from the service's own log. */
  backupId: z.string().optional(),
  mode: z.enum(RESTORE_MODES),
  /** Name under which the restored data serves, or would. */
  database: z.string(),
  /** Of the database in the backup, where it holds several. */
  fromDatabase: z.string().optional(),
  /** Every database of the backup, each under its own name. */
  allDatabases: z.literal(true).optional(),
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
  /** Of one that failed: how far its exchange of names had come, where that takes several steps. */
  exchange: exchangeStateSchema.optional(),
  failure: failureSchema.optional(),
  /** Of one of several tables that are restored together. */
  set: memberOfSetSchema.optional(),
  /** Of a restore that the service does itself. */
  native: nativeRestoreSchema.optional(),
});
export type RestoreRecord = z.output<typeof restoreRecordSchema>;
