/** The user's one file: its schema, its defaults, and errors that say what would be right. */
import { z } from 'zod';
import {
  ENGINES,
  ENGINE_NAMES,
  isNative,
  NATIVE_ENGINES,
  type DumpEngine,
  type EngineName,
  type NativeEngine,
  whyLacking,
} from './engines.ts';
import { NightjarError } from './errors.ts';
import { COMPRESSIONS, type FileStorage } from './engine-fields.ts';
import { SCOPES, scopeKinds, type ScopeKind } from './scope.ts';

export const FREQUENCIES = ['daily', 'weekly', 'none'] as const;
export type Frequency = (typeof FREQUENCIES)[number];

export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

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
      const { label, scopes }: { label: string; scopes: readonly ScopeKind[] } = ENGINES[one.engine];
      for (const kind of scopeKinds(one.scope))
        if (!scopes.includes(kind))
          context.addIssue({
            code: 'custom',
            path: ['targets', index, 'scope', kind],
            message: `is nothing that a backup of ${label} can leave out or take alone${whyLacking(one.engine, kind)}`,
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

/** What would be right, by field; `*` stands for a list's index. A test holds it complete. */
export const RIGHT: Readonly<Record<string, string>> = {
  name: "small letters, digits and dashes, 24 at most, such as 'nightjar'",
  account: "the 12 digits of the account, such as '123456789012', or nothing for the one of your credentials",
  region: "a region such as 'eu-west-1', or nothing for the one of your credentials",
  schedule: "{ nightly: '02:30', timeZone: 'Europe/Zurich' }",
  'schedule.nightly': "a 24-hour time such as '02:30'",
  'schedule.timeZone': "an IANA time zone such as 'Europe/Zurich' or 'UTC'",
  'schedule.weeklyDay': `one of ${WEEKDAYS.join(', ')}`,
  'schedule.flexibleMinutes': 'whole minutes from 0 to 1440',
  mail: "{ from: 'nightjar@example.org', to: ['oncall@example.org'] }",
  'mail.from': "one mail address such as 'nightjar@example.org'",
  'mail.to': "1 to 50 mail addresses such as ['oncall@example.org']",
  'mail.to.*': "a mail address such as 'oncall@example.org'",
  'mail.identity': "'address', 'domain', or 'existing' when SES knows the sender already",
  retention: '{ days: 90, archiveAfterDays: 30 }',
  'retention.days': 'whole days from 1 on',
  'retention.archiveAfterDays': "whole days less than retention.days, or 'never'",
  'retention.noncurrentDays': 'whole days from 1 on',
  'retention.replacedDays': 'whole days from 1 to 365',
  vault: '{} or { objectLock: { mode, days } }',
  'vault.objectLock': "{ mode: 'governance', days: 30 }",
  'vault.objectLock.mode': "'governance' or 'compliance'",
  'vault.objectLock.days': 'whole days, not more than retention.days',
  network: "{ vpcId: 'vpc-…', subnetIds: ['subnet-…'], securityGroupIds: ['sg-…'] }, or { create: true } for trying",
  'network.create': 'true, and nothing else beside it',
  'network.vpcId': "the id of the databases' VPC, such as 'vpc-0123456789abcdef0'",
  'network.subnetIds': "1 to 16 subnets such as ['subnet-0123456789abcdef0']",
  'network.subnetIds.*': "a subnet's id such as 'subnet-0123456789abcdef0'",
  'network.securityGroupIds': "1 to 5 security groups such as ['sg-0123456789abcdef0']",
  'network.securityGroupIds.*': "a security group's id such as 'sg-0123456789abcdef0'",
  'network.assignPublicIp': 'true or false',
  'network.endpoints': `some of ${ENDPOINTS.join(', ')}`,
  'network.endpoints.*': `one of ${ENDPOINTS.join(', ')}`,
  'network.routeTableIds': "route tables for the gateway endpoints, such as ['rtb-0123456789abcdef0']",
  'network.routeTableIds.*': "a route table's id such as 'rtb-0123456789abcdef0'",
  concurrency: 'a whole number from 1 to 1000',
  limits:
    '{ backupHours: 24, restoreHours: 48, nativeStepHours: 24, approvalHours: 24, setHours: 72, idleMinutes: 30 }',
  'limits.backupHours': 'whole hours from 1 to 720',
  'limits.restoreHours': 'whole hours from 1 to 720',
  'limits.idleMinutes': 'whole minutes from 1 to 1440',
  tasks: "{ architecture: 'arm64' }",
  'tasks.image': "an image's URI such as '123456789012.dkr.ecr.eu-west-1.amazonaws.com/nightjar:0.1.0'",
  'tasks.architecture': "'arm64' or 'x86_64'",
  alarms: "{ mail: ['oncall@example.org'] }",
  'alarms.mail': 'up to 10 mail addresses',
  'alarms.mail.*': "a mail address such as 'oncall@example.org'",
  discovery: "{ engines: ['rds', 'aurora', 'dynamodb'] }",
  'discovery.engines': `some of ${NATIVE_ENGINES.join(', ')}`,
  'discovery.engines.*': `one of ${NATIVE_ENGINES.join(', ')}`,
  'discovery.tagKey': "a tag's key such as 'nightjar:frequency'",
  'discovery.pitr': "'require', 'enable' or 'ignore'",
  copies: "[{ region: 'eu-central-1', keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/…' }], 5 at most",
  'copies.*': "{ region: 'eu-central-1', keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/…' }",
  'copies.*.region': "a region such as 'eu-central-1'",
  'copies.*.keyArn': "a KMS key's ARN of that region",
  'limits.nativeStepHours': 'whole hours from 1 to 168',
  'limits.approvalHours': 'whole hours from 1 to 168',
  'limits.setHours': 'whole hours from 1 to 720',
  targets: 'up to 10000 targets; at least one, or discovery.engines',
  'targets.*':
    "{ name: 'shop', engine: 'postgres', host: '…', database: '…', secret: 'arn:…' }, { name: 'orders', engine: 'dynamodb', table: 'orders' } or such",
  'targets.*.name': "small letters, digits and dashes, 40 at most, no two the same, such as 'shop'",
  'targets.*.engine': `one of ${ENGINE_NAMES.join(', ')}`,
  'targets.*.frequency': `one of ${FREQUENCIES.join(', ')}`,
  'targets.*.rpoHours': 'hours, more than 0',
  'targets.*.network': "{ subnetIds: ['subnet-…'], securityGroupIds: ['sg-…'] }",
  'targets.*.network.subnetIds': "1 to 16 subnets such as ['subnet-0123456789abcdef0']",
  'targets.*.network.subnetIds.*': "a subnet's id such as 'subnet-0123456789abcdef0'",
  'targets.*.network.securityGroupIds': "1 to 5 security groups such as ['sg-0123456789abcdef0']",
  'targets.*.network.securityGroupIds.*': "a security group's id such as 'sg-0123456789abcdef0'",
  'targets.*.network.assignPublicIp': 'true or false',
  'targets.*.size': `cpu and memoryMiB that Fargate offers together, such as { cpu: 1024, memoryMiB: 2048 }`,
  'targets.*.size.cpu': `one of ${Object.keys(FARGATE_SIZES).join(', ')}`,
  'targets.*.size.memoryMiB': 'a memory that Fargate offers for this cpu, such as 2048 for 1024',
  'targets.*.size.ephemeralGiB': 'whole GiB from 21 to 200',
  'targets.*.host': "the server's host name, without protocol or port",
  'targets.*.port': 'a port from 1 to 65535',
  'targets.*.database': "the database's name, or the file's; 63 bytes at most on most servers",
  'targets.*.secret': "a secret's full ARN, such as 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf'",
  'targets.*.secretKey': "a KMS key's ARN, such as 'arn:aws:kms:eu-west-1:123456789012:key/…'",
  'targets.*.tls': "{ verify: 'full', ca: 'rds' }",
  'targets.*.tls.verify': "'full', or 'off' to give up verification",
  'targets.*.tls.ca': "'rds', 'system', or a PEM of at most 4096 characters",
  'targets.*.fingerprint': "'counts', 'checksums' or 'none'",
  'targets.*.compression': "{ algorithm: 'zstd', level: 2 }",
  'targets.*.compression.algorithm': `one of ${COMPRESSIONS.join(', ')}`,
  'targets.*.compression.level': '1 to 19 of zstd, 1 to 9 of gzip',
  'targets.*.encryption': "{ recipients: ['age1…'], identity: 'arn:aws:secretsmanager:…' }",
  'targets.*.encryption.recipients': "1 to 10 age recipients such as ['age1…']",
  'targets.*.encryption.recipients.*': "an age recipient such as 'age1…', as age-keygen prints it",
  'targets.*.encryption.identity': "a secret's full ARN; its value is the identity that age-keygen printed",
  'targets.*.encryption.identityKey': "a KMS key's ARN",
  'targets.*.scope': `some of ${SCOPES.join(', ')}, such as { exclude: ['public.log'] }`,
  'targets.*.scope.tables': "names such as ['public.orders']",
  'targets.*.scope.tables.*': "a name such as 'public.orders', or 'orders' where the engine has no schemas",
  'targets.*.scope.exclude': "names such as ['public.log']",
  'targets.*.scope.exclude.*': "a name such as 'public.log', or 'log' where the engine has no schemas",
  'targets.*.scope.schemaOnly': 'true or false',
  'targets.*.scope.dataOnly': 'true or false',
  'targets.*.scope.allDatabases': 'true or false',
  'targets.*.bytesPerSecond': 'whole bytes per second, 65536 or more',
  'targets.*.giveUpAfterMinutes': 'whole minutes from 1 to 43200',
  'targets.*.format': 'a format of the engine; see docs/reference.md',
  'targets.*.unsafeTables': "'lock' or 'refuse'",
  'targets.*.srv': 'true or false',
  'targets.*.authDatabase': "a database's name such as 'admin'",
  'targets.*.replicaSet': "a replica set's name such as 'rs0'",
  'targets.*.storage': "{ efs: { fileSystem: 'fs-…', accessPoint: 'fsap-…' } } or { s3: { bucket: '…', prefix: '…' } }",
  'targets.*.storage.efs': "{ fileSystem: 'fs-…', accessPoint: 'fsap-…', directory: 'data' }",
  'targets.*.storage.efs.fileSystem': "a file system's id such as 'fs-0123456789abcdef0'",
  'targets.*.storage.efs.accessPoint': "an access point's id such as 'fsap-0123456789abcdef0'",
  'targets.*.storage.efs.directory': "a directory below the access point's, such as 'data', without '..'",
  'targets.*.storage.s3': "{ bucket: 'shop-data', prefix: 'db/' }",
  'targets.*.storage.s3.bucket': "a bucket's name",
  'targets.*.storage.s3.prefix': "what objects' names begin with, such as 'db/'",
  'targets.*.busyTimeoutSeconds': 'whole seconds from 1 to 3600',
  'targets.*.exchange': "{ bucket: 'shop-exchange', user: 'nightjar-exchange' }",
  'targets.*.exchange.bucket': "a bucket's name",
  'targets.*.exchange.prefix': "what objects' names begin with, such as 'nightjar/'",
  'targets.*.exchange.endpoint': "host of S3 as the server reaches it, such as 's3.eu-west-1.amazonaws.com'",
  'targets.*.exchange.user': "a user of IAM such as 'nightjar-exchange'",
  'targets.*.lockTimeoutSeconds': 'whole seconds from 1 to 86400',
  'targets.*.restoreJobs': "'auto', or a whole number from 1 to 32",
  'targets.*.pitr': "'require', 'enable' or 'ignore'",
  'targets.*.points': '{ nightly: 7, weekly: 4 }',
  'targets.*.points.nightly': 'a whole number from 1 to 90',
  'targets.*.points.weekly': 'a whole number from 0 to 52',
  'targets.*.pointer':
    "{ parameter: '/shop/table' }, { secret: 'arn:…', field: 'host' } or { hostedZone: 'Z…', record: 'db.example.org' }",
  'targets.*.pointer.parameter': "an SSM parameter's name such as '/shop/table'",
  'targets.*.pointer.secret': "a secret's full ARN",
  'targets.*.pointer.secretKey': "a KMS key's ARN",
  'targets.*.pointer.field': "a key of the secret's JSON such as 'host'",
  'targets.*.pointer.hostedZone': "a hosted zone's id such as 'Z0123456789ABCDEFGHIJ'",
  'targets.*.pointer.record': "the CNAME's full name such as 'db.example.org'",
  'targets.*.pointer.ttlSeconds': 'whole seconds from 0 to 86400',
  'targets.*.replaced': "'running' or 'stopped'",
  'targets.*.check': "{ secret: 'arn:…', database: 'shop', queries: ['SELECT count(*) > 0 FROM orders'] }",
  'targets.*.check.secret': "a secret's full ARN",
  'targets.*.check.secretKey': "a KMS key's ARN",
  'targets.*.check.database': "a database's name, 63 bytes at most",
  'targets.*.check.tls': "{ verify: 'full', ca: 'rds' }",
  'targets.*.check.tls.verify': "'full', or 'off' to give up verification",
  'targets.*.check.tls.ca': "'rds', 'system', or a PEM of at most 4096 characters",
  'targets.*.check.queries': 'up to 10 statements, each answering with one row whose first column is true',
  'targets.*.check.queries.*': 'a statement of at most 1000 characters',
  'targets.*.instance': "an RDS instance's identifier in small letters, such as 'shop'",
  'targets.*.cluster': "an Aurora cluster's identifier in small letters, such as 'shop'",
  'targets.*.table': "a table's name such as 'orders'",
  'targets.*.fence': "'deny' or 'application'",
};

/** One wrong field, in words. */
export interface ConfigProblem {
  /** Such as `targets.2.host`. */
  readonly path: string;
  /** What is wrong and what would be right. */
  readonly text: string;
}

/** Lists what is wrong; an empty list means the config is valid. */
export function problemsOf(error: z.ZodError): ConfigProblem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, []));
}

