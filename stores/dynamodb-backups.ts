/** Backups and the states of their targets: record and newest good one move in one transaction. */
import { BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import { backupRecordSchema, targetStateSchema, type BackupRecord, type TargetState } from '../core/backup.ts';
import { isNewer, newestGoodOf } from '../core/catalog-rules.ts';
import type { Catalog } from '../core/catalog.ts';
import {
  ABSENT,
  BY_ENTITY,
  ENTITIES,
  change,
  decode,
  inStatus,
  keys,
  type Item,
  type Table,
  type Write,
} from './dynamodb-table.ts';

type Backups = Pick<
  Catalog,
  | 'openBackup'
  | 'completeBackup'
  | 'failBackup'
  | 'deleteBackup'
  | 'markObjectsGone'
  | 'getBackup'
  | 'findBackup'
  | 'listBackups'
  | 'newestGood'
  | 'recoverBackup'
  | 'targetStates'
  | 'readTargetStates'
>;

/** How long the catalog remembers a backup that is gone, in days; then DynamoDB's TTL takes the item. */
export const DELETED_KEPT_DAYS = 400;
const DEFAULT_LIMIT = 100;
const BATCH = 100;

const itemOf = (record: BackupRecord): Item => ({
  ...keys.backup(record.target, record.backupId),
  entity: ENTITIES.backup,
  id: record.backupId,
  ...record,
});

export function backupsOn(table: Table): Backups {
  const read = async (target: string, backupId: string): Promise<BackupRecord | undefined> => {
    const item = await table.get(keys.backup(target, backupId));
    return item && decode(backupRecordSchema, item);
  };

  const readState = async (target: string): Promise<TargetState | undefined> => {
    const item = await table.get(keys.state(target));
    return item && decode(targetStateSchema, item);
  };

  const readStates = async (targets: readonly string[]): Promise<Map<string, TargetState>> => {
    const states = new Map<string, TargetState>();
    const names = [...new Set(targets)];
    for (let start = 0; start < names.length; start += BATCH)
      for (const item of await readMany(table, names.slice(start, start + BATCH))) {
        const state = decode(targetStateSchema, item);
        states.set(state.target, state);
      }
    return states;
  };

  /** Makes it the target's newest good one, unless a newer one is there. */
  const promote = (record: BackupRecord): Write => {
    const newest = newestGoodOf(record);
    return {
      Update: {
        TableName: table.name,
        Key: keys.state(record.target),
        UpdateExpression:
          'SET #newestGood = :newestGood, #target = :target, #firstSeenAt = if_not_exists(#firstSeenAt, :firstSeenAt)',
        ConditionExpression: 'attribute_not_exists(#newestGood) OR #newestGood.#snapshotAt < :snapshotAt',
        ExpressionAttributeNames: {
          '#newestGood': 'newestGood',
          '#target': 'target',
          '#firstSeenAt': 'firstSeenAt',
          '#snapshotAt': 'snapshotAt',
        },
        ExpressionAttributeValues: {
          ':newestGood': newest,
          ':target': record.target,
          ':firstSeenAt': record.startedAt,
          ':snapshotAt': newest.snapshotAt,
        },
      },
    };
  };

  return {
    openBackup: (record) => table.put(itemOf(record), ABSENT),

    async completeBackup(target, backupId, facts, endedAt) {
      for (;;) {
        const [record, state] = await Promise.all([read(target, backupId), readState(target)]);
        if (record?.status !== 'RUNNING') return false;
        const fields = { ...facts, status: 'COMPLETED' as const, endedAt };
        const done: BackupRecord = { ...record, ...fields };
        const close: Write = {
          Update: {
            TableName: table.name,
            Key: keys.backup(target, backupId),
            ...change(fields, inStatus(['RUNNING'])),
          },
        };
        const result = await table.transact(isNewer(done, state) ? [close, promote(done)] : [close]);
        if (result.done) return true;
        if (!result.held[0]) return false;
      }
    },

    failBackup: (target, backupId, failure, endedAt) =>
      table.update(keys.backup(target, backupId), { status: 'FAILED', failure, endedAt }, inStatus(['RUNNING'])),

    async deleteBackup(target, backupId, deletedAt) {
      const record = await read(target, backupId);
      if (record?.status !== 'COMPLETED' && record?.status !== 'FAILED') return false;
      const close: Write = {
        Update: {
          TableName: table.name,
          Key: keys.backup(target, backupId),
          ...change({ status: 'DELETED', deletedAt }, inStatus([record.status])),
        },
      };
      if (record.status === 'FAILED') return (await table.transact([close])).done;
      // A state that does not name another good backup protects this one: better kept too long than lost.
      const another: Write = {
        ConditionCheck: {
          TableName: table.name,
          Key: keys.state(target),
          ConditionExpression: 'attribute_exists(#newestGood) AND #newestGood.#backupId <> :id',
          ExpressionAttributeNames: { '#newestGood': 'newestGood', '#backupId': 'backupId' },
          ExpressionAttributeValues: { ':id': backupId },
        },
      };
      return (await table.transact([close, another])).done;
    },

    async markObjectsGone(target, backupId, at) {
      const record = await read(target, backupId);
      if (record?.status !== 'FAILED' && record?.status !== 'DELETED') return false;
      const expires = Math.floor(Date.parse(at) / 1000) + DELETED_KEPT_DAYS * 86_400;
      return table.update(
        keys.backup(target, backupId),
        { objectsGoneAt: at, ...(record.status === 'DELETED' ? { expires } : {}) },
        inStatus([record.status]),
      );
    },

    getBackup: read,

    async findBackup(backupId) {
      const [item] = await table.query(
        {
          IndexName: BY_ENTITY,
          KeyConditionExpression: '#entity = :entity AND #id = :id',
          ExpressionAttributeNames: { '#entity': 'entity', '#id': 'id' },
          ExpressionAttributeValues: { ':entity': ENTITIES.backup, ':id': backupId },
        },
        1,
      );
      return item && decode(backupRecordSchema, item);
    },

    async listBackups(options = {}) {
      const limit = options.limit ?? DEFAULT_LIMIT;
      const items =
        options.target === undefined
          ? await table.query(
              {
                IndexName: BY_ENTITY,
                KeyConditionExpression: '#entity = :entity' + (options.before ? ' AND #id < :before' : ''),
                ExpressionAttributeNames: { '#entity': 'entity', ...(options.before ? { '#id': 'id' } : {}) },
                ExpressionAttributeValues: {
                  ':entity': ENTITIES.backup,
                  ...(options.before ? { ':before': options.before } : {}),
                },
                ScanIndexForward: false,
                Limit: limit,
              },
              limit,
            )
          : await table.query({ ...ofTarget(options.target, options.before), Limit: limit }, limit);
      return items.map((item) => decode(backupRecordSchema, item));
    },

    async newestGood(target, at) {
      // Ids follow the start, not the snapshot; two backups of one target never overlap, so the order is the same.
      const [item] = await table.query(
        ofTarget(target),
        1,
        (one) =>
          one.status === 'COMPLETED' && (at === undefined || Date.parse(String(one.snapshotAt)) <= Date.parse(at)),
      );
      return item && decode(backupRecordSchema, item);
    },

    async recoverBackup(record) {
      await table.put(itemOf(record), ABSENT);
      for (;;) {
        const [there, state] = await Promise.all([read(record.target, record.backupId), readState(record.target)]);
        if (there?.status !== 'COMPLETED' || !isNewer(there, state)) return;
        if ((await table.transact([promote(there)])).done) return;
      }
    },

    async targetStates(targets, now) {
      const states = await readStates(targets);
      for (const name of new Set(targets)) {
        if (states.has(name)) continue;
        const first: TargetState = { target: name, firstSeenAt: now };
        const made = await table.put({ ...keys.state(name), ...first }, ABSENT);
        states.set(name, made ? first : (await readState(name))!);
      }
      return states;
    },

    readTargetStates: readStates,
  };
}

const ofTarget = (target: string, before?: string) => ({
  KeyConditionExpression: '#pk = :pk AND #sk BETWEEN :from AND :to',
  ExpressionAttributeNames: { '#pk': 'pk', '#sk': 'sk' },
  ExpressionAttributeValues: {
    ':pk': `TARGET#${target}`,
    ':from': 'BACKUP#',
    ':to': before === undefined ? 'BACKUP#~' : `BACKUP#${previous(before)}`,
  },
  ScanIndexForward: false,
  ConsistentRead: true,
});

/** A bound above every smaller id of the same length, and below the id itself. */
const previous = (id: string): string => id.slice(0, -1) + String.fromCharCode(id.charCodeAt(id.length - 1) - 1) + '~';

async function readMany(table: Table, names: readonly string[]): Promise<Item[]> {
  const found: Item[] = [];
  let wanted: Item[] = names.map((name) => keys.state(name));
  for (let attempt = 1; wanted.length > 0; attempt += 1) {
    const answer = await table.client.send(
      new BatchGetCommand({ RequestItems: { [table.name]: { Keys: wanted, ConsistentRead: true } } }),
    );
    found.push(...(answer.Responses?.[table.name] ?? []));
    wanted = answer.UnprocessedKeys?.[table.name]?.Keys ?? [];
    if (wanted.length > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(50 * 2 ** attempt, 5_000)));
  }
  return found;
}
