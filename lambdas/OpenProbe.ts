/**
 * Opens a probe: a task that looks at a target from where its backups run, or at its identity with the rights of its
 * restores. It reads, so it takes no lock.
 */
import { targetNamed } from '../core/config.ts';
import { idOfExecution } from '../core/ids.ts';
import { parseInput, probeInputSchema, type OpenEvent, type OpenedTask, type ProbeInput } from '../core/payloads.ts';
import { asDumpTarget } from './shared/dump-target.ts';
import type { Parts } from './shared/parts.ts';
import { taskRequestOf } from './shared/task-request.ts';
import * as wire from './shared/wiring.ts';

export const makeOpenProbe =
  (parts: Pick<Parts, 'config' | 'madeNetwork'>) =>
  async (event: OpenEvent<ProbeInput>): Promise<OpenedTask> => {
    const input = parseInput(probeInputSchema, event.input);
    const config = await parts.config();
    const target = asDumpTarget(targetNamed(config, input.target), 'open probe');
    const id = idOfExecution(event.executionArn, event.startedAt);
    const task = taskRequestOf(
      config,
      target,
      { kind: input.of === 'identity' ? 'identity' : 'probe', id, target, idleMinutes: config.limits.idleMinutes },
      parts.madeNetwork,
    );
    return { id, target: target.name, attempt: 1, task };
  };

export const handler = wire.lambda(() => makeOpenProbe({ config: wire.config(), madeNetwork: wire.madeNetwork() }));
