/**
 * Views come last, each by itself: one that reads what is not there (another database, a function that is gone) is told, and costs
 * nobody the rows. Their bytes are of the charset that each was written under, so it is the client that makes them.
 */
import { NightjarError } from '../../../core/errors.ts';
import { childOutlet } from '../../pipes/pipes.ts';
import type { ProcessEnd } from '../../processes.ts';
import { statementOf } from './dump-statements.ts';
import { toolError, toolNumber } from './errors.ts';
import { withOwnName } from './own-name.ts';
import { within, type Server } from './server.ts';
import { listViews } from './tables.ts';
import { textOf, tokensOf } from './tokens.ts';

export interface HeldView {
  readonly name: string;
  /** Its definition with the settings that it needs. Latin-1. */
  readonly text: string;
  /** Its definition alone. */
  readonly sql: string;
}

/** What it reads is not there: database, column, table, function, what lies behind a view, or a right on one of them. */
export const UNREADABLE: readonly number[] = [1049, 1054, 1142, 1143, 1146, 1305, 1356, 1370];
const SETTING = /^\s*\/\*!\d+ SET (character_set_client|character_set_results|collation_connection)\s*= *(?!@)/;

/** Takes the views out of what goes to the client. */
export class HeldViews {
  readonly all: HeldView[] = [];
  readonly #settings = new Map<string, string>();

  /** What the client is to hear of the statement now. */
  take(text: string): string {
    const { kind, name } = statementOf(text);
    const setting = kind === 'setting' ? SETTING.exec(text)?.[1] : undefined;
    if (setting !== undefined) this.#settings.set(setting, text);
    // Nobody waits for a view that is not there yet: those that do are tried again.
    if (kind === 'placeholder') return '';
    if (kind !== 'view') return text;
    if (/^\s*\/\*!50001 CREATE /.test(text))
      this.all.push({ name: name!, text: `${[...this.#settings.values()].join('')}${text}\n`, sql: text });
    return '';
  }
}

/**
 * Makes them, those that read others after those. What can't be made is warned of, with the statement as it is for `final`, the
 * name that the database gets.
 *
 * @throws RESTORE_FAILED, PRIVILEGE_MISSING, CONNECTION_LOST for anything but a view that reads what is not there.
 */
export async function makeViews(
  server: Server,
  place: string,
  final: string,
  held: readonly HeldView[],
  run: (text: string, force: boolean) => Promise<ProcessEnd>,
): Promise<void> {
  let waiting = held;
  while (waiting.length > 0) {
    const before = waiting.length;
    await run(waiting.map((one) => one.text).join(''), true);
    server.context.signal.throwIfAborted();
    const there = new Set(await within(server, (session) => listViews(session, place)));
    waiting = waiting.filter((one) => !there.has(one.name));
    if (waiting.length === before) break;
  }
  for (const one of waiting) {
    const end = await run(one.text, false);
    server.context.signal.throwIfAborted();
    if (end.code === 0)
      throw new NightjarError('RESTORE_FAILED', {
        operation: 'mariadb',
        detail: `It ended with 0, and the view ${one.name} is not there.`,
      });
    const number = toolNumber(end);
    if (number === undefined || !UNREADABLE.includes(number)) throw toolError('mariadb', end, 'RESTORE_FAILED');
    const sql = plain(withOwnName(one.sql, { from: place, to: final, anyCase: false }, { typed: false }).text);
    server.context.report.warn(
      `The view ${one.name} is missing in ${final}, all else is there: ${saidBy(end).replaceAll(place, final)} When what it reads is there: ${sql}`,
    );
  }
}

/** The client repeats the statement besides. */
const saidBy = ({ stderr }: ProcessEnd): string => `${(/^ERROR .*$/m.exec(stderr)?.[0] ?? stderr).trim()}.`;

/** Without the comments that only newer servers read. */
function plain(sql: string): string {
  const tokens = tokensOf(sql.trim()).filter((one) => one.kind !== 'open' && one.kind !== 'close');
  return Buffer.from(textOf(tokens), 'latin1').toString('utf8').replace(/\s+/g, ' ').trim();
}

/** Feeds a client that commits as it goes. */
export async function feedText(client: ReturnType<Server['start']>, text: string): Promise<ProcessEnd> {
  const outlet = childOutlet(client.stdin!);
  await outlet.write(Buffer.from(text, 'latin1'));
  await outlet.end();
  return client.done;
}
