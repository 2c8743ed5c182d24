/** Which restored servers a task can look into, and as what. */
import type { NativeTarget } from '../../core/config.ts';
import { DUMP_ENGINES, ENGINES, type DumpEngine } from '../../core/engines.ts';
import type { NativeSettings } from '../../core/native.ts';

/** The engine whose client speaks to what runs in an instance or cluster; undefined when no task does. */
export function checkingEngine({ server }: Pick<NativeSettings, 'server'>): DumpEngine | undefined {
  return DUMP_ENGINES.find((name) => {
    const engine = ENGINES[name];
    const names: readonly string[] = 'rdsNames' in engine ? engine.rdsNames : [];
    return server !== undefined && names.includes(server.engine);
  });
}

export const checkOf = (target: NativeTarget) => (target.engine === 'dynamodb' ? undefined : target.check);
