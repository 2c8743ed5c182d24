import { PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAccount, type Account } from '../../local/account.ts';
import { dynamoCatalog } from '../../stores/dynamodb-catalog.ts';
import { keys } from '../../stores/dynamodb-table.ts';
import { catalogContract } from '../contracts/catalog.ts';
import { makeTable } from './tables.ts';

let account: Account;
let client: DynamoDBDocumentClient;
const TABLE = 'catalog';

beforeAll(async () => {
  account = await startAccount();
  client = await makeTable(account, TABLE);
});
afterAll(() => account.stop());

catalogContract('on DynamoDB', () => Promise.resolve(dynamoCatalog(client, TABLE)));

describe('the catalog on DynamoDB', () => {
  it('names the item that it can not read, and does not take it for an absent one', async () => {
    const catalog = dynamoCatalog(client, TABLE);
    await client.send(new PutCommand({ TableName: TABLE, Item: { ...keys.backup('odd', 'X'), backupId: 7 } }));
    await expect(catalog.getBackup('odd', 'X')).rejects.toMatchObject({
      name: 'UNEXPECTED',
      message: expect.stringContaining('TARGET#odd / BACKUP#X') as string,
    });
    await expect(catalog.listBackups({ target: 'odd' })).rejects.toMatchObject({ name: 'UNEXPECTED' });
  });
});
