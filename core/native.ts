/**
 * Databases whose service keeps the recovery points itself: what is read of them before a backup, so that a deleted one
 * comes back with its settings too, and what comparing two readings finds.
 */
import { z } from 'zod';
import { NATIVE_ENGINES, type RestoreMode } from './engines.ts';
import { RESTORE_TAG } from './names.ts';

const instant = z.iso.datetime();

/**
 * One resource's settings, under the names that the service's own API gives them (of a Modify or Update request where there
 * is one). Only what a person set or relies on: no status, no endpoint, no counter. Lists are sorted, absent ones left out,
 * so that equal settings are equal JSON.
 */
export const settingsSchema = z.object({
  engine: z.enum(NATIVE_ENGINES),
  /** Identifier of the instance, cluster or table. */
  name: z.string(),
  arn: z.string(),
  /** DbiResourceId, DbClusterResourceId or TableId: tells a renamed or a new resource of the same name apart. */
  resourceId: z.string(),
  readAt: instant,
  /** The engine that runs in an RDS instance or Aurora cluster, such as `postgres` or `aurora-mysql`. */
  server: z.object({ engine: z.string(), version: z.string() }).optional(),
  values: z.record(z.string(), z.json()),
  /** Members of an Aurora cluster, the writer first. */
  instances: z.array(z.object({ name: z.string(), values: z.record(z.string(), z.json()) })).default([]),
  tags: z.record(z.string(), z.string()),
});
export type NativeSettings = z.output<typeof settingsSchema>;

/** What point-in-time recovery reaches. */
export const windowSchema = z.object({
  /** False when it is off: then there is no window. */
  on: z.boolean(),
  earliest: instant.optional(),
  latest: instant.optional(),
});
export type PitrWindow = z.output<typeof windowSchema>;

/** A recovery point of our own that outlives PITR. */
export const pointSchema = z.object({
  kind: z.enum(['db-snapshot', 'cluster-snapshot', 'table-backup']),
  arn: z.string(),
  /** Name of the snapshot or backup. */
  name: z.string(),
  /** Id of the instance, cluster or table that it was taken of. */
  sourceResourceId: z.string().optional(),
  region: z.string(),
  /** The moment the data is of. */
  at: instant,
  /** Allocated storage, or the table's size, as the service says. */
  bytes: z.int().nonnegative(),
  encrypted: z.boolean(),
  keyArn: z.string().optional(),
});
export type RecoveryPoint = z.output<typeof pointSchema>;

/** One setting that is not as it was. Values as JSON, clipped to 300 characters. */
export const differenceSchema = z.object({
  /** Such as `MultiAZ`, `tags.team` or `instances.shop-1.PromotionTier`. */
  setting: z.string(),
  expected: z.string(),
  found: z.string(),
});
export type Difference = z.output<typeof differenceSchema>;

const CLIP = 300;
const shown = (value: unknown): string => {
  const text = value === undefined ? '(not set)' : JSON.stringify(value);
  return text.length > CLIP ? `${text.slice(0, CLIP)}…` : text;
};

/** Sorted, whatever order the service gave. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, canonical(one)]));
}

function compareRecords(
  prefix: string,
  expected: Readonly<Record<string, unknown>>,
  found: Readonly<Record<string, unknown>>,
): Difference[] {
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])]
    .sort()
    .filter((key) => JSON.stringify(canonical(expected[key])) !== JSON.stringify(canonical(found[key])))
    .map((key) => ({ setting: prefix + key, expected: shown(expected[key]), found: shown(found[key]) }));
}

const withoutOurTag = (tags: NativeSettings['tags']): NativeSettings['tags'] =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => key !== RESTORE_TAG));

/**
 * What in `found` is not as in `expected`; names, ARNs, ids and the tag of our own are not compared. Members of a cluster by
 * their place.
 */
export function differencesOf(expected: NativeSettings, found: NativeSettings): Difference[] {
  const members = Math.max(expected.instances.length, found.instances.length);
  return [
    ...compareRecords('', expected.values, found.values),
    ...compareRecords('tags.', withoutOurTag(expected.tags), withoutOurTag(found.tags)),
    ...Array.from({ length: members }, (_, index) => {
      const [was, is] = [expected.instances[index], found.instances[index]];
      return compareRecords(`instances.${(was ?? is)!.name}.`, was?.values ?? {}, is?.values ?? {});
    }).flat(),
  ];
}

/** A question to a person before an outage, and the answer. */
export const approvalSchema = z.object({
  /** Step Functions waits for the answer under it. */
  token: z.string(),
  askedAt: instant,
  until: instant,
  decision: z.enum(['approved', 'cancelled']).optional(),
  decidedBy: z.string().optional(),
});

