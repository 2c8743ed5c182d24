/** The last recovery point before something is removed: asked for once, and only trusted when it is of this very resource. */
import { NightjarError } from '../core/errors.ts';
import type { RdsClients } from './clients.ts';
import { siblingArn } from './rds-calls.ts';
import { findSnapshot, type SnapshotKind } from './rds-points.ts';

export type FinalSnapshot = { readonly SkipFinalSnapshot: true } | { readonly FinalDBSnapshotIdentifier: string };

/** What the deletion is told; `wait` while the point is being made. @throws NightjarError SERVICE_REFUSED for another's point. */
export async function finalSnapshot(
  clients: RdsClients,
  kind: SnapshotKind,
  of: { readonly arn: string; readonly id: string; readonly finalPoint: string | undefined },
): Promise<FinalSnapshot | 'wait'> {
  if (of.finalPoint === undefined) return { SkipFinalSnapshot: true };
  const arn = siblingArn(of.arn, kind.inArn, of.finalPoint);
  const there = await findSnapshot(clients, kind, arn);
  if (!there) return { FinalDBSnapshotIdentifier: of.finalPoint };
  if (there.sourceId !== undefined && there.sourceId !== of.id)
    throw new NightjarError('SERVICE_REFUSED', {
      operation: 'remove',
      detail: `${of.arn} was left alone: ${of.finalPoint} is there already and is of ${there.sourceId}.`,
    });
  return there.status === 'available' ? { SkipFinalSnapshot: true } : 'wait';
}
