/** Copies the recovery point into the other regions that the config names, each under that region's key, and waits. */
import type { Look } from '../core/payloads.ts';
import { inRegion } from '../services/rds-calls.ts';
import { awaited, lookingAtPoint, type PointEvent, type PointLook, type PointParts } from './native/point-look.ts';
import { renamingServiceOf } from './native/services.ts';
import * as wire from './shared/wiring.ts';

/** Source: AWS, DynamoDB developer guide, "Using DynamoDB backup and restore": on-demand backups stay in their region. */
const STAYS =
  'On-demand backups of DynamoDB can not be copied into another region: `copies` of the config leaves this table out.';

export const makeCopyPoint = (parts: PointParts): ((event: PointEvent) => Promise<Look>) =>
  lookingAtPoint(parts, 'CopyPoint', 'copying the recovery point', async (looked) => {
    const { copies } = await parts.config();
    if (copies.length === 0) return true;
    if (looked.target.engine === 'dynamodb') {
      const { warnings } = looked.draft!;
      if (!warnings.includes(STAYS)) await looked.note({ warnings: [...warnings, STAYS] });
      return true;
    }
    await askForAll(parts, looked, copies);
    const found = [];
    for (const asked of looked.draft!.asked.slice(1)) found.push(await awaited(looked.service, asked, looked.now));
    const points = found.filter((one) => typeof one !== 'string');
    if (points.length < found.length) return found.filter((one) => typeof one === 'string').join(', ');
    await looked.note({ points: [looked.draft!.points[0]!, ...points] });
    return true;
  });

/** Each is noted before it is asked for: a crash in between leaves nothing that nobody knows of. */
async function askForAll(
  parts: PointParts,
  looked: PointLook,
  copies: readonly { readonly region: string; readonly keyArn: string }[],
): Promise<void> {
  const service = renamingServiceOf(parts, looked.target.engine);
  const [own] = looked.draft!.points;
  for (const { region, keyArn } of copies) {
    if (region === own!.region) continue;
    const asked = looked.draft!.asked.find((one) => one.region === region);
    if (asked && (await service.pointState(asked.arn))) continue;
    const arn = inRegion(own!.arn, region);
    if (!asked) await looked.note({ asked: [...looked.draft!.asked, { region, arn, at: looked.now.toISOString() }] });
    await service.copyPoint(own!, { region, keyArn });
  }
}

export const handler = wire.lambda(() =>
  makeCopyPoint({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
