import { isDumpTarget, type DumpTarget, type Target } from '../../core/config.ts';
import { ENGINES } from '../../core/engines.ts';
import { NightjarError } from '../../core/errors.ts';

/** The target as one that a task can be given. `operation`: what was asked for, such as `open probe`. @throws NightjarError INPUT_INVALID. */
export function asDumpTarget(target: Target, operation: string): DumpTarget {
  if (isDumpTarget(target)) return target;
  throw new NightjarError('INPUT_INVALID', {
    operation,
    detail: `${target.name} is of ${ENGINES[target.engine].label}, which keeps its recovery points itself: no task goes there.`,
  });
}
