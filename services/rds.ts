/** RDS instances: restored, renamed, stopped and removed by the service itself. */
import {
  DeleteDBInstanceCommand,
  ModifyDBInstanceCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
  StartDBInstanceCommand,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { NightjarError } from '../core/errors.ts';
import type { NativeRestore, RenamingService } from '../core/native.ts';
import { RESTORE_TAG } from '../core/names.ts';
import type { RdsClients } from './clients.ts';
import { asTags, nameOf, tagsOf } from './rds-calls.ts';
import { stopped, taken } from './rds-apply.ts';
import { applyInstance } from './rds-instance-apply.ts';
import { finalSnapshot } from './rds-final.ts';
import { findSnapshot, INSTANCE_SNAPSHOTS, pointVerbs } from './rds-points.ts';
import { allInstances, findInstance, INSTANCES, instanceResource } from './rds-read.ts';
import { instanceRefusals } from './rds-refusals.ts';
import { renameStep } from './rds-rename.ts';
import { beginAlias } from './rds-alias.ts';
import { instanceCalls } from './rds-instance-rename.ts';
import { repointInstance } from './rds-repoint.ts';
import { request } from './settings-table.ts';

/** What is turned on is kept for so many days; the config's own retention is of recovery points. */
const RETENTION_DAYS = 7;

export function rdsService(clients: RdsClients): RenamingService {
  const rds = clients();
  const find = (name: string) => findInstance(rds, name);

  return {
    engine: 'rds',
    ...pointVerbs(clients, INSTANCE_SNAPSHOTS, async (name) => (await find(name))?.DBInstanceArn),

    async read(name) {
      const shape = await find(name);
      // A member of a cluster is no instance of its own: it is backed up, restored and removed with the cluster.
      return shape && !shape.DBClusterIdentifier ? instanceResource(rds, shape) : undefined;
    },

    /**
     * "An outage occurs if you change the backup retention period of a DB instance from 0 to a nonzero value": at once, for the
     * backup that asks for it needs the window. Source: AWS, RDS User Guide, "Backup retention period".
     */
    async enablePitr(name) {
      const shape = await find(name);
      if (!shape)
        throw new NightjarError('RESOURCE_MISSING', { operation: 'turn PITR on', detail: `${name} is not there.` });
      if (shape.BackupRetentionPeriod) return;
      const fields = { BackupRetentionPeriod: RETENTION_DAYS, ApplyImmediately: true };
      await taken('turn PITR on', name, () =>
        rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: name, ...fields })),
      );
    },

    async discover(tagKey) {
      const tagged = (await allInstances(rds))
        .filter(({ DBClusterIdentifier }) => !DBClusterIdentifier)
        .map((shape) => ({ shape, value: tagsOf(shape.TagList)[tagKey] }));
      return tagged.flatMap(({ shape, value }) =>
        value === undefined
          ? []
          : [{ engine: 'rds' as const, name: shape.DBInstanceIdentifier!, arn: shape.DBInstanceArn!, value }],
      );
    },

    refusals: (plan, name) => instanceRefusals(clients, plan, name),

    startAlias: (plan, restoreId) =>
      beginAlias(plan, restoreId, {
        async tags(name) {
          const shape = await find(name);
          return shape && tagsOf(shape.TagList);
        },
        begin: () => restore(clients, plan, restoreId),
      }),

    async applySettings(name, wanted, begun) {
      const shape = await find(name);
      if (!shape) return [`${name} is not there yet`];
      return applyInstance(rds, shape, INSTANCES, { values: wanted.values, tags: wanted.tags, begun });
    },

    rename: (resourceId, from, to) => renameStep(instanceCalls(rds), { resourceId, from, to }),

    stop: async (name) =>
      stopped(name, (await find(name))?.DBInstanceStatus, () =>
        rds.send(new StopDBInstanceCommand({ DBInstanceIdentifier: name })),
      ),
    async start(name) {
      if ((await find(name))?.DBInstanceStatus === 'stopped')
        await taken('start', name, () => rds.send(new StartDBInstanceCommand({ DBInstanceIdentifier: name })));
    },

    repoint: (from, to) => repointInstance(clients, from, to),

    async remove(name, { finalPoint }) {
      const shape = await find(name);
      if (!shape || shape.DBInstanceStatus === 'deleting') return;
      const DBInstanceIdentifier = name;
      if (shape.DeletionProtection) {
        const fields = { DBInstanceIdentifier, DeletionProtection: false, ApplyImmediately: true };
        await taken('lift deletion protection', name, () => rds.send(new ModifyDBInstanceCommand(fields)));
        return;
      }
      const id = shape.DbiResourceId ?? '';
      const final = await finalSnapshot(clients, INSTANCE_SNAPSHOTS, {
        arn: shape.DBInstanceArn ?? '',
        id,
        finalPoint,
      });
      if (final === 'wait') return;
      const deleted = await taken('delete', name, () =>
        rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, ...final })),
      );
      // A stopped one that will not go is started, and goes with a later look.
      if (!deleted && shape.DBInstanceStatus === 'stopped')
        await taken('start', name, () => rds.send(new StartDBInstanceCommand({ DBInstanceIdentifier })));
    },
  };
}

/** Everything that the call takes is said, for what is not said is reset. Deletion protection comes last, with the settings. */
async function restore(
  clients: RdsClients,
  { from, alias, settings }: NativeRestore,
  restoreId: string,
): Promise<void> {
  const common = { Tags: asTags({ ...settings.tags, [RESTORE_TAG]: restoreId }), DeletionProtection: false };
  if (from.kind === 'moment') {
    await clients().send(
      new RestoreDBInstanceToPointInTimeCommand({
        ...request(INSTANCES, 'moment', settings.values),
        ...common,
        // By its id: a name may be another's by now, and a deleted one's kept backups have none.
        SourceDbiResourceId: from.sourceResourceId,
        TargetDBInstanceIdentifier: alias,
        ...(from.at === 'latest' ? { UseLatestRestorableTime: true } : { RestoreTime: new Date(from.at) }),
      }),
    );
    return;
  }
  const snapshot = await findSnapshot(clients, INSTANCE_SNAPSHOTS, from.arn);
  if (!snapshot)
    throw new NightjarError('POINT_MISSING', {
      operation: 'restore',
      detail: `${from.arn} is not there; nothing was begun.`,
    });
  await clients().send(
    new RestoreDBInstanceFromDBSnapshotCommand({
      ...request(INSTANCES, 'point', settings.values),
      ...common,
      DBInstanceIdentifier: alias,
      DBSnapshotIdentifier: nameOf(from.arn),
    }),
  );
}
