/**
 * DynamoDB as a service that restores by itself. A table can not be renamed: it is restored beside itself, and a swap deletes it
 * and makes it again from a backup. What a restore leaves out is in `TABLE_SETTINGS`.
 */
import { UpdateContinuousBackupsCommand } from '@aws-sdk/client-dynamodb';
import type { TableService } from '../core/native.ts';
import { applySettings } from './dynamodb-apply.ts';
import { calling, isBusy } from './dynamodb-calls.ts';
import { readFacts, type Clients } from './dynamodb-facts.ts';
import { copyItems, count } from './dynamodb-items.ts';
import { createPoint, deletePoint, discover, findPoints, pointState } from './dynamodb-points.ts';
import { fence, fenced, unfence, type Patience } from './dynamodb-policy.ts';
import { refusals } from './dynamodb-refusals.ts';
import { remove, startAlias, startFromBackup } from './dynamodb-restore.ts';
import { resourceOf } from './dynamodb-state.ts';

async function enablePitr(clients: Clients, name: string): Promise<void> {
  const facts = await readFacts(clients, name);
  if (facts?.backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus === 'ENABLED') return;
  const input = { TableName: name, PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } };
  await calling('UpdateContinuousBackups', name, async () => {
    try {
      await clients.dynamodb.send(new UpdateContinuousBackupsCommand(input));
    } catch (error) {
      // A table that is quite new; the next look asks again.
      if (!isBusy(error)) throw error;
    }
  });
}

/** `patience`: how long a change of a resource policy is tried again, which AWS refuses for 15 seconds after another. */
export function dynamoService(clients: Clients, patience?: Patience): TableService {
  const read: TableService['read'] = async (name) => {
    const facts = await calling('DescribeTable', name, () => readFacts(clients, name));
    return facts && resourceOf(facts);
  };
  const { dynamodb } = clients;
  return {
    engine: 'dynamodb',
    read,
    enablePitr: (name) => enablePitr(clients, name),
    createPoint: (name, pointName) => createPoint(dynamodb, name, pointName),
    findPoints: (table, name) => findPoints(dynamodb, table, name),
    pointState: (arn) => pointState(dynamodb, arn),
    deletePoint: (arn) => deletePoint(dynamodb, arn),
    discover: (tagKey) => discover(dynamodb, tagKey),
    refusals: (plan, name, mode) => refusals(clients, read, plan, name, mode),
    startAlias: (plan, restoreId) => startAlias(clients, plan, restoreId),
    applySettings: (name, wanted) => applySettings(clients, name, wanted),
    remove: (name, { finalPoint }) => remove(clients, name, finalPoint),
    fence: (name) => fence(dynamodb, name, patience),
    fenced: (name) => fenced(dynamodb, name),
    unfence: (name, policyBefore) => unfence(dynamodb, name, policyBefore, patience),
    startFromBackup: (name, backupArn, wanted) => startFromBackup(clients, name, backupArn, wanted),
    count: (name, cursor) => count(dynamodb, name, cursor),
    copyItems: (options) => copyItems(dynamodb, options),
  };
}
