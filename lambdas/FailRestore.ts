/** RUNNING → FAILED, and which place serves now. */
import { restoreInputSchema, type FailEvent, type FailedStep, type RestoreInput } from '../core/payloads.ts';
import { deniedWhenUnanswered, denialIn, mailFailed } from './native/fail.ts';
import { closeFailedRestore } from './shared/failed-restore.ts';
import { causeOf, failureOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { safetyBackupIn, type SafetyResult } from './shared/safety.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<
  Parts,
  'name' | 'catalog' | 'config' | 'tasks' | 'services' | 'pointers' | 'events' | 'mailer' | 'now'
>;
export type FailRestoreEvent = FailEvent<RestoreInput> & { readonly safety?: SafetyResult };

export const makeFailRestore =
  (parts: Needs) =>
  async (event: FailRestoreEvent): Promise<FailedStep> => {
    const seen = await failureOf(parts.catalog, event.failure, event.opened);
    const failure = await deniedWhenUnanswered(parts.catalog, event.opened?.id, event.failure, seen);
    const input = restoreInputSchema.safeParse(event.input);
    const safetyBackupId = safetyBackupIn(event.safety);
    const denied = denialIn(event.failure);
    const closed = await closeFailedRestore(parts, {
      execution: event,
      destination: input.success ? (input.data.destination ?? input.data.target) : undefined,
      failure,
      tellAgain: true,
      ...(event.opened?.attempt === undefined ? {} : { attempt: event.opened.attempt }),
      ...(safetyBackupId === undefined ? {} : { safetyBackupId }),
      ...(denied === undefined ? {} : { denied }),
    });
    const unmailed = await mailFailed(parts, closed);
    return { code: failure.code, cause: causeOf(failure, closed.serving, ...unmailed) };
  };

export const handler = wire.lambda(() =>
  makeFailRestore({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    tasks: wire.tasks(),
    services: wire.services(),
    pointers: wire.pointers(),
    events: wire.events(),
    mailer: wire.mailer(),
    now: wire.now,
  }),
);
