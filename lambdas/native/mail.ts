/** One mail to everybody who gets the reports. */
import { NightjarError, toNightjarError } from '../../core/errors.ts';
import type { Mail } from '../../core/report.ts';
import type { Parts } from '../shared/parts.ts';

/**
 * Answers with the addresses that were refused, each with SES's words.
 * @throws NightjarError MAIL_REFUSED when nobody got it.
 */
export async function mailAll(parts: Pick<Parts, 'config' | 'mailer'>, mail: Mail): Promise<string[]> {
  const { from, to } = (await parts.config()).mail;
  const refusals: string[] = [];
  for (const address of to) {
    try {
      await parts.mailer.send(from, address, mail);
    } catch (error) {
      refusals.push(`${address}: ${toNightjarError(error).detail ?? ''}`);
    }
  }
  if (refusals.length < to.length) return refusals;
  throw new NightjarError('MAIL_REFUSED', { operation: 'send mail', detail: refusals.join('; ') });
}
