/** The calls that rename an instance: of its own, or a member of a cluster. */
import { ModifyDBInstanceCommand, type DBInstance } from '@aws-sdk/client-rds';
import type { Rds } from './rds-calls.ts';
import { findInstance, findInstanceById } from './rds-read.ts';
import type { Named, RenameCalls } from './rds-rename.ts';

const instanceNamed = (shape: DBInstance | undefined): Named | undefined =>
  shape && {
    name: shape.DBInstanceIdentifier ?? '',
    resourceId: shape.DbiResourceId ?? '',
    status: shape.DBInstanceStatus ?? '',
    pendingName: shape.PendingModifiedValues?.DBInstanceIdentifier,
  };

export const instanceCalls = (rds: Rds): RenameCalls => ({
  byId: async (id) => instanceNamed(await findInstanceById(rds, id)),
  byName: async (name) => instanceNamed(await findInstance(rds, name)),
  ask: (from, NewDBInstanceIdentifier) =>
    rds.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier: from, NewDBInstanceIdentifier, ApplyImmediately: true }),
    ),
});
