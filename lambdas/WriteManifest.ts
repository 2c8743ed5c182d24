/** Writes the manifest of a native backup: what was made, and every setting that a restore must bring back. */
import type { NativeManifest } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import { manifestKey } from '../core/names.ts';
import { runningPoint, type PointEvent, type PointLook, type PointParts } from './native/point-look.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = PointParts & Pick<Parts, 'vault'>;

export const makeWriteManifest =
  (parts: Needs) =>
  async (event: PointEvent): Promise<{ manifestKey: string }> => {
    const looked = await runningPoint(parts, event);
    const { target, backupId } = looked.record;
    const key = manifestKey(target, backupId);
    // This role may not read the vault: a repetition is told by what the first one said.
    if ((await parts.catalog.getProgress(backupId, 1))?.status === 'succeeded') return { manifestKey: key };
    const manifest = manifestOf(looked);
    const { versionId } = await parts.vault.writeManifest(manifest).catch((error: unknown) => {
      if (!isThere(error)) throw error;
      throw new NightjarError('UNEXPECTED', {
        operation: 'PutObject',
        detail: `${key} is there already: it was written, and the answer with its version was lost. The recovery point is good and the pruner removes it; take another backup.`,
        cause: error,
      });
    });
    await parts.catalog.putProgress({
      id: backupId,
      attempt: 1,
      status: 'succeeded',
      phase: 'done',
      bytes: 0,
      updatedAt: parts.now().toISOString(),
      outcome: {
        kind: 'point',
        manifestKey: key,
        manifestVersionId: versionId,
        snapshotAt: manifest.snapshotAt,
        databaseBytes: manifest.points[0]!.bytes,
        ...(manifest.items === undefined ? {} : { items: manifest.items }),
        window: manifest.window,
        warnings: manifest.warnings,
      },
    });
    return { manifestKey: key };
  };

function manifestOf({ record, draft, target, now }: PointLook): NativeManifest {
  const [point] = draft?.points ?? [];
  if (!draft || !point)
    throw new NightjarError('POINT_MISSING', {
      operation: 'write manifest',
      detail: `The backup ${record.backupId} of ${record.target} has made no recovery point.`,
    });
  const { settings, window, items, points, warnings } = draft;
  return {
    manifestVersion: 1,
    backupId: record.backupId,
    target: record.target,
    engine: target.engine,
    method: 'native',
    kind: 'full',
    trigger: record.trigger,
    ...(record.runId === undefined ? {} : { runId: record.runId }),
    startedAt: record.startedAt,
    snapshotAt: point.at,
    completedAt: now.toISOString(),
    window,
    points,
    settings,
    ...(items === undefined ? {} : { items }),
    warnings,
  };
}

const isThere = (error: unknown): boolean =>
  error instanceof NightjarError && error.cause instanceof Error && error.cause.name === 'PreconditionFailed';

export const handler = wire.lambda(() =>
  makeWriteManifest({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    vault: wire.vault(),
    now: wire.now,
  }),
);
