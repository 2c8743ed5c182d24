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
import { answer, error, int32, message, reader } from './messages.ts';

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
  /** It is killed in the middle of a backup or a restore, and answers nobody until {@link StandIn.restart}. */
  dies?: boolean;
  /** Its disk is full in the middle of a restore. */
  full?: boolean;
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
  const attached = async (connection: DuckDBConnection): Promise<string[]> => {
    const rows = await connection.runAndReadAll(
      "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND database_name <> 'memory'",
    );
    return rows.getRows().map(([name]) => String(name));
  };
  const isAttached = async (name: string): Promise<boolean> => {
    const connection = await instance.connect();
    return attached(connection)
      .then((all) => all.includes(name))
      .finally(() => connection.closeSync());
  };
  const attach = async (connection: DuckDBConnection, name: string): Promise<void> => {
    const mode = readOnly ? ' (READ_ONLY)' : '';
    await connection.run(`ATTACH IF NOT EXISTS '${join(directory, name)}.db' AS ${ident(name)}${mode}`);
  };
  const open = async (): Promise<void> => {
    instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    // Source: `catalog/provider.go`: what can't be attached goes into the log, and the server starts without it.
    for (const name of await names()) await attach(connection, name).catch(() => undefined);
    connection.closeSync();
  };
  const closeAndOpen = async (as: boolean): Promise<void> => {
    const connection = await instance.connect();
    for (const name of await attached(connection)) await connection.run(`DETACH ${ident(name)}`);
    connection.closeSync();
    instance.closeSync();
    readOnly = as;
    await open();
  };
  // A backup that goes on alone opens it too: one after the other, and never under a statement.
  let opening = Promise.resolve();
  const asking = new Set<Promise<unknown>>();
  const reopen = (as: boolean): Promise<void> =>
    (opening = opening
      .catch(() => undefined)
      .then(() => Promise.allSettled(asking))
      .then(() => closeAndOpen(as)));
  const ask = async (database: string, sql: string): Promise<Record<string, unknown>[]> => {
    await opening.catch(() => undefined);
    const said = answered(database, sql);
    asking.add(said);
    return said.finally(() => asking.delete(said));
  };
  const answered = async (database: string, sql: string): Promise<Record<string, unknown>[]> => {
    const connection = await instance.connect();
    try {
      await connection.run(`USE ${ident(database)}`);
      return (await connection.runAndReadAll(sql)).getRowObjectsJson();
    } finally {
      connection.closeSync();
    }
  };
  await open();

  /** As a kill does: nobody hears a word more. */
  let dead = false;
  async function die(): Promise<never> {
    dead = true;
    for (const one of sockets) one.destroy();
    server.close();
    await once(server, 'close');
    const connection = await instance.connect();
    for (const name of await attached(connection)) await connection.run(`DETACH ${ident(name)}`);
    connection.closeSync();
    instance.closeSync();
    throw new Error('dead');
  }

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
      const bytes = await Body!.transformToByteArray();
      await writeFile(file, mood.dies || mood.full ? bytes.subarray(0, bytes.length / 2) : bytes);
      if (mood.dies) await die();
      if (mood.full) throw new Error(`failed to download file: write ${file}: no space left on device`);
      const connection = await instance.connect();
      await attach(connection, name!).finally(() => connection.closeSync());
      return `Downloaded from ${where} ${words} to ${file} in 7 ms\n`;
    }
    if (!existsSync(file)) throw new Error(`Couldn't get file info for ${file}.`);
    await ask(name!, 'CHECKPOINT');
    await reopen(true);
    if (mood.drops) socket.destroy();
    if (mood.dies) await die();
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
    if (database !== EVERYBODYS && !(await isAttached(database)))
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
  const { port } = server.address() as { port: number };
  return {
    port,
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
      await connection.run(`DETACH DATABASE IF EXISTS ${ident(database)}`);
      connection.closeSync();
      await rm(join(directory, `${database}.db`));
    },
    databases: names,
    isReadOnly: () => readOnly,
    async restart() {
      if (!dead) return reopen(false);
      readOnly = false;
      await open();
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      dead = false;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      if (!dead) {
        server.close();
        await once(server, 'close');
        instance.closeSync();
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}
