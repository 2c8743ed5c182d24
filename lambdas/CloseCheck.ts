/** What the task saw in the restored server goes into the record; a query that does not hold ends the restore. */
import { NightjarError } from '../core/errors.ts';
import type { NativeEvent } from '../core/payloads.ts';
import { leftBehind, withRecord, type LookParts } from './native/look.ts';
import { outcomeOf } from './shared/outcome.ts';
import * as wire from './shared/wiring.ts';

export const makeCloseCheck =
  (parts: LookParts) =>
  async (event: NativeEvent): Promise<{ queries: number }> => {
    const { record, note } = await withRecord(parts, event);
    const { serverVersion, tables, rows, answers } = await outcomeOf(parts.catalog, 'check', record.restoreId, 1);
    const seen = [
      `The server ${serverVersion} answers; ${rows} rows in ${tables} tables.`,
      ...answers.map(({ query, holds, answer }) => `${holds ? 'Holds' : 'DOES NOT HOLD'}: ${query} (${answer})`),
    ];
    const before = record.native.checks ?? [];
    await note({ checks: [...before.filter((one) => !seen.includes(one)), ...seen] });
    const broken = answers.filter((one) => !one.holds);
    if (broken.length > 0)
      throw new NightjarError('CHECK_FAILED', {
        operation: 'check restored data',
        detail: `${broken.map(({ query, answer }) => `'${query}' answered ${answer}`).join('; ')}. ${leftBehind(record)}`,
      });
    return { queries: answers.length };
  };

export const handler = wire.lambda(() =>
  makeCloseCheck({ catalog: wire.catalog(), config: wire.config(), now: wire.now }),
);
