/** The catalog on one DynamoDB table; see `docs/architecture.md` for its keys. */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { restoreRecordSchema, runRecordSchema, type RestoreRecord, type RunRecord } from '../core/backup.ts';
import type { Catalog, ListOptions } from '../core/catalog.ts';
import { progressSchema } from '../core/job.ts';
import { backupsOn } from './dynamodb-backups.ts';
import { discoveredOn } from './dynamodb-discovered.ts';
import { locksOn } from './dynamodb-locks.ts';
import {
  ABSENT,
  BY_ENTITY,
  ENTITIES,
  decode,
  inStatus,
  keys,
  openTable,
  type Item,
  type Table,
} from './dynamodb-table.ts';

const DEFAULT_LIMIT = 100;
/** How long a task's progress is of interest, in days. */
export const PROGRESS_KEPT_DAYS = 90;

export function dynamoCatalog(client: DynamoDBDocumentClient, tableName: string): Catalog {
  const table = openTable(client, tableName);
  return {
    ...locksOn(table),
    ...backupsOn(table),
    ...discoveredOn(table),
    ...runsOn(table),
    ...restoresOn(table),
    ...progressOn(table),
  };
}

const listOf = (entity: string, before?: string) => ({
  IndexName: BY_ENTITY,
  KeyConditionExpression: '#entity = :entity' + (before ? ' AND #id < :before' : ''),
  ExpressionAttributeNames: { '#entity': 'entity', ...(before ? { '#id': 'id' } : {}) },
  ExpressionAttributeValues: { ':entity': entity, ...(before ? { ':before': before } : {}) },
  ScanIndexForward: false,
});

type Runs = Pick<Catalog, 'openRun' | 'takeOverRun' | 'closeRun' | 'markReportSent' | 'getRun' | 'listRuns'>;

function runsOn(table: Table): Runs {
  /** Run ids begin with their trigger, so the index sorts by the moment instead. */
  const itemOf = (record: RunRecord): Item => ({
    ...keys.run(record.runId),
    entity: ENTITIES.run,
    id: `${record.scheduledTime}#${record.runId}`,
    ...record,
  });
  return {
    openRun: (record) => table.put(itemOf(record), ABSENT),
    takeOverRun: (runId, from, to) =>
      table.update(
        keys.run(runId),
        { executionArn: to },
        {
          ConditionExpression: '#status = :running AND #executionArn = :from',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: { ':running': 'RUNNING', ':from': from },
        },
      ),
    async closeRun(runId, end) {
      await table.update(keys.run(runId), end, inStatus(['RUNNING']));
    },
    async markReportSent(runId, at) {
      await table.update(
        keys.run(runId),
        { reportSentAt: at },
        { ConditionExpression: 'attribute_exists(pk) AND attribute_not_exists(#reportSentAt)' },
      );
    },
    async getRun(runId) {
      const item = await table.get(keys.run(runId));
      return item && decode(runRecordSchema, item);
    },
    async listRuns(options = {}) {
      const limit = options.limit ?? DEFAULT_LIMIT;
      const items = await table.query({ ...listOf(ENTITIES.run), Limit: limit }, limit);
      return items.map((item) => decode(runRecordSchema, item));
    },
  };
}

type Restores = Pick<Catalog, 'openRestore' | 'updateRestore' | 'getRestore' | 'listRestores'>;

function restoresOn(table: Table): Restores {
  const itemOf = (record: RestoreRecord): Item => ({
    ...keys.restore(record.restoreId),
    entity: ENTITIES.restore,
    id: record.restoreId,
    ...record,
  });
  return {
    openRestore: (record) => table.put(itemOf(record), ABSENT),
    updateRestore: (restoreId, expected, fields) => table.update(keys.restore(restoreId), fields, inStatus(expected)),
    async getRestore(restoreId) {
      const item = await table.get(keys.restore(restoreId));
      return item && decode(restoreRecordSchema, item);
    },
    async listRestores(options: ListOptions = {}) {
      const items = await table.query(
        listOf(ENTITIES.restore, options.before),
        options.limit ?? DEFAULT_LIMIT,
        (item) => options.target === undefined || item.target === options.target,
      );
      return items.map((item) => decode(restoreRecordSchema, item));
    },
  };
}

function progressOn(table: Table): Pick<Catalog, 'putProgress' | 'getProgress'> {
  return {
    async putProgress(progress) {
      const expires = Math.floor(Date.parse(progress.updatedAt) / 1000) + PROGRESS_KEPT_DAYS * 86_400;
      await table.put({ ...keys.progress(progress.id, progress.attempt), ...progress, expires });
    },
    async getProgress(id, attempt) {
      if (attempt !== undefined) {
        const item = await table.get(keys.progress(id, attempt));
        return item && decode(progressSchema, item);
      }
      const [newest] = await table.query(
        {
          KeyConditionExpression: '#pk = :pk',
          ExpressionAttributeNames: { '#pk': 'pk' },
          ExpressionAttributeValues: { ':pk': `PROGRESS#${id}` },
          ScanIndexForward: false,
          ConsistentRead: true,
          Limit: 1,
        },
        1,
      );
      return newest && decode(progressSchema, newest);
    },
  };
}
