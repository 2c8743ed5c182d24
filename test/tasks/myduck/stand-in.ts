/**
 * A server that speaks MyDuck's PostgreSQL wire as far as Nightjar uses it: simple queries over real DuckDB files, BACKUP and
 * RESTORE with real traffic to S3, and the oddities that were read in its source (apecloud/myduckserver at 991fb99) or seen on
 * a build of it. What a stock server does otherwise is found by the same tests with NIGHTJAR_MYDUCK_URL.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';

/** How it misbehaves; all of it may be changed while it runs. */
export interface Mood {
  /** The upload fails: as the real one, it then stays read-only until {@link StandIn.restart}. */
  uploadFails?: boolean;
  /** It says that all went well, and uploaded nothing, or only the file's beginning. */
  lies?: 'nothing' | 'half';
  /** It stays read-only though the backup went well. */
  staysReadOnly?: boolean;
  /** The connection breaks in the middle of a backup, which goes on. */
  drops?: boolean;
  /** Called in the middle of a backup, which then takes a while. */
  slow?: () => void;
  /** It writes its keys into its errors. */
  blabs?: boolean;
  /** The DuckDB that it says it has. */
  version?: string;
  /** Statements that its user may not run, or that fail for a reason of their own, and what it says to them. */
  refuses?: { statement: RegExp; words: string; code?: string };
  /** How far its clock is off, in milliseconds. */
  clockMs?: number;
}

export interface StandIn {
  readonly port: number;
  readonly password: string;
  readonly mood: Mood;
  /** Every statement that came, keys and all. */
  readonly asked: string[];
  run(database: string, sql: string): Promise<Record<string, unknown>[]>;
  create(database: string): Promise<void>;
  drop(database: string): Promise<void>;
  databases(): Promise<string[]>;
  isReadOnly(): boolean;
  /** What a person does at night. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface StandInOptions {
  /** A client with the key that came with the statement; throws for one that is not known. */
  s3(key: { id: string; secret: string }, endpoint: string): S3Client;
}

