/** Everything the handlers touch, in memory, with a clock that stands still until a test moves it. */
import { createHash } from 'node:crypto';
import type { Manifest } from '../../../core/backup.ts';
import type { Catalog } from '../../../core/catalog.ts';
import { parseConfig } from '../../../core/config-read.ts';
import type { Config, ConfigInput } from '../../../core/config.ts';
import { NightjarError, failure, type ErrorCode } from '../../../core/errors.ts';
import { idOfExecution } from '../../../core/ids.ts';
import type { DumpOutcome, OutcomeOf, JobKind } from '../../../core/job.ts';
import { manifestKey, objectKey } from '../../../core/names.ts';
import type { BackupInput, CaughtFailure, ExecutionFacts, OpenEvent } from '../../../core/payloads.ts';
import type { Mail } from '../../../core/report.ts';
import type { SeenExecution } from '../../../lambdas/shared/executions.ts';
import type { EventName } from '../../../lambdas/shared/events.ts';
import type { Parts } from '../../../lambdas/shared/parts.ts';
import { makeCloseBackup } from '../../../lambdas/CloseBackup.ts';
import { makeFailBackup } from '../../../lambdas/FailBackup.ts';
import { makeOpenBackup } from '../../../lambdas/OpenBackup.ts';
import { memoryCatalog } from '../../../stores/memory-catalog.ts';
import { placeOf } from '../../../services/pointer.ts';
import { memoryServices, type MemoryServices } from '../../support/memory-services.ts';
import { VAULT_KEY, crcOf, memoryVault, type MemoryVault } from './memory-vault.ts';

export const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf';
export const DAY = 86_400_000;

export function configOf(more: Partial<ConfigInput> = {}): Config {
  return parseConfig({
    name: 'shop-prod',
    schedule: { nightly: '02:30', timeZone: 'Europe/Zurich' },
    mail: { from: 'nightjar@example.org', to: ['oncall@example.org', 'dba@example.org'] },
    network: {
      vpcId: 'vpc-0123456789abcdef0',
      subnetIds: ['subnet-0123456789abcdef0'],
      securityGroupIds: ['sg-0123456789abcdef0'],
    },
    targets: [targetOf('shop'), targetOf('billing'), targetOf('ledger', { frequency: 'weekly' })],
    ...more,
  });
}

export const targetOf = (name: string, more: object = {}): ConfigInput['targets'][number] => ({
  name,
  engine: 'postgres',
  host: `${name}.db.example.org`,
  database: name,
  secret: SECRET,
  ...more,
});

export interface World extends Parts {
  readonly catalog: Catalog;
  readonly vault: MemoryVault;
  readonly workObjects: Map<string, string>;
  readonly published: { name: EventName; detail: Record<string, unknown> }[];
  readonly stopped: string[];
  readonly metered: Record<string, number>[];
  readonly mails: { to: string; mail: Mail }[];
  /** What each pointer says, by its place. */
  readonly pointed: Map<string, string>;
  /** The doubles behind `services`. */
  readonly natives: MemoryServices;
  /** Executions that are over. */
  readonly over: Set<string>;
  /** What is known of each execution that was ever begun. */
  readonly seen: Map<string, SeenExecution>;
  /** Addresses that SES refuses. */
  readonly refused: Set<string>;
  setConfig(config: Config): void;
  /** Milliseconds since the epoch. */
  clock: number;
}

