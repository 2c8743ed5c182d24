/** Mode `pointer`: what the application reads to find its database now says the restored one. */
import { NightjarError } from '../core/errors.ts';
import type { NativeEvent } from '../core/payloads.ts';
import { placeOf } from '../services/pointer.ts';
import { withRecord, type LookParts } from './native/look.ts';
import { serviceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeSwitchPointer =
  (parts: LookParts & Pick<Parts, 'services' | 'pointers'>) =>
  async (event: NativeEvent): Promise<{ says: string }> => {
    const { record, target, note } = await withRecord(parts, event);
    const { native } = record;
    if (!target.pointer)
      throw new NightjarError('POINTER_FAILED', {
        operation: 'switch pointer',
        detail: `${target.name} has no pointer in the config any more; ${native.alias} is ready beside the original.`,
      });
    const where = placeOf(target.pointer);
    // Noted before it is switched: a repetition must not take the new value for the old one.
    const pointer = native.pointer ?? {
      where,
      before: await parts.pointers.read(target.pointer),
      after: await restoredName(parts, target.engine, native.alias),
      switched: false,
    };
    if (!native.pointer) await note({ pointer });
    await parts.pointers.change(target.pointer, pointer.before, pointer.after);
    await note({ pointer: { ...pointer, switched: true }, serving: 'restored' });
    return { says: pointer.after };
  };

/** A table's name, or a server's host. */
async function restoredName(
  parts: Pick<Parts, 'services'>,
  engine: Parameters<typeof serviceOf>[1],
  alias: string,
): Promise<string> {
  const found = await serviceOf(parts, engine).read(alias);
  const name = engine === 'dynamodb' ? found?.settings.name : found?.endpoint;
  if (found?.state === 'ready' && name !== undefined) return name;
  throw new NightjarError('ALIAS_FAILED', {
    operation: 'switch pointer',
    detail: `${alias} is ${found ? `'${found.stateWord}'` : 'gone'}; the pointer was left alone.`,
  });
}

export const handler = wire.lambda(() =>
  makeSwitchPointer({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    pointers: wire.pointers(),
    now: wire.now,
  }),
);
