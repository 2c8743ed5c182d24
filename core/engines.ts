/**
 * The engines that Nightjar protects: one list drives config validation, deploy rules and the handlers. An engine is
 * added here and in one file of `tasks/engines/`.
 */
import { z } from 'zod';

/** How a restore places what it brings back. */
export const RESTORE_MODES = ['new', 'swap', 'overwrite'] as const;
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

export const ENGINES = {
  postgres: {
    label: 'PostgreSQL',
    method: 'dump',
    modes: RESTORE_MODES,
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
} as const satisfies Record<
  string,
  { label: string; method: Method; modes: readonly RestoreMode[]; fields: Record<string, z.ZodType> }
>;

export type EngineName = keyof typeof ENGINES;
export const ENGINE_NAMES = Object.keys(ENGINES) as [EngineName, ...EngineName[]];
