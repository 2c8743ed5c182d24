/**
 * The engines that Nightjar protects: one list drives config validation, deploy rules and the handlers. An engine is
 * added here and in one file of `tasks/engines/`.
 */
import { z } from 'zod';

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

const host = z.string().regex(/^[A-Za-z0-9._:-]+$/);
const port = z.int().min(1).max(65_535);

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

const secretArn = z.string().regex(/^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+$/);
const keyArn = z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/);

/** A server that a task logs in to with a user and a password from Secrets Manager. */
const serverLogin = {
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
const native = {
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
  database: z
    .string()
    .min(1)
    .refine((name) => Buffer.byteLength(name) <= 63),
  tls,
  /** Each must answer with one row whose first column is true. */
  queries: z.array(z.string().min(1).max(1_000)).max(10).default([]),
});
export type Check = z.output<typeof check>;

/** Fields of RDS and Aurora. */
const server = {
  ...native,
  /** What becomes of the replaced one until the pruner removes it. A stopped one starts by itself after 7 days. */
  replaced: z.enum(['running', 'stopped']).default('stopped'),
  check: check.optional(),
};

/** Letters, digits and single hyphens. Source: AWS, RDS API reference, DBInstanceIdentifier. */
const identifier = z.string().regex(/^[a-z](?!.*--)[a-z0-9-]{0,62}(?<!-)$/);

export const ENGINES = {
  postgres: {
    label: 'PostgreSQL',
    method: 'dump',
    modes: ['new', 'swap', 'overwrite'],
    /** Fields of a target that only this engine has. */
    fields: {
      ...serverLogin,
      port: port.default(5432),
      database: z
        .string()
        .min(1)
        .refine((name) => Buffer.byteLength(name) <= 63),
      /** `counts`: exact rows per table, from the dump's own snapshot; `checksums`: a hash of every row besides. */
      fingerprint: z.enum(['counts', 'checksums', 'none']).default('counts'),
      /** zstd level; 1 is fastest, more than 3 seldom pays. */
      compressionLevel: z.int().min(1).max(19).default(2),
      /** How long the dump waits for the first lock of a table. */
      lockTimeoutSeconds: z.int().min(1).max(86_400).default(300),
      /** Parallel restore jobs; more than one downloads the archive to the task's disk first. `auto` decides by size. */
      restoreJobs: z.union([z.literal('auto'), z.int().min(1).max(32)]).default('auto'),
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
  { label: string; method: Method; modes: readonly RestoreMode[]; fields: Record<string, z.ZodType> }
>;

export type EngineName = keyof typeof ENGINES;
export const ENGINE_NAMES = Object.keys(ENGINES) as [EngineName, ...EngineName[]];

/** Engines by method; a target of a native engine has no task and no login of its own. */
export const NATIVE_ENGINES = ['rds', 'aurora', 'dynamodb'] as const satisfies readonly EngineName[];
export type NativeEngine = (typeof NATIVE_ENGINES)[number];
export type DumpEngine = Exclude<EngineName, NativeEngine>;
export const isNative = (engine: EngineName): engine is NativeEngine => ENGINES[engine].method === 'native';
