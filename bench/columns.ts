/** The benchmark's rows for engines that don't read PostgreSQL's COPY text: typed columns, and values one by one. */
import { tablesOf, type TableName } from './rows.ts';

export type Kind = 'int' | 'decimal' | 'double' | 'text' | 'json' | 'time' | 'bytes';

/** As in `schema.sql`, but for `at`, which DuckDB keeps for itself. */
export const COLUMNS: Readonly<Record<TableName, Readonly<Record<string, Kind>>>> = {
  accounts: {
    id: 'int',
    email: 'text',
    name: 'text',
    address: 'text',
    phone: 'text',
    password_hash: 'text',
    balance: 'decimal',
    settings: 'json',
    created: 'time',
  },
  products: { id: 'int', sku: 'text', title: 'text', description: 'text', price: 'decimal', attributes: 'json' },
  orders: {
    id: 'int',
    account_id: 'int',
    token: 'text',
    state: 'text',
    total: 'decimal',
    note: 'text',
    placed: 'time',
  },
  order_lines: { order_id: 'int', line: 'int', product_id: 'int', quantity: 'int', price: 'decimal' },
  events: { id: 'int', moment: 'time', session: 'text', client: 'text', kind: 'text', body: 'json' },
  messages: { id: 'int', account_id: 'int', subject: 'text', body: 'text', sent: 'time' },
  measurements: { device: 'int', moment: 'time', temperature: 'double', pressure: 'double', position: 'text' },
  attachments: { id: 'int', message_id: 'int', name: 'text', content: 'bytes' },
};
/** Primary keys; `measurements` has none. */
export const KEYS: Readonly<Partial<Record<TableName, string>>> = {
  accounts: 'id',
  products: 'id',
  orders: 'id',
  order_lines: 'order_id, line',
  events: 'id',
  messages: 'id',
  attachments: 'id',
};
/** Further indexes, a few of those that PostgreSQL has. */
export const INDEXES = [
  'orders (account_id)',
  'events (moment)',
  'messages (account_id)',
  'measurements (device, moment)',
] as const;

export type Value = string | number | Buffer | null;
export interface Batch {
  readonly table: TableName;
  readonly rows: readonly (readonly Value[])[];
}

const BATCH = 2_000;
const BATCH_OF_BYTES = 200;

function valueOf(kind: Kind, text: string): Value {
  if (text === '\\N') return null;
  if (kind === 'int' || kind === 'double') return Number(text);
  if (kind === 'bytes') return Buffer.from(text.slice(text.indexOf('x') + 1), 'hex');
  return kind === 'time' ? text.replace('T', ' ').replace('Z', '') : text;
}

/** Every row for a database of about so many MiB, in pieces. */
export function* batchesOf(sizeMiB: number, seed: number): Generator<Batch> {
  for (const { table, count, row } of tablesOf(sizeMiB, seed)) {
    const kinds = Object.values(COLUMNS[table]);
    const size = kinds.includes('bytes') ? BATCH_OF_BYTES : BATCH;
    for (let from = 1; from <= count; from += size) {
      const rows = Array.from({ length: Math.min(size, count - from + 1) }, (_, index) =>
        row(from + index)
          .split('\t')
          .map((text, column) => valueOf(kinds[column]!, text)),
      );
      yield { table, rows };
    }
  }
}

export const createTables = (types: Readonly<Record<Kind, string>>, more = ''): string[] =>
  (Object.keys(COLUMNS) as TableName[]).map((table) => {
    const columns = Object.entries(COLUMNS[table]).map(([name, kind]) => `${name} ${types[kind]}`);
    const key = KEYS[table];
    return `CREATE TABLE ${table} (${[...columns, ...(key ? [`PRIMARY KEY (${key})`] : [])].join(', ')})${more}`;
  });
export const createIndexes = (): string[] => INDEXES.map((on, index) => `CREATE INDEX by_${index} ON ${on}`);
