/** From the tool into the vault: one archive, or one for each database of a server. */
import type { TablePrint } from '../../../core/backup.ts';
import type { DumpSink } from '../../engine.ts';
import { packedFile, writePacked } from '../../pipes/packing.ts';
import { archiveOutlet, type Outlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import { viewArgs, type DatabasePlan, type DumpPlan } from './dump-plan.ts';
import { dumped, snapshotOpen, toolOutput } from './dump-tool.ts';
import { printTables, withSigns } from './fingerprint.ts';
import type { Hold } from './hold.ts';
import { DumpReader, type DumpContents } from './read-through.ts';
import type { Server, Session } from './server.ts';
import { bodyOf, cut, shaped } from './shape.ts';

export interface WrittenPart {
  readonly database: string;
  readonly contents: DumpContents;
}

export interface Written {
  /** In the order of the plan. */
  readonly parts: readonly WrittenPart[];
  /** What was counted beside the dump, by database; undefined where it could not be. */
  readonly prints: ReadonlyMap<string, readonly TablePrint[]> | undefined;
  /** Whether nobody could write between the hold and the tool's snapshot. */
  readonly ofTheHold: boolean;
}

/** By database. Empty of one alone, whose views are in its dump. */
export type Views = ReadonlyMap<string, Buffer>;

export interface Beside {
  readonly hold: Hold | undefined;
  readonly witness: Session | undefined;
  readonly views: Views;
}

export async function readViews(server: Server, plan: DumpPlan, signal: AbortSignal): Promise<Views> {
  const found = new Map<string, Buffer>();
  if (server.context.target.scope?.dataOnly) return found;
  for (const one of plan.databases)
    if (one.views.length > 0) found.set(one.database, bodyOf(await toolOutput(server, viewArgs(one), signal)));
  return found;
}

const SLOW = 'The dump did not begin for long, so writers were let go on before it did.';
const ENDED = 'Somebody ended the session that kept writers waiting until the dump had begun.';
const LEFT_OUT =
  'The rows were counted in the dump only, not beside it, and the position of the binary log is left out, which would be too old.';

/** `decide`: before the last archive is ended; throws what makes it none. */
export async function writeArchives<T>(
  server: Server,
  plan: DumpPlan,
  sink: DumpSink,
  { hold, witness, views }: Beside,
  own: AbortController,
  signal: AbortSignal,
  decide: (written: Written) => Promise<T>,
): Promise<T & { written: Written }> {
  const { report } = server.context;
  const dumper = server.start('mariadb-dump', plan.args, { signal, stdout: 'pipe' });
  const ended = dumped(dumper, signal);
  const counting = snapshotOpen(dumper, ended).then(async (open) => {
    // What a snapshot does not cover stays locked to the end.
    const ofTheHold = hold !== undefined && (plan.unsafe || (open && (await hold.held())));
    if (!plan.unsafe) await hold?.release();
    if (hold && !ofTheHold) report.warn(`${open ? ENDED : SLOW} ${LEFT_OUT}`);
    const prints = ofTheHold && witness ? await withSigns(report, count(server, witness, plan)) : undefined;
    return { ofTheHold, prints };
  });
  const archives = new Archives(server, sink, own, signal);
  const writing = plan.whole
    ? Promise.all([
        cut(dumper.stdout!, partsOf(plan, views), (part, stream) => archives.whole(part.database, stream)),
        ended,
      ])
    : archives.write(plan.databases[0]!.database, shaped(dumper.stdout!, plan.databases[0]!.generated), ended);
  const both = Promise.all([writing, counting]);
  both.catch(() => undefined);
  const [, counted] = await together(own, [
    writing,
    counting,
    ended,
    ...(hold && plan.unsafe ? [Promise.race([hold.lost, both])] : []),
  ]);
  const written = { parts: archives.parts, ...counted };
  const decided = await decide(written);
  await archives.end();
  return { ...decided, written };
}

const partsOf = ({ databases }: DumpPlan, views: Views) =>
  databases.map(({ database, generated }) => ({ database, generated, views: views.get(database) ?? Buffer.alloc(0) }));

async function count(
  { context: { target, report } }: Server,
  witness: Session,
  { databases }: DumpPlan,
): Promise<Written['prints']> {
  const prints = new Map<string, readonly TablePrint[]>();
  for (const { database, data } of databases)
    prints.set(database, await printTables(witness, database, data, target.fingerprint, report));
  return prints;
}

class Archives {
  readonly parts: WrittenPart[] = [];
  readonly #server: Server;
  readonly #sink: DumpSink;
  readonly #own: AbortController;
  readonly #signal: AbortSignal;
  #open: Outlet | undefined;

  constructor(server: Server, sink: DumpSink, own: AbortController, signal: AbortSignal) {
    this.#server = server;
    this.#sink = sink;
    this.#own = own;
    this.#signal = signal;
  }

  /** One of several: with its end. Its number tells it apart, for not every name can be a file's. */
  async whole(database: DatabasePlan['database'], text: ReturnType<typeof shaped>): Promise<void> {
    await this.write(database, text, Promise.resolve(), {
      file: `archive-${String(this.parts.length + 1).padStart(4, '0')}.sql`,
      of: database,
    });
    await this.end();
  }

  /** All but its end. */
  async write(
    database: string,
    text: ReturnType<typeof shaped>,
    ended: Promise<unknown>,
    { file, of }: { file: string; of?: string } = { file: 'archive.sql' },
  ): Promise<void> {
    const { compression } = this.#server.context.target;
    const outlet = archiveOutlet(this.#sink, {
      file: packedFile(file, compression),
      database: of,
      signal: this.#signal,
    });
    this.#open = outlet;
    const reader = new DumpReader();
    await writePacked(text, {
      compression,
      sink: outlet,
      reader,
      ended,
      own: this.#own,
      signal: this.#signal,
      env: this.#server.environment(),
      moved: (bytes) => this.#server.context.report.moved(bytes),
    });
    this.parts.push({ database, contents: reader.contents });
  }

  /** Of the one that is open. */
  async end(): Promise<void> {
    await this.#open?.end();
    this.#open = undefined;
  }
}
