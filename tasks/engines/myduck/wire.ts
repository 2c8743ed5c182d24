/**
 * Sessions on MyDuck's PostgreSQL wire, by simple queries only. Source of what is special about it: apecloud/myduckserver,
 * `pgserver/connection_handler.go`: BACKUP and RESTORE answer with an ErrorResponse that has no severity, also when they went
 * well.
 */
import type pg from 'pg';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import type { EngineContext, Login } from '../../engine.ts';
import { clientTls, openClient } from '../../pg-client.ts';

export type MyduckContext = EngineContext<'myduck'>;

const ALIVE_MS = 10_000;
export interface Session {
  rows<Row extends object = Record<string, unknown>>(sql: string, fallback?: ErrorCode): Promise<Row[]>;
  /** A statement that answers with words: `good` knows those that mean success. @throws `fallback` with all others. */
  told(sql: string, good: RegExp, fallback: ErrorCode): Promise<string>;
  /** Never throws. */
  close(): Promise<void>;
}

export interface Wire {
  readonly tlsVerified: boolean;
  session(signal?: AbortSignal): Promise<Session>;
}

/** Whoever knows of keys hides them from what the server says. */
export type Scrub = (text: string) => string;

/** PostgreSQL's words and MySQL's, since it has users of both; never those of S3 or of a file system. */
const DENIED = /permission denied (?:for|to) |(?:command|access) denied (?:for|to) user|must be (?:owner|superuser)/i;

/** Databases that a server has besides the user's; a restore may come when the target's own is gone. */
const OTHERS = ['postgres', 'mysql', 'myduck'];

/** `anywhere`: in whatever database can be entered. */
export async function openWire(
  context: MyduckContext,
  { scrub = (text) => text, anywhere = false }: { scrub?: Scrub; anywhere?: boolean } = {},
): Promise<Wire> {
  const { target } = context;
  const places = [target.database, ...(anywhere ? OTHERS : [])];
  const { verified, options } = await clientTls(target, context.env);
  let login: Login | undefined;
  let encrypted = true;

  const connect = async (database: string): Promise<pg.Client> => {
    login ??= await context.login();
    return openClient(target, login, { database, ssl: encrypted && options });
  };

  return {
    tlsVerified: verified,
    async session(signal = context.signal) {
      signal.throwIfAborted();
      const tried = new Set<string>();
      for (;;) {
        const database = places[0]!;
        try {
          return sessionOf(await connect(database), context, signal, scrub);
        } catch (thrown) {
          const error = connectError(thrown);
          const again = `${error.code} ${database}`;
          if (tried.has(again)) throw error;
          tried.add(again);
          // Rotated since it was read.
          if (error.code === 'AUTH_FAILED') login = undefined;
          else if (error.code === 'DATABASE_MISSING' && places.length > 1) places.shift();
          else if (!verified && String(thrown).includes('does not support SSL')) encrypted = false;
          else throw error;
        }
      }
    },
  };
}

interface ServerError {
  readonly message: string;
  readonly code?: string;
  readonly severity?: string;
}

function sessionOf(client: pg.Client, { report }: MyduckContext, signal: AbortSignal, scrub: Scrub): Session {
  const end = (): void => void client.end().catch(() => undefined);
  signal.addEventListener('abort', end, { once: true });
  const ask = async (sql: string): Promise<pg.QueryResult | ServerError> => {
    signal.throwIfAborted();
    const timer = setInterval(() => report.moved(0), ALIVE_MS);
    try {
      return await client.query(sql);
    } catch (thrown) {
      signal.throwIfAborted();
      return thrown as ServerError;
    } finally {
      clearInterval(timer);
    }
  };
  const failed = (error: ServerError, operation: string, fallback: ErrorCode): NightjarError => {
    const lost =
      error.code === undefined && error.severity === undefined && /connection|ECONN|EPIPE/i.test(error.message);
    const code = lost
      ? 'CONNECTION_LOST'
      : error.code === '42501' || DENIED.test(error.message)
        ? 'PRIVILEGE_MISSING'
        : /read[ -]only/i.test(error.message)
          ? 'SERVER_READ_ONLY'
          : fallback;
    return new NightjarError(code, { operation, detail: scrub(error.message.trim()) });
  };
  const verb = (sql: string): string => /^\w+(?: DATABASE)?/.exec(sql)?.[0] ?? 'query';
  return {
    async rows<Row extends object>(sql: string, fallback: ErrorCode = 'UNEXPECTED') {
      const answer = await ask(sql);
      if ('rows' in answer) return answer.rows as Row[];
      throw failed(answer, verb(sql), fallback);
    },
    async told(sql, good, fallback) {
      const answer = await ask(sql);
      const words = 'rows' in answer ? JSON.stringify(answer.rows) : answer.message;
      if (good.test(words)) return scrub(words.trim());
      if ('rows' in answer)
        throw new NightjarError(fallback, { operation: verb(sql), detail: `The server answered: ${scrub(words)}` });
      throw failed(answer, verb(sql), fallback);
    },
    async close() {
      signal.removeEventListener('abort', end);
      await client.end().catch(() => undefined);
    },
  };
}

function connectError(thrown: unknown): NightjarError {
  const { code = '', message = String(thrown), severity } = thrown as Partial<ServerError>;
  const kind: ErrorCode =
    code.startsWith('28') || /password authentication failed|access denied/i.test(message)
      ? 'AUTH_FAILED'
      : code === '3D000' || /database .* does not exist|unknown database/i.test(message)
        ? 'DATABASE_MISSING'
        : severity === undefined &&
            /certificate|ERR_TLS|does not support SSL|self.signed|altname/i.test(`${code} ${message}`)
          ? 'TLS_FAILED'
          : 'CONNECT_FAILED';
  return new NightjarError(kind, { operation: 'connect', detail: message, cause: thrown });
}
