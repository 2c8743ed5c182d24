/** The in-memory RDS as the contract suite wants it. */
import { rdsService } from '../../services/rds.ts';
import { auroraService } from '../../services/aurora.ts';
import { FakeRds } from '../support/fake-rds.ts';
import { Being } from '../support/fake-rds-store.ts';
import type { NativeHarness } from '../contracts/native.ts';
import type { RenamingService } from '../../core/native.ts';

const tags = (of: Readonly<Record<string, string>>) => Object.entries(of).map(([Key, Value]) => ({ Key, Value }));

const done = (after: unknown): Promise<void> => Promise.resolve(void after);

export interface FakeHarness extends NativeHarness {
  readonly service: RenamingService;
  readonly fake: FakeRds;
}

export function rdsHarness(): FakeHarness {
  const fake = new FakeRds();
  return {
    fake,
    service: rdsService(fake.clients),
    make: (name, of) => done(fake.addInstance(name, { TagList: tags(of) })),
    makeWithoutPitr: (name) => done(fake.addInstance(name, { BackupRetentionPeriod: 0 })),
    pass: () => done(fake.turn()),
    foreignPoint: (name) => {
      const DBSnapshotArn = fake.region().arn('snapshot', `by-hand-${name}`);
      fake.region().snapshots.push(new Being({ DBSnapshotIdentifier: `by-hand-${name}`, DBSnapshotArn }, ''));
      return Promise.resolve(DBSnapshotArn);
    },
  };
}

export function auroraHarness(): FakeHarness {
  const fake = new FakeRds();
  return {
    fake,
    service: auroraService(fake.clients),
    make: (name, of) => done(fake.addCluster(name, { shape: { TagList: tags(of) } })),
    // The automated backups of a cluster can not be turned off.
    makeWithoutPitr: (name) => done(fake.addCluster(name)),
    pass: () => done(fake.turn()),
    foreignPoint: (name) => {
      const DBClusterSnapshotArn = fake.region().arn('cluster-snapshot', `by-hand-${name}`);
      const shape = { DBClusterSnapshotIdentifier: `by-hand-${name}`, DBClusterSnapshotArn };
      fake.region().clusterSnapshots.push(new Being(shape, ''));
      return Promise.resolve(DBClusterSnapshotArn);
    },
    cannot: ['pitr-switch'],
  };
}
