/** The in-memory RDS as the contract suite wants it. */
import { rdsService } from '../../services/rds.ts';
import { auroraService } from '../../services/aurora.ts';
import { FakeRds } from '../support/fake-rds.ts';
import { Being } from '../support/fake-rds-store.ts';
import type { NativeHarness } from '../contracts/native.ts';
import type { RenamingService } from '../../core/native.ts';

const tags = (of: Readonly<Record<string, string>>) => Object.entries(of).map(([Key, Value]) => ({ Key, Value }));

export interface FakeHarness extends NativeHarness {
  readonly service: RenamingService;
  readonly fake: FakeRds;
}

export function rdsHarness(): FakeHarness {
  const fake = new FakeRds();
  return {
    fake,
    service: rdsService(fake.clients),
    make: async (name, of) => void fake.addInstance(name, { TagList: tags(of) }),
    makeWithoutPitr: async (name) => void fake.addInstance(name, { BackupRetentionPeriod: 0 }),
    pass: async () => fake.turn(),
    foreignPoint: async (name) => {
      const DBSnapshotArn = fake.region().arn('snapshot', `by-hand-${name}`);
      fake.region().snapshots.push(new Being({ DBSnapshotIdentifier: `by-hand-${name}`, DBSnapshotArn }, ''));
      return DBSnapshotArn;
    },
  };
}

export function auroraHarness(): FakeHarness {
  const fake = new FakeRds();
  return {
    fake,
    service: auroraService(fake.clients),
    make: async (name, of) => void fake.addCluster(name, { shape: { TagList: tags(of) } }),
    // The automated backups of a cluster can not be turned off.
    makeWithoutPitr: async (name) => void fake.addCluster(name),
    pass: async () => fake.turn(),
    foreignPoint: async (name) => {
      const DBClusterSnapshotArn = fake.region().arn('cluster-snapshot', `by-hand-${name}`);
      const shape = { DBClusterSnapshotIdentifier: `by-hand-${name}`, DBClusterSnapshotArn };
      fake.region().clusterSnapshots.push(new Being(shape, ''));
      return DBClusterSnapshotArn;
    },
    cannot: ['pitr-switch'],
  };
}
