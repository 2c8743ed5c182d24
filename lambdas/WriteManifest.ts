/** Writes the manifest of a native backup: what was made, and every setting that a restore must bring back. */
import { NightjarError } from '../core/errors.ts';
import { manifestKey } from '../core/names.ts';
import { manifestOf, pointOutcome } from './native/point-manifest.ts';
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
    const { versionId, manifest } = await written(parts, looked);
    await parts.catalog.putProgress({
      id: backupId,
      attempt: 1,
      status: 'succeeded',
      phase: 'done',
      bytes: 0,
      updatedAt: parts.now().toISOString(),
      ...(versionId === undefined ? {} : { outcome: pointOutcome(manifest, versionId) }),
    });
    return { manifestKey: key };
  };

/** One that is there already was written before, and the answer with its version was lost: VerifyPoint, which may read, finds it. */
async function written({ vault }: Needs, { record, now }: PointLook) {
  const manifest = manifestOf(record, now.toISOString());
  try {
    return { manifest, versionId: (await vault.writeManifest(manifest)).versionId };
  } catch (error) {
    if (!isThere(error)) throw error;
    return { manifest, versionId: undefined };
  }
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
