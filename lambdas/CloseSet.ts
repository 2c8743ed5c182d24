/** The end of a set that came through: one mail that lists every table, and the execution's output. */
import type { SetEvent } from '../core/payloads.ts';
import { toNightjarError } from '../core/errors.ts';
import { setMail } from '../core/set-mail.ts';
import { mailAll } from './native/mail.ts';
import { membersOf } from './native/set-members.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export interface ClosedSet {
  readonly setId: string;
  readonly at: string;
  readonly mode: SetEvent['opened']['mode'];
  readonly restores: readonly { readonly target: string; readonly restoreId: string }[];
  /** What kept the mail back; it did not keep the tables from coming back. */
  readonly mailRefused?: string;
}

export const makeCloseSet =
  (parts: Pick<Parts, 'name' | 'catalog' | 'config' | 'executions' | 'mailer' | 'now'>) =>
  async (event: SetEvent): Promise<ClosedSet> => {
    const { opened } = event;
    const members = await membersOf(parts, event);
    const refused = await mailAll(parts, setMail({ name: parts.name, set: opened, members })).catch(
      (error: unknown) => [toNightjarError(error).message],
    );
    return {
      setId: opened.id,
      at: opened.at,
      mode: opened.mode,
      restores: members.flatMap(({ target, record }) => (record ? [{ target, restoreId: record.restoreId }] : [])),
      ...(refused.length === 0 ? {} : { mailRefused: refused.join('; ') }),
    };
  };

export const handler = wire.lambda(() =>
  makeCloseSet({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    mailer: wire.mailer(),
    now: wire.now,
  }),
);