/** What a restore that a service does itself keeps about its way; part of the restore's record. */
export const nativeRestoreSchema = z.object({
  /** What is restored: a moment of PITR, or a recovery point. */
  from: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('moment'),
      sourceArn: z.string(),
      sourceResourceId: z.string(),
      /** `latest`: the latest that the service can restore. */
      at: z.union([z.literal('latest'), instant]),
    }),
    z.object({ kind: z.literal('point'), backupId: z.string(), arn: z.string(), at: instant }),
  ]),
  /** Name of the resource that is made first, beside the original. */
  alias: z.string(),
  /** Name under which a swap keeps the original. Of a table there is none: its backup is kept. */
  oldName: z.string().optional(),
  /** The original when the restore was opened; absent when there was none. */
  original: z.object({ arn: z.string(), resourceId: z.string() }).optional(),
  /** As they must be in the end. */
  settings: settingsSchema,
  /** The restored resource, once it is known. */
  restored: z.object({ arn: z.string(), resourceId: z.string(), endpoint: z.string().optional() }).optional(),
  differences: z.array(differenceSchema).optional(),
  /** By the name of the state: when it was begun, when it was done. */
  steps: z.record(z.string(), z.object({ startedAt: instant, doneAt: instant.optional() })),
  /** What was seen in the restored data, one sentence each. */
  checks: z.array(z.string()).optional(),
  approval: approvalSchema.optional(),
  /** Where the application was pointed, and what it said before. */
  pointer: z.object({ where: z.string(), before: z.string(), after: z.string(), switched: z.boolean() }).optional(),
  /**
   * Tables: ARNs of the backups from which the table can be made again; DeleteTable proves both. Servers: the last points of
   * what the pruner is about to remove.
   */
  backups: z.object({ original: z.string().optional(), restored: z.string().optional() }).optional(),
  /** Tables: the resource policy before the fence; an empty string when there was none. */
  fencedPolicy: z.string().optional(),
  /** Tables: since when writes are kept away, or promised to be; and when they were let in again. */
  fencedAt: instant.optional(),
  openedAt: instant.optional(),
  /** Tables: the ARN of the backup that the table is being made from under its name, and what came of it. */
  recreatedFrom: z.string().optional(),
  recreated: z.object({ arn: z.string(), resourceId: z.string() }).optional(),
  /** Tables: items that were counted, of the alias and of the table that was made again under its name. */
  counts: z.object({ alias: z.int().nonnegative().optional(), recreated: z.int().nonnegative().optional() }).optional(),
  /** Mode `items`: how many were written, were the same already, or changed under our hands and were left. */
  copied: z
    .object({
      written: z.int().nonnegative(),
      same: z.int().nonnegative(),
      conflicts: z.int().nonnegative(),
      /** Chosen by key and not in the alias; absent in records of before this was noted. */
      missing: z.int().nonnegative().optional(),
    })
    .optional(),
  /** Of a step that goes on where it was: the last key that was done, as the service's JSON. */
  cursor: z.string().optional(),
  counted: z.int().nonnegative().optional(),
  /** What serves under the original's name right now. */
  serving: z.enum(['original', 'restored', 'nothing']),
});
export type NativeRestore = z.output<typeof nativeRestoreSchema>;

/** A resource as it is now. */
export interface NativeResource {
  readonly settings: NativeSettings;
  /** `ready`: available or active. `busy`: on its way. `failed`: it will not come by itself. `stopped`: can be started. */
  readonly state: 'ready' | 'busy' | 'failed' | 'stopped';
  /** The service's own word for it. */
  readonly stateWord: string;
  readonly window: PitrWindow;
  readonly bytes: number;
  /** Items of a table, as the service last counted them (every six hours). */
  readonly items?: number;
  /** ARN of the backup (or, by PITR, of the table) that a table was restored from; absent when it never was. */
  readonly madeFrom?: string;
  /** Host and port under which clients reach it. */
  readonly endpoint?: string;
  readonly port?: number;
  /** ARN of the secret in which the service itself keeps the master password; absent when a person does. */
  readonly passwordSecret?: string;
  /** Read replicas, or a table's replicas in other regions: names or regions. */
  readonly replicas: readonly string[];
}

export type PointState = { readonly status: 'creating' | 'ready' | 'failed'; readonly stateWord: string } & {
  readonly point?: RecoveryPoint;
};

/** A database that carries the tag. */
export interface Discovered {
  readonly engine: NativeSettings['engine'];
  readonly name: string;
  readonly arn: string;
  /** The tag's value, as it is. */
  readonly value: string;
}

/**
 * The contract of a service that restores by itself, held by `test/contracts/native.ts`. Every verb may be repeated: what is
 * done already is left as it is. A resource that is not there is `undefined`, never an error. Waiting is the caller's.
 */
