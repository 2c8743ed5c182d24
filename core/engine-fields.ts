/** Fields that targets of several engines share. What only one engine has stands in its own row of `engines.ts`. */
import { z } from 'zod';
import { backupScopeSchema } from './scope.ts';

const host = z.string().regex(/^[A-Za-z0-9._:-]+$/);
export const port = z.int().min(1).max(65_535);

/** The name of a database where so many bytes are allowed. */
export const bytesAtMost = (bytes: number) =>
  z
    .string()
    .min(1)
    .refine((name) => Buffer.byteLength(name) <= bytes, { message: `is longer than ${bytes} bytes` });
/** The same where characters are counted. */
export const charactersAtMost = (characters: number) =>
  z
    .string()
    .min(1)
    .refine((name) => [...name].length <= characters, { message: `is longer than ${characters} characters` });

/** `verify: 'off'` is the one way to switch verification off, and it is said in the record and the report. */
const tls = z
  .strictObject({
    verify: z.enum(['full', 'off']).default('full'),
    /** `rds`: Amazon's CA bundle; `system`: the image's store; else a PEM of at most 4,096 characters. */
    ca: z
      .union([z.enum(['rds', 'system']), z.string().startsWith('-----BEGIN CERTIFICATE-----').max(4_096)])
      .default('rds'),
  })
  .prefault({});

export const secretArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@!-]+$/);
export const keyArn = z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/);

/** A server that a task logs in to with a user and a password from Secrets Manager. */
export const serverLogin = {
  host,
  secret: secretArn,
  /** Key of the secret, when it is not the account's default one. */
  secretKey: keyArn.optional(),
  tls,
};

/** What an application reads to find its database: a `pointer` restore switches it, and its rollback switches it back. */
const pointer = z.union([
  /** Its value is the endpoint's host, or the table's name. */
  z.strictObject({ parameter: z.string().regex(/^[A-Za-z0-9_./-]{1,1011}$/) }),
  /** A field of the secret's JSON holds the host. */
  z.strictObject({
    secret: secretArn,
    secretKey: keyArn.optional(),
    field: z.string().min(1).max(128).default('host'),
  }),
  /** A CNAME names the endpoint. */
  z.strictObject({
    hostedZone: z.string().regex(/^Z[A-Z0-9]{1,31}$/),
    record: host,
    ttlSeconds: z.int().min(0).max(86_400).default(60),
  }),
]);
export type Pointer = z.output<typeof pointer>;

/** Fields of every target whose service keeps the recovery points itself. */
export const native = {
  /** Point-in-time recovery that is off: `require` fails the backup, `enable` turns it on, `ignore` only tells. */
  pitr: z.enum(['require', 'enable', 'ignore']).default('require'),
  /** Recovery points of our own that outlive PITR: how many of each are kept. */
  points: z
    .strictObject({ nightly: z.int().min(1).max(90).default(7), weekly: z.int().min(0).max(52).default(4) })
    .prefault({}),
  pointer: pointer.optional(),
};

/** A login that looks into a restored server before it takes the name, and the questions it asks there. */
const check = z.strictObject({
  secret: secretArn,
  secretKey: keyArn.optional(),
  database: bytesAtMost(63),
  tls,
  /** Each must answer with one row whose first column is true. */
  queries: z.array(z.string().min(1).max(1_000)).max(10).default([]),
});
export type Check = z.output<typeof check>;

/** Fields of RDS and Aurora. */
export const server = {
  ...native,
  /** What becomes of the replaced one until the pruner removes it. A stopped one starts by itself after 7 days. */
  replaced: z.enum(['running', 'stopped']).default('stopped'),
  check: check.optional(),
};

/** Letters, digits and single hyphens. Source: AWS, RDS API reference, DBInstanceIdentifier. */
export const identifier = z.string().regex(/^[a-z](?!.*--)[a-z0-9-]{0,62}(?<!-)$/);

/** Of an archive's stream, where the engine's own format does not compress. */
export const COMPRESSIONS = ['zstd', 'gzip', 'none'] as const;
/** 1 is fastest; of zstd more than 3 seldom pays, and gzip knows 1 to 9. */
const DEFAULT_LEVELS = { zstd: 2, gzip: 6, none: 0 } as const satisfies Record<(typeof COMPRESSIONS)[number], number>;
const LEVELS = { zstd: [1, 19], gzip: [1, 9], none: [0, 0] } as const satisfies Record<
  (typeof COMPRESSIONS)[number],
  readonly [number, number]
>;
const compression = z
  .strictObject({ algorithm: z.enum(COMPRESSIONS).default('zstd'), level: z.int().min(0).max(19).optional() })
  .refine(
    ({ algorithm, level = DEFAULT_LEVELS[algorithm] }) =>
      level >= LEVELS[algorithm][0] && level <= LEVELS[algorithm][1],
    {
      message: 'has a level that its algorithm does not know',
    },
  )
  .transform(({ algorithm, level }) => ({ algorithm, level: level ?? DEFAULT_LEVELS[algorithm] }))
  .prefault({});
export type Compression = z.output<typeof compression>;

/**
 * Encryption before the upload, besides the vault's own: who holds the vault and its KMS key still can't read the backup. The
 * identity is a secret that only restores may read. Source of the format: age-encryption.org/v1.
 */
const encryption = z.strictObject({
  recipients: z
    .array(z.string().regex(/^age1[02-9ac-hj-np-z]{58}$/))
    .min(1)
    .max(10),
  /** Secret whose value is one identity (`AGE-SECRET-KEY-1…`); restores and drills read it. */
  identity: secretArn,
  /** Key of that secret, when it is not the account's default one. */
  identityKey: keyArn.optional(),
});
export type Encryption = z.output<typeof encryption>;

/** Fields of every target that a task dumps. */
export const dumped = {
  /** `counts`: exact rows per table, of the dump's own moment; `checksums`: a hash of every row besides. */
  fingerprint: z.enum(['counts', 'checksums', 'none']).default('counts'),
  compression,
  encryption: encryption.optional(),
  /** What of the database is in every backup; all of it by default. */
  scope: backupScopeSchema.optional(),
  /** Of the archive as it is stored; a small database is not starved by its own dump. */
  bytesPerSecond: z.int().min(65_536).optional(),
  /** A dump that is not done so long after its backup began is given up: its attempts share the time. No timer holds 25 days. */
  giveUpAfterMinutes: z
    .int()
    .min(1)
    .max(60 * 24 * 14)
    .optional(),
};

/** A file system that the task mounts, through an access point. */
const efs = z.strictObject({
  fileSystem: z.string().regex(/^fs-[0-9a-f]{8,40}$/),
  accessPoint: z.string().regex(/^fsap-[0-9a-f]{8,40}$/),
  /** Below the access point's own directory. */
  directory: z
    .string()
    .regex(/^(?!.*\.\.)[A-Za-z0-9._/-]{0,200}$/)
    .default(''),
});
/** Objects of a bucket whose names begin so; the bucket keeps versions. */
const bucket = z.strictObject({
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
  prefix: z.string().max(500).default(''),
});

/** A database that is one file. */
export const fileDatabase = {
  /** The file's name; its directory or bucket stands in `storage`. A file system takes 255 bytes, with what lies beside it. */
  database: bytesAtMost(200).regex(/^(?!\.\.?$)[^/\0]+$/, { message: 'is no plain name of a file' }),
  storage: z.union([z.strictObject({ efs }), z.strictObject({ s3: bucket })]),
};
export type FileStorage = z.output<(typeof fileDatabase)['storage']>;