function problemsOfIssue(issue: z.core.$ZodIssue, above: PropertyKey[]): ConfigProblem[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: show([...path, key]), text: unknownField(path) }));
  }
  // A union's branches each complain; the one that came furthest is the one the person meant.
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branches = issue.errors.map((branch) => branch.flatMap((inner) => problemsOfIssue(inner, path)));
    const meant = branches.filter((branch) => branch.some((one) => one.path !== show(path)));
    if (meant.length > 0) return meant.reduce((best, branch) => (branch.length < best.length ? branch : best));
  }
  const wrong = issue.input === undefined && issue.code === 'invalid_type' ? 'is missing' : wordsOf(issue);
  return [{ path: show(path), text: `${wrong}${rightFor(path)}` }];
}

function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom' && issue.message !== 'Invalid input') return issue.message;
  if (issue.code === 'invalid_type' && issue.message.includes('received undefined')) return 'is missing';
  const given = issue.input === undefined ? undefined : JSON.stringify(issue.input);
  return given === undefined || given.length > 80 ? 'is not valid' : `can not be ${given}`;
}

function unknownField(path: PropertyKey[]): string {
  const prefix = pattern(path);
  const known = Object.keys(RIGHT)
    .filter((one) => (prefix === '' ? !one.includes('.') : one.startsWith(`${prefix}.`)))
    .map((one) => one.slice(prefix === '' ? 0 : prefix.length + 1))
    .filter((one) => !one.includes('.') && one !== '*');
  return `is not a field that Nightjar knows; here it knows ${known.join(', ')}`;
}

const show = (path: readonly PropertyKey[]): string =>
  path.length === 0 ? '(the whole config)' : path.map(String).join('.');
const pattern = (path: readonly PropertyKey[]): string =>
  path.map((part) => (typeof part === 'number' ? '*' : String(part))).join('.');

function rightFor(path: readonly PropertyKey[]): string {
  const right = RIGHT[pattern(path)];
  return right ? `; right would be ${right}` : '';
}

/** Validates and fills in defaults. @throws NightjarError CONFIG_INVALID, one line per wrong field. */
export function parseConfig(input: unknown): Config {
  const result = configSchema.safeParse(input, { reportInput: true });
  if (result.success) return result.data;
  const lines = problemsOf(result.error).map((one) => `  ${one.path} ${one.text}`);
  throw new NightjarError('CONFIG_INVALID', { operation: 'read config', detail: `\n${lines.join('\n')}` });
}

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