export interface NativeService {
  readonly engine: NativeSettings['engine'];
  read(name: string): Promise<NativeResource | undefined>;
  /** Turns point-in-time recovery on; the window begins now. */
  enablePitr(name: string): Promise<void>;
  /**
   * Asks for a recovery point of this name. A busy resource takes no order: its ARN is answered all the same, so ask with
   * every look until `pointState` knows it.
   */
  createPoint(
    name: string,
    pointName: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<{ readonly arn: string }>;
  pointState(arn: string): Promise<PointState | undefined>;
  /** Well done also when it is gone already. */
  deletePoint(arn: string): Promise<void>;
  /** Every resource with the tag, but none that a restore made beside an original (`isMadeByRestore`). */
  discover(tagKey: string): Promise<Discovered[]>;
  /** Reasons why a restore of this kind can not work, each a sentence; empty when nothing is known against it. */
  refusals(plan: NativeRestore, name: string, mode?: RestoreMode): Promise<string[]>;
  /** Begins the alias from `plan.from`, tagged with the restore's id. */
  startAlias(plan: NativeRestore, restoreId: string): Promise<void>;
  /**
   * Takes the next steps towards these settings (modify, roles, members, reboot) and answers what is still awaited;
   * an empty list when all has been asked for and nothing is pending. What the service refuses, and what it has not taken on
   * an hour after `begun` (ISO 8601), is no longer awaited: it is a difference, and the comparison judges it.
   */
  applySettings(name: string, wanted: NativeSettings, begun?: string): Promise<string[]>;
  /** Removes it for good. The caller has proven that it may go. */
  remove(name: string, options: { readonly finalPoint?: string }): Promise<void>;
}

/** Recovery points that can be copied into another region: RDS and Aurora. */
export interface CopyingService extends NativeService {
  /**
   * Asks for a copy of the same name in that region, under that region's key; of a copy that is there already its ARN.
   * `pointState` and `deletePoint` take ARNs of any region. An Aurora point that is not encrypted can not be encrypted by
   * copying: its copy is not either.
   */
  copyPoint(
    point: RecoveryPoint,
    to: { readonly region: string; readonly keyArn: string },
  ): Promise<{ readonly arn: string }>;
}

/** RDS and Aurora. */
export interface RenamingService extends CopyingService {
  readonly engine: 'rds' | 'aurora';
  /** Asks for the new name; members of a cluster are renamed with it. Done already, or under way: nothing is asked. */
  rename(resourceId: string, from: string, to: string): Promise<'asked' | 'done' | 'busy'>;
  /** False when it was not told to stop, for the service refuses it (the log has its words) or it is busy: it runs on and costs. */
  stop(name: string): Promise<boolean>;
  start(name: string): Promise<void>;
  /** Who else names the resource (alarms, event subscriptions, proxies, replicas): what was re-pointed, and what a person must do. */
  repoint(from: { readonly resourceId: string; readonly name: string }, to: NativeResource): Promise<string[]>;
}

/** DynamoDB. */
export interface TableService extends NativeService {
  readonly engine: 'dynamodb';
  /**
   * Denies writes to everybody, the caller too, by the table's resource policy; answers the policy without the fence ('' for
   * none), also when it is fenced already. The fence is no setting: `read` leaves it out, `applySettings` leaves it on.
   */
  fence(name: string): Promise<string>;
  /** Whether the table's resource policy holds the fence now. */
  fenced(name: string): Promise<boolean>;
  /** Puts the policy back. */
  unfence(name: string, policyBefore: string): Promise<void>;
  /** ARNs of the backups of this name, of every table that ever had the name `table`: one that nobody noted is found again. */
  findPoints(table: string, pointName: string): Promise<string[]>;
  /** Makes the table from a backup. */
  startFromBackup(name: string, backupArn: string, wanted: NativeSettings): Promise<void>;
  /** Counts items of one page from the cursor on. */
  count(name: string, cursor?: string): Promise<{ readonly items: number; readonly cursor?: string }>;
  /** Copies chosen items of one page from one table into another, each only where it is not the same already. */
  copyItems(options: ItemCopy): Promise<ItemCopied>;
}

/** Which items of a table come back into the living one. */
export const itemChoiceSchema = z.union([
  z.strictObject({
    /** DynamoDB JSON, such as `{"pk":{"S":"order-1"}}`. */
    keys: z
      .array(z.record(z.string(), z.record(z.string(), z.json())))
      .min(1)
      .max(1_000),
  }),
  z.strictObject({
    /** A DynamoDB filter expression with its names and values (DynamoDB JSON). */
    filter: z.string().min(1).max(4_096),
    names: z.record(z.string(), z.string()).optional(),
    values: z.record(z.string(), z.record(z.string(), z.json())).optional(),
  }),
]);
export type ItemChoice = z.output<typeof itemChoiceSchema>;

export interface ItemCopy {
  readonly from: string;
  readonly to: string;
  readonly choice: ItemChoice;
  /** Only says what it would do. */
  readonly dryRun: boolean;
  readonly cursor?: string;
}
export interface ItemCopied {
  /** Written, because the living table had none or another one. */
  readonly written: number;
  /** The same already. */
  readonly same: number;
  /** Changed in the living table while it was being copied: left as they are. */
  readonly conflicts: number;
  /** Chosen by key and not in the restored table: nothing was done. */
  readonly missing?: number;
  readonly cursor?: string;
}
