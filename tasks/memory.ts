/** What streams have left behind in this process, given back to the task: its memory has a limit. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/**
 * Collects garbage at once. Buffers that were handed on lie outside of V8's heap, which sees no need to look for them while
 * nothing is allocated: a task that only waits for its child would keep tens of MiB for nothing.
 */
export function giveBack(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect();
}
