/**
 * DynamoDB in memory, behind the service's contract and as slow and forgetful as it: tables come and go over several looks,
 * are described for a moment as they were, lose their settings at a restore, and policies take their time to hold.
 */
import { differencesOf } from '../../core/native.ts';
import type {
  ItemCopied,
  ItemCopy,
  NativeResource,
  NativeRestore,
  NativeSettings,
  PointState,
  TableService,
} from '../../core/native.ts';
import { backupOf, stateOfBackup } from './fake-table-backups.ts';
import {
  earliestOf,
  arnOf,
  described,
  livingTable,
  LOOKS,
  PITR,
  refused,
  restoredTable,
  type Backup,
  type Items,
  type Table,
  type Values,
} from './fake-table-shape.ts';

export type { Items } from './fake-table-shape.ts';

/** Milliseconds from a backup's request until it can be used. */
const BACKED_UP_AFTER = 20_000;
/** A fence denies only from then on. */
const HOLDS_AFTER = 20_000;
const POLICY_BLOCKED = 15_000;
const PAGE = 3;
/** Verbs that change something, in the order in which they were called. */
export type Verb = 'startAlias' | 'startFromBackup' | 'createPoint' | 'fence' | 'unfence' | 'applySettings' | 'remove';

export class FakeTables implements TableService {
  readonly engine = 'dynamodb';
  readonly tables = new Map<string, Table>();
  readonly backups = new Map<string, Backup>();
  /** Stands before each changing verb; what it throws is thrown, before or after the verb's work. */
  mishap: ((verb: Verb, work: () => void) => void) | undefined;
  /** Called at each verb: whoever uses the tables meanwhile. */
  meanwhile: (() => void) | undefined;
  readonly #now: () => Date;
  #ids = 0;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** A table with everything that a restore resets. */
  make(name: string, items: Items, values: Values = {}): Table {
    const table = livingTable(this.#id(), this.#now().getTime(), items, values);
    this.tables.set(name, table);
    return table;
  }
  #id = (): string => `id-${(this.#ids += 1)}`;

  /** An application's write. False when it was denied or there is no table. */
  write(name: string, key: string, value: string): boolean {
    const table = this.tables.get(name);
    const at = this.#now().getTime();
    if (table?.status !== 'ACTIVE') return false;
    if (table.fencedAt !== undefined && at - table.fencedAt >= HOLDS_AFTER) return false;
    table.items.set(key, value);
    table.history.push({ at, items: new Map(table.items) });
    return true;
  }

  read(name: string): Promise<NativeResource | undefined> {
    this.meanwhile?.();
    const table = this.tables.get(name);
    if (table) this.#pass(name, table);
    const there = this.tables.get(name);
    return Promise.resolve(there && described(name, there, this.#now()));
  }

  /** Time goes by in looks. A table that is asked to go is described once more as if it were to stay. */
  #pass(name: string, table: Table): void {
    if (table.status === 'ACTIVE' || (table.looks -= 1) > 0) return;
    if (table.status === 'CREATING') table.status = 'ACTIVE';
    else this.tables.delete(name);
  }

  #change<T>(verb: Verb, work: () => T): Promise<T> {
    this.meanwhile?.();
    let answer: T | undefined;
    return Promise.resolve().then(() => {
      if (this.mishap) this.mishap(verb, () => (answer = work()));
      else answer = work();
      return answer as T;
    });
  }

  enablePitr(name: string): Promise<void> {
    this.#table(name).values.PointInTimeRecoverySpecification = PITR;
    return Promise.resolve();
  }

  createPoint(name: string, pointName: string): Promise<{ arn: string }> {
    return this.#change('createPoint', () => {
      const arn = `${arnOf(name)}/backup/${pointName}`;
      const table = this.#table(name);
      if (table.status !== 'ACTIVE') throw refused('CreateBackup', 'TableInUseException');
      if (!this.backups.has(arn)) this.backups.set(arn, backupOf(table, pointName, this.#now(), BACKED_UP_AFTER));
      return { arn };
    });
  }
  pointState(arn: string): Promise<PointState | undefined> {
    const backup = this.backups.get(arn);
    return Promise.resolve(backup && stateOfBackup(arn, backup, this.#now()));
  }
  deletePoint(arn: string): Promise<void> {
    this.backups.delete(arn);
    return Promise.resolve();
  }
  findPoints(table: string, pointName: string): Promise<string[]> {
    const found = [...this.backups].filter(
      ([arn, { name }]) => name === pointName && arn.startsWith(`${arnOf(table)}/`),
    );
    return Promise.resolve(found.map(([arn]) => arn));
  }
  discover = (): Promise<[]> => Promise.resolve([]);
  /** Like the service: of a deleted table there is no moment, but the latest where a system backup is kept. */
  refusals = ({ from }: NativeRestore): Promise<string[]> => {
    const there = from.kind === 'point' || [...this.tables.values()].some(({ id }) => id === from.sourceResourceId);
    const kept = from.kind === 'moment' && from.at === 'latest' && this.#kept(from.sourceResourceId) !== undefined;
    if (!there && !kept) return Promise.resolve(['The table is not there, so no moment of it can be restored.']);
    const source = from.kind === 'moment' && [...this.tables.values()].find(({ id }) => id === from.sourceResourceId);
    const early = source && from.at !== 'latest' && from.at < earliestOf(source);
    return Promise.resolve(early ? [`The moment ${from.at} is outside of what it can be restored to.`] : []);
  };
  #kept = (id: string): string | undefined =>
    [...this.backups].find(([, { name, sourceId }]) => name === 'system' && sourceId === id)?.[0];
  /** Somebody deletes the table while point-in-time recovery is on. */
  keep(name: string): void {
    const backup = backupOf(this.#table(name), 'system', this.#now(), 0);
    this.backups.set(`${arnOf(name)}/backup/system`, backup);
    this.tables.delete(name);
  }

  startAlias({ from, alias }: NativeRestore, restoreId: string): Promise<void> {
    return this.#change('startAlias', () => {
      if (from.kind === 'point') return this.#restore(alias, from.arn, restoreId);
      const [, source] = [...this.tables].find(([, { id }]) => id === from.sourceResourceId) ?? [];
      const kept = from.at === 'latest' ? this.#kept(from.sourceResourceId) : undefined;
      if (!source && kept !== undefined) return this.#restore(alias, kept, restoreId);
      if (!source) throw refused('RestoreTableToPointInTime', 'TableNotFoundException');
      const at = from.at === 'latest' ? Infinity : Date.parse(from.at);
      const items = source.history.findLast((one) => one.at <= at)!.items;
      this.#create(alias, items, source.values, from.sourceArn, restoreId);
    });
  }
  startFromBackup(name: string, arn: string): Promise<void> {
    return this.#change('startFromBackup', () => this.#restore(name, arn));
  }
  #restore(name: string, arn: string, restoreId?: string): void {
    const backup = this.backups.get(arn);
    if (!backup) throw refused('RestoreTableFromBackup', 'BackupNotFoundException');
    this.#create(name, backup.items, backup.values, arn, restoreId);
  }
  #create(name: string, items: Items, values: Values, madeFrom: string, restoreId?: string): void {
    // Asked for already, or somebody else's: the next look tells.
    if (this.tables.has(name)) return;
    this.tables.set(name, restoredTable(this.#id(), this.#now().getTime(), { items, values, madeFrom }, restoreId));
  }

  /** One setting for each look. */
  applySettings(name: string, wanted: NativeSettings): Promise<string[]> {
    return this.#change('applySettings', () => {
      const table = this.#table(name);
      const differences = differencesOf(wanted, described(name, table, this.#now()).settings);
      const [next, ...rest] = differences.map(({ setting }) => setting);
      if (next === undefined) return [];
      if (next === 'ResourcePolicy') {
        if (!this.#blocked(table)) this.#setPolicy(table, (wanted.values.ResourcePolicy as string | undefined) ?? '');
      } else if (next.startsWith('tags.')) table.tags = { ...wanted.tags };
      else if (wanted.values[next] === undefined) delete table.values[next];
      else table.values[next] = structuredClone(wanted.values[next]);
      // Time to live takes what is past its time.
      if (next === 'TimeToLiveSpecification')
        for (const [key, value] of table.items) if (value === 'expired') table.items.delete(key);
      return [next, ...rest];
    });
  }

  remove(name: string): Promise<void> {
    return this.#change('remove', () => {
      const table = this.tables.get(name);
      if (!table || table.status === 'DELETING') return;
      const saving = [...this.backups.values()].some(
        (one) => one.sourceId === table.id && one.readyAt > this.#now().getTime(),
      );
      if (saving || table.status === 'CREATING') return;
      table.values.DeletionProtectionEnabled = false;
      table.status = 'DELETING';
      table.looks = LOOKS + 1;
    });
  }

  fence(name: string): Promise<string> {
    return this.#change('fence', () => {
      const table = this.#table(name);
      if (table.status !== 'ACTIVE') throw refused('PutResourcePolicy', 'ResourceInUseException');
      if (table.fencedAt === undefined) {
        this.#setPolicy(table, table.policy);
        table.fencedAt = this.#now().getTime();
      }
      return table.policy;
    });
  }
  fenced(name: string): Promise<boolean> {
    return Promise.resolve(this.#table(name).fencedAt !== undefined);
  }
  /** Puts the very text back; of a policy that is another by now only the fence is taken out, and the rest written anew. */
  unfence(name: string, policyBefore: string): Promise<void> {
    return this.#change('unfence', () => {
      const table = this.#table(name);
      if (table.fencedAt === undefined) return;
      this.#setPolicy(table, table.policy === policyBefore || table.policy === '' ? table.policy : `${table.policy} `);
      table.fencedAt = undefined;
    });
  }
  #setPolicy(table: Table, policy: string): void {
    if (this.#blocked(table)) throw refused('PutResourcePolicy', 'LimitExceededException');
    table.policy = policy;
    table.policyAt = this.#now().getTime();
  }
  #blocked = (table: Table): boolean => this.#now().getTime() - table.policyAt < POLICY_BLOCKED;

  count(name: string, cursor?: string): Promise<{ items: number; cursor?: string }> {
    this.meanwhile?.();
    return Promise.resolve(this.#page(name, cursor)).then(({ entries, next }) => ({ items: entries.length, ...next }));
  }
  copyItems({ from, to, choice, dryRun, cursor }: ItemCopy): Promise<ItemCopied> {
    const { entries, next } = this.#page(from, cursor);
    const chosen = 'keys' in choice ? entries.filter(([key]) => choice.keys.some(({ pk }) => pk?.S === key)) : entries;
    const target = this.#table(to).items;
    let [written, same] = [0, 0];
    for (const [key, value] of chosen) {
      if (target.get(key) === value) same += 1;
      else {
        written += 1;
        if (!dryRun) target.set(key, value);
      }
    }
    const all = this.#table(from).items;
    const absent = 'keys' in choice ? choice.keys.filter(({ pk }) => !all.has(pk?.S as string)).length : 0;
    // The service counts them where it meets them; here they are met with the last page.
    const missing = absent > 0 && !next.cursor ? { missing: absent } : {};
    return Promise.resolve({ written, same, conflicts: 0, ...missing, ...next });
  }
  #page(name: string, cursor = '0') {
    const all = [...this.#table(name).items].sort(([a], [b]) => (a < b ? -1 : 1));
    const end = Number(cursor) + PAGE;
    return { entries: all.slice(Number(cursor), end), next: end < all.length ? { cursor: String(end) } : {} };
  }

  #table(name: string): Table {
    const table = this.tables.get(name);
    if (table) return table;
    throw refused('DescribeTable', 'ResourceNotFoundException');
  }
}