/** There whatever happens to the user's. */
const EVERYBODYS = 'postgres';
const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const STATEMENT =
  /(BACKUP|RESTORE)\s+DATABASE\s+(\S+)\s+(?:TO|FROM)\s+'(s3c?):\/\/([^'/]+)\/([^']+)'(?:\s+ENDPOINT\s*=\s*'([^']+)')?(?:\s+ACCESS_KEY_ID\s*=\s*'([^']+)')?(?:\s+SECRET_ACCESS_KEY\s*=\s*'([^']+)')?/i;

export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const directory = await mkdtemp(join(tmpdir(), 'nightjar-myduck-'));
  const [mood, asked, password] = [{} as Mood, [] as string[], 'pa"ss/wörd+1'];
  let instance: DuckDBInstance;
  let readOnly = false;
  const sockets = new Set<Socket>();

  const names = async (): Promise<string[]> =>
    (await readdir(directory)).filter((one) => one.endsWith('.db')).map((one) => one.slice(0, -3));
  const attach = async (connection: DuckDBConnection, name: string): Promise<void> => {
    const mode = readOnly ? ' (READ_ONLY)' : '';
    await connection.run(`ATTACH IF NOT EXISTS '${join(directory, name)}.db' AS ${ident(name)}${mode}`);
  };
  const open = async (): Promise<void> => {
    instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    for (const name of await names()) await attach(connection, name);
    connection.closeSync();
  };
  const closeAndOpen = async (as: boolean): Promise<void> => {
    const connection = await instance.connect();
    for (const name of await names()) await connection.run(`DETACH ${ident(name)}`);
    connection.closeSync();
    instance.closeSync();
    readOnly = as;
    await open();
  };
  // A backup that goes on alone opens it too: one after the other.
  let opening = Promise.resolve();
  const reopen = (as: boolean): Promise<void> =>
    (opening = opening.catch(() => undefined).then(() => closeAndOpen(as)));
  const ask = async (database: string, sql: string): Promise<Record<string, unknown>[]> => {
    const connection = await instance.connect();
    try {
      await connection.run(`USE ${ident(database)}`);
      return (await connection.runAndReadAll(sql)).getRowObjectsJson();
    } finally {
      connection.closeSync();
    }
  };
  await open();

  /** Resolves with the message of the ErrorResponse that means success. */
  async function exchange(match: RegExpExecArray, socket: Socket): Promise<string> {
    const [, verb, name, provider, bucket, path, endpoint, id, secret] = match;
    if (!endpoint || !id || !secret) throw new Error('missing required backup configuration: ENDPOINT');
    if (provider === 's3' && !/^s3\.[a-z0-9-]+\.amazonaws\.com$/.test(endpoint))
      throw new Error(`failed to parse region from endpoint: missing region in endpoint: ${endpoint}`);
    const file = join(directory, `${name}.db`);
    const place = { Bucket: bucket!, Key: path!.endsWith('/') ? `${path}${name}.db` : path! };
    const where = `${provider}://${place.Bucket}/${place.Key}`;
    const words = `(${randomInt(2 ** 40, 2 ** 41)} bytes)`;
    if (verb!.toUpperCase() === 'RESTORE') {
      const { Body } = await options.s3({ id, secret }, endpoint).send(new GetObjectCommand(place));
      await writeFile(file, await Body!.transformToByteArray());
      const connection = await instance.connect();
      await attach(connection, name!).finally(() => connection.closeSync());
      return `Downloaded from ${where} ${words} to ${file} in 7 ms\n`;
    }
    if (!existsSync(file)) throw new Error(`Couldn't get file info for ${file}.`);
    await ask(name!, 'CHECKPOINT');
    await reopen(true);
    if (mood.drops) socket.destroy();
    if (mood.slow) {
      mood.slow();
      await pause(500);
    }
    if (mood.uploadFails)
      throw new Error(
        `Error while uploading object to ${bucket}.\nError is AccessDenied${mood.blabs ? ` for ${id} with ${secret}` : ''}\n`,
      );
    const s3 = options.s3({ id, secret }, endpoint);
    const chunks: Buffer[] = [];
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (mood.lies !== 'nothing')
      await s3.send(
        new PutObjectCommand({ ...place, Body: mood.lies === 'half' ? bytes.subarray(0, bytes.length / 2) : bytes }),
      );
    if (!mood.staysReadOnly) await reopen(false);
    return `Uploaded ${file} ${words} to ${where} in 7 ms\n`;
  }

  const server = createServer((socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    void converse(socket).catch(() => socket.destroy());
  });

  async function converse(socket: Socket): Promise<void> {
    const take = reader(socket);
    let start = await take.startup();
    while (start.readInt32BE(0) === 80_877_103) {
      socket.write('N');
      start = await take.startup();
    }
    const facts = start.subarray(4).toString('utf8').split('\0');
    const database = facts[facts.indexOf('database') + 1]!;
    socket.write(message('R', int32(3)));
    const given = (await take.message()).body.toString('utf8').slice(0, -1);
    if (given !== password)
      return void socket.end(error('password authentication failed', { severity: 'FATAL', code: '28P01' }));
    if (database !== EVERYBODYS && !(await names()).includes(database))
      return void socket.end(error(`database "${database}" does not exist`, { severity: 'FATAL', code: '3D000' }));
    socket.write(Buffer.concat([message('R', int32(0)), message('Z', Buffer.from('I'))]));
    let connection: DuckDBConnection | undefined;
    let of: DuckDBInstance | undefined;
    for (;;) {
      const { type, body } = await take.message();
      if (type === 'X') return void socket.end();
      if (type !== 'Q') throw new Error(`no message of type ${type} is known here`);
      const sql = body.toString('utf8').slice(0, -1);
      asked.push(sql);
      const match = STATEMENT.exec(sql);
      const refused = mood.refuses?.statement.test(sql) ? mood.refuses : undefined;
      if (refused) {
        const { words, code = 'XX000' } = refused;
        socket.write(Buffer.concat([error(words, { severity: 'ERROR', code }), message('Z', Buffer.from('I'))]));
        continue;
      }
      try {
        // Source: `connection_handler.go`: the good end of both is an ErrorResponse without severity or code.
        if (match) socket.write(error(await exchange(match, socket), {}));
        else {
          if (of !== instance) {
            connection = await instance.connect();
            of = instance;
            if (database !== EVERYBODYS) await connection.run(`USE ${ident(database)}`);
          }
          const said = mood.version === undefined ? 'version()' : `'${mood.version}'`;
          const clock = mood.clockMs === undefined ? 'epoch_ms(now())' : `${Date.now() + mood.clockMs}`;
          const asIs = sql.replace('version()', said).replace('epoch_ms(now())', clock);
          socket.write(answer(await connection!.runAndReadAll(asIs)));
        }
      } catch (thrown) {
        socket.write(error((thrown as Error).message, { severity: 'ERROR', code: 'XX000' }));
      }
      socket.write(message('Z', Buffer.from('I')));
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    password,
    mood,
    asked,
    run: ask,
    async create(database) {
      const made = await DuckDBInstance.create(join(directory, `${database}.db`));
      made.closeSync();
      const connection = await instance.connect();
      await attach(connection, database).finally(() => connection.closeSync());
    },
    async drop(database) {
      const connection = await instance.connect();
      await connection.run(`DETACH ${ident(database)}`);
      connection.closeSync();
      await rm(join(directory, `${database}.db`));
    },
    databases: names,
    isReadOnly: () => readOnly,
    restart: () => reopen(false),
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      instance.closeSync();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const int16 = (value: number): Buffer => int32(value).subarray(2);
const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'utf8');
const message = (type: string, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);

function error(words: string, { severity, code }: { severity?: string; code?: string }): Buffer {
  const field = (name: string, value: string | undefined): Buffer =>
    value === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from(name), text(value)]);
  return message(
    'E',
    Buffer.concat([field('S', severity), field('V', severity), field('C', code), field('M', words), Buffer.from([0])]),
  );
}

