/**
 * What is other with MongoDB 5 and newer than with the stand-in, which is a 4.4: an update is logged as a diff (`$v: 2`), and
 * applyOps plays one. Source: mongo, src/mongo/db/update, document_diff_serialization.h and document_diff_applier.cpp.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { BSON, type Document } from 'mongodb';
import { MAGIC, TERMINATOR } from '../../../tasks/engines/mongodb/archive-format.ts';
import { Crc64 } from '../../../tasks/engines/mongodb/crc64.ts';
import { isOplog, OPLOG } from '../../../tasks/engines/mongodb/oplog.ts';
import { endOf } from '../../../tasks/engines/mongodb/rewrite.ts';

/** By the name of a field, the diff of what it has become: a server takes the shortest, and knows what was there. */
export type Nested = Readonly<Record<string, (value: never) => Document>>;

const EXACT = { promoteValues: false, bsonRegExp: true } as const;
const read = (bytes: Buffer): Document => BSON.deserialize(bytes, EXACT);

/** The same archive with each update in its oplog as a newer server logs it; and how many there are. */
export function asNewerLogs(archive: Buffer, nested: Nested): { archive: Buffer; diffs: number } {
  const out: Buffer[] = [MAGIC];
  const crc = new Crc64();
  let [at, diffs, inOplog, header] = [MAGIC.length, 0, false, false];
  // Behind the magic stands a block that tells of the collections; then blocks, each with a header of its own.
  let prelude = true;
  while (at < archive.length) {
    if (archive.subarray(at, at + 4).equals(TERMINATOR)) {
      out.push(TERMINATOR);
      at += 4;
      [prelude, header] = [false, true];
      continue;
    }
    const bytes = archive.subarray(at, at + archive.readInt32LE(at));
    at += bytes.length;
    if (!prelude && header) {
      const place = BSON.deserialize(bytes) as { db: string; collection: string; EOF: boolean };
      [inOplog, header] = [isOplog(place), false];
      if (inOplog && place.EOF) {
        out.push(endOf(OPLOG, crc.value).subarray(0, -TERMINATOR.length));
        continue;
      }
    } else if (inOplog) {
      const entry = read(bytes) as { op: string; o: Document };
      const newer = entry.op === 'u' && entry.o.$v !== undefined ? { ...entry, o: diffOf(entry.o, nested) } : undefined;
      if (newer) diffs += 1;
      const logged = newer ? Buffer.from(BSON.serialize(newer)) : bytes;
      crc.update(logged);
      out.push(logged);
      continue;
    }
    out.push(bytes);
  }
  return { archive: Buffer.concat(out), diffs };
}

function diffOf({ $set = {}, $unset = {} }: Document, nested: Nested): Document {
  const diff: Document = {};
  const gone = Object.keys($unset as Document);
  if (gone.length > 0) diff.d = Object.fromEntries(gone.map((name) => [name, false]));
  for (const [name, value] of Object.entries($set as Document)) {
    const own = nested[name];
    if (own) diff[`s${name}`] = own(value as never);
    else ((diff[name.startsWith('late') ? 'i' : 'u'] ??= {}) as Document)[name] = value as unknown;
  }
  return { $v: 2, diff };
}

/** `lost`: a path that the server leaves as it was, though it answers that all was done. */
export interface NewerServer {
  readonly port: number;
  lost: string | undefined;
  /** Diffs that it has played. */
  played: number;
  close(): Promise<void>;
}

const OP_MSG = 2013;
const TLS_HELLO = 22;

/** In front of the stand-in, without TLS: plays diffs in what passes of applyOps. */
export async function newerServer(port: number): Promise<NewerServer> {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const onward = connect(port, '127.0.0.1');
    let waiting = Buffer.alloc(0);
    for (const socket of [client, onward]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [client, onward].forEach((one) => one.destroy()));
    }
    onward.on('data', (bytes) => client.write(bytes));
    client.on('data', (bytes: Buffer) => {
      // Who asks for TLS hears at once that there is none.
      if (waiting.length === 0 && bytes[0] === TLS_HELLO && bytes[1] === 3) return void client.end('no TLS here');
      waiting = Buffer.concat([waiting, bytes]);
      while (waiting.length >= 4 && waiting.length >= waiting.readInt32LE(0)) {
        const message = waiting.subarray(0, waiting.readInt32LE(0));
        waiting = waiting.subarray(message.length);
        onward.write(played(message, server));
      }
    });
  });
  const server = {
    port: 0,
    lost: undefined as string | undefined,
    played: 0,
    async close() {
      sockets.forEach((one) => one.destroy());
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  server.port = (proxy.address() as AddressInfo).port;
  return server;
}

/** A message is a head of 16 bytes, flags of 4, and here one section: a byte 0 and the command. */
function played(message: Buffer, server: NewerServer): Buffer {
  const head = 21;
  if (message.readInt32LE(12) !== OP_MSG || message[20] !== 0 || !message.includes('applyOps')) return message;
  const command = read(message.subarray(head, head + message.readInt32LE(head)));
  if (!Array.isArray(command.applyOps)) return message;
  const operations = (command.applyOps as Document[]).map((one) => older(one, server));
  const body = Buffer.from(BSON.serialize({ ...command, applyOps: operations }));
  const rest = message.subarray(head + message.readInt32LE(head));
  const whole = Buffer.concat([message.subarray(0, head), body, rest]);
  whole.writeInt32LE(whole.length, 0);
  return whole;
}

function older(operation: Document, server: NewerServer): Document {
  const diff = (operation.o as Document).diff as Document | undefined;
  if (operation.op !== 'u' || !diff) return operation;
  server.played += 1;
  const told: Record<'$set' | '$unset', Document> = { $set: {}, $unset: {} };
  spread(diff, '', told);
  for (const section of [told.$set, told.$unset])
    for (const path of Object.keys(section)) if (path === server.lost) Reflect.deleteProperty(section, path);
  const change = Object.entries(told).filter(([, section]) => Object.keys(section).length > 0);
  return { ...operation, o: { $v: 1, ...Object.fromEntries(change) } };
}

/** To paths, which is what the stand-in knows. */
function spread(diff: Document, path: string, told: Record<'$set' | '$unset', Document>): void {
  for (const [name, value] of Object.entries(diff) as [string, Document][]) {
    const [kind, rest] = [name[0], name.slice(1)];
    if (kind === 's') spread(value, `${path}${rest}.`, told);
    else if (diff.a && kind === 'u') told.$set[path + rest] = value;
    else if (kind === 'u' || kind === 'i') for (const field in value) told.$set[path + field] = value[field] as unknown;
    else if (kind === 'd') for (const field in value) told.$unset[path + field] = true;
  }
}
