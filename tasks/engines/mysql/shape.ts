/** A dump on its way from the tool to the archive, or to the archives of several databases. */
import { PassThrough, Readable } from 'node:stream';
import { NightjarError, wordsOf } from '../../../core/errors.ts';
import { strictOutlet, type Outlet } from '../../pipes/pipes.ts';
import { DumpSections, tailFor, type Generated } from './dump-sections.ts';

const AHEAD = 1024 * 1024;

const unreadable = (detail: string, cause?: unknown): NightjarError =>
  new NightjarError('READ_THROUGH_FAILED', { operation: 'read the dump', detail, cause });

function read(work: () => void): void {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof NightjarError) throw thrown;
    throw unreadable(wordsOf(thrown), thrown);
  }
}

/** Of one database: as it is stored. */
export function shaped(from: Readable, generated: Generated): Readable {
  const pieces: Buffer[] = [];
  let begun = false;
  const begin = (): void => {
    if (!begun && sections.head !== '') pieces.push(Buffer.from(sections.head, 'latin1'));
    begun = true;
  };
  const sections = new DumpSections({
    use: (database) => {
      throw new Error(`It goes on with another database, ${database}.`);
    },
    body(bytes) {
      begin();
      pieces.push(bytes);
    },
    generated: () => generated,
  });
  const taken = (): Buffer => Buffer.concat(pieces.splice(0));
  return Readable.from(
    (async function* () {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        read(() => sections.push(chunk));
        if (pieces.length > 0) yield taken();
      }
      sections.end();
      begin();
      pieces.push(Buffer.from(sections.tail, 'latin1'));
      const rest = taken();
      if (rest.length > 0) yield rest;
    })(),
    { objectMode: false, highWaterMark: AHEAD },
  );
}

export interface Part {
  readonly database: string;
  readonly generated: Generated;
  /** Definitions of its views, as a dump of their own has them between head and tail. */
  readonly views: Buffer;
}

/**
 * Cuts a dump of several databases where it says that the next one follows, so that each part is as if it had been dumped alone.
 * `write` takes a part to its end before the next one begins. Nothing but the tool's own `USE` of the very database that was
 * asked for next is a cut; any other is an error.
 *
 * @throws READ_THROUGH_FAILED for what is not as it should be; what `write` throws.
 */
export async function cut(
  from: Readable,
  parts: readonly Part[],
  write: (part: Part, stream: Readable) => Promise<void>,
): Promise<void> {
  const pieces: (Buffer | Part)[] = [];
  let next = 0;
  const sections = new DumpSections({
    use(database) {
      const part = parts[next];
      if (part?.database !== database)
        throw new Error(`It goes on with ${database}, where ${part?.database ?? 'its end'} should follow.`);
      next += 1;
      pieces.push(part);
    },
    body(bytes) {
      if (next === 0) throw new Error('It has something in it before the first database.');
      pieces.push(bytes);
    },
    generated: () => parts[next - 1]?.generated ?? new Map(),
  });
  let open: { part: Part; stream: PassThrough; outlet: Outlet; written: Promise<void> } | undefined;
  const close = async (): Promise<void> => {
    if (!open) return;
    const { part, outlet, written } = open;
    open = undefined;
    if (part.views.length > 0) await outlet.write(part.views);
    await outlet.write(Buffer.from(tailFor(sections.head), 'latin1'));
    await Promise.all([outlet.end(), written]);
  };
  const hand = async (): Promise<void> => {
    for (const piece of pieces.splice(0)) {
      if (Buffer.isBuffer(piece)) {
        await open!.outlet.write(piece);
        continue;
      }
      await close();
      const stream = new PassThrough({ highWaterMark: AHEAD });
      const written = write(piece, stream);
      // Whoever waits for it next sees it; a writer that left makes the stream refuse more.
      written.catch((thrown: unknown) => stream.destroy(thrown as Error));
      open = { part: piece, stream, outlet: strictOutlet(stream), written };
      await open.outlet.write(Buffer.from(sections.head, 'latin1'));
    }
  };
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      read(() => sections.push(chunk));
      await hand();
    }
    sections.end();
    await hand();
    if (!sections.completed)
      throw unreadable('Its last line is not the one that mariadb-dump writes when all is well.');
    if (next < parts.length) throw unreadable(`It ends before ${parts[next]!.database}.`);
    await close();
  } catch (thrown) {
    open?.stream.destroy(thrown as Error);
    await open?.written.catch(() => undefined);
    throw thrown;
  }
}

/** What a dump has between its head and its tail. @throws READ_THROUGH_FAILED for one that is not whole. */
export function bodyOf(dump: Buffer): Buffer {
  const pieces: Buffer[] = [];
  const sections = new DumpSections({
    use: () => undefined,
    body: (bytes) => void pieces.push(bytes),
    generated: () => new Map(),
  });
  read(() => sections.push(dump));
  sections.end();
  if (!sections.completed) throw unreadable('A dump of views is not whole.');
  return Buffer.concat(pieces);
}
