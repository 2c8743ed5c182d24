/** The end of a set that broke: says by mail and in the execution's cause who serves which moment, and what to type. */
import { failure, toNightjarError, type Failure } from '../core/errors.ts';
import type { FailedStep, FailSetEvent } from '../core/payloads.ts';
import { setMail } from '../core/set-mail.ts';
import { isMixed, memberLine, setCommands, type SeenMember } from '../core/set-view.ts';
import { failureOfCatch } from '../core/task-failure.ts';
import { mailAll } from './native/mail.ts';
import { membersOf } from './native/set-members.ts';
import { causeOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeFailSet =
  (parts: Pick<Parts, 'name' | 'catalog' | 'config' | 'executions' | 'mailer' | 'now'>) =>
  async (event: FailSetEvent): Promise<FailedStep> => {
    const { opened } = event;
    const seen = failureOf(event);
    // Refused before anything was begun: whoever started it is told, and nobody is woken.
    if (!opened || !event.started) return { code: seen.code, cause: causeOf(seen, 'Nothing was touched.') };
    const members = await membersOf(parts, event);
    const what = ofMembers(seen, members);
    const { finish, takeBack } = setCommands(opened, members);
    const unmailed = await mailAll(parts, setMail({ name: parts.name, set: opened, members, failure: what })).catch(
      (error: unknown) => [toNightjarError(error).message],
    );
    return {
      code: what.code,
      cause: causeOf(
        what,
        ...members.map((one) => memberLine(one, opened)),
        `To start it again: ${finish}.`,
        ...(takeBack.length === 0 ? [] : [`To take back what was swapped: ${takeBack.join('; ')}.`]),
        ...unmailed,
      ),
    };
  };

function failureOf({ failure: caught, opened }: FailSetEvent): Failure {
  if (caught.Error === 'States.Timeout' && opened?.approve)
    return failure('APPROVAL_DENIED', { operation: 'wait for approval', detail: 'Nobody answered in time.' });
  return failureOfCatch(caught);
}

/** The worst comes first: a mixture of moments, whatever it was that brought it. */
function ofMembers(seen: Failure, members: readonly SeenMember[]): Failure {
  if (!isMixed(members)) return seen;
  const words =
    seen.code === 'SET_STOPPED' ? seen.detail : [seen.code, seen.message, seen.detail].filter(Boolean).join(' ');
  return failure('SET_MIXED', { operation: 'swap set', ...(words === undefined ? {} : { detail: words }) });
}

export const handler = wire.lambda(() =>
  makeFailSet({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    mailer: wire.mailer(),
    now: wire.now,
  }),
);
