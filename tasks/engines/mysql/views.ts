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

/** A view that reads what is not there. */
export interface LeftView {
  readonly view: HeldView;
  /** In the server's words. */
  readonly why: string;
}

export type RunClient = (text: string, force: boolean) => Promise<ProcessEnd>;

/**
 * Makes them, those that read others after those. Resolves with what can't be made.
 *
 * @throws RESTORE_FAILED, PRIVILEGE_MISSING, CONNECTION_LOST for anything but a view that reads what is not there.
 */
export async function makeViews(
  server: Server,
  place: string,
  held: readonly HeldView[],
  run: RunClient,
): Promise<LeftView[]> {
  let waiting = held;
  while (waiting.length > 0) {
    const before = waiting.length;
    await run(waiting.map((one) => one.text).join(''), true);
    server.context.signal.throwIfAborted();
    const there = new Set(await within(server, (session) => listViews(session, place)));
    waiting = waiting.filter((one) => !there.has(one.name));
    if (waiting.length === before) break;
  }
  const left: LeftView[] = [];
  for (const view of waiting) {
    const end = await run(view.text, false);
    server.context.signal.throwIfAborted();
    if (end.code === 0)
      throw new NightjarError('RESTORE_FAILED', {
        operation: 'mariadb',
        detail: `It ended with 0, and the view ${view.name} is not there.`,
      });
    const number = toolNumber(end);
    if (number === undefined || !UNREADABLE.includes(number)) throw toolError('mariadb', end, 'RESTORE_FAILED');
    left.push({ view, why: saidBy(end) });
  }
  return left;
}

/** In the words of the name that the database gets. */
export function inFinalWords({ view, why }: LeftView, place: string, final: string): LeftView {
  const own = (text: string): string =>
    withOwnName(text, { from: place, to: final, anyCase: false }, { typed: false }).text;
  return {
    view: { name: view.name, text: own(view.text), sql: own(view.sql) },
    why: why.replaceAll(place, final),
  };
}

export const toldMissing = ({ view, why }: LeftView, database: string, hope = ''): string =>
  `The view ${view.name} is missing in ${database}, all else is there: ${why} ${hope}When what it reads is there: ${plain(view.sql)}`;

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
