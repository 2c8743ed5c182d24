/** A swap broke: whatever was reached, the original goes under its name again, and the restored one under its alias. */
import { looking, type LookParts } from './native/look.ts';
import { renamingServiceOf } from './native/services.ts';
import { originalToItsName } from './native/settling.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makePutNamesBack = (parts: LookParts & Pick<Parts, 'services'>) =>
  looking(parts, 'PutNamesBack', (looked) =>
    originalToItsName(renamingServiceOf(parts, looked.target.engine), looked, looked.record.native.alias),
  );

export const handler = wire.lambda(() =>
  makePutNamesBack({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
