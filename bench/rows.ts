/** The rows of the benchmark's database, as lines of PostgreSQL's COPY text format. */
import { Chance, vocabulary } from './random.ts';

const FIRST = 'Ada Bela Chiara Dmitri Emre Fatou Grace Hiro Inés Jürgen Kofi Łukasz Mei Noor Olga Priya'.split(' ');
const LAST = 'Álvarez Brown Chen Dubois Eriksen Fischer García Huber Ivanova Jensen Kowalski Li Müller Okafor'.split(
  ' ',
);
const CITIES = 'Zürich Lagos Kraków Osaka Tromsø Dublin Pune Valparaíso'.split(' ');
const KINDS = ['view', 'search', 'basket', 'pay', 'login', 'error'];
const STATES = ['new', 'paid', 'sent', 'sent', 'sent', 'returned'];
const WORDS = 6_000;

/** Rows for each MiB that the finished database takes, indexes included; measured. */
const PER_MIB = {
  accounts: 147,
  products: 18,
  orders: 475,
  order_lines: 1_300,
  events: 590,
  messages: 237,
  measurements: 1_020,
  attachments: 10,
} as const;
export type TableName = keyof typeof PER_MIB;

export interface TableRows {
  readonly table: TableName;
  readonly count: number;
  /** One line, without its end, of the row with this number; to be called for 1, 2, 3 … */
  readonly row: (id: number) => string;
}

/** Every table's rows for a database of about so many MiB. */
export function tablesOf(sizeMiB: number, seed: number): TableRows[] {
  const words = vocabulary(new Chance(seed), WORDS);
  const count = (table: TableName): number => Math.max(1, Math.round(PER_MIB[table] * sizeMiB));
  const of = (table: TableName, line: (chance: Chance, id: number) => (string | number | null)[]): TableRows => {
    const chance = new Chance(seed + Object.keys(PER_MIB).indexOf(table) + 1);
    const row = (id: number): string =>
      line(chance, id)
        .map((value) => value ?? '\\N')
        .join('\t');
    return { table, count: count(table), row };
  };

  /** Words with a number or a full stop here and there. */
  const prose = (chance: Chance, length: number): string => {
    let text = '';
    for (let index = 0; index < length; index += 1) {
      const luck = chance.below(24);
      text += luck === 0 ? String(chance.below(100_000)) : words[chance.rank(WORDS)]!;
      text += luck === 1 ? '. ' : luck === 2 ? ', ' : ' ';
    }
    return text.trimEnd();
  };
  const money = (chance: Chance, limit: number): string => ((1 + chance.below(limit)) / 100).toFixed(2);
  const START = Date.UTC(2023, 0, 1);
  /** Rises with the row's number, as an insert's time does, with a little disorder. */
  const moment = (chance: Chance, id: number, of: number): string =>
    new Date(START + (id / of) * 94_600_000_000 + chance.below(600_000)).toISOString();

  const accounts = count('accounts');
  const products = count('products');
  const orders = count('orders');
  const messages = count('messages');
  const events = count('events');
  const devices = 200;

  return [
    of('accounts', (chance, id) => [
      id,
      `${words[chance.rank(WORDS)]}.${chance.hex(6)}${id}@example.org`,
      `${chance.pick(FIRST)} ${chance.pick(LAST)}`,
      `${prose(chance, 2)} ${chance.below(300)}, ${10_000 + chance.below(80_000)} ${chance.pick(CITIES)}`,
      chance.below(3) === 0 ? null : `+${10_000_000_000 + chance.below(2 ** 31)}`,
      `$2b$12$${chance.bytes(39).toString('base64url')}`,
      money(chance, 500_000),
      JSON.stringify({
        theme: chance.pick(['light', 'dark']),
        language: chance.pick(['de', 'en', 'fr', 'pl']),
        seen: chance.bits(),
        device: chance.uuid(),
      }),
      moment(chance, id, accounts),
    ]),
    of('products', (chance, id) => [
      id,
      `${chance.hex(8).toUpperCase()}${id}`,
      prose(chance, 4),
      prose(chance, 120),
      money(chance, 90_000),
      JSON.stringify({
        weight: chance.below(20_000) / 1000,
        ean: 4_000_000_000_000 + chance.bits(),
        tags: prose(chance, 3).split(' '),
      }),
    ]),
    of('orders', (chance, id) => [
      id,
      1 + chance.below(accounts),
      chance.uuid(),
      chance.pick(STATES),
      money(chance, 2_000_000),
      chance.below(3) === 0 ? prose(chance, 10) : null,
      moment(chance, id, orders),
    ]),
    of('order_lines', (chance, id) => [
      1 + ((id - 1) % orders),
      1 + Math.floor((id - 1) / orders),
      1 + chance.below(products),
      1 + chance.rank(20),
      money(chance, 90_000),
    ]),
    of('events', (chance, id) => [
      id,
      moment(chance, id, events),
      chance.uuid(),
      `10.${chance.below(256)}.${chance.below(256)}.${chance.below(256)}`,
      chance.pick(KINDS),
      JSON.stringify({
        path: `/${words[chance.rank(WORDS)]}/${chance.below(100_000)}`,
        trace: chance.hex(32),
        ms: chance.below(90_000) / 1000,
        agent: `Browser/${100 + chance.below(30)}.0.${chance.below(9_000)} (${chance.pick(CITIES)})`,
        cookie: chance.bytes(60).toString('base64'),
        query: prose(chance, 5),
      }),
    ]),
    of('messages', (chance, id) => [
      id,
      1 + chance.below(accounts),
      prose(chance, 6),
      prose(chance, 40 + chance.below(200)),
      moment(chance, id, messages),
    ]),
    of('measurements', (chance, id) => [
      id % devices,
      new Date(START + Math.floor(id / devices) * 60_000 + chance.below(60_000)).toISOString(),
      15 + chance.bits() / 2 ** 28,
      950 + chance.bits() / 2 ** 25,
      chance.below(4) === 0 ? `(${chance.bits() / 2 ** 25},${chance.bits() / 2 ** 25})` : null,
    ]),
    of('attachments', (chance, id) => [
      id,
      1 + chance.below(messages),
      `${prose(chance, 2)}.pdf`,
      // Pictures and PDFs are compressed already.
      `\\\\x${chance.bytes(2_000 + chance.below(20_000)).toString('hex')}`,
    ]),
  ];
}
