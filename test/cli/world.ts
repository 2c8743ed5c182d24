/** A world for the command line: an account in memory whose workflows a test plays by hand. */
import type { AnyManifest, BackupRecord, Manifest, RestoreRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { parseConfig } from '../../core/config-read.ts';
import type { Config, ConfigInput } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import {
  BACKUP_OUTPUTS,
  MACHINES,
  VAULT_OUTPUTS,
  machineName,
  manifestKey,
  parseMachineArn,
  type Machine,
} from '../../core/names.ts';
import type { AwsCalls, Execution } from '../../cli/aws.ts';
import type { DoctorCalls } from '../../cli/doctor/calls.ts';
import type { ContainerCalls } from '../../cli/startup/calls.ts';
import type { Step } from '../../cli/meter.ts';
import { run } from '../../cli/program.ts';
import type { Looks, World } from '../../cli/world.ts';
import type { Pointer } from '../../core/engine-fields.ts';
import type { NativeEngine } from '../../core/engines.ts';
import { memoryCatalog } from '../../stores/memory-catalog.ts';
import type { StoredObject } from '../../stores/vault.ts';

export const NOW = Date.parse('2026-11-21T09:00:00.000Z');
export const at = (hoursAgo: number): string => new Date(NOW - hoursAgo * 3_600_000).toISOString();
const ACCOUNT = 'arn:aws:states:eu-west-1:123456789012';
export const KEY_ARN = 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555';

const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf';
const CONFIG: ConfigInput = {
  schedule: { nightly: '02:30', timeZone: 'Europe/Zurich' },
  mail: { from: 'nightjar@example.org', to: ['oncall@example.org'] },
  network: { create: true },
  targets: [
    { name: 'shop', engine: 'postgres', host: 'shop.example.org', database: 'shop', secret: SECRET },
    {
      name: 'blog',
      engine: 'postgres',
      host: 'blog.example.org',
      database: 'blog',
      secret: SECRET,
      frequency: 'weekly',
    },
  ],
};

/** What a workflow does when it is started, as a test tells it: it answers with how it ends. */
export type Play = (start: {
  machine: Machine;
  input: Record<string, unknown>;
  id: string;
  executionArn: string;
  startedAt: string;
}) => Promise<Partial<Execution>> | Partial<Execution>;

export interface FakeWorld extends World {
  readonly lines: string[];
  readonly errors: string[];
  readonly steps: Step[];
  readonly store: Catalog;
  readonly starts: { machine: Machine; name: string; input: Record<string, unknown> }[];
  /** Answers to restores that wait: token, and what was said. */
  readonly answers: { token: string; said: unknown }[];
  /** The one JSON object. */
  json(): Record<string, unknown>;
  text(): string;
  run(...argv: string[]): Promise<number>;
  interrupt(): void;
  moveOn(milliseconds: number): void;
}

export interface FakeOptions {
  config?: Partial<ConfigInput>;
  play?: Play;
  terminal?: boolean;
  outputs?: AwsCalls['stackOutputs'];
  aws?: Partial<AwsCalls>;
  doctor?: Partial<DoctorCalls>;
  containers?: ContainerCalls;
  manifests?: readonly AnyManifest[];
  /** By engine; without one there is nothing. */
  services?: Partial<Record<NativeEngine, Partial<Looks>>>;
  pointer?: (pointer: Pointer) => Promise<string>;
  files?: Readonly<Record<string, string>>;
  head?: (key: string) => StoredObject | undefined;
  onSleep?: (world: FakeWorld) => void;
  env?: Record<string, string>;
}

const OUTPUTS: Record<string, Record<string, string>> = {
  'nightjar-vault': {
    [VAULT_OUTPUTS.bucket]: 'vault-bucket',
    [VAULT_OUTPUTS.catalog]: 'catalog-table',
    [VAULT_OUTPUTS.key]: KEY_ARN,
  },
  'nightjar-backup': {
    ...Object.fromEntries(
      MACHINES.map((machine) => [
        BACKUP_OUTPUTS[machine],
        `${ACCOUNT}:stateMachine:${machineName('nightjar', machine)}`,
      ]),
    ),
    [BACKUP_OUTPUTS.cluster]: 'cluster',
    [BACKUP_OUTPUTS.logGroup]: 'logs',
    [BACKUP_OUTPUTS.work]: 'work-bucket',
    [BACKUP_OUTPUTS.config]: 's3://assets/config.json',
    [BACKUP_OUTPUTS.version]: '0.1.0',
  },
};

export const denied = (): Error =>
  Object.assign(new Error('User is not authorized'), { name: 'AccessDeniedException' });

const WELL: DoctorCalls = {
  bucketVersioned: () => Promise.resolve(true),
  bucketKey: () => Promise.resolve(KEY_ARN),
  bucketPrivate: () => Promise.resolve(true),
  key: () => Promise.resolve({ state: 'Enabled', rotates: true }),
  tableProtected: () => Promise.resolve(true),
  tablePointInTime: () => Promise.resolve(true),
  schedules: () =>
    Promise.resolve(
      (['nightly', 'prune'] as const).map((machine) => ({
        name: `nightjar-${machine}`,
        enabled: true,
        expression: 'cron(30 2 * * ? *)',
        timeZone: 'Europe/Zurich',
        targetArn: `${ACCOUNT}:stateMachine:nightjar-${machine}`,
      })),
    ),
  secret: () => Promise.resolve({ deleted: false }),
  secretIsLogin: () => Promise.resolve(true),
  mail: () => Promise.resolve({ sandbox: false, sending: true }),
  identityVerified: () => Promise.resolve(true),
  subscriptions: () => Promise.resolve([{ topic: 'alarms', endpoint: 'oncall@example.org', confirmed: true }]),
  fargateVcpus: () => Promise.resolve(50),
  rdsQuotas: () =>
    Promise.resolve({ ManualSnapshots: { used: 3, max: 100 }, ManualClusterSnapshots: { used: 0, max: 100 } }),
};

export function fakeWorld(options: FakeOptions = {}): FakeWorld {
  const config: Config = parseConfig({ ...CONFIG, ...options.config });
  const store = memoryCatalog();
  const lines: string[] = [];
  const errors: string[] = [];
  const steps: Step[] = [];
  const starts: FakeWorld['starts'] = [];
  const answers: FakeWorld['answers'] = [];
  const executions = new Map<string, Execution>();
  const handlers = new Set<() => void>();
  let now = NOW;
  const play: Play = options.play ?? (() => ({ status: 'RUNNING' }));

  const aws: AwsCalls = {
    region: () => Promise.resolve('eu-west-1'),
    identity: () => Promise.resolve({ arn: 'arn:aws:iam::123456789012:user/oncall', account: '123456789012' }),
    stackOutputs: options.outputs ?? ((stack) => Promise.resolve(OUTPUTS[stack])),
    async start(machineArn, name, input) {
      const machine = parseMachineArn('nightjar', machineArn)!;
      const executionArn = `${ACCOUNT}:execution:nightjar-${machine}:${name}`;
      const startedAt = new Date(now).toISOString();
      starts.push({ machine, name, input: input as Record<string, unknown> });
      executions.set(executionArn, { executionArn, startedAt, status: 'RUNNING' });
      const id = idOfExecution(executionArn, startedAt);
      const end = await play({ machine, input: input as Record<string, unknown>, id, executionArn, startedAt });
      executions.set(executionArn, { executionArn, startedAt, status: 'RUNNING', ...end });
      return { executionArn, startedAt };
    },
    describe: (executionArn) => Promise.resolve(executions.get(executionArn)!),
    currentState: () => Promise.resolve(undefined),
    approve(token, said) {
      answers.push({ token, said });
      return Promise.resolve(true);
    },
    deny(token, error, cause) {
      answers.push({ token, said: `${error}: ${cause}` });
      return Promise.resolve(true);
    },
    running: (machineArn) =>
      Promise.resolve(
        [...executions.values()].filter(
          (one) =>
            one.status === 'RUNNING' &&
            one.executionArn.includes(`:nightjar-${parseMachineArn('nightjar', machineArn)}:`),
        ),
      ),
    ...options.aws,
  };

  const world: FakeWorld = {
    env: options.env ?? {},
    version: '0.1.0',
    now: () => now,
    sleep(milliseconds) {
      now += milliseconds;
      options.onSleep?.(world);
      return new Promise((resolve) => setImmediate(resolve));
    },
    out: (line) => lines.push(line),
    err: (line) => errors.push(line),
    terminal: options.terminal === true,
    bar: () => ({ show: (step) => steps.push(step), stop: () => undefined }),
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    aws,
    doctor: { ...WELL, ...options.doctor },
    catalog: () => store,
    vault: () => ({
      readManifest(key) {
        const manifest = options.manifests?.find((one) => manifestKey(one.target, one.backupId) === key);
        if (!manifest) throw new NightjarError('MANIFEST_INVALID', { detail: `${key} is not in the vault.` });
        return Promise.resolve({ manifest, versionId: 'v1', sha256: 'a'.repeat(64) });
      },
      async *listManifests() {
        await Promise.resolve();
        yield* (options.manifests ?? []).map((one) => manifestKey(one.target, one.backupId));
      },
      head: ({ key }) =>
        Promise.resolve(
          options.head ? options.head(key) : { bytes: 1, crc32: undefined, keyArn: KEY_ARN, access: 'here' as const },
        ),
    }),
    config: () => Promise.resolve(config),
    service: (engine) => ({
      engine,
      read: () => Promise.resolve(undefined),
      pointState: () => Promise.resolve(undefined),
      refusals: () => Promise.resolve([]),
      discover: () => Promise.resolve([]),
      ...options.services?.[engine],
    }),
    containers: () => options.containers!,
    pointers: () => ({ read: options.pointer ?? (() => Promise.resolve('shop.example.org')) }),
    readText(path) {
      const text = options.files?.[path];
      return text === undefined ? Promise.reject(new Error(`no such file: ${path}`)) : Promise.resolve(text);
    },
    lines,
    errors,
    steps,
    store,
    starts,
    answers,
    json: () => JSON.parse(lines.at(-1)!) as Record<string, unknown>,
    text: () => lines.join('\n'),
    run: (...argv) => run(argv, world),
    interrupt: () => handlers.forEach((handler) => handler()),
    moveOn: (milliseconds) => {
      now += milliseconds;
    },
  };
  return world;
}

/** The id of a backup that began so many hours ago. */
export const backupIdAt = (hoursAgo: number, mark = 'x'): string => idOfExecution(`arn:${mark}`, at(hoursAgo));

export const recordOf = (hoursAgo: number, more: Partial<BackupRecord> = {}): BackupRecord => ({
  backupId: backupIdAt(hoursAgo, more.target ?? 'shop'),
  target: 'shop',
  engine: 'postgres',
  method: 'dump',
  kind: 'full',
  trigger: 'daily',
  status: 'RUNNING',
  executionArn: `${ACCOUNT}:execution:nightjar-backup:daily-${hoursAgo}`,
  startedAt: at(hoursAgo),
  ...more,
});

/** A good backup, in the catalog the way the workflow puts it there. */
export async function putGood(
  store: Catalog,
  hoursAgo: number,
  more: Partial<BackupRecord> = {},
  databaseBytes = 20_000_000,
): Promise<BackupRecord> {
  const record = recordOf(hoursAgo, more);
  await store.openBackup(record);
  const facts = {
    manifestKey: manifestKey(record.target, record.backupId),
    manifestVersionId: 'v1',
    snapshotAt: record.startedAt,
    storedBytes: 5_000_000,
    databaseBytes,
    rows: 1_234_567,
    tables: 2,
    consistency: 'transaction' as const,
    warnings: [],
  };
  await store.completeBackup(record.target, record.backupId, facts, at(hoursAgo - 0.1));
  return (await store.getBackup(record.target, record.backupId))!;
}

export const manifestOf = (record: BackupRecord): Manifest => ({
  manifestVersion: 1,
  backupId: record.backupId,
  target: record.target,
  engine: 'postgres',
  method: 'dump',
  kind: 'full',
  trigger: record.trigger,
  attempt: 1,
  startedAt: record.startedAt,
  snapshotAt: record.startedAt,
  completedAt: record.endedAt ?? record.startedAt,
  consistency: 'transaction',
  source: {
    place: 'shop.example.org:5432',
    database: record.target,
    serverVersion: '17.5',
    serverMajor: 17,
    owner: 'app',
    tlsVerified: true,
    databaseBytes: 20_000_000,
    details: { encoding: 'UTF8', collate: 'C', ctype: 'C' },
  },
  format: 'custom',
  tool: { name: 'pg_dump', version: '17.5', command: ['pg_dump', '-Fc'] },
  compression: { place: 'inside', algorithm: 'zstd', level: 2 },
  objects: [
    {
      role: 'archive',
      key: `${record.target}/archive.dump`,
      versionId: 'v1',
      bytes: 5_000_000,
      sha256: 'a'.repeat(64),
      crc32: 'AAAAAA==',
      part: 1,
    },
  ],
  archive: { bytes: 5_000_000, sha256: 'a'.repeat(64) },
  storedBytes: 5_000_000,
  fingerprint: {
    mode: 'counts',
    tables: [
      { schema: 'public', table: 'orders', rows: 1_000_000 },
      { schema: 'public', table: 'customers', rows: 234_567 },
    ],
    seconds: 1.5,
  },
  roles: ['app', 'reader'],
  extensions: [],
  warnings: [],
});

export const restoreOf = (hoursAgo: number, more: Partial<RestoreRecord> = {}): RestoreRecord => ({
  restoreId: idOfExecution(`arn:restore`, at(hoursAgo)),
  target: 'shop',
  destination: 'shop',
  backupId: backupIdAt(30),
  mode: 'swap',
  database: 'shop',
  status: 'COMPLETED',
  executionArn: `${ACCOUNT}:execution:nightjar-restore:r-${hoursAgo}`,
  startedAt: at(hoursAgo),
  endedAt: at(hoursAgo - 0.5),
  restoredDatabase: 'shop',
  replacedDatabase: 'shop_old_abcdefghij',
  replacedUntil: at(-100),
  ...more,
});
