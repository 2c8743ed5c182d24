/** The outage begins: the original steps aside under the name by which it is kept. */
import { looking, type LookParts } from './native/look.ts';
import { giveName, originalOf } from './native/names.ts';
import { renamingServiceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeRenameOriginal = (parts: LookParts & Pick<Parts, 'services'>) =>
  looking(parts, 'RenameOriginal', async ({ record, target, note }) => {
    const { native } = record;
    const original = originalOf(native);
    if (!original || native.oldName === undefined) return true;
    // Before it is asked: whoever reads the record after a crash must expect the worst.
    if (native.serving !== 'nothing') await note({ serving: 'nothing' });
    return giveName(renamingServiceOf(parts, target.engine), original, { to: native.oldName, serves: false });
  });

export const handler = wire.lambda(() =>
  makeRenameOriginal({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
