/** The catalog's table as the vault stack makes it, for tests that have no stack. */
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Account } from '../../local/account.ts';
import { documentClient } from '../../stores/clients.ts';
import { BY_ENTITY } from '../../stores/dynamodb-table.ts';

export async function makeTable(account: Account, name: string) {
  const client = new DynamoDBClient({ ...account.clientConfig });
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk', 'entity', 'id'].map((one) => ({ AttributeName: one, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: BY_ENTITY,
          KeySchema: [
            { AttributeName: 'entity', KeyType: 'HASH' },
            { AttributeName: 'id', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
  return documentClient(client);
}
