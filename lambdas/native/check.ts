/** Which restored servers a task can look into, and as what. */
import type { NativeTarget } from '../../core/config.ts';
import type { DumpEngine } from '../../core/engines.ts';
import type { NativeSettings } from '../../core/native.ts';

/** The engine whose client speaks to what runs in an instance or cluster; undefined when no task does. */
export function checkingEngine({ server }: Pick<NativeSettings, 'server'>): DumpEngine | undefined {
  return server && /^(aurora-)?postgres(ql)?$/.test(server.engine) ? 'postgres' : undefined;
}

export const checkOf = (target: NativeTarget) => (target.engine === 'dynamodb' ? undefined : target.check);
