/** PostgreSQL's messages, as far as the stand-in needs them. */
import type { Socket } from 'node:net';
import type { DuckDBConnection } from '@duckdb/node-api';

export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const int16 = (value: number): Buffer => int32(value).subarray(2);
const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'utf8');
export const message = (type: string, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);

export function error(words: string, { severity, code }: { severity?: string; code?: string }): Buffer {
  const field = (name: string, value: string | undefined): Buffer =>
    value === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from(name), text(value)]);
  return message(
    'E',
    Buffer.concat([field('S', severity), field('V', severity), field('C', code), field('M', words), Buffer.from([0])]),
  );
}

/** Everything as text, but truth, which has a type of its own. */
export function answer(result: Awaited<ReturnType<DuckDBConnection['runAndReadAll']>>): Buffer {
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
export function reader(socket: Socket): {
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
