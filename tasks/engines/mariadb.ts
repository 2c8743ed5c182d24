/** TODO(helper): replaced before this branch is merged. */
import { NightjarError } from '../../core/errors.ts';
import type { Engine } from '../engine.ts';

const missing = (): Promise<never> =>
  Promise.reject(new NightjarError('UNEXPECTED', { operation: 'mariadb', detail: 'not built' }));
export const mariadb: Engine<'mariadb'> = {
  name: 'mariadb',
  probe: missing,
  dump: missing,
  restore: missing,
  rollback: missing,
  drop: missing,
  check: missing,
};
