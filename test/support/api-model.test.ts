import { describe, expect, it } from 'vitest';
import { complaints, judged, type ApiRequest } from './api-model.ts';
import { DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';

const rds = (operation: string, input: Record<string, unknown>): string[] =>
  complaints({ service: 'rds', operation, input });

describe('the API model', () => {
  it('lets a right request pass', () => {
    expect(
      rds('RestoreDBInstanceToPointInTime', {
        TargetDBInstanceIdentifier: 'shop-nj',
        RestoreTime: new Date(0),
        MultiAZ: true,
        Tags: [{ Key: 'a', Value: 'b' }],
      }),
    ).toEqual([]);
  });

  it.each([
    ['a field that is missing', { RestoreTime: new Date(0) }, 'TargetDBInstanceIdentifier: is missing'],
    [
      'a field that is not there',
      { TargetDBInstanceIdentifier: 'a', MonitoringInterval: 5 },
      'MonitoringInterval: there is no',
    ],
    ['a wrong type', { TargetDBInstanceIdentifier: 'a', MultiAZ: 'true' }, 'MultiAZ: "true" is no boolean'],
    ['a wrong element', { TargetDBInstanceIdentifier: 'a', Tags: [{ key: 'a' }] }, 'Tags[0].key: there is no'],
    ['a date as text', { TargetDBInstanceIdentifier: 'a', RestoreTime: '2026-11-21' }, 'is no timestamp'],
  ])('finds %s', (_, input, words) => {
    expect(rds('RestoreDBInstanceToPointInTime', input).join()).toContain(words);
  });

  it('finds an operation that is not there', () => {
    expect(rds('RestoreDBInstanceToTime', {})).toEqual(['rds has no operation RestoreDBInstanceToTime']);
  });

  it('knows enums, patterns and lengths', () => {
    const table = (TableName: string, Mode: string): string[] =>
      complaints({ service: 'dynamodb', operation: 'UpdateTable', input: { TableName, BillingMode: Mode } });
    expect(table('orders', 'PAY_PER_REQUEST')).toEqual([]);
    expect(table('orders', 'FREE').join()).toContain('none of PROVISIONED');
    const backup = (BackupName: string): string[] =>
      complaints({ service: 'dynamodb', operation: 'CreateBackup', input: { TableName: 'orders', BackupName } });
    expect(backup('nightjar-a').join()).toBe('');
    expect(backup('with space').join()).toContain('does not match');
    expect(backup('ab').join()).toContain('at least 3');
  });

  it('stops a client before the request leaves, and keeps the request', async () => {
    const log: ApiRequest[] = [];
    const client = judged(new RDSClient({ region: 'eu-west-1', endpoint: 'http://127.0.0.1:9' }), 'rds', log);
    const input = { DBInstanceIdentifier: 'a', Wrong: 1 };
    await expect(client.send(new DescribeDBInstancesCommand(input))).rejects.toThrow('Wrong: there is no such field');
    expect(log).toEqual([{ service: 'rds', operation: 'DescribeDBInstances', input }]);
  });
});
