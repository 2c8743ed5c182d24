/** Numbers, times and tables as a person reads them at night. Pure: the present moment is handed in. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `1.5 KiB`; powers of 1024, three digits at most before the unit changes. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1);
  return `${text} ${UNITS[unit]}`;
}

/** `1,234,567`. */
export const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

/** `4.2 s`, `3 min 12 s`, `2 h 05 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, seconds);
  if (whole < 9.95) return `${whole.toFixed(1)} s`;
  const s = Math.round(whole);
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  const hours = Math.round(s / 3_600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const pad = (value: number): string => String(value).padStart(2, '0');

/** `3 h 20 min ago`, `in 2 d 1 h`, `just now`. `now` in ms since the epoch. */
export function age(iso: string, now: number): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (Math.abs(seconds) < 5) return 'just now';
  return seconds > 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`;
}

/** `2026-11-21 02:30:11 UTC`. */
export const utc = (iso: string): string => `${new Date(iso).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** `2026-11-21 02:30:11 UTC (3 h 20 min ago)`. */
export const when = (iso: string, now: number): string => `${utc(iso)} (${age(iso, now)})`;

/** Seconds between two moments; undefined while one is missing. */
export const secondsBetween = (from: string | undefined, to: string | undefined): number | undefined =>
  from === undefined || to === undefined ? undefined : Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);

export type Colour = 'red' | 'green' | 'yellow' | 'bold' | 'dim';
export type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 };
const ESCAPE = '\u001b[';
export const painter =
  (wanted: boolean): Paint =>
  (colour, text) =>
    wanted ? `${ESCAPE}${CODES[colour]}m${text}${ESCAPE}0m` : text;

/** What words like COMPLETED and FAILED look like. */
export function paintStatus(paint: Paint, status: string): string {
  if (/^(FAILED|bad)$/.test(status)) return paint('red', status);
  if (/^(COMPLETED|ok)$/.test(status)) return paint('green', status);
  if (/^(RUNNING|warn)$/.test(status)) return paint('yellow', status);
  return status;
}

const COLOURS = /\u001b\[\d+m/g;
const width = (text: string): number => [...text.replace(COLOURS, '')].length;

export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Aligned columns, two spaces between them; the title line in capitals. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const lines = [columns.map((column) => column.title.toUpperCase()), ...rows];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => width(line[index] ?? ''))));
  return lines.map((line) =>
    columns
      .map((column, index) => {
        const text = line[index] ?? '';
        const room = ' '.repeat(widths[index]! - width(text));
        return column.right ? room + text : text + room;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** `name   value` lines, values aligned; undefined values are left out. */
export function fields(pairs: readonly (readonly [string, string | undefined])[]): string[] {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined);
  const room = Math.max(0, ...shown.map(([name]) => width(name)));
  return shown.map(
    ([name, value]) =>
      `${name}${' '.repeat(room - width(name))}  ${value.replaceAll('\n', `\n${' '.repeat(room + 2)}`)}`,
  );
}

export const indent = (lines: readonly string[], by = 2): string[] =>
  lines.map((line) => (line === '' ? line : ' '.repeat(by) + line));

/** `1 backup`, `2 backups`. */
export const plural = (many: number, one: string): string => `${count(many)} ${one}${many === 1 ? '' : 's'}`;
