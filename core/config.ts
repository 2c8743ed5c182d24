/** The user's one file: its schema and its defaults. */
import { z } from 'zod';
import { ENGINES, isNative, NATIVE_ENGINES, type DumpEngine, type EngineName, type NativeEngine } from './engines.ts';
import { lackingIn } from './engine-limits.ts';
import { NightjarError } from './errors.ts';
import type { FileStorage } from './engine-fields.ts';

export const FREQUENCIES = ['daily', 'weekly', 'none'] as const;
export type Frequency = (typeof FREQUENCIES)[number];

export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

/** Endpoints that a VPC without a way to the internet needs; built on request. */
export const ENDPOINTS = ['ecr.api', 'ecr.dkr', 'logs', 'secretsmanager', 'states', 'kms', 's3', 'dynamodb'] as const;

const subnetId = z.string().regex(/^subnet-[0-9a-f]{8,17}$/);
const securityGroupId = z.string().regex(/^sg-[0-9a-f]{8,17}$/);
const mailAddress = z.email();
const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;
const keyArn = z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/);

const placement = z.strictObject({
  subnetIds: z.array(subnetId).min(1).max(16),
  securityGroupIds: z.array(securityGroupId).min(1).max(5),
  /** Public subnets without NAT need one to reach AWS. */
  assignPublicIp: z.boolean().default(false),
});

const network = z.union([
  placement.extend({
    vpcId: z.string().regex(/^vpc-[0-9a-f]{8,17}$/),
    endpoints: z.array(z.enum(ENDPOINTS)).default([]),
    /** Needed only for the gateway endpoints `s3` and `dynamodb`. */
    routeTableIds: z.array(z.string().regex(/^rtb-[0-9a-f]{8,17}$/)).default([]),
  }),
  /** A VPC of our own reaches no existing database: for trying only. */
  z.strictObject({ create: z.literal(true) }),
]);

/** Fargate's steps of memory for each CPU size. Source: AWS, "Task CPU and memory" for Fargate on Linux. */
export const FARGATE_SIZES: Readonly<Record<number, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: range(1024, 4096, 1024),
  1024: range(2048, 8192, 1024),
  2048: range(4096, 16_384, 1024),
  4096: range(8192, 30_720, 1024),
  8192: range(16_384, 61_440, 4096),
  16_384: range(32_768, 122_880, 8192),
};

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step);
}

const size = z
  .strictObject({
    cpu: z.int().default(1024),
    memoryMiB: z.int().default(2048),
    /** The task's scratch disk. */
    ephemeralGiB: z.int().min(21).max(200).default(21),
  })
  .refine((value) => FARGATE_SIZES[value.cpu]?.includes(value.memoryMiB) ?? false, {
    message: 'is no size that Fargate offers',
  });

const targetName = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/);

const common = {
  name: targetName,
  frequency: z.enum(FREQUENCIES).default('daily'),
  /** Hours without a good backup after which the alarm fires; default by frequency. */
  rpoHours: z
    .number()
    .positive()
    .max(24 * 400)
    .optional(),
  network: placement.optional(),
  size: size.optional(),
};

function targetOf<E extends EngineName, F extends z.ZodRawShape>(engine: E, fields: F) {
  return z.strictObject({ ...common, engine: z.literal(engine), ...fields });
}

/** Written out, for the types: a test holds it equal to the list. */
const dumpTargets = [
  targetOf('postgres', ENGINES.postgres.fields),
  targetOf('mysql', ENGINES.mysql.fields),
  targetOf('mariadb', ENGINES.mariadb.fields),
  targetOf('mongodb', ENGINES.mongodb.fields),
  targetOf('sqlite', ENGINES.sqlite.fields),
  targetOf('duckdb', ENGINES.duckdb.fields),
  targetOf('myduck', ENGINES.myduck.fields),
] as const;
/** What a task can be given. */
export const dumpTargetSchema = z.discriminatedUnion('engine', dumpTargets);

const target = z.discriminatedUnion('engine', [
  ...dumpTargets,
  targetOf('rds', ENGINES.rds.fields),
  targetOf('aurora', ENGINES.aurora.fields),
  targetOf('dynamodb', ENGINES.dynamodb.fields),
]);

