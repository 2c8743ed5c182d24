/** One look at one thing. What can't be looked at is a finding too, never a crash. */
import { isDenied } from '../aws-errors.ts';
import type { DoctorFinding } from '../shapes.ts';

export const ok = (about: string, what: string): DoctorFinding => ({ about, level: 'ok', what });
export const warn = (about: string, what: string, hint: string): DoctorFinding => ({
  about,
  level: 'warn',
  what,
  hint,
});
export const bad = (about: string, what: string, hint: string): DoctorFinding => ({ about, level: 'bad', what, hint });

/**
 * Runs a look. `right`: what AWS calls the permission for it. A refusal says nothing about the thing itself, so it is a
 * warning, as is an API that does not answer.
 */
export async function look(
  about: string,
  what: string,
  right: string,
  run: () => Promise<DoctorFinding | DoctorFinding[]>,
): Promise<DoctorFinding[]> {
  try {
    const found = await run();
    return Array.isArray(found) ? found : [found];
  } catch (thrown) {
    return isDenied(thrown)
      ? [warn(about, `${what}: you may not look`, `It takes the right ${right}.`)]
      : [warn(about, `${what}: could not be looked at: ${wordsOf(thrown)}`, `Asked with ${right}.`)];
  }
}

const wordsOf = (thrown: unknown): string =>
  thrown instanceof Error ? [thrown.name, thrown.message].join(': ') : String(thrown);
