/** Keeps what was read as a secret out of everything that people or records get to see. */
import type { Failure } from '../core/errors.ts';

export class Secrecy {
  readonly #secrets = new Set<string>();

  /** From now on this never appears, nor in the forms that connection strings and JSON give it. */
  learn(secret: string): void {
    if (secret === '') return;
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
      this.#secrets.add(form);
  }

  scrub(text: string): string {
    let clean = text;
    // The longest first: one secret may begin with another.
    for (const secret of [...this.#secrets].sort((a, b) => b.length - a.length))
      clean = clean.replaceAll(secret, '***');
    return clean;
  }

  scrubFailure(failure: Failure): Failure {
    return {
      ...failure,
      ...(failure.operation === undefined ? {} : { operation: this.scrub(failure.operation) }),
      ...(failure.detail === undefined ? {} : { detail: this.scrub(failure.detail) }),
    };
  }
}
