/** The archive on its way from mongodump into the vault, read through to its end. */
import { Readable } from 'node:stream';
import { NightjarError } from '../../../core/errors.ts';
import { writePacked } from '../../pipes/packing.ts';
import type { Outlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import { ArchiveDamaged, type CollectionEntry } from './archive-format.ts';
import { ArchiveReader } from './archive.ts';
import { StreamPrint } from './fingerprint.ts';
import type { Found } from './found.ts';
import { OplogJudge } from './oplog-judge.ts';
import { OplogReader } from './oplog.ts';
import type { DumpPlan } from './plan.ts';
import { schemaArchive } from './schema-archive.ts';
import type { Server } from './server.ts';
import { judge, startTool } from './tool-run.ts';

export interface Read {
  readonly entries: readonly CollectionEntry[];
  readonly print: StreamPrint;
  /** What its oplog is good for. */
  readonly oplog: OplogJudge;
}

export async function writeArchive(
  server: Server,
  plan: DumpPlan,
  /** `users`: those of a whole server belong into an archive of definitions, as mongodump has them in each. */
  to: { outlet: Outlet; before: Found; users: boolean; own: AbortController; signal: AbortSignal },
): Promise<Read> {
  const { target, report } = server.context;
  const { own, signal } = to;
  let entries: readonly CollectionEntry[] = [];
  const print = new StreamPrint(target.fingerprint);
  const judged = new OplogJudge();
  const oplog = new OplogReader((entry) => judged.add(entry));
  const reader = new ArchiveReader({
    prelude: (_header, found) => (entries = found),
    block: (place) => {
      print.block(place);
      oplog.block(place);
    },
    ...(print.document || plan.oplog
      ? {
          document: (bytes, from, end, ends) => {
            print.document?.(bytes, from, end, ends);
            oplog.document(bytes, from, end, ends);
          },
        }
      : {}),
    body: (bytes, documents) => print.body(bytes, documents),
    blockEnd: () => undefined,
    end: (place) => print.end(place),
  });
  const through = async (work: () => void): Promise<void> => {
    try {
      work();
    } catch (thrown) {
      if (!(thrown instanceof ArchiveDamaged)) throw thrown;
      throw new NightjarError('READ_THROUGH_FAILED', {
        operation: 'read archive',
        detail: thrown.message,
        cause: thrown,
      });
    }
    return Promise.resolve();
  };
  const outlet: Outlet = {
    write: async (chunk) => {
      await through(() => reader.feed(chunk));
      return true;
    },
    end: () => through(() => reader.finish()),
  };
  const packing = {
    env: server.environment(),
    signal,
    compression: target.compression,
    sink: to.outlet,
    reader: outlet,
    own,
    moved: (bytes: number) => report.moved(bytes),
  };
  if (target.scope?.schemaOnly) {
    const archive = Readable.from(schemaArchive(server, to.before, to.users), { objectMode: false });
    await writePacked(archive, { ...packing, ended: Promise.resolve() });
  } else {
    const tool = startTool(server, 'mongodump', plan.args, { signal, stdout: 'pipe' });
    const ended = judge(tool, 'mongodump', signal, 'DUMP_FAILED');
    await together(own, [writePacked(tool.stdout!, { ...packing, ended }), ended]);
  }
  return { entries, print, oplog: judged };
}
