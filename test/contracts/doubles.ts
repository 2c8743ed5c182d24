/** In-memory stand-ins for what surrounds an engine: the sink a dump writes to, the source a restore reads from. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Readable, Writable } from 'node:stream';
import type { Manifest, VaultObject } from '../../core/backup.ts';
import type { DumpEngine } from '../../core/engines.ts';
import { NightjarError } from '../../core/errors.ts';
import type { ExchangeState } from '../../core/exchange.ts';
import { archiveFacts } from '../../core/server-backup.ts';
import type { DumpFacts, DumpSink, Reporter, RestoreSource } from '../../tasks/engine.ts';

export interface MemoryBackup {
  readonly sink: DumpSink;
  /** Bytes of each stream that was ended, by role. */
  readonly finished: Map<VaultObject['role'], Buffer>;
  /** Of each archive that is of one database of several. */
  readonly archives: Map<string, Buffer>;
  /** Bytes written so far, finished or not. */
  written(): number;
}

/** `pace`: called with every chunk; a promise holds the writer up. */
export function memoryBackup(pace: (bytes: number) => Promise<void> | void = () => undefined): MemoryBackup {
  const finished = new Map<VaultObject['role'], Buffer>();
  const archives = new Map<string, Buffer>();
  let total = 0;
  return {
    finished,
    archives,
    written: () => total,
    sink: {
      open(role, _, database) {
        const parts: Buffer[] = [];
        return new Writable({
          write(chunk: Buffer, _encoding, done) {
            parts.push(chunk);
            total += chunk.length;
            Promise.resolve(pace(total)).then(() => done(), done);
          },
          final(done) {
            if (database === undefined) finished.set(role, Buffer.concat(parts));
            else archives.set(database, Buffer.concat(parts));
            done();
          },
        });
      },
    },
  };
}

/** A backup whose writer is held up once so many bytes have come. */
export function heldBackup(bytes: number): MemoryBackup & {
  /** Resolves when it is held up. */
  readonly begun: Promise<void>;
  release(): void;
} {
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const backup = memoryBackup(async (written) => {
    if (written < bytes) return;
    begin();
    await gate;
  });
  return { ...backup, begun, release: () => release() };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export function manifestOf(engine: DumpEngine, facts: DumpFacts, backup: MemoryBackup, backupId: string): Manifest {
  const now = new Date().toISOString();
  const { databases, ...known } = facts;
  const streams = [
    ...[...backup.finished].map(([role, bytes]) => ({ role, bytes })),
    ...[...backup.archives].map(([database, bytes]) => ({ role: 'archive' as const, database, bytes })),
  ];
  const objects = streams.map(({ bytes, ...of }) => ({
    ...of,
    key: `shop/${Object.values(of).join('-')}`,
    versionId: 'v1',
    bytes: bytes.length,
    sha256: sha256(bytes),
    crc32: 'AAAAAA==',
    part: 1,
  }));
  const archives = streams.flatMap(({ role, bytes, ...of }) =>
    role === 'archive' ? [{ ...of, archive: { bytes: bytes.length, sha256: sha256(bytes) } }] : [],
  );
  return {
    manifestVersion: 1,
    backupId,
    target: 'shop',
    engine,
    method: 'dump',
    kind: 'full',
    trigger: 'user',
    attempt: 1,
    startedAt: now,
    completedAt: now,
    ...known,
    objects,
    ...archiveFacts(archives, databases),
    storedBytes: objects.reduce((sum, one) => sum + one.bytes, 0),
    warnings: [],
  };
}

export interface MemorySource extends RestoreSource {
  /** How often the archive was proven before it was opened. */
  readonly proofs: () => number;
}

/** Keeps the contract: the last bytes come only after the hash of all was compared. `stored`: what the vault gives back. */
export function memorySource(manifest: Manifest, backup: MemoryBackup, stored?: Buffer): MemorySource {
  const archive = stored ?? backup.archives.get(manifest.source.database) ?? backup.finished.get('archive')!;
  const CHUNK = 64 * 1024;
  let proofs = 0;
  const mismatch = (): NightjarError => new NightjarError('CHECKSUM_MISMATCH', { operation: 'read archive' });
  return {
    manifest,
    proofs: () => proofs,
    openArchive: () =>
      Readable.from(
        (function* () {
          const last = Math.max(0, archive.length - 100);
          for (let at = 0; at < last; at += CHUNK) yield archive.subarray(at, Math.min(at + CHUNK, last));
          if (sha256(archive) !== manifest.archive.sha256) throw mismatch();
          yield archive.subarray(last);
        })(),
        { objectMode: false },
      ),
    async saveArchive(file, moved) {
      await writeFile(file, archive);
      moved(archive.length);
      if (sha256(archive) !== manifest.archive.sha256) throw mismatch();
    },
    async proveArchive() {
      proofs += 1;
      if (sha256(archive) !== manifest.archive.sha256) throw mismatch();
      await Promise.resolve();
    },
    readGlobals: async () => Promise.resolve(backup.finished.get('globals')?.toString('utf8')),
  };
}

export interface Heard extends Reporter {
  readonly warnings: string[];
  readonly phases: string[];
  /** How large databases were found to be. */
  readonly sizes: number[];
  /** As it was told last. */
  exchanged: ExchangeState | undefined;
}

export function listeningReporter(onPhase: (text: string) => void = () => undefined): Heard {
  const warnings: string[] = [];
  const phases: string[] = [];
  const sizes: number[] = [];
  return {
    warnings,
    phases,
    sizes,
    exchanged: undefined,
    async exchange(state) {
      this.exchanged = state;
      return Promise.resolve();
    },
    phase(text) {
      phases.push(text);
      onPhase(text);
    },
    moved: () => undefined,
    expect: () => undefined,
    found: (bytes) => void sizes.push(bytes),
    warn: (text) => void warnings.push(text),
  };
}