export const configSchema = z
  .strictObject({
    /** Prefix of stacks and resources; two Nightjars in one account need two names. */
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,23}$/)
      .default('nightjar'),
    account: z
      .string()
      .regex(/^\d{12}$/)
      .optional(),
    region: z.string().regex(REGION).optional(),
    schedule: z.strictObject({
      nightly: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/),
      timeZone: z.string().refine(isTimeZone),
      weeklyDay: z.enum(WEEKDAYS).default('saturday'),
      /** The scheduler may start a run this much later, to spread load. */
      flexibleMinutes: z.int().min(0).max(1_440).default(15),
    }),
    mail: z.strictObject({
      from: mailAddress,
      to: z.array(mailAddress).min(1).max(50),
      /** `domain` verifies the sender's whole domain, `address` the one address. */
      identity: z.enum(['domain', 'address', 'existing']).default('address'),
    }),
    retention: z
      .strictObject({
        days: z.int().min(1).max(36_500).default(90),
        /** Data objects move to Glacier Flexible Retrieval after this many days; `never` keeps them at hand. */
        archiveAfterDays: z.union([z.literal('never'), z.int().min(1).max(36_500)]).default(30),
        /** What somebody deletes by hand can be brought back for this long; the pruner deletes for good. */
        noncurrentDays: z.int().min(1).max(36_500).default(14),
        /** A database replaced by a swap is kept this long for rollback. */
        replacedDays: z.int().min(1).max(365).default(7),
      })
      .prefault({}),
    vault: z
      .strictObject({
        /** Can be chosen only when the vault is created. */
        objectLock: z
          .strictObject({ mode: z.enum(['governance', 'compliance']), days: z.int().min(1).max(36_500) })
          .optional(),
      })
      .prefault({}),
    network,
    /** Databases that carry the tag are targets from the next run on, without a deploy. */
    discovery: z
      .strictObject({
        engines: z.array(z.enum(NATIVE_ENGINES)).max(NATIVE_ENGINES.length).default([]),
        /** Its value is a frequency. */
        tagKey: z.string().min(1).max(128).default('nightjar:frequency'),
        /** Of what is discovered: point-in-time recovery that is off. */
        pitr: z.enum(['require', 'enable', 'ignore']).default('require'),
      })
      .prefault({}),
    /** Other regions that recovery points of RDS and Aurora are copied to, each with a key of that region. */
    copies: z
      .array(z.strictObject({ region: z.string().regex(REGION), keyArn }))
      .max(5)
      .default([]),
    /** How many targets are backed up at once. */
    concurrency: z.int().min(1).max(1_000).default(10),
    limits: z
      .strictObject({
        backupHours: z.int().min(1).max(720).default(24),
        restoreHours: z.int().min(1).max(720).default(48),
        /** One waiting of a native restore, such as for an alias to be there or a name to change. */
        nativeStepHours: z.int().min(1).max(168).default(24),
        /** A restore that asked for approval is cancelled when nobody answered for this long. */
        approvalHours: z.int().min(1).max(168).default(24),
        /** Several tables that are restored together: from the first step to the last swap, without the time for approval. */
        setHours: z.int().min(1).max(720).default(72),
        /** A task ends itself when no byte moved for this long. */
        idleMinutes: z.int().min(1).max(1_440).default(30),
      })
      .prefault({}),
    tasks: z
      .strictObject({
        /** A published image; without it `tasks/Dockerfile` is built at deploy. */
        image: z.string().min(1).optional(),
        architecture: z.enum(['arm64', 'x86_64']).default('arm64'),
      })
      .prefault({}),
    alarms: z.strictObject({ mail: z.array(mailAddress).max(10).default([]) }).prefault({}),
    targets: z.array(target).max(10_000),
  })
  .superRefine((config, context) => {
    const seen = new Map<string, number>();
    config.targets.forEach((one, index) => {
      const first = seen.get(one.name);
      if (first === undefined) seen.set(one.name, index);
      else
        context.addIssue({
          code: 'custom',
          path: ['targets', index, 'name'],
          message: `is the name of targets.${first} already`,
        });
    });
    if (config.targets.length === 0 && config.discovery.engines.length === 0)
      context.addIssue({ code: 'custom', path: ['targets'], message: 'is empty, and discovery.engines too' });
    config.targets.forEach((one, index) => {
      if (isNative(one.engine) || !('scope' in one)) return;
      for (const { kind, why } of lackingIn(one.engine, one.scope, 'format' in one ? one.format : undefined))
        context.addIssue({
          code: 'custom',
          path: ['targets', index, 'scope', kind],
          message: `is not for ${ENGINES[one.engine].label}: ${why}`,
        });
    });
    const { days, archiveAfterDays } = config.retention;
    if (archiveAfterDays !== 'never' && archiveAfterDays >= days)
      context.addIssue({
        code: 'custom',
        path: ['retention', 'archiveAfterDays'],
        message: `is not before retention.days (${days}): nothing would ever be archived`,
      });
    const lock = config.vault.objectLock;
    if (lock && lock.days > days)
      context.addIssue({
        code: 'custom',
        path: ['vault', 'objectLock', 'days'],
        message: `is longer than retention.days (${days}): the pruner could delete nothing`,
      });
  });

