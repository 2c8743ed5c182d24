/** RUNNING → FAILED, and which place serves now. */
import { restoreInputSchema, type FailEvent, type FailedStep, type RestoreInput } from '../core/payloads.ts';
import { closeFailedRestore } from './shared/failed-restore.ts';
import { causeOf, failureOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { safetyBackupIn, type SafetyResult } from './shared/safety.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'name' | 'catalog' | 'tasks' | 'events' | 'now'>;
export type FailRestoreEvent = FailEvent<RestoreInput> & { readonly safety?: SafetyResult };

export const makeFailRestore =
  (parts: Needs) =>
  async (event: FailRestoreEvent): Promise<FailedStep> => {
    const failure = await failureOf(parts.catalog, event.failure, event.opened);
    const input = restoreInputSchema.safeParse(event.input);
    const safetyBackupId = safetyBackupIn(event.safety);
    const { serving } = await closeFailedRestore(parts, {
      execution: event,
      destination: event.opened?.target ?? (input.success ? (input.data.destination ?? input.data.target) : undefined),
      failure,
      tellAgain: true,
      ...(event.opened === undefined ? {} : { attempt: event.opened.attempt }),
      ...(safetyBackupId === undefined ? {} : { safetyBackupId }),
    });
    return { code: failure.code, cause: causeOf(failure, serving) };
  };

export const handler = wire.lambda(() =>
  makeFailRestore({
    name: wire.name(),
    catalog: wire.catalog(),
    tasks: wire.tasks(),
    events: wire.events(),
    now: wire.now,
  }),
);
