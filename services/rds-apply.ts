/** Steps that bring an instance or a cluster to the settings it must have, a few with every look. */
import { AddTagsToResourceCommand, RemoveTagsFromResourceCommand } from '@aws-sdk/client-rds';
import type { NativeSettings } from '../core/native.ts';
import { RESTORE_TAG } from '../core/names.ts';
import { asTags, isBusy, isMissing, isRefused, refused, settable, wordsOf, type Rds } from './rds-calls.ts';
import { stateOf } from './rds-states.ts';
import { modifications, type Table, type Values } from './settings-table.ts';

/** What is still awaited of one thing. */
export type Awaited = string[];

const PATIENCE_MS = 60 * 60_000;
/** Whether what was asked for and did not come is still waited for. */
export const isPatient = (begun: string | undefined): boolean =>
  begun === undefined || Date.now() - Date.parse(begun) < PATIENCE_MS;

/** Sends a call; false when RDS is busy with it. @throws NightjarError SERVICE_REFUSED. */
export async function taken(operation: string, name: string, call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw refused(operation, name, error);
  }
}

/** What RDS answers with the code of a busy resource is also what it will never do, such as stop one with read replicas. */
export async function stopped(
  name: string,
  status: string | undefined,
  call: () => Promise<unknown>,
): Promise<boolean> {
  if (status === undefined || status === 'stopped' || status === 'stopping') return true;
  if (stateOf(status) !== 'ready') return false;
  return taken('stop', name, async () => {
    try {
      await call();
    } catch (error) {
      if (isBusy(error)) console.warn(`RDS did not stop ${name}: ${wordsOf(error)}`);
      throw error;
    }
  });
}

/**
 * Asks for what is not as wanted, all at once; what RDS refuses then is asked for part by part, so that one bad setting does
 * not keep the others away. Refused parts are left: the comparison will find them, and the log has RDS's words.
 */
export async function modifyTowards<S>(
  table: Table<S>,
  resource: { readonly name: string; readonly wanted: Readonly<Record<string, unknown>>; readonly found: Values },
  send: (fields: Record<string, unknown>) => Promise<unknown>,
): Promise<Awaited> {
  const { name, wanted, found } = resource;
  const parts = modifications(table, wanted, found);
  if (parts.length === 0) return [];
  const ask = ({ settings, fields }: (typeof parts)[number]) =>
    accepted(`${name} (${settings.join(', ')})`, () => send(fields));
  const whole = {
    settings: parts.flatMap(({ settings }) => settings),
    fields: Object.assign({}, ...parts.map(({ fields }) => fields)) as Record<string, unknown>,
  };
  const asked = (await ask(whole)) ? whole.settings : [];
  if (asked.length === 0 && parts.length > 1)
    for (const part of parts) if (await ask(part)) asked.push(...part.settings);
  return asked.map((setting) => `${name}: ${setting}`);
}

/** False when RDS refuses the request itself; a busy resource takes it at another look. */
async function accepted(what: string, call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
  } catch (error) {
    if (isBusy(error) || isMissing(error)) return true;
    if (!isRefused(error)) throw refused('modify', what, error);
    console.warn(`RDS refused a setting of ${what}: ${wordsOf(error)}`);
    return false;
  }
  return true;
}

/** Tags as wanted; the one of our own stays whatever the settings say. */
export async function tagTowards(
  rds: Rds,
  arn: string,
  wanted: NativeSettings['tags'],
  found: NativeSettings['tags'],
): Promise<void> {
  const want = Object.fromEntries(Object.entries(settable(wanted)).filter(([key]) => key !== RESTORE_TAG));
  const missing = Object.fromEntries(Object.entries(want).filter(([key, value]) => found[key] !== value));
  const extra = Object.keys(settable(found)).filter((key) => key !== RESTORE_TAG && !(key in want));
  const [ResourceName, Tags] = [arn, asTags(missing)];
  if (Tags.length > 0) await taken('tag', arn, () => rds.send(new AddTagsToResourceCommand({ ResourceName, Tags })));
  if (extra.length > 0)
    await taken('untag', arn, () => rds.send(new RemoveTagsFromResourceCommand({ ResourceName, TagKeys: extra })));
}

/** Fields of PendingModifiedValues that hold something. */
export const pendingOf = (name: string, pending: object | undefined): Awaited =>
  Object.entries(pending ?? {})
    .filter(([, value]) => value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([key]) => `${name}: pending ${key}`);
