/** The outage begins: the original steps aside under the name by which it is kept. */
import type { RenamingService } from '../core/native.ts';
import { isNativeRecord, type NativeRecord } from '../core/serving.ts';
import { looking, type LookParts } from './native/look.ts';
import { giveName, originalOf, restoredOf, whereIs } from './native/names.ts';
import { renamingServiceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = LookParts & Pick<Parts, 'services'>;

export const makeRenameOriginal = (parts: Needs) =>
  looking(parts, 'RenameOriginal', async ({ record, target, note }) => {
    const { native } = record;
    const original = originalOf(native);
    if (!original || native.oldName === undefined) return true;
    // Before it is asked: whoever reads the record after a crash must expect the worst.
    if (native.serving !== 'nothing') await note({ serving: 'nothing' });
    const service = renamingServiceOf(parts, target.engine);
    if (!(await giveName(service, original, { to: native.oldName, serves: false }))) return false;
    return earlierAside(parts, service, record);
  });

/**
 * An original that was set aside before: what that broken swap had restored may have come to the name meanwhile, or some of
 * its members to those of the original's. It goes back to its own alias.
 */
async function earlierAside({ catalog }: Needs, service: RenamingService, record: NativeRecord): Promise<boolean> {
  const { restoreId, target, native } = record;
  const earlier = (await catalog.listRestores({ target })).find(
    (one) => one.restoreId !== restoreId && one.native?.oldName === native.oldName,
  );
  if (!isNativeRecord(earlier)) return true;
  const restored = restoredOf(earlier.native, earlier.restoreId);
  if (!restored || !(await whereIs(service, restored))) return true;
  return giveName(service, restored, { to: earlier.native.alias, serves: false });
}

export const handler = wire.lambda(() =>
  makeRenameOriginal({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
