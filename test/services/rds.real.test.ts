/** The contract against moto's RDS, over the real client: what it can not do is held by the in-memory RDS alone. */
import { RDSClient, CreateDBInstanceCommand, CreateDBSnapshotCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMoto, type Moto } from '../../local/moto.ts';
import { rdsService } from '../../services/rds.ts';
import { renamingContract } from '../contracts/native.ts';
import { judged, type ApiRequest } from '../support/api-model.ts';

let moto: Moto | undefined;
const log: ApiRequest[] = [];
const started = async (): Promise<RDSClient> => {
  moto ??= await startMoto();
  const credentials = { accessKeyId: '123456789012', secretAccessKey: 'x' };
  return judged(new RDSClient({ endpoint: moto.endpoint, region: 'eu-west-1', credentials }), 'rds', log);
};
afterAll(() => moto?.stop());

renamingContract('RDS on moto', async () => {
  const client = await started();
  const make = async (
    name: string,
    tags: Readonly<Record<string, string>>,
    BackupRetentionPeriod: number,
  ): Promise<void> => {
    await client.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: name,
        Engine: 'postgres',
        EngineVersion: '16.4',
        DBInstanceClass: 'db.m6g.large',
        AllocatedStorage: 50,
        StorageType: 'io1',
        Iops: 1_000,
        MasterUsername: 'postgres',
        MasterUserPassword: 'not-a-secret',
        BackupRetentionPeriod,
        PreferredBackupWindow: '02:00-02:30',
        PreferredMaintenanceWindow: 'sun:03:00-sun:03:30',
        MultiAZ: true,
        CopyTagsToSnapshot: true,
        AutoMinorVersionUpgrade: false,
        EnableIAMDatabaseAuthentication: true,
        EnableCloudwatchLogsExports: ['postgresql'],
        DeletionProtection: true,
        MonitoringInterval: 30,
        MonitoringRoleArn: 'arn:aws:iam::123456789012:role/monitoring',
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
  };
  return {
    service: rdsService(() => client),
    make: (name, tags) => make(name, tags, 14),
    makeWithoutPitr: (name) => make(name, {}, 0),
    pass: () => new Promise((resolve) => setTimeout(resolve, 20)),
    foreignPoint: async (name) => {
      const ids = { DBInstanceIdentifier: name, DBSnapshotIdentifier: `by-hand-${name}` };
      return (await client.send(new CreateDBSnapshotCommand(ids))).DBSnapshot!.DBSnapshotArn!;
    },
  };
});

describe('moto', () => {
  beforeAll(started);
  it('serves RDS on loopback alone, by a process of its own', () => {
    expect(moto!.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(moto!.env.AWS_ENDPOINT_URL_RDS).toBe(moto!.endpoint);
    expect(() => process.kill(moto!.pid, 0)).not.toThrow();
  });
});
