/** Which service a native engine's databases are asked of. */
import type { NativeEngine } from '../../core/engines.ts';
import { NightjarError } from '../../core/errors.ts';
import type { NativeService, RenamingService, TableService } from '../../core/native.ts';
import type { Parts } from '../shared/parts.ts';

/** Each is made at its first use. */
export interface Services {
  readonly rds: RenamingService;
  readonly aurora: RenamingService;
  readonly dynamodb: TableService;
}

export const serviceOf = (parts: Pick<Parts, 'services'>, engine: NativeEngine): NativeService =>
  parts.services[engine];

/** @throws NightjarError INPUT_INVALID for a table: it has one name for life. */
export function renamingServiceOf(parts: Pick<Parts, 'services'>, engine: NativeEngine): RenamingService {
  if (engine !== 'dynamodb') return parts.services[engine];
  throw new NightjarError('INPUT_INVALID', { operation: 'find service', detail: 'A table can not be renamed.' });
}