export function makeWorld(catalog: Catalog = memoryCatalog(), config = configOf()): World {
  const workObjects = new Map<string, string>();
  let deployed = config;
  const natives = memoryServices(() => world.now());
  const world: World = {
    name: 'shop-prod',
    catalog,
    vault: memoryVault(),
    vaultKeyArn: VAULT_KEY,
    workObjects,
    work: {
      bucket: 'work',
      putJson: (key, value) => Promise.resolve(void workObjects.set(key, JSON.stringify(value))),
      getJson: (key) =>
        Promise.resolve(workObjects.has(key) ? (JSON.parse(workObjects.get(key)!) as unknown) : undefined),
    },
    config: () => Promise.resolve(deployed),
    setConfig: (next) => (deployed = next),
    madeNetwork: undefined,
    over: new Set(),
    executions: {
      isOver: (arn) => Promise.resolve(world.over.has(arn)),
      look: (arn) => Promise.resolve(world.seen.get(arn)),
    },
    seen: new Map(),
    stopped: [],
    tasks: { stop: (arn) => Promise.resolve(void world.stopped.push(arn)) },
    published: [],
    events: {
      publish: (name, details) =>
        Promise.resolve(
          void world.published.push(...details.map((detail) => ({ name, detail: detail as Record<string, unknown> }))),
        ),
    },
    metered: [],
    metrics: { put: (values) => Promise.resolve(void world.metered.push(values)) },
    mails: [],
    refused: new Set(),
    mailer: {
      send: (_, to, mail) =>
        world.refused.has(to)
          ? Promise.reject(new Error('MessageRejected: Email address is not verified.'))
          : Promise.resolve(void world.mails.push({ to, mail })),
    },
    natives,
    services: natives.services,
    pointed: new Map(),
    pointers: {
      read: (pointer) => Promise.resolve(world.pointed.get(placeOf(pointer)) ?? ''),
      change: (pointer, from, to) => {
        const says = world.pointed.get(placeOf(pointer)) ?? '';
        if (says !== from && says !== to)
          return Promise.reject(
            new NightjarError('POINTER_FAILED', { operation: 'switch', detail: `It says ${says}.` }),
          );
        return Promise.resolve(void world.pointed.set(placeOf(pointer), to));
      },
    },
    clock: Date.parse('2026-11-21T01:30:00.000Z'),
    now: () => new Date(world.clock),
  };
  return world;
}

let executions = 0;
/** Context of a new execution that starts at the world's moment. */
export function execution(world: World, machine = 'backup', name = `e${(executions += 1)}`): ExecutionFacts {
  return {
    executionArn: `arn:aws:states:eu-west-1:123456789012:execution:shop-prod-${machine}:${name}`,
    startedAt: world.now().toISOString(),
  };
}

export const backupEvent = (world: World, target: string, more: Partial<BackupInput> = {}): OpenEvent<BackupInput> => ({
  ...execution(world),
  input: { target, trigger: 'daily', ...more },
});

export const idOf = (event: ExecutionFacts): string => idOfExecution(event.executionArn, event.startedAt);

/** What a Catch sees when a Lambda threw. */
export const caught = (code: string, message = ''): CaughtFailure => ({
  Error: code,
  Cause: JSON.stringify({ errorType: code, errorMessage: message }),
});

/** Puts a whole backup into the vault, as the task does, and says so in the progress. */
export async function dump(
  world: World,
  ids: { id: string; target: string; attempt?: number; bytes?: number },
  change: (manifest: Manifest) => Manifest = (manifest) => manifest,
): Promise<DumpOutcome> {
  const { id, target, attempt = 1, bytes = 5_000 } = ids;
  const when = world.now().toISOString();
  const body = 'x'.repeat(bytes);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const object = world.vault.put(objectKey(target, id, attempt, 'archive.dump'), { body });
  const manifest = change({
    manifestVersion: 1,
    backupId: id,
    target,
    engine: 'postgres',
    method: 'dump',
    kind: 'full',
    trigger: 'daily',
    attempt,
    startedAt: when,
    snapshotAt: when,
    completedAt: when,
    consistency: 'transaction',
    source: {
      place: `${target}.db.example.org:5432`,
      database: target,
      serverVersion: '17.6',
      serverMajor: 17,
      owner: 'app',
      tlsVerified: true,
      databaseBytes: bytes * 4,
      details: { encoding: 'UTF8', collate: 'C', ctype: 'C' },
    },
    format: 'custom',
    tool: { name: 'pg_dump', version: '17.6', command: ['pg_dump', '-Fc'] },
    compression: { place: 'inside', algorithm: 'zstd', level: 2 },
    objects: [{ role: 'archive', ...object, bytes, sha256, crc32: crcOf(body), part: 1 }],
    archive: { bytes, sha256 },
    storedBytes: bytes,
    fingerprint: { mode: 'counts', tables: [{ schema: 'public', table: 'orders', rows: 12 }], seconds: 0.1 },
    roles: ['app'],
    extensions: [],
    warnings: [],
  });
  const stored = world.vault.put(manifestKey(target, id), { body: JSON.stringify(manifest) });
  const outcome: DumpOutcome = {
    kind: 'dump',
    manifestKey: stored.key,
    manifestVersionId: stored.versionId,
    snapshotAt: manifest.snapshotAt,
    storedBytes: manifest.objects.reduce((sum, one) => sum + one.bytes, 0),
    databaseBytes: bytes * 4,
    rows: 12,
    tables: 1,
    consistency: 'transaction',
    warnings: [],
  };
  await succeed(world, id, outcome, attempt);
  return outcome;
}