/** What a person writes. */
export type ConfigInput = z.input<typeof configSchema>;
/** What everything else reads: every default filled in. */
export type Config = z.output<typeof configSchema>;
export type Target = Config['targets'][number];
export type TargetOf<E extends EngineName> = Extract<Target, { engine: E }>;
/** A target that a task dumps, and one whose service keeps the points itself. */
export type DumpTarget = TargetOf<DumpEngine>;
export type NativeTarget = TargetOf<NativeEngine>;
/** @throws ZodError. */
export const parseDumpTarget = <E extends DumpEngine>(
  input: { readonly engine: E } & Readonly<Record<string, unknown>>,
): TargetOf<E> => dumpTargetSchema.parse(input) as TargetOf<E>;
export const isNativeTarget = (target: Target): target is NativeTarget => isNative(target.engine);
export const isDumpTarget = (target: Target): target is DumpTarget => !isNative(target.engine);
/** A dumped one that tasks log in to. */
export type ServerTarget = Extract<DumpTarget, { host: string }>;
export const isServerTarget = (target: Target): target is ServerTarget => isDumpTarget(target) && 'host' in target;
/** The file system that its tasks mount, if any. */
export const mountOf = (target: Target): Extract<FileStorage, { efs: object }>['efs'] | undefined =>
  'storage' in target && 'efs' in target.storage ? target.storage.efs : undefined;
/** Name of the instance, cluster or table. */
export function resourceOf(target: NativeTarget): string {
  if (target.engine === 'rds') return target.instance;
  return target.engine === 'aurora' ? target.cluster : target.table;
}
/** Where a dumped database is found, in words: a server, or the place of a file. */
export function whereOf(target: DumpTarget): string {
  if ('host' in target) return `${target.host}:${target.port}`;
  const { storage } = target;
  if ('s3' in storage) return `s3://${storage.s3.bucket}/${storage.s3.prefix}`;
  return [storage.efs.fileSystem, storage.efs.directory].filter((part) => part !== '').join('/');
}
/** Where its login stands; a file has none. */
export const loginOf = (
  target: DumpTarget,
): { readonly secret: string; readonly secretKey?: string | undefined } | undefined =>
  'secret' in target ? target : undefined;
export type Placement = z.output<typeof placement>;
export type TaskSize = z.output<typeof size>;

/** Gives the config's types while it is written; it is validated when it is read. */
export const defineConfig = (config: ConfigInput): ConfigInput => config;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The longest a target may be without a good backup, in hours. */
export function rpoHoursOf(target: Target): number | undefined {
  if (target.rpoHours !== undefined) return target.rpoHours;
  if (target.frequency === 'daily') return 26;
  if (target.frequency === 'weekly') return 24 * 7 + 2;
  return undefined;
}

export const DEFAULT_SIZE: TaskSize = { cpu: 1024, memoryMiB: 2048, ephemeralGiB: 21 };

/** @throws NightjarError TARGET_UNKNOWN. */
export function targetNamed(config: Config, name: string): Target {
  const found = config.targets.find((one) => one.name === name);
  if (!found) throw new NightjarError('TARGET_UNKNOWN', { operation: 'find target', detail: `Asked for: ${name}.` });
  return found;
}
