/**
 * DuckDB as a child process (`docs/adr/0011-duckdb-in-a-child.md`): what it crashes, eats or locks is its own, and ends
 * with it.
 */
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import type { EngineContext } from '../../engine.ts';
import { howEnded, startProcess } from '../../processes.ts';
import { duckdbError, isShortOfMemory } from './errors.ts';

/** Path of another session script, where it does not lie beside this file or the bundle. */
export const SESSION_ENV = 'NIGHTJAR_DUCKDB_SESSION';
const BESIDE = new URL('./duckdb-session.mjs', import.meta.url);

const MIB = 1024 * 1024;
/**
 * DuckDB's buffers: first so little that the whole task stays under 256 MiB, then, where that does not do (a large index, a
 * huge value), more, and in the end this share of the task's memory. What DuckDB needs besides, the task itself and the page cache share the rest.
 */
const MEMORY = { little: 32 * MIB, some: 96 * MIB } as const;
const MEMORY_SHARE = 0.4;
type Memory = keyof typeof MEMORY | 'all';
/**
 * Node's own heap in the child, how many heaps of its threads the C library keeps, and what DuckDB's own allocator (jemalloc,
 * by this name) keeps of what was given back, which is more than the limit above: all of it grows for nothing.
 */
const NODE_FLAGS = ['--max-semi-space-size=1'];
const CHILD_ENV = { MALLOC_ARENA_MAX: '1', DUCKDB_JE_MALLOC_CONF: 'dirty_decay_ms:0,muzzy_decay_ms:0' };
const ALIVE_MS = 10_000;

/** What sessions need of the engine's context, whatever the engine. */
export type DuckdbContext = Pick<EngineContext, 'env' | 'signal' | 'report'> & {
  /** A directory of this call's own; sessions stand in it, so relative paths are its. */
  readonly room: string;
};

export interface SessionOptions {
  /** Absolute, or `:memory:`. */
  readonly file: string;
  readonly readOnly?: boolean;
  /** What failing here means: DUMP_FAILED, RESTORE_FAILED, … */
  readonly fallback: ErrorCode;
  /** In words for a person; DuckDB's own errors are told with it. */
  readonly operation: string;
  /** `all` by default: as much as the task has. */
  readonly memory?: Memory;
}

export interface Session {
  /** Of the library. */
  readonly version: string;
  /** Values as JSON writes them; whole numbers of 64 bits and more are text. One statement at a time. */
  rows<Row extends object = Record<string, unknown>>(sql: string): Promise<Row[]>;
  /** Writes what is to be written and lets go of the file. */
  close(): Promise<void>;
  /** Lets go of the file at once; DuckDB does nothing more. */
  kill(): Promise<void>;
}

interface Answer {
  readonly rows?: object[];
  readonly error?: string;
  readonly version?: string;
}

/** Bytes that DuckDB may use for its buffers. */
function memoryOf(memory: Memory): number {
  if (memory !== 'all') return MEMORY[memory];
  const ours = process.constrainedMemory();
  const all = ours > 0 && ours < totalmem() ? ours : totalmem();
  return Math.max(MEMORY.some, Math.floor(all * MEMORY_SHARE));
}

/** @throws FILE_LOCKED, DATABASE_DAMAGED, SERVER_UNSUPPORTED, STORAGE_DENIED, DISK_FULL, `fallback`, or the signal's reason. */
export async function openSession(context: DuckdbContext, options: SessionOptions): Promise<Session> {
  const { signal, env, room, report } = context;
  const { operation, fallback } = options;
  const settings = {
    access_mode: options.readOnly ? 'READ_ONLY' : 'AUTOMATIC',
    memory_limit: `${Math.floor(memoryOf(options.memory ?? 'all') / MIB)}MiB`,
    // One thread keeps rows in their order, also where DuckDB need not, which takes it much more memory.
    threads: '1',
    preserve_insertion_order: 'false',
    write_buffer_row_group_count: '1',
    // Rows that were written by a checkpoint stay as they are: those of large values would be held together to be put together.
    max_vacuum_tasks: '0',
    vacuum_rebuild_indexes: String(Number.MAX_SAFE_INTEGER),
    temp_directory: join(room, 'spill'),
    // Nothing is fetched from anywhere in the middle of a night.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  };
  const script = env[SESSION_ENV] ?? fileURLToPath(BESIDE);
  const running = startProcess(
    process.execPath,
    [...NODE_FLAGS, script, JSON.stringify({ file: options.file, settings })],
    {
      env: CHILD_ENV,
      signal,
      cwd: room,
      stdin: 'pipe',
      stdout: 'pipe',
    },
  );
  running.stdin!.on('error', () => undefined);
  const answers = createInterface({ input: running.stdout! })[Symbol.asyncIterator]();

  const gone = async (): Promise<NightjarError> => {
    const end = await running.done;
    signal.throwIfAborted();
    const said = end.stderr.trim();
    const memory = end.signal === 'SIGKILL' ? ' A task that is short of memory kills it so.' : '';
    return new NightjarError(fallback, {
      operation,
      detail: `DuckDB's process ${howEnded(end)} without an answer${said === '' ? '.' : `: ${said}`}${memory}`,
    });
  };
  const next = async (): Promise<Answer> => {
    const line = await answers.next();
    if (line.done === true) throw await gone();
    const answer = JSON.parse(line.value) as Answer;
    if (answer.error === undefined) return answer;
    signal.throwIfAborted();
    throw duckdbError(answer.error, operation, fallback);
  };
  const alive = async <T>(work: () => Promise<T>): Promise<T> => {
    const timer = setInterval(() => report.moved(0), ALIVE_MS);
    try {
      return await work();
    } finally {
      clearInterval(timer);
    }
  };

  const { version } = await alive(next);
  if (version === undefined)
    throw new NightjarError(fallback, { operation, detail: 'DuckDB did not say its version.' });
  return {
    version,
    async rows<Row extends object>(sql: string): Promise<Row[]> {
      signal.throwIfAborted();
      running.stdin!.write(`${oneLine({ sql })}\n`);
      return ((await alive(next)).rows ?? []) as Row[];
    },
    async close() {
      running.stdin!.end();
      const end = await alive(() => running.done);
      signal.throwIfAborted();
      if (end.code !== 0) throw await gone();
    },
    async kill() {
      running.kill('SIGKILL');
      await running.done;
    },
  };
}

/** Two more characters end a line for Node's readline; in JSON they stand only inside of texts. */
const oneLine = (value: object): string =>
  JSON.stringify(value).replace(/[\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);

/**
 * A session for one piece of work; whatever happens, its process has ended afterwards. The work begins with little memory, and
 * all over again with more when that was too little: so it must begin by removing what an earlier go left. (A
 * statement alone can't be asked again: a commit that ran out of memory leaves its keys in the index.)
 */
export async function withSession<T>(
  context: DuckdbContext,
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (options.memory !== undefined) return once(context, options, work);
  for (const memory of ['little', 'some'] as const)
    try {
      return await once(context, { ...options, memory }, work);
    } catch (thrown) {
      if (!isShortOfMemory(thrown)) throw thrown;
    }
  return once(context, { ...options, memory: 'all' }, work);
}

async function once<T>(
  context: DuckdbContext,
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(context, options);
  let result: T;
  try {
    result = await work(session);
  } catch (thrown) {
    await session.kill();
    throw thrown;
  }
  await session.close();
  return result;
}