/** Everything as text, but truth, which has a type of its own. */
function answer(result: Awaited<ReturnType<DuckDBConnection['runAndReadAll']>>): Buffer {
  const columns = result.columnNames();
  const rows = result.getRowsJson();
  const [BOOL, TEXT] = [16, 25];
  const described = columns.map((name, index) =>
    Buffer.concat([
      text(name),
      int32(0),
      int16(0),
      int32(rows.some((row) => typeof row[index] === 'boolean') ? BOOL : TEXT),
      int16(-1),
      int32(-1),
      int16(0),
    ]),
  );
  const lines = rows.map((row) =>
    message(
      'D',
      Buffer.concat([
        int16(columns.length),
        ...row.map((value) => {
          if (value === null) return int32(-1);
          const word =
            typeof value === 'string' ? value : value === true ? 't' : value === false ? 'f' : JSON.stringify(value);
          const bytes = Buffer.from(word, 'utf8');
          return Buffer.concat([int32(bytes.length), bytes]);
        }),
      ]),
    ),
  );
  return Buffer.concat([
    message('T', Buffer.concat([int16(columns.length), ...described])),
    ...lines,
    message('C', text(`SELECT ${rows.length}`)),
  ]);
}

/** Whole messages, in their order. */
function reader(socket: Socket): {
  startup(): Promise<Buffer>;
  message(): Promise<{ type: string; body: Buffer }>;
} {
  let held = Buffer.alloc(0);
  const arriving = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const bytes = async (count: number): Promise<Buffer> => {
    while (held.length < count) {
      const next = await arriving.next();
      if (next.done) throw new Error('gone');
      held = Buffer.concat([held, next.value]);
    }
    const taken = held.subarray(0, count);
    held = held.subarray(count);
    return taken;
  };
  const rest = async (): Promise<Buffer> => bytes((await bytes(4)).readInt32BE(0) - 4);
  return {
    startup: rest,
    async message() {
      const type = (await bytes(1)).toString('latin1');
      return { type, body: await rest() };
    },
  };
}
