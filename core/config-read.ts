/** Reads a config: what is wrong with it, in words, and what would be right. */
import type { z } from 'zod';
import { configSchema, ENDPOINTS, FARGATE_SIZES, FREQUENCIES, WEEKDAYS, type Config } from './config.ts';
import { COMPRESSIONS } from './engine-fields.ts';
import { ENGINE_NAMES, NATIVE_ENGINES } from './engines.ts';
import { NightjarError } from './errors.ts';
import { SCOPES } from './scope.ts';

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
  'targets.*.database': "the database's name, or the file's; every engine takes 63 bytes, some take more",
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
  'targets.*.giveUpAfterMinutes': 'whole minutes from 1 to 20160',
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
interface ConfigProblem {
  /** Such as `targets.2.host`. */
  readonly path: string;
  /** What is wrong and what would be right. */
  readonly text: string;
}

/** Lists what is wrong; an empty list means the config is valid. */
function problemsOf(error: z.ZodError): ConfigProblem[] {
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
