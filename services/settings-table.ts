/**
 * One table per kind of resource says of each setting how it is read, which call takes it and what AWS makes of it at a
 * restore. Requests, comparison and the tables of docs/native-restore.md are all made from it.
 */
import { canonical, type NativeSettings } from '../core/native.ts';

export type Json = NativeSettings['values'][string];
/** Calls that take settings: a restore to a moment, one from a recovery point, the making of a member, a modification. */
export type Call = 'moment' | 'point' | 'create' | 'modify';

export interface Setting<S> {
  /** Undefined: not set, or what AWS has when nothing is said and does not accept when it is said. */
  readonly read: (shape: S) => Json | undefined;
  /** Calls that take it under its own name. */
  readonly takes: readonly Call[];
  /** What a modification sends instead of the value under its own name; undefined: it can't get there. */
  readonly modify?: (wanted: Json, found: Json | undefined) => Readonly<Record<string, unknown>> | undefined;
  /** Settings that only make sense together are sent together. */
  readonly group?: string;
  /** A call of its own sets it. */
  readonly own?: string;
  /** What AWS does about it at a restore when nothing is said. */
  readonly resets: string;
}
export type Table<S> = Readonly<Record<string, Setting<S>>>;
export type Values = Readonly<Record<string, Json>>;

/** Sorted, so that equal lists are equal. */
export const sorted = (list: readonly (string | undefined)[] | undefined): string[] =>
  (list ?? []).filter((one) => one !== undefined).sort();
/** Undefined for false, 0, an empty list or an empty text: what AWS has when nothing is said. */
export const unlessEmpty = <T extends Json>(value: T | undefined): T | undefined =>
  value === undefined || value === false || value === 0 || value === '' || (Array.isArray(value) && value.length === 0)
    ? undefined
    : value;

export function readValues<S>(table: Table<S>, shape: S): Record<string, Json> {
  const read = Object.entries(table).map(([name, setting]) => [name, setting.read(shape)] as const);
  return Object.fromEntries(
    read.filter((entry): entry is [string, Json] => entry[1] !== undefined && entry[1] !== null),
  );
}

/** What a call is given: every value that it takes. */
export function request<S>(
  table: Table<S>,
  call: Exclude<Call, 'modify'>,
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const taken = Object.entries(table).filter(([name, { takes }]) => takes.includes(call) && values[name] !== undefined);
  return Object.fromEntries(taken.map(([name]) => [name, values[name]]));
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));

/** Settings that are not as wanted, and that one or more modifications bring there; each of the parts can be sent alone. */
export function modifications<S>(
  table: Table<S>,
  wanted: Readonly<Record<string, unknown>>,
  found: Values,
): { readonly settings: string[]; readonly fields: Record<string, unknown> }[] {
  const groups = new Map<string, { settings: string[]; fields: Record<string, unknown>; differs: boolean }>();
  for (const [name, setting] of Object.entries(table)) {
    const value = wanted[name] as Json | undefined;
    if (value === undefined || (!setting.modify && !setting.takes.includes('modify'))) continue;
    const fields = setting.modify ? setting.modify(value, found[name]) : { [name]: value };
    if (!fields) continue;
    const group = groups.get(setting.group ?? name) ?? { settings: [], fields: {}, differs: false };
    groups.set(setting.group ?? name, group);
    Object.assign(group.fields, fields);
    if (same(value, found[name])) continue;
    group.settings.push(name);
    group.differs = true;
  }
  return [...groups.values()].filter(({ differs }) => differs).map(({ settings, fields }) => ({ settings, fields }));
}

/** What Nightjar does about a setting, in the words of the page. */
export function treatment<S>({ takes, modify, own }: Setting<S>, made: boolean): string {
  const modified = modify !== undefined || takes.includes('modify');
  if (own !== undefined) return `\`${own}\``;
  if (made && takes.includes('create')) return 'passed when the member is made';
  const [moment, point] = [takes.includes('moment'), takes.includes('point')];
  if (moment && point) return modified ? 'passed, and modified if need be' : 'passed';
  if (moment) return 'passed with a moment, modified after a snapshot';
  if (point) return 'passed with a snapshot, modified after a moment';
  return modified ? 'modified afterwards' : 'compared';
}

/** The page's rows: setting, what AWS does, what Nightjar does. `made`: of members, which are made, not restored. */
export const documented = <S>(table: Table<S>, made = false): string[] =>
  Object.entries(table).map(([name, setting]) => `| \`${name}\` | ${setting.resets} | ${treatment(setting, made)} |`);
