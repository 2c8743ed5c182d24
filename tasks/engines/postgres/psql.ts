/** psql as a session that also takes pg_restore's scripts: COPY with its data included. */
import { NightjarError } from '../../../core/errors.ts';
import type { Asker } from './fingerprint.ts';
import { childOutlet, type Outlet } from '../../pipes/pipes.ts';
import type { Server } from './server.ts';
import { judge, startTool } from './tool-run.ts';

export interface PsqlSession extends Asker {
  /** For scripts; give whole statements. */
  readonly input: Outlet;
  /** Rejects when psql ends before {@link PsqlSession.end}: its last words say why. */
  readonly ended: Promise<string>;
  run(sql: string): Promise<void>;
  end(): Promise<void>;
}

/** Stops at the first error. Whatever was not committed by then is rolled back. `options`: the session's settings. */
export function startPsql(server: Server, database: string, signal: AbortSignal, options = ''): PsqlSession {
  const running = startTool(
    server,
    'psql',
    [
      '--no-psqlrc',
      '--quiet',
      '--no-align',
      '--tuples-only',
      '--no-password',
      '--set=ON_ERROR_STOP=1',
      `--dbname=${server.conninfo(database, { options })}`,
    ],
    { signal, stdin: 'pipe', stdout: 'pipe' },
  );
  const stdin = childOutlet(running.stdin!);
  const ended = judge(running, 'psql', signal, 'RESTORE_FAILED');
  ended.catch(() => undefined);
  const input: Outlet = {
    // A script goes on for hours: nobody fetches the rest of it for one who is gone.
    write: async (chunk) => (await stdin.write(chunk)) || ended.then(gone),
    end: () => stdin.end(),
  };

  let heard = '';
  let waiting: { mark: string; resolve: (text: string) => void } | undefined;
  running.stdout!.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
    const at = waiting ? heard.indexOf(`${waiting.mark}\n`) : -1;
    if (at < 0) {
      // Scripts call functions whose results nobody waits for.
      if (!waiting) heard = '';
      return;
    }
    const { mark, resolve } = waiting!;
    const answer = heard.slice(0, at);
    heard = heard.slice(at + mark.length + 1);
    waiting = undefined;
    resolve(answer);
  });

  let asked = 0;
  const ask = async (sql: string): Promise<string> => {
    asked += 1;
    const begin = `nightjar-begin-${asked}`;
    const end = `nightjar-end-${asked}`;
    const answer = new Promise<string>((resolve) => (waiting = { mark: end, resolve }));
    await input.write(Buffer.from(`SELECT '${begin}';\n${sql};\nSELECT '${end}';\n`));
    const text = await Promise.race([answer, ended.then(gone)]);
    return text.slice(text.lastIndexOf(`${begin}\n`) + begin.length + 1);
  };
  return {
    input,
    ended,
    async run(sql) {
      await ask(sql);
    },
    async rows<Row extends object>(sql: string) {
      if (!/^\s*SELECT\b/i.test(sql)) {
        await ask(sql.replace(/;\s*$/, ''));
        return [];
      }
      return JSON.parse(await ask(`SELECT coalesce(json_agg(q), '[]') FROM (${sql}) q`)) as Row[];
    },
    async end() {
      await input.end();
      await ended;
    },
  };
}

const gone = (): never => {
  throw new NightjarError('RESTORE_FAILED', { operation: 'psql', detail: 'psql ended before it was told to.' });
};

/** Statements to be run one after the other, once there is a session. */
export const runAll =
  (statements: readonly string[]) =>
  async (psql: PsqlSession): Promise<void> => {
    for (const statement of statements) await psql.run(statement);
  };
