/** What a command answers: one JSON object, the same in words, and an exit status. */
import { ERRORS, EXIT, type Failure, type NightjarError } from '../core/errors.ts';
import { fields, type Paint } from './format.ts';

export interface Outcome<J extends object = object> {
  readonly json: J;
  readonly text: readonly string[];
  readonly exit: number;
}

/** Ctrl-C while following, as shells number it. */
export const EXIT_INTERRUPTED = 130;

export const exitOf = (failure: Failure): number => ERRORS[failure.code].exitCode;

/** A failure as it is printed: what happened, its own words, what to do. */
export function failureLines(
  failure: Failure,
  paint: Paint,
  more: readonly (readonly [string, string])[] = [],
): string[] {
  return fields([
    [paint('red', failure.code), failure.message],
    ['detail', failure.detail?.trim()],
    ['doing', failure.operation],
    ...more,
    ['next', failure.hint],
    ['more', `docs/runbook.md, section ${failure.code}`],
  ]);
}

/** The outcome of a command that could not do its work. */
export function failedOutcome(command: string, error: NightjarError, paint: Paint): Outcome {
  const failure = error.toFailure();
  const exit = exitOf(failure) || EXIT.failed;
  return { json: { command, ok: false, exitCode: exit, failure }, text: failureLines(failure, paint), exit };
}
