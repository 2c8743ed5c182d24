/** The calls that rename an instance: of its own, or a member of a cluster. */
import { ModifyDBInstanceCommand } from '@aws-sdk/client-rds';
import type { Rds } from './rds-calls.ts';
import { findInstance, findInstanceById } from './rds-read.ts';
import { renameCalls, type RenameCalls } from './rds-rename.ts';

export const instanceCalls = (rds: Rds): RenameCalls =>
  renameCalls({
    byId: (id) => findInstanceById(rds, id),
    byName: (name) => findInstance(rds, name),
    named: ({ DBInstanceIdentifier, DbiResourceId, DBInstanceStatus, PendingModifiedValues }) => ({
      name: DBInstanceIdentifier,
      resourceId: DbiResourceId,
      status: DBInstanceStatus,
      pendingName: PendingModifiedValues?.DBInstanceIdentifier,
    }),
    ask: (from, NewDBInstanceIdentifier) =>
      rds.send(
        new ModifyDBInstanceCommand({ DBInstanceIdentifier: from, NewDBInstanceIdentifier, ApplyImmediately: true }),
      ),
  });
