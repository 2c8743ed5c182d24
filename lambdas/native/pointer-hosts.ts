/** Whoever finds a server by a secret is told of once another one serves. What does not work takes nothing back: it is a sentence. */
import { toNightjarError } from '../../core/errors.ts';
import { secretHosts, type Replacing } from '../../services/secret-hosts.ts';
import type { Parts } from '../shared/parts.ts';
import type { Looked } from './look.ts';

/** Notes the hosts that are right among the checks, and answers with what a person must look at. */
export async function tellHosts(
  parts: Pick<Parts, 'config' | 'pointers'>,
  { record, target, note }: Looked,
  replacing: Replacing,
): Promise<string[]> {
  const { right, wrong } = await secretHosts(parts.pointers, await parts.config(), target, replacing);
  const checks = record.native.checks ?? [];
  if (right.length > 0) await note({ checks: [...checks.filter((one) => !right.includes(one)), ...right] });
  return [...wrong];
}

/** What the work says, or that it could not be done, with the error's own words. */
export async function orSaid(what: string, work: () => Promise<string[]>): Promise<string[]> {
  try {
    return await work();
  } catch (error) {
    const { message, detail } = toNightjarError(error);
    return [[`${what}: ${message}`, ...(detail ? [detail] : [])].join(' ')];
  }
}