export const succeed = <K extends JobKind>(
  world: World,
  id: string,
  outcome: OutcomeOf<K>,
  attempt = 1,
): Promise<void> =>
  world.catalog.putProgress({
    id,
    attempt,
    status: 'succeeded',
    phase: 'done',
    bytes: 1,
    updatedAt: world.now().toISOString(),
    taskArn: `arn:aws:ecs:eu-west-1:123456789012:task/nightjar/${id}`,
    outcome,
  });

export const work = (world: World, id: string, phase = 'dumping', attempt = 1): Promise<void> =>
  world.catalog.putProgress({
    id,
    attempt,
    status: 'running',
    phase,
    bytes: 10,
    updatedAt: world.now().toISOString(),
    taskArn: `arn:aws:ecs:eu-west-1:123456789012:task/nightjar/${id}`,
  });

export const failTask = (
  world: World,
  id: string,
  code: ErrorCode,
  detail = 'its own words',
  attempt = 1,
): Promise<void> =>
  world.catalog.putProgress({
    id,
    attempt,
    status: 'failed',
    phase: 'dumping',
    bytes: 10,
    updatedAt: world.now().toISOString(),
    failure: failure(code, { detail }),
  });

/** A whole good backup, opened and closed. Answers with its id. */
export async function goodBackup(
  world: World,
  target: string,
  more: Partial<BackupInput> & { bytes?: number } = {},
  change?: (manifest: Manifest) => Manifest,
) {
  const { bytes, ...input } = more;
  const event = backupEvent(world, target, input);
  const opened = await makeOpenBackup(world)(event);
  await dump(world, { id: opened.id, target, ...(bytes === undefined ? {} : { bytes }) }, change);
  await makeCloseBackup(world)({ id: opened.id, target, attempt: 1 });
  world.over.add(event.executionArn);
  return opened.id;
}

/** Makes a manifest of one database that of a server with these. */
export const ofServer =
  (names: readonly string[]) =>
  (manifest: Manifest): Manifest => ({
    ...manifest,
    databases: names.map((database, index) => ({
      database,
      snapshotAt: manifest.snapshotAt,
      databaseBytes: index === 0 ? manifest.source.databaseBytes : 1,
      details: {},
      extensions: [],
    })),
    fingerprint: {
      ...manifest.fingerprint,
      tables: names.map((database) => ({ database, schema: 'public', table: 'orders', rows: 12 })),
    },
  });

/** A backup that failed with this code. */
export async function badBackup(world: World, target: string, code: ErrorCode, more: Partial<BackupInput> = {}) {
  const event = backupEvent(world, target, more);
  const opened = await makeOpenBackup(world)(event);
  await failTask(world, opened.id, code);
  await makeFailBackup(world)({ ...event, opened, failure: caught('States.TaskFailed') });
  world.over.add(event.executionArn);
  return opened.id;
}
