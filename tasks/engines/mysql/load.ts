/** An archive into a database of our own making: streamed through the client, which hears of nothing that is not wanted. */
import { NightjarError, wordsOf } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import { unpacked } from '../../pipes/packing.ts';
import { childOutlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import type { RunningProcess } from '../../processes.ts';
import { DumpLexer } from './dump-lexer.ts';
import { names } from './dump-plan.ts';
import { toolError } from './errors.ts';
import { withSigns } from './fingerprint.ts';
import { leaveForLater } from './late-views.ts';
import { select, type Selected } from './selection.ts';
import { within, type Server } from './server.ts';
import { folds, listMovable } from './tables.ts';
import { feedText, HeldViews, inFinalWords, makeViews, toldMissing, type RunClient } from './views.ts';

export const CLIENT_ARGS = [
  '--batch',
  // Bytes are bytes, and of the client's own commands only DELIMITER is one.
  '--binary-mode',
  // Else comments in the bodies of routines would be lost.
  '--comments',
  '--max-allowed-packet=1G',
];

/** @throws RESTORE_FAILED, CHECKSUM_MISMATCH …; what was loaded by then is the caller's to drop. */
export async function load(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  place: string,
  translate?: (text: string) => string,
): Promise<Selected> {
  const { report } = server.context;
  const own = new AbortController();
  const signal = AbortSignal.any([server.context.signal, own.signal]);
  report.expect(source.manifest.archive.bytes);
  const { database } = source.manifest.source;
  const renaming = {
    from: database,
    to: place,
    anyCase: await within(server, folds),
    quoted: database !== job.database,
  };
  const selected = select(job, renaming, translate);
  const views = new HeldViews();
  const start = (...more: string[]): RunningProcess =>
    server.start('mariadb', [...CLIENT_ARGS, ...more, `--database=${place}`], { signal, stdin: 'pipe' });
  const client = start();
  const ended = client.done.then((end) => {
    if (end.code === 0) return;
    server.context.signal.throwIfAborted();
    throw toolError('mariadb', end, 'RESTORE_FAILED');
  });
  ended.catch(() => undefined);
  const feeding = feed(server, source, selected, views, childOutlet(client.stdin!), ended, signal);
  await withSigns(report, together(own, [feeding, ended]));
  await refuseMissing(server, place, selected);
  const run: RunClient = (text, force) => feedText(start(...(force ? ['--force'] : [])), text);
  const left = await withSigns(report, makeViews(server, place, views.all, run));
  for (const one of left.map((each) => inFinalWords(each, place, job.database))) {
    if (job.allDatabases) await leaveForLater(server, job.id, job.database, one.view);
    report.warn(
      toldMissing(one, job.database, job.allDatabases ? 'It is tried once more when all databases are back. ' : ''),
    );
  }
  if (database !== job.database && selected.doubts.length > 0)
    report.warn(
      `These may still read ${database}, the database of the backup, instead of ${job.database}. Look at each: ${names(selected.doubts)}.`,
    );
  return selected;
}

async function feed(
  server: Server,
  source: RestoreSource,
  selected: Selected,
  views: HeldViews,
  outlet: ReturnType<typeof childOutlet>,
  ended: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { report } = server.context;
  const wanted: Buffer[] = [];
  const lexer = new DumpLexer({
    ...selected.handler,
    statement: (text, delimiter) => views.take(selected.handler.statement(text, delimiter)),
    pass: (bytes) => void wanted.push(bytes),
  });
  const { stream, done } = unpacked(source.openArchive(), source.manifest.compression, {
    env: server.environment(),
    signal,
    moved: (bytes) => report.moved(bytes),
  });
  let open = true;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      lexer.push(chunk);
      for (const part of wanted.splice(0)) open = await outlet.write(part);
      // Its own last words say why.
      if (!open) break;
    }
    if (!open) {
      await ended;
      throw new NightjarError('RESTORE_FAILED', {
        operation: 'mariadb',
        detail: 'It ended with 0 before the archive’s end.',
      });
    }
    await done;
    lexer.end();
  } catch (thrown) {
    // What broke the archive is why the rest does not fit together.
    await done;
    if (thrown instanceof NightjarError) throw thrown;
    signal.throwIfAborted();
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'read the archive',
      detail: wordsOf(thrown),
      cause: thrown,
    });
  }
  if (!selected.completed())
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'read the archive',
      detail: 'The archive’s last line is not the one that mariadb-dump writes when all is well.',
    });
  // The client commits as it goes, but nobody knows this database yet.
  await outlet.end();
}

/** Also a client that did nothing and said so with 0. */
async function refuseMissing(server: Server, place: string, { created }: Selected): Promise<void> {
  const there = new Set(await within(server, (session) => listMovable(session, place)));
  const missing = [...created].filter((table) => !there.has(table));
  if (missing.length > 0)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'mariadb',
      detail: `It ended with 0, and these tables are not there: ${names(missing)}.`,
    });
}
